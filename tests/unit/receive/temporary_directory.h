// A directory for one test, with key files.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "lib/crypto/key_file.h"

namespace linecast::app {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = std::filesystem::temp_directory_path() / "linecast-receive-XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(*this / name) << text;
    return *this / name;
  }
  std::string group_key(const std::string& name, uint16_t id) const {
    crypto::write_group_key(*this / name, {.id = id, .bytes = {1}});
    return *this / name;
  }
  // NAME and NAME.pub; returns the latter.
  std::string signing_key(const std::string& name) const {
    crypto::write_signing_key(*this / name, {static_cast<uint8_t>(name.size())});
    return *this / (name + ".pub");
  }

 private:
  std::string path_;
};

}  // namespace linecast::app
