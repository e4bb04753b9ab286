// The faults found so far, with their places. Everything that reads a lineup writes into one of these and
// goes on.
#pragma once

#include <string_view>

#include "lib/lineup/lineup.h"

namespace linecast::lineup {

// A place in the file, from 1; 0: the file as a whole.
struct Mark {
  int line = 0, column = 0;
};

class FaultList {
 public:
  // More than anybody reads, and a bound on what a hostile file can make us hold.
  static constexpr size_t kMaxFaults = 1000;

  void error(Mark at, std::string what) { add(at, std::move(what), false); }
  void warn(Mark at, std::string what) { add(at, std::move(what), true); }
  void add(Mark at, std::string what, bool warning);
  bool any_errors() const { return any_errors_; }

  // In file order, each once (an alias can lead to the same place twice); beyond kMaxFaults a last one says
  // how many were left out.
  std::vector<Fault> take();

 private:
  std::vector<Fault> faults_;
  size_t left_out_ = 0;
  bool any_errors_ = false;
};

// UTF-8 without control characters: fit to be printed as it is.
bool is_printable(std::string_view text);

// Text of the file made fit for a message: in double quotes, at most 64 bytes, and nothing in it that a
// terminal could take for a command.
std::string in_quotes(std::string_view text);

}  // namespace linecast::lineup
