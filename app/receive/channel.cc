#include "app/receive/channel.h"

#include <fmt/core.h>

#include <algorithm>

#include "app/receive/clock.h"
#include "lib/base/error.h"

namespace linecast::app {
namespace {

// Datagrams taken from one socket before timers and the other sockets have their turn.
constexpr unsigned kBatchesAtOnce = 8;
// Requests without a repair between them, over more than the buffer, before it is told. After an outage all
// that are sent within the buffer may be for packets that nobody keeps any more.
constexpr unsigned kAskedInVain = 50;
// Where a repair comes now and then, it would be told again and again.
constexpr TimeNs kInVainToldAgainNs = 60 * kNsPerSecond;
constexpr TimeNs kHolesToldAgainNs = 60 * kNsPerSecond;
constexpr TimeNs kSilenceToldNs = 5 * kNsPerSecond;

smart::ReceiverSettings settings_of(const ChannelOptions& options, uint64_t receiver_id) {
  smart::ReceiverSettings settings;
  settings.channel_id = options.id;
  settings.group = options.group;
  settings.port = options.port;
  settings.source = options.source;
  settings.address = own_address(options);
  settings.encrypted = !options.clear;
  settings.follow_moves = options.follow_moves;
  settings.receiver_id = receiver_id;
  settings.buffer_ns = static_cast<TimeNs>(options.buffer_ms) * kNsPerMs;
  settings.tunnels = options.tunnels;
  return settings;
}

}  // namespace

Channel::Channel(const ChannelOptions& options, uint64_t receiver_id, crypto::Manager& manager,
                 Random& random, const Say& say)
    : options_(options),
      say_(say),
      output_(open_output(options.out, output_counters_)),
      request_socket_(open_request_socket(options)),
      receiver_(settings_of(options, receiver_id), manager, options.keys, options.trusted, random, *this) {
  group_sockets_[0].emplace(open_group_socket(options, receiver_.group(), options.source));
}

std::array<int, Channel::kMaxSockets> Channel::sockets() const {
  std::array<int, kMaxSockets> all{request_socket_.get()};
  for (size_t slot = 0; slot < group_sockets_.size(); ++slot)
    all[1 + slot] = group_sockets_[slot] ? group_sockets_[slot]->get() : -1;
  return all;
}

void Channel::receive(DatagramBatch& batch, const std::array<bool, kMaxSockets>& ready, TimeNs now,
                      TimeNs realtime_offset) {
  for (size_t i = 0; i < kMaxSockets; ++i) {
    if (!ready[i]) continue;
    for (unsigned round = 0; round < kBatchesAtOnce; ++round) {
      const int socket = sockets()[i];  // what comes may have one closed
      if (socket < 0) break;
      uint32_t drops = drops_[i];
      const auto datagrams = batch.read(socket, now, realtime_offset, drops);
      socket_counters_.add(SocketCounter::kKernelDrops, drops - drops_[i]);
      drops_[i] = drops;
      if (!datagrams.empty()) {
        heard_anything_ = true;
        silent_since_.reset();
      }
      for (const DatagramBatch::Datagram& d : datagrams)
        take(d, i == 0 ? std::nullopt : std::optional(i - 1));
      if (datagrams.size() < DatagramBatch::kSize) break;
    }
  }
  output_->flush();  // what had to make room
}

void Channel::take(const DatagramBatch::Datagram& d, std::optional<size_t> slot) {
  const bool is_source = options_.source == 0 || d.source == options_.source;
  const bool is_far_end = !slot && std::ranges::any_of(options_.tunnels, [&](const smart::FarEnd& t) {
    return t.address == d.source;
  });
  Bytes rest = d.bytes;
  do {  // an empty datagram is one as well
    const Bytes datagram = rest.first(std::min(d.segment, rest.size()));
    rest = rest.subspan(datagram.size());
    if (!is_source && !is_far_end)
      socket_counters_.add(SocketCounter::kWrongSource);
    else if (slot)
      receiver_.receive(d.arrived_ns, datagram, d.source, *slot);
    else
      receiver_.receive_unicast(d.arrived_ns, datagram, {d.source, d.source_port});
  } while (!rest.empty());
}

std::string Channel::way_of(size_t level) const {
  return level == 0 ? "native multicast" : "tunnel from " + text_of(options_.tunnels[level - 1]);
}

std::string Channel::way() const { return options_.tunnels.empty() ? "" : way_of(level()); }

void Channel::level_changed(const smart::LevelChange& change) {
  say_(*this, fmt::format("now by {}, no longer by {}: {}", way_of(change.to), way_of(change.from),
                          smart::kLevelCauseTexts[static_cast<size_t>(change.cause)].help));
}

std::string Channel::group() const {
  return fmt::format("{}:{}", to_string(receiver_.group().group), receiver_.group().port);
}

// Source-specific where the configured group is joined so, and where it cannot be otherwise.
bool Channel::join(size_t slot, const smart::GroupPlace& place, Ipv4 hop) {
  const Ipv4 source = options_.source != 0 || !is_ssm(place.group) ? options_.source : hop;
  try {
    group_sockets_[slot].emplace(open_group_socket(options_, place, source));
    drops_[1 + slot] = 0;
    return true;
  } catch (const Error& error) {
    say_(*this, error.what());
    return false;
  }
}

void Channel::leave(size_t slot) { group_sockets_[slot].reset(); }

void Channel::group_changes(smart::MoveStep step, const smart::GroupPlace& place) {
  say_(*this, fmt::format("{}:{}: {}", to_string(place.group), place.port,
                          smart::kMoveStepTexts[static_cast<size_t>(step)].help));
}

void Channel::each_counter(const std::function<void(std::string_view, uint64_t)>& take) const {
  for (size_t i = 0; i < smart::kReceiveCounterCount; ++i)
    take(smart::kReceiveCounterTexts[i].name, receiver_.counters().at(i));
  for (size_t i = 1; i < smart::kWireFaultCount; ++i)  // but for "none"
    take("malformed_" + std::string(smart::kWireFaultTexts[i].name), receiver_.wire_faults().at(i));
  for (size_t i = 0; i < smart::kKeyAnnounceResultCount; ++i)
    take(smart::kKeyAnnounceResultTexts[i].name, receiver_.key_announces().at(i));
  for (size_t i = 0; i < smart::kMoveResultCount; ++i)
    take(smart::kMoveResultTexts[i].name, receiver_.move_results().at(i));
  for (size_t i = 0; i < smart::kTunnelClientCounterCount; ++i)
    take(smart::kTunnelClientCounterTexts[i].name, receiver_.tunnel_counters().at(i));
  for (size_t i = 0; i < kSocketCounterCount; ++i) take(kSocketCounterTexts[i].name, socket_counters_.at(i));
  for (size_t i = 0; i < kOutputCounterCount; ++i) take(kOutputCounterTexts[i].name, output_counters_.at(i));
}

void Channel::send(Ipv4 to, uint16_t port, Bytes datagram) {
  if (!send_datagram(request_socket_.get(), to, port, datagram))
    socket_counters_.add(SocketCounter::kRequestsNotSent);
  if (static_cast<smart::PacketType>(datagram[1] >> 6) != smart::PacketType::kReplacement) return;
  const TimeNs now = monotonic_now();
  if (receiver_.answers() != answers_seen_ || asked_in_vain_ == 0) {
    asked_in_vain_ = 0;
    in_vain_since_ns_ = now;
    quiets_seen_ = count(smart::ReceiveCounter::kQuietMessages);
  }
  answers_seen_ = receiver_.answers();
  if (++asked_in_vain_ >= kAskedInVain &&
      now - in_vain_since_ns_ > static_cast<TimeNs>(options_.buffer_ms) * kNsPerMs)
    tell_of_vain_requests(now, to, port);
}

void Channel::tell_of_vain_requests(TimeNs now, Ipv4 to, uint16_t port) {
  if (told_in_vain_ns_ != kNever && now - told_in_vain_ns_ < kInVainToldAgainNs) return;
  told_in_vain_ns_ = now;
  const std::string what = fmt::format("{} requests for repairs, and no repair has come", asked_in_vain_);
  // It is most likely the answer to these, but may be the one to others' requests.
  if (count(smart::ReceiveCounter::kQuietMessages) != quiets_seen_)
    say_(*this, fmt::format("{}, only QUIET: is the repair budget of {} used up (request_over_budget or "
                            "request_source_share in its `linecast show channels`)? Then raise "
                            "budget_percent there, and look for the loss. Or are others "
                            "answered, and UDP port {} towards it is not open?",
                            what, to_string(to), port));
  else
    say_(*this,
         fmt::format("{}: is UDP port {} towards {} open? Does the headend count the requests (linecast "
                     "show channels)? On a veth: ethtool -K INTERFACE tx off",
                     what, port, to_string(to)));
}

void Channel::tell_of_silence(TimeNs now) {
  if (!silent_since_) {
    if (silence_told_) say_(*this, "datagrams come now");
    silence_told_ = false;
    silent_since_ = now;
  }
  if (silence_told_ || now - *silent_since_ < kSilenceToldNs) return;
  silence_told_ = true;
  const std::string place = group();
  if (heard_anything_)
    say_(*this, fmt::format("nothing has come to {} for {} s: does the headend run (linecast show channels, "
                            "there), and does what it sends get here?",
                            place, kSilenceToldNs / kNsPerSecond));
  else
    say_(*this, fmt::format("nothing has come to {} yet: is it sent, does it get here, and by this interface "
                            "(--interface)?",
                            place));
}

void Channel::tell_of_holes(TimeNs now) {
  const uint64_t holes = count(smart::ReceiveCounter::kUnrecovered);
  if (holes == holes_told_ || (holes_told_ns_ != kNever && now - holes_told_ns_ < kHolesToldAgainNs)) return;
  say_(*this,
       fmt::format("{} packets did not come in time, and are missing in what is played ({} in all): too "
                   "much loss, or a buffer too short, or a headend that repairs too little",
                   holes - holes_told_, holes));
  holes_told_ = holes;
  holes_told_ns_ = now;
}

void Channel::report(smart::ReceiverEvent event) {
  if (event == smart::ReceiverEvent::kRestart) asked_in_vain_ = 0;  // of the sender that is no more
  say_(*this, std::string(smart::kReceiverEventTexts[static_cast<size_t>(event)].help));
}

}  // namespace linecast::app
