// What goes wrong on the control path: a message that says what is wrong, where, and what to do. Thrown while
// setting up and caught in main(); never thrown on or across a lane.
#pragma once

#include <stdexcept>
#include <string>

namespace linecast {

class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& what) : std::runtime_error(what) {}
};

}  // namespace linecast
