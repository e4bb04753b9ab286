// SMART messages that reach one of our hops: what receivers ask for and report, and the repairs that they
// draw.
#include <bit>

#include "app/linecast/lane.h"

namespace linecast::app {
namespace {

// What receivers send upwards and a headend acts on.
enum class Upward : uint8_t { kNone, kReplacement, kJoin, kLeave, kError, kProblem, kTunnel };

Upward kind_of(const smart::CommonHeader& header) {
  if (header.type == smart::PacketType::kReplacement &&
      header.command == static_cast<uint8_t>(smart::ReplacementCommand::kReplacement))
    return Upward::kReplacement;
  if (header.type == smart::PacketType::kTunnelling &&
      (header.command == static_cast<uint8_t>(smart::TunnellingCommand::kRequest) ||
       header.command == static_cast<uint8_t>(smart::TunnellingCommand::kLeave)))
    return Upward::kTunnel;
  if (header.type != smart::PacketType::kMessage) return Upward::kNone;
  switch (static_cast<smart::MessageCommand>(header.command)) {
    case smart::MessageCommand::kUsageReportJoin:
      return Upward::kJoin;
    case smart::MessageCommand::kUsageReportLeave:
      return Upward::kLeave;
    case smart::MessageCommand::kErrorReport:
      return Upward::kError;
    case smart::MessageCommand::kProblemReport:
      return Upward::kProblem;
    default:
      return Upward::kNone;
  }
}

// A PROBLEM_REPORT draws nothing, and is what is left to those who get nothing any more. JOIN and LEAVE have
// what they echo to tell a replay by, or else their count must.
UpwardCount count_of(Upward kind, const smart::UsageReport& usage) {
  switch (kind) {
    case Upward::kProblem:
      return UpwardCount::kAny;
    case Upward::kJoin:
    case Upward::kLeave:
      return usage.detail ? UpwardCount::kKeptOrNone : UpwardCount::kKept;
    default:
      return UpwardCount::kKept;
  }
}

}  // namespace

bool Lane::answer(const Request& request, TimeNs now) {
  smart::Split message;
  const smart::WireFault fault = smart::split_message(request.frame.payload, message);
  if (fault != smart::WireFault::kNone) {
    wire_faults_.add(fault);
    return false;
  }
  const Upward kind = kind_of(message.header);
  smart::Replacement asked;
  smart::UsageReport usage;
  smart::FaultReport fault_report;
  Ipv4 group = 0;
  bool good = true;
  switch (kind) {
    case Upward::kReplacement:
      good = smart::decode(message.body, asked);
      group = asked.group;
      break;
    case Upward::kJoin:
    case Upward::kLeave:
      good = smart::decode(message.body, usage);
      group = usage.group;
      break;
    case Upward::kError:
    case Upward::kProblem:
      good = smart::decode(message.body, fault_report);
      group = fault_report.concerning;
      break;
    case Upward::kTunnel:
      pass_on_tunnel_ask(request, now);
      return false;
    case Upward::kNone:
      counters_.add(LaneCounter::kMessageIgnored);
      return false;
  }
  if (!good) {
    wire_faults_.add(smart::WireFault::kBadLength);
    return false;
  }
  const uint32_t index =
      directory_->groups.find(request.interface, group, request.frame.destination_port, request.frame.source);
  if (index >= streams_.size()) {
    counters_.add(LaneCounter::kUnknownGroup);
    return false;
  }
  LaneHop* channel = streams_[index].hop();
  if (channel == nullptr) return hand_over(directory_->lane_of[index], request.packet, &Lane::request_inbox_);
  if (kind == Upward::kReplacement) channel->count(ChannelCounter::kRequests);
  // The MAC first: forged messages must not use up the allowance of those whose address they bear.
  const std::optional<uint64_t> receiver =
      channel->admit(manager_, receiver_keys_, request.frame.payload, message.trailer, count_of(kind, usage));
  if (!receiver) return false;
  const uint64_t source = *receiver != 0 ? *receiver : request.frame.source;
  if (kind == Upward::kReplacement)
    answer_replacement(*channel, index, request, asked.list, source_shares_.of(source, index), now);
  else if (!report_limiter_.admit(now, source, index, 1))
    channel->count(ChannelCounter::kReportSourceLimit);
  else if (kind == Upward::kJoin || kind == Upward::kLeave)
    account(*channel, usage,
            {.time = now,
             .receiver = *receiver,
             .channel = index,
             .source = request.frame.source,
             .source_port = request.frame.source_port,
             .reported = usage.receiver,
             .leave = kind == Upward::kLeave});
  else
    pass_on(*channel, {.time = now,
                       .receiver = *receiver,
                       .channel = index,
                       .source = request.frame.source,
                       .problem = kind == Upward::kProblem,
                       .code = fault_report.code,
                       .count = fault_report.count,
                       .first_sequence = fault_report.first_sequence});
  return false;
}

// What it says of the group's size and round trip counts here, even where the accounts are behind.
void Lane::account(LaneHop& channel, const smart::UsageReport& report, usage::HeardUsage heard) {
  const smart::TunnelPeer from{heard.source, heard.source_port};
  if (channel.tunnel_of(from) == nullptr)
    heard.reach = usage::Reach::kNative;
  else
    heard.reach = streams_[heard.channel].relay != nullptr ? usage::Reach::kRepeaterTunnel
                                                           : usage::Reach::kOriginTunnel;
  // A repeater is one asker, however often it says how many are behind it. Where it says one it can't be told
  // from a receiver, and counts again.
  const bool again = !heard.leave && report.detail && report.detail->receivers != 1 &&
                     !totals_limiter_.admit(heard.time, heard.receiver != 0 ? heard.receiver : heard.source,
                                            heard.channel, kLeastRefreshS);
  if (!(heard.leave ? channel.take_leave(heard.time, from, report)
                    : channel.take_join(heard.time, from, report, again)))
    return;
  if (report.detail) {
    heard.watched_s = report.detail->watched_s;
    heard.receivers = report.detail->receivers;
  }
  heard.report_window_s = channel.report_window_s(from);
  if (!usage_.push(heard)) channel.count(ChannelCounter::kUsageQueueFull);
}

void Lane::pass_on(LaneHop& channel, const smart::HeardFault& fault) {
  if (!channel.allows_fault_report(fault.time)) return channel.count(ChannelCounter::kReportChannelLimit);
  if (!faults_.push(fault)) return channel.count(ChannelCounter::kReportQueueFull);
  channel.count(fault.problem ? ChannelCounter::kProblemReports : ChannelCounter::kErrorReports);
}

// The group is told at once; the repairs follow behind live packets.
void Lane::answer_replacement(LaneHop& channel, uint32_t index, const Request& request,
                              const smart::PairList& asked, smart::SourceShare& share, TimeNs now) {
  uint32_t sequences = 0;
  for (const smart::SequencePair& pair : asked.view())
    sequences += 1 + static_cast<uint32_t>(std::popcount(pair.mask));
  if (sequences > sequences_left_) return counters_.add(LaneCounter::kRequestTurnFull);
  if (!source_limiter_.admit(now, request.frame.source, index, sequences))
    return channel.count(ChannelCounter::kRequestSourceLimit);
  sequences_left_ -= sequences;
  const bool had_its_turn = !channel.repairs_pending();
  smart::PairList held, missing, quiet;
  const smart::PairList* kept = &asked;
  const smart::TunnelDestination* tunnel =
      channel.tunnel_of({request.frame.source, request.frame.source_port});
  if (LaneRelay* relay = streams_[index].relay.get(); relay != nullptr) {
    relay->part(now, asked, held, missing);
    kept = &held;
    if (missing.count > 0) {
      const smart::Quiet wait = relay->wait_for(missing);
      send_quiet(channel, wait);
      if (channel.tunnels() != nullptr) channel.tell_tunnels_to_wait(manager_, wait);
    }
    if (held.count == 0) return;
  }
  bool hold_group = false;
  if (tunnel != nullptr) {
    if (channel.request(now, *kept, *tunnel, share)) channel.tell_tunnels_to_hold(manager_);
  } else {
    hold_group = channel.request(now, *kept,
                                 channel.target_of(request.frame.source, request.frame.source_port,
                                                   drivers::source_mac(request.packet)),
                                 share, quiet);
  }
  if (had_its_turn && channel.repairs_pending())
    repairing_[(repairing_head_ + repairing_count_++) % repairing_.size()] = &channel;
  if (quiet.count > 0) send_quiet(channel, channel.quiet_for(quiet));
  if (hold_group) send_quiet(channel, channel.quiet_for({}));
}

void Lane::send_quiet(LaneHop& channel, const smart::Quiet& quiet) {
  for (const auto to : {LaneHop::To::kInUse, LaneHop::To::kNext}) {
    if (to == LaneHop::To::kNext && !channel.sends_to_both()) return;
    drivers::Packet* packet = setup_.control_packets->take();
    if (packet == nullptr) return channel.count(ChannelCounter::kQuietNoPacket);
    if (channel.write_quiet(manager_, quiet, packet, to))
      queue_frame(channel.out_port(), packet, nullptr);
    else
      drivers::release(packet);
  }
}

// A burst at most, from each channel in turn one to the group and one into a tunnel: so long a live packet
// may have to wait.
bool Lane::send_repairs(TimeNs now) {
  unsigned looks = 0;
  for (; looks < kBurst && repairing_count_ > 0; ++looks) {
    LaneHop& channel = *repairing_[repairing_head_];
    repairing_head_ = (repairing_head_ + 1) % repairing_.size();
    --repairing_count_;
    send_repair(channel, now);
    send_tunnel_repair(channel, now);
    if (channel.repairs_pending())
      repairing_[(repairing_head_ + repairing_count_++) % repairing_.size()] = &channel;
  }
  return looks > 0;
}

void Lane::send_repair(LaneHop& channel, TimeNs now) {
  smart::RepairTarget target;
  drivers::Packet* kept = channel.take_repair(now, target);
  if (kept == nullptr) return;
  const auto write = [&](LaneHop::To to) {
    drivers::Packet* packet = setup_.control_packets->take();
    if (packet != nullptr)
      channel.write_repair(kept, packet, channel.sends_segments() ? setup_.control_packets->take() : nullptr,
                           to);
    return packet;
  };
  drivers::Packet* packet = write(LaneHop::To::kInUse);
  if (packet == nullptr) return channel.count(ChannelCounter::kRepairNoPacket);
  if (!target.is_group()) {
    LaneHost* host = interfaces_[channel.out_interface()].host.get();
    const std::optional<net::Mac> way =
        host != nullptr ? host->way_to(now, target.address, target.mac) : target.mac;
    // Where nothing leads to it, the group has it.
    if (way && ((*way)[0] & 1) == 0) {
      target.mac = *way;
      channel.send_to(target, packet);
      return queue_frame(channel.out_port(), packet, &channel);
    }
  }
  queue_frame(channel.out_port(), packet, &channel);
  if (!channel.sends_to_both()) return;
  if (drivers::Packet* copy = write(LaneHop::To::kNext); copy != nullptr)
    queue_frame(channel.out_port(), copy, &channel);
  else
    channel.count(ChannelCounter::kCopyNoPacket);
}

}  // namespace linecast::app
