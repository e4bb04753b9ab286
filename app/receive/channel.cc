#include "app/receive/channel.h"

#include <fmt/core.h>

namespace linecast::app {
namespace {

// Datagrams taken from one socket before timers and the other sockets have their turn.
constexpr unsigned kBatchesAtOnce = 8;
// Requests without a repair between them before it is told: more than a burst of losses takes in two round
// trips.
constexpr unsigned kAskedInVain = 50;

smart::ReceiverSettings settings_of(const ChannelOptions& options, uint64_t receiver_id) {
  smart::ReceiverSettings settings;
  settings.channel_id = options.id;
  settings.group = options.group;
  settings.port = options.port;
  settings.source = options.source;
  settings.address = own_address(options);
  settings.encrypted = !options.clear;
  settings.receiver_id = receiver_id;
  settings.buffer_ns = static_cast<TimeNs>(options.buffer_ms) * kNsPerMs;
  return settings;
}

}  // namespace

Channel::Channel(const ChannelOptions& options, uint64_t receiver_id, crypto::Manager& manager,
                 Random& random, const Say& say)
    : options_(options),
      say_(say),
      output_(open_output(options.out, output_counters_)),
      group_socket_(open_group_socket(options)),
      request_socket_(open_request_socket(options)),
      receiver_(settings_of(options, receiver_id), manager, options.keys, options.trusted, random, *this) {}

void Channel::receive(DatagramBatch& batch, TimeNs now, TimeNs realtime_offset) {
  const std::array<int, 2> both = sockets();
  for (size_t i = 0; i < both.size(); ++i) {
    for (unsigned round = 0; round < kBatchesAtOnce; ++round) {
      uint32_t drops = drops_[i];
      const auto datagrams = batch.read(both[i], now, realtime_offset, drops);
      socket_counters_.add(SocketCounter::kKernelDrops, drops - drops_[i]);
      drops_[i] = drops;
      heard_anything_ = heard_anything_ || !datagrams.empty();
      for (const DatagramBatch::Datagram& d : datagrams) {
        if (options_.source != 0 && d.source != options_.source)
          socket_counters_.add(SocketCounter::kWrongSource);
        else
          receiver_.receive(d.arrived_ns, d.bytes, d.source);
      }
      if (datagrams.size() < DatagramBatch::kSize) break;
    }
  }
}

void Channel::each_counter(const std::function<void(std::string_view, uint64_t)>& take) const {
  for (size_t i = 0; i < smart::kReceiveCounterCount; ++i)
    take(smart::kReceiveCounterTexts[i].name, receiver_.counters().at(i));
  for (size_t i = 1; i < smart::kWireFaultCount; ++i)  // but for "none"
    take("malformed_" + std::string(smart::kWireFaultTexts[i].name), receiver_.wire_faults().at(i));
  for (size_t i = 0; i < smart::kKeyAnnounceResultCount; ++i)
    take(smart::kKeyAnnounceResultTexts[i].name, receiver_.key_announces().at(i));
  for (size_t i = 0; i < kSocketCounterCount; ++i) take(kSocketCounterTexts[i].name, socket_counters_.at(i));
  for (size_t i = 0; i < kOutputCounterCount; ++i) take(kOutputCounterTexts[i].name, output_counters_.at(i));
}

void Channel::send(Ipv4 to, uint16_t port, Bytes datagram) {
  if (!send_datagram(request_socket_.get(), to, port, datagram))
    socket_counters_.add(SocketCounter::kRequestsNotSent);
  if (static_cast<smart::PacketType>(datagram[1] >> 6) != smart::PacketType::kReplacement) return;
  const uint64_t repairs =
      count(smart::ReceiveCounter::kRepairs) + count(smart::ReceiveCounter::kUnneededRepairs);
  if (repairs != repairs_seen_) asked_in_vain_ = 0;
  repairs_seen_ = repairs;
  if (++asked_in_vain_ == kAskedInVain)
    say_(*this,
         fmt::format(
             "{} requests for repairs, and no repair has come: is UDP port {} towards {} open? Does the "
             "headend count the requests (linecast show channels)? On a veth: ethtool -K INTERFACE tx off",
             kAskedInVain, port, to_string(to)));
}

void Channel::report(smart::ReceiverEvent event) {
  say_(*this, std::string(smart::kReceiverEventTexts[static_cast<size_t>(event)].help));
}

}  // namespace linecast::app
