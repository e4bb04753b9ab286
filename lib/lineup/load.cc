#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "lib/lineup/draft.h"

namespace linecast::lineup {

namespace {

constexpr size_t kMostFileBytes = 16 << 20;

std::string too_long() {
  return fmt::format("longer than {} MiB: this is no lineup, or one to split between headends",
                     kMostFileBytes >> 20);
}

// Nothing where it cannot be read whole (which is reported).
std::optional<std::string> read_file(const std::string& path, FaultList& faults) {
  // A running headend must not wait for who never writes into a pipe that was the lineup when it started.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd >= 0) ::fcntl(fd, F_SETFL, 0);  // but what is being written into one now is read whole
  std::string text;
  ssize_t got = fd < 0 ? -1 : 1;
  while (got > 0 && text.size() <= kMostFileBytes) {
    const size_t before = text.size();
    text.resize(before + 65536);
    got = ::read(fd, text.data() + before, 65536);
    text.resize(before + static_cast<size_t>(std::max<ssize_t>(got, 0)));
  }
  const int why = errno;
  if (fd >= 0) ::close(fd);
  if (got >= 0) return text;
  if (why == EISDIR)
    faults.error({}, "this is a directory: name the lineup file in it");
  else
    faults.error({}, fmt::format("cannot be {}: {}: {}", fd < 0 ? "opened" : "read", std::strerror(why),
                                 why == EACCES ? "run as a user who may read it, or change its mode"
                                               : "check the path, or start from config/lineup.example.yaml"));
  return std::nullopt;
}

void read_sections(Draft& draft, FaultList& faults) {
  const MapCursor top(draft.top, kTopSection, faults);
  read_role(top, draft);
  read_usage(top, draft);
  read_lanes(top, draft);
  read_eal(top, draft);
  read_ports(top, draft);
  read_tunnels(top, draft);
  read_channels(top, draft);
}

LoadResult finish(FaultList& faults, Draft* draft) {
  LoadResult result;
  const bool good = draft != nullptr && !faults.any_errors();
  if (good) result.lineup = std::move(draft->lineup);
  result.faults = faults.take();
  return result;
}

}  // namespace

std::string Draft::resolve(const std::string& path) const {
  return (std::filesystem::path(directory) / path).lexically_normal();
}

LoadResult load_text(std::string_view text, const std::string& path, const LoadOptions& options) {
  FaultList faults;
  if (text.size() > kMostFileBytes) {
    faults.error({}, too_long());
    return finish(faults, nullptr);
  }
  Tree tree;
  if (!parse_yaml(text, tree, faults)) return finish(faults, nullptr);
  Draft draft;
  draft.lineup.path = path;
  draft.directory = std::filesystem::path(path).parent_path();
  draft.top = tree.root;
  read_sections(draft, faults);
  if (draft.top.node->kind != YamlNode::Kind::kMap) return finish(faults, nullptr);
  check_ports(draft, faults);
  check_interfaces(draft, faults);
  check_channels(draft, faults);
  check_streams(draft, faults);
  if (options.check_machine) check_machine(draft, faults);
  return finish(faults, &draft);
}

LoadResult load(const std::string& path, const LoadOptions& options) {
  FaultList faults;
  const std::optional<std::string> text = read_file(path, faults);
  return text ? load_text(*text, path, options) : finish(faults, nullptr);
}

std::vector<std::string> known_keys() {
  std::vector<std::string> all;
  for (const Section* section : kSections)
    for (const std::string_view key : section->keys)
      if (std::string path =
              section->path.empty() ? std::string(key) : fmt::format("{}.{}", section->path, key);
          std::find(all.begin(), all.end(), path) == all.end())  // channels of both roles have some in common
        all.push_back(std::move(path));
  return all;
}

}  // namespace linecast::lineup
