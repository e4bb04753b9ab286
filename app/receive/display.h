// What the receiver tells: messages, JSON lines for programs, a live line for a person at a terminal.
#pragma once

#include <map>
#include <memory>

#include "app/receive/channel.h"

namespace linecast::app {

class Display {
 public:
  using Channels = std::vector<std::unique_ptr<Channel>>;

  // json: a line a channel on standard output, or on standard error where a channel is played to the former.
  Display(bool json, bool standard_output_taken);

  // One line on standard error.
  void say(const std::string& text);

  // Once a second, and once at the end.
  void show(const Channels& channels, TimeNs now, bool last);

  // False once the reader of the JSON lines has gone.
  bool is_read() const;

 private:
  struct Rate {
    TimeNs at = 0;
    uint64_t bytes = 0;
  };
  uint64_t rate_bps(const Channel& channel, TimeNs now);
  void show_json(const Channel& channel, TimeNs now);
  void show_line(const std::string& text, uint64_t unrecovered);
  void erase_live();

  std::unique_ptr<StreamWriter> json_;  // null: for a person
  const bool json_on_stderr_;
  const bool terminal_;
  size_t live_lines_ = 0;  // on the screen now
  std::map<const Channel*, Rate> rates_;
};

}  // namespace linecast::app
