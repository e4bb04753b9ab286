#include "app/receive/config_file.h"

#include <cstring>
#include <filesystem>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/crypto/key_file.h"
#include "lib/lineup/cursor.h"

namespace linecast::app {
namespace {

using lineup::FaultList;
using lineup::MapCursor;
using lineup::Ref;

constexpr size_t kMostFileBytes = 1 << 20;

constexpr std::array<std::string_view, 1> kTopKeys{"channels"};
constexpr std::array<std::string_view, 14> kChannelKeys{
    "name",  "id",    "group",        "port",      "source", "interface", "key",
    "trust", "clear", "follow_moves", "buffer_ms", "out",    "repeaters", "origin"};
constexpr lineup::Section kTopSection{"", "the file", kTopKeys};
constexpr lineup::Section kChannelSection{"channels[]", "a channel", kChannelKeys};

class ChannelReader {
 public:
  ChannelReader(const MapCursor& in, std::string directory)
      : in_(in), faults_(in.faults()), directory_(std::move(directory)) {}

  ChannelOptions read() {
    if (in_.need("name", "news", channel_.name, lineup::parse_title))
      channel_.id = crypto::channel_id_from_name(channel_.name);
    in_.read("id", channel_.id, lineup::parse_channel_id);
    in_.need("group", "239.20.0.1", channel_.group, lineup::parse_group);
    in_.number("port", 1, 65535, "", channel_.port);
    in_.read("source", channel_.source, lineup::parse_host);
    if (channel_.source == 0 && is_ssm(channel_.group) && in_.ref().node->find("source") == nullptr)
      faults_.error(lineup::place(in_.ref(), {"group"}),
                    "a group of 232.0.0.0/8 can only be joined by its source: add `source: ADDRESS`");
    in_.read("interface", channel_.interface, parse_interface);
    in_.number("buffer_ms", kLeastBufferMs, kMostBufferMs, "ms", channel_.buffer_ms);
    in_.need("out", "udp://127.0.0.1:5000", channel_.out, [](auto text) { return parse_output(text); });
    if (channel_.out.kind == OutputTarget::Kind::kFile) channel_.out.path = resolve(channel_.out.path);
    read_tunnels("repeaters");
    read_tunnels("origin");
    read_keys();
    return std::move(channel_);
  }

 private:
  std::string resolve(const std::string& path) const {
    return (std::filesystem::path(directory_) / path).lexically_normal();
  }

  void read_tunnels(std::string_view key) {
    each(in_.find(key), [&](const Ref& item) {
      smart::FarEnd far_end;
      if (!in_.scalar(item, key, far_end, parse_far_end)) return;
      const std::string why = add_tunnel(far_end, channel_.tunnels);
      if (!why.empty()) faults_.error(item.mark, fmt::format("{} \"{}\" {}", key, item.node->text, why));
    });
  }

  void read_keys() {
    if (in_.ref().node->kind != lineup::YamlNode::Kind::kMap) return;
    const bool clear_is_sound =
        in_.ref().node->find("clear") == nullptr || in_.read("clear", channel_.clear, lineup::parse_bool);
    const bool has_key = in_.ref().node->find("key") != nullptr;
    if (!has_key && !channel_.clear) {
      if (clear_is_sound)
        faults_.error(in_.ref().mark,
                      "a channel has a key or is sent in the clear: add `key: FILE` and `trust: FILE`, or "
                      "`clear: true`");
      return;
    }
    if (has_key && channel_.clear) {
      faults_.error(lineup::place(in_.ref(), {"clear"}),
                    "a channel with a key is not clear: delete \"clear\", or delete \"key\"");
      return;
    }
    in_.read("follow_moves", channel_.follow_moves, lineup::parse_bool);
    if (channel_.clear) return;
    if (channel_.follow_moves)
      faults_.error(lineup::place(in_.ref(), {"follow_moves"}),
                    "follow_moves is for clear channels: encrypted ones are followed anyway");
    each_file("key", in_.find("key"), [this](const std::string& path) {
      channel_.keys.push_back(crypto::read_group_key(path, crypto::KeyHolder::kReceiver));
    });
    each_file("trust", in_.need("trust", "headend.key.pub"),
              [this](const std::string& path) { channel_.trusted.push_back(crypto::read_public_key(path)); });
  }

  // One value, or a list of them.
  template <typename Take>
  static void each(const Ref* value, Take take) {
    if (value == nullptr) return;
    const bool is_list = value->node->kind == lineup::YamlNode::Kind::kList;
    const std::vector<Ref> one{*value};
    for (const Ref& item : is_list ? value->node->items : one) take(item);
  }

  template <typename Take>
  void each_file(std::string_view key, const Ref* value, Take take) {
    each(value, [&](const Ref& item) {
      std::string path;
      if (!in_.scalar(item, key, path, lineup::parse_path)) return;
      try {
        take(resolve(path));
      } catch (const Error& error) {
        faults_.error(item.mark, error.what());
      }
    });
  }

  const MapCursor& in_;
  FaultList& faults_;
  std::string directory_;
  ChannelOptions channel_;
};

bool read_text(const std::string& path, std::string& text, FaultList& faults) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  text.resize(kMostFileBytes + 1);
  if (!file.ok() || !read_bounded(file, text)) {
    faults.error({},
                 fmt::format("cannot be read: {}: check the path, or start from config/receive.example.yaml",
                             std::strerror(errno)));
    return false;
  }
  if (text.size() <= kMostFileBytes) return true;
  faults.error({}, fmt::format("longer than {} MiB: this is no list of channels", kMostFileBytes >> 20));
  return false;
}

void check_conflicts(const std::vector<ChannelOptions>& channels, const std::vector<Ref>& places,
                     FaultList& faults) {
  for (size_t i = 0; i < channels.size(); ++i)
    for (size_t k = 0; k < i; ++k) {
      const std::string why = conflict(channels[k], channels[i]);
      if (!why.empty()) faults.error(places[i].mark, why);
    }
}

}  // namespace

ConfigResult read_config(const std::string& path) {
  ConfigResult result;
  FaultList faults;
  std::string text;
  lineup::Tree tree;
  if (read_text(path, text, faults) && lineup::parse_yaml(text, tree, faults)) {
    const MapCursor top(tree.root, kTopSection, faults);
    if (const std::vector<Ref>* items = top.list("channels", top.need("channels", "[{name: news, ...}]"))) {
      for (const Ref& item : *items) {
        const MapCursor in(item, kChannelSection, faults);
        result.channels.push_back(ChannelReader(in, directory_of(path)).read());
      }
      if (items->empty())
        faults.error(lineup::place(tree.root, {"channels"}), "channels is empty: list at least one channel");
      if (!faults.any_errors()) check_conflicts(result.channels, *items, faults);
    }
  }
  result.faults = faults.take();
  return result;
}

}  // namespace linecast::app
