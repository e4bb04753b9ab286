// One channel as it is received: its sockets, the engine that knows SMART, and its output.
#pragma once

#include <functional>
#include <optional>

#include "app/receive/output.h"
#include "app/receive/sockets.h"
#include "lib/smart/receive/channel_receiver.h"

namespace linecast::app {

#define LINECAST_SOCKET_COUNTERS(_)                                                                 \
  _(kKernelDrops, "kernel_drops", "datagrams that the kernel dropped: the receive buffer was full") \
  _(kWrongSource, "wrong_source", "datagrams from an address other than the configured source")     \
  _(kRequestsNotSent, "requests_not_sent", "requests and reports that the kernel did not take")
LINECAST_COUNTER_LIST(SocketCounter, LINECAST_SOCKET_COUNTERS)

class Channel : private smart::ReceiverOutput {
 public:
  using Say = std::function<void(const Channel&, const std::string&)>;

  // manager, random and say must outlive it. Opens the output, then the sockets: throws Error.
  Channel(const ChannelOptions& options, uint64_t receiver_id, crypto::Manager& manager, Random& random,
          const Say& say);

  // That of requests and those of groups; -1: none now. They change as the channel moves.
  static constexpr size_t kMaxSockets = 1 + smart::GroupFollower::kMaxGroups;
  std::array<int, kMaxSockets> sockets() const;
  // Reads what waits on the sockets that are `ready`, a bounded number of datagrams.
  void receive(DatagramBatch& batch, const std::array<bool, kMaxSockets>& ready, TimeNs now,
               TimeNs realtime_offset);
  TimeNs next_due() const { return receiver_.next_due(); }
  void poll(TimeNs now) {
    receiver_.poll(now);
    output_->flush();
  }
  // Tells the headend that it goes.
  void end(TimeNs now) { receiver_.leave(now); }
  // Plays what is held, and waits a while until the output has taken it.
  void play_all() {
    receiver_.play_all();
    output_->flush();
  }
  void finish() { output_->finish(); }

  const std::string& name() const { return options_.name; }
  const Output& output() const { return *output_; }
  bool to_standard_output() const { return options_.out.kind == OutputTarget::Kind::kStandardOutput; }
  ReceiveBuffer buffer() const { return receive_buffer(request_socket_.get()); }

  // Says so once where no datagram, valid or not, has come for 5 s, and when one comes then. Call each
  // second.
  void tell_of_silence(TimeNs now);
  void tell_of_holes(TimeNs now);

  // The level of SIMPLE by which it comes (0: native multicast) and its name; empty where there is only one.
  size_t level() const { return receiver_.level(); }
  std::string way() const;

  uint64_t count(smart::ReceiveCounter c) const { return receiver_.counters().get(c); }
  // The group and port in use.
  std::string group() const;
  // Every counter by its name.
  void each_counter(const std::function<void(std::string_view, uint64_t)>& take) const;

 private:
  void play(const smart::PlayedPacket& packet) override { output_->play(packet); }
  void give_up(uint64_t, uint64_t) override {}
  void send(Ipv4 to, uint16_t port, Bytes datagram) override;
  void tell_of_vain_requests(TimeNs now, Ipv4 to, uint16_t port);
  void report(smart::ReceiverEvent event) override;
  void level_changed(const smart::LevelChange& change) override;
  std::string way_of(size_t level) const;
  bool join(size_t slot, const smart::GroupPlace& place, Ipv4 hop) override;
  void leave(size_t slot) override;
  void group_changes(smart::MoveStep step, const smart::GroupPlace& place) override;
  // slot: of the group that it came to; none: to the socket of requests.
  void take(const DatagramBatch::Datagram& datagram, std::optional<size_t> slot);

  const ChannelOptions options_;
  const Say& say_;
  OutputCounters output_counters_;
  CounterSet<SocketCounter, kSocketCounterCount> socket_counters_;
  std::unique_ptr<Output> output_;
  std::array<std::optional<FileDescriptor>, smart::GroupFollower::kMaxGroups> group_sockets_;  // by slot
  const FileDescriptor request_socket_;
  std::array<uint32_t, kMaxSockets> drops_{};  // of each socket, as the kernel last said
  bool heard_anything_ = false;
  std::optional<TimeNs> silent_since_;  // none: something has come since the last look
  bool silence_told_ = false;
  uint64_t answers_seen_ = 0;
  uint64_t quiets_seen_ = 0;    // before the last answer
  unsigned asked_in_vain_ = 0;  // requests since the last answer
  TimeNs in_vain_since_ns_ = 0;
  TimeNs told_in_vain_ns_ = kNever;
  uint64_t holes_told_ = 0;  // packets
  TimeNs holes_told_ns_ = kNever;
  smart::ChannelReceiver receiver_;
};

}  // namespace linecast::app
