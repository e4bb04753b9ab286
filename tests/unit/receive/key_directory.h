// A directory for one test, with key files.
#pragma once

#include <fstream>
#include <string>

#include "lib/crypto/key_file.h"
#include "tests/unit/temporary_directory.h"

namespace linecast::app {

class KeyDirectory {
 public:
  std::string operator/(const std::string& name) const { return made_.path() + "/" + name; }
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
  TemporaryDirectory made_;
};

}  // namespace linecast::app
