// Who holds what is wanted, for messages: told from /proc, as far as it lets this user see. Control path
// only.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace linecast {

inline bool has_open(const std::filesystem::path& process, const std::filesystem::path& file) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(process / "fd", error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry->path(), gone) == file) return true;
  }
  return false;
}

// A process that has the file open; 0 where none is seen.
inline pid_t holder_of(const std::string& file) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::canonical(file, error);
  for (std::filesystem::directory_iterator entry("/proc", error);
       !error && entry != std::filesystem::directory_iterator();
       entry.increment(error)) {  // they end meanwhile
    const std::string id = entry->path().filename();
    if (id.find_first_not_of("0123456789") == std::string::npos && has_open(entry->path(), path))
      return static_cast<pid_t>(std::stol(id));
  }
  return 0;
}

// "in use by process 812 (linecast headend ...). Stop it: kill 812"; way_out: "Stop it", and what else could
// be done. holder: 0 where it is not known.
inline std::string in_use_by(pid_t holder, const std::string& way_out) {
  if (holder == 0)
    return "in use by a process that is not seen from here (another user's, or in another container). " +
           way_out;
  const std::string id = std::to_string(holder);
  std::ifstream file("/proc/" + id + "/cmdline");
  std::string command{std::istreambuf_iterator<char>(file), {}};
  while (!command.empty() && command.back() == '\0') command.pop_back();
  std::replace(command.begin(), command.end(), '\0', ' ');
  return "in use by process " + id + " (" + command + "). " + way_out + ": kill " + id;
}

}  // namespace linecast
