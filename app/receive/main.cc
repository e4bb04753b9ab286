// linecast-receive: everything in one thread (but for the writing of streams): read sockets, play what is
// due, ask for what is missing, tell how it goes.
#include <fmt/core.h>
#include <poll.h>
#include <sys/prctl.h>

#include <algorithm>
#include <csignal>
#include <functional>
#include <set>

#include "app/receive/arguments.h"
#include "app/receive/clock.h"
#include "app/receive/display.h"
#include "lib/base/error.h"

namespace linecast::app {
namespace {

// Packets due within this are played together: bounds how often the program wakes up.
constexpr TimeNs kGrainNs = kNsPerMs / 10;
// How long datagrams wait in their sockets while streams come, so that many are read at once: when they came
// the kernel says, so that none is played later for it.
constexpr TimeNs kReadEveryNs = kNsPerMs;
// How late the kernel may end a wait, so that it can end several at once; by default 50 us, which every
// packet would be late by.
constexpr unsigned long kTimerSlackNs = 1'000;
constexpr TimeNs kShowNs = kNsPerSecond;

volatile std::sig_atomic_t stop_wanted = 0;

// SIGINT and SIGTERM reach the program only while it waits, so none is missed. The signal mask to wait with.
sigset_t take_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { stop_wanted = 1; };
  sigset_t blocked, waiting;
  sigemptyset(&blocked);
  for (const int number : {SIGINT, SIGTERM}) {
    sigaction(number, &action, nullptr);
    sigaddset(&blocked, number);
  }
  signal(SIGPIPE, SIG_IGN);
  sigprocmask(SIG_BLOCK, &blocked, &waiting);
  sigdelset(&waiting, SIGINT);
  sigdelset(&waiting, SIGTERM);
  return waiting;
}

class Program {
 public:
  explicit Program(const Arguments& arguments)
      : arguments_(arguments),
        display_(arguments.stats, std::any_of(arguments.channels.begin(), arguments.channels.end(),
                                              [](const ChannelOptions& c) {
                                                return c.out.kind == OutputTarget::Kind::kStandardOutput;
                                              })),
        random_(arguments.receiver_id),
        say_([this](const Channel& channel, const std::string& text) {
          display_.say(fmt::format("{}: {}", channel.name(), text));
        }) {}

  int run() {
    const sigset_t waiting_mask = take_signals();
    prctl(PR_SET_TIMERSLACK, kTimerSlackNs);
    for (const ChannelOptions& options : arguments_.channels)
      channels_.push_back(
          std::make_unique<Channel>(options, arguments_.receiver_id, manager_, random_, say_));
    warn_of_small_buffers();
    polled_.resize(channels_.size() * Channel::kMaxSockets);

    const TimeNs begin = monotonic_now();
    const TimeNs end = arguments_.duration_s > 0
                           ? begin + static_cast<TimeNs>(arguments_.duration_s * kNsPerSecond)
                           : kNever;
    TimeNs show_at = begin;
    for (TimeNs now = begin; stop_wanted == 0 && now < end && outputs_open() && display_.is_read();
         now = monotonic_now()) {
      if (now >= show_at) {
        for (const auto& channel : channels_) {
          channel->tell_of_silence(now);
          channel->tell_of_holes(now);
        }
        display_.show(channels_, now, false);
        show_at += kShowNs * ((now - show_at) / kShowNs + 1);
      }
      wait(std::min(end, show_at), now, waiting_mask);
      turn();
    }
    for (const auto& channel : channels_) channel->end(monotonic_now());
    for (const auto& channel : channels_) channel->play_all();
    for (const auto& channel : channels_) channel->finish();
    outputs_open();
    display_.show(channels_, monotonic_now(), true);
    return failed_ ? 1 : 0;
  }

 private:
  void warn_of_small_buffers() {
    const ReceiveBuffer buffer = channels_.front()->buffer();
    if (!buffer.short_of()) return;
    display_.say(fmt::format(
        "warning: the kernel gives a receive buffer of {} KB where {} KB are wanted, bursts may be lost: "
        "sysctl -w net.core.rmem_max={}",
        buffer.got >> 10, buffer.wanted >> 10, buffer.wanted));
  }

  // Until something is due, a signal, or a datagram comes; while streams come, until it is time to read.
  void wait(TimeNs latest, TimeNs now, const sigset_t& mask) {
    auto polled = polled_.begin();
    for (const auto& channel : channels_) {
      latest = std::min(latest, channel->next_due());
      for (const int socket : channel->sockets()) *polled++ = {.fd = socket, .events = POLLIN, .revents = 0};
    }
    const bool gathers = now < read_at_;
    if (gathers) latest = std::min(latest, read_at_);
    const TimeNs span = latest <= now ? 0 : std::max(latest - now, kGrainNs);
    look(gathers ? 0 : polled_.size(), span, mask);
    // Who is awake anyway reads what would soon be read.
    if (gathers && monotonic_now() >= read_at_ - kReadEveryNs / 2) look(polled_.size(), 0, mask);
  }

  // Waits for the first `count` sockets, and finds which are ready.
  void look(size_t count, TimeNs span, const sigset_t& mask) {
    const timespec timeout{.tv_sec = span / kNsPerSecond, .tv_nsec = span % kNsPerSecond};
    const int ready = ppoll(polled_.data(), count, &timeout, &mask);
    if (ready <= 0)
      for (pollfd& p : polled_) p.revents = 0;
    looked_ = count > 0;
    any_ready_ = ready > 0;
  }

  void turn() {
    const TimeNs now = monotonic_now();
    const TimeNs realtime_offset = now - realtime_now();
    for (size_t i = 0; i < channels_.size(); ++i) {
      std::array<bool, Channel::kMaxSockets> ready;
      for (size_t k = 0; k < ready.size(); ++k) ready[k] = polled_[i * ready.size() + k].revents != 0;
      if (std::ranges::any_of(ready, std::identity()))
        channels_[i]->receive(batch_, ready, now, realtime_offset);
      if (channels_[i]->next_due() <= now) channels_[i]->poll(now);
    }
    if (!looked_) return;
    // Datagrams that are further apart than this wake the program one by one.
    const bool goes_on = any_ready_ && now - last_read_ns_ <= 2 * kReadEveryNs;
    read_at_ = goes_on ? now + kReadEveryNs : now;
    if (any_ready_) last_read_ns_ = now;
  }

  // False where nobody is left to play to: a pipe's reader that goes is no failure. Failures are told once.
  bool outputs_open() {
    size_t open = 0;
    for (const auto& channel : channels_) {
      const StreamWriter::State state = channel->output().state();
      if (state == StreamWriter::State::kClosed && channel->to_standard_output()) return false;
      open += state == StreamWriter::State::kGood;
      if (state == StreamWriter::State::kGood || !told_.insert(channel.get()).second) continue;
      display_.say(fmt::format("error: {}: {}", channel->name(), channel->output().failure()));
      failed_ = true;
    }
    return open > 0;
  }

  const Arguments& arguments_;
  Display display_;
  crypto::Manager manager_;
  Random random_;
  const Channel::Say say_;
  DatagramBatch batch_;
  Display::Channels channels_;
  std::vector<pollfd> polled_;  // Channel::kMaxSockets a channel; kernels pass over those of -1
  bool looked_ = false;         // at the sockets, in this turn
  bool any_ready_ = false;
  TimeNs read_at_ = 0;       // the sockets are not looked at before
  TimeNs last_read_ns_ = 0;  // when any was ready
  std::set<const Channel*> told_;
  bool failed_ = false;
};

}  // namespace
}  // namespace linecast::app

int main(int argc, char** argv) {
  int exit_code = 0;
  try {
    const auto arguments = linecast::app::parse_arguments(argc, argv, exit_code);
    if (!arguments) return exit_code;
    return linecast::app::Program(*arguments).run();
  } catch (const std::exception& error) {
    fmt::print(stderr, "linecast-receive: error: {}\n", error.what());
    return 1;
  }
}
