#include "app/receive/display.h"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/receive/clock.h"

namespace linecast::app {
namespace {

using smart::ReceiveCounter;

// More channels than this are summed up in one line.
constexpr size_t kMostLiveLines = 16;
constexpr int kFinishSeconds = 1;

std::unique_ptr<StreamWriter> open_json(bool standard_output_taken) {
  const int fd = standard_output_taken ? STDERR_FILENO : STDOUT_FILENO;
  return std::make_unique<StreamWriter>(fcntl(fd, F_DUPFD_CLOEXEC, 3), "the statistics");
}

std::string mbit(uint64_t bps) { return fmt::format("{:.2f} Mbit/s", static_cast<double>(bps) / 1e6); }

size_t columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

Display::Display(bool json, bool standard_output_taken)
    : json_(json ? open_json(standard_output_taken) : nullptr),
      json_on_stderr_(standard_output_taken),
      terminal_(!json && isatty(STDERR_FILENO) != 0) {}

bool Display::is_read() const { return json_ == nullptr || json_->state() == StreamWriter::State::kGood; }

void Display::say(const std::string& text) {
  erase_live();
  const std::string line = fmt::format("linecast-receive: {}\n", text);
  if (json_ != nullptr && json_on_stderr_)
    json_->write(
        Bytes(reinterpret_cast<const uint8_t*>(line.data()), line.size()));  // not between half lines
  else
    fmt::print(stderr, "{}", line);
}

void Display::show(const Channels& channels, TimeNs now, bool last) {
  if (json_ != nullptr) {
    for (const auto& channel : channels) show_json(*channel, now);
    if (last) json_->finish(kFinishSeconds);
    return;
  }
  if (!terminal_ && !last) return;
  erase_live();
  uint64_t rate = 0, lost = 0, repaired = 0, unrecovered = 0;
  const bool each = channels.size() <= kMostLiveLines || last;
  for (const auto& channel : channels) {
    const uint64_t bps = rate_bps(*channel, now);
    const uint64_t gone = channel->count(ReceiveCounter::kUnrecovered);
    rate += bps;
    lost += channel->count(ReceiveCounter::kLost);
    repaired += channel->count(ReceiveCounter::kRepaired);
    unrecovered += gone;
    if (each)
      show_line(fmt::format("{}  {}  {} lost  {} repaired  {} unrecovered{}", channel->name(), mbit(bps),
                            channel->count(ReceiveCounter::kLost), channel->count(ReceiveCounter::kRepaired),
                            gone, channel->way().empty() ? "" : "  " + channel->way()),
                gone);
  }
  if (!each)
    show_line(fmt::format("{} channels  {}  {} lost  {} repaired  {} unrecovered", channels.size(),
                          mbit(rate), lost, repaired, unrecovered),
              unrecovered);
  if (terminal_ && !last) live_lines_ = each ? channels.size() : 1;
}

// On a terminal no longer than it is wide, so that it can be erased, and red where something stayed lost.
void Display::show_line(const std::string& text, uint64_t unrecovered) {
  if (terminal_)
    fmt::print(stderr, "{}{:.{}}\x1b[0m\n", unrecovered > 0 ? "\x1b[31m" : "", text, columns() - 1);
  else
    fmt::print(stderr, "{}\n", text);
}

// Of the payload, played since the last call.
uint64_t Display::rate_bps(const Channel& channel, TimeNs now) {
  const uint64_t bytes = channel.count(ReceiveCounter::kPlayedBytes);
  Rate& last = rates_[&channel];
  const double seconds = static_cast<double>(now - last.at) / kNsPerSecond;
  const bool known = last.at != 0 && seconds > 0;
  const auto rate =
      known ? static_cast<uint64_t>(8.0 * static_cast<double>(bytes - last.bytes) / seconds) : 0;
  last = {now, bytes};
  return rate;
}

void Display::show_json(const Channel& channel, TimeNs now) {
  nlohmann::ordered_json line;
  const TimeNs whole_ms = realtime_now() / kNsPerMs;
  line["time"] = static_cast<double>(whole_ms) / 1000;
  line["channel"] = channel.name();
  line["rate_bps"] = rate_bps(channel, now);
  line["group"] = channel.group();
  line["level"] = channel.level();
  if (!channel.way().empty()) line["way"] = channel.way();
  channel.each_counter([&](std::string_view name, uint64_t value) { line[std::string(name)] = value; });
  // Names may hold anything that is no UTF-8; the line must be JSON all the same.
  const std::string text = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
  json_->write(Bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

void Display::erase_live() {
  if (live_lines_ > 0) fmt::print(stderr, "\x1b[{}A\x1b[J", live_lines_);
  live_lines_ = 0;
}

}  // namespace linecast::app
