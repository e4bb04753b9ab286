#include "lib/usage/usage_table.h"

#include <bit>
#include <cmath>

#include "lib/usage/keyed_hash.h"

namespace linecast::usage {
namespace {

// So soon after a LEAVE a JOIN that was sent before it may still come.
constexpr TimeNs kOvertakenNs = kNsPerSecond;

uint64_t ms_between(TimeNs from, TimeNs to) { return static_cast<uint64_t>(to / kNsPerMs - from / kNsPerMs); }

// On a clear channel the address that is reported tells receivers behind one address apart.
uint64_t who_reports(const HeardUsage& heard) {
  return heard.receiver != 0 ? heard.receiver : uint64_t{heard.source} << 32 | heard.reported;
}

}  // namespace

UsageTable::UsageTable(const UsageConfig& config, TimeNs now, int64_t wall_ns, Emit emit)
    : config_(config),
      emit_(std::move(emit)),
      start_(now),
      wall_offset_(wall_ns - now),
      receivers_(config.exact, config.seed, now),
      repeaters_(config.repeaters, config.seed, now),
      beyond_({config.sample, config.most_per_address, config.seed}, now),
      crowds_(std::bit_ceil(std::max<size_t>(config.exact, 1))) {}

uint32_t UsageTable::add_channel(const std::array<uint8_t, 8>& id, std::string_view name) {
  channels_.push_back({.id = id, .name = ChannelName(name)});
  return static_cast<uint32_t>(channels_.size() - 1);
}

uint16_t& UsageTable::crowd(Ipv4 address) {
  return crowds_[keyed_hash(config_.seed, address, 2) & (crowds_.size() - 1)];
}

void UsageTable::take(const HeardUsage& heard) {
  if (heard.channel >= channels_.size() || channels_[heard.channel].closed)
    return count(UsageCounter::kUnknownChannel, 1);
  count(UsageCounter::kReports, 1);
  const uint64_t who = who_reports(heard);
  Session* const session = table_of(heard).find(who, heard.channel);
  if (session == nullptr) return take_unknown(who, heard);
  if (session->open && heard.time >= session->due()) expire(*session);
  if (!session->open) return take_gone(*session, heard);
  if (!heard.leave) return refresh(*session, heard);
  session->claimed_s = heard.watched_s;
  leave(*session, heard.time);
}

void UsageTable::take_unknown(uint64_t who, const HeardUsage& heard) {
  if (!heard.repeater && crowd(heard.source) >= config_.most_per_address)
    return count(UsageCounter::kCrowded, 1);
  Session* const session = table_of(heard).add(who, heard.channel);
  if (session == nullptr) {
    if (heard.repeater) return count(UsageCounter::kRepeatersFull, 1);
    count(UsageCounter::kBeyond, 1);
    beyond_.take(heard.time, who, heard);
    return note_peak(heard.channel, heard.time);
  }
  if (!heard.repeater && !beyond_.empty()) beyond_.forget(who, heard);
  begin(*session, heard, began(heard, start_));
}

// A receiver that has gone may come back, and what it says may be an echo of its former session.
void UsageTable::take_gone(Session& session, const HeardUsage& heard) {
  const TimeNs claimed = heard.time - heard.watched_s * kNsPerSecond;
  const bool of_former = claimed < session.heard;
  const bool overtaken = session.left && of_former && heard.time < session.heard + kOvertakenNs;
  const bool left_again = session.left && (of_former || heard.watched_s == 0);
  if (heard.leave ? left_again : overtaken) return count(UsageCounter::kRepeated, 1);
  if (!heard.repeater && crowd(heard.source) >= config_.most_per_address)
    return count(UsageCounter::kCrowded, 1);
  const TimeNs from = began(heard, session.heard);
  table_of(heard).reopen(session);
  begin(session, heard, from);
}

// Since when the receiver of a first report has watched. A repeater's may have come at any time.
TimeNs UsageTable::began(const HeardUsage& heard, TimeNs not_before) const {
  const TimeNs claimed = heard.repeater ? 0 : heard.watched_s * kNsPerSecond;
  const TimeNs from = heard.time - std::min(claimed, heard.refresh_ns() * 3 / 2);
  return std::min(std::max(from, not_before), heard.time);
}

void UsageTable::begin(Session& session, const HeardUsage& heard, TimeNs from) {
  // A reload can make a repeater of a receiver, or the other way round. At another address it is somebody
  // else.
  SessionTable& others = heard.repeater ? receivers_ : repeaters_;
  if (Session* const former = others.find(session.who, heard.channel);
      former != nullptr && former->open && former->source == heard.source)
    leave(*former, heard.time);
  ChannelUsage& usage = channels_[heard.channel].usage;
  session.number = ++last_session_;
  session.source = heard.source;
  session.part = 1;
  session.part_from = session.heard = from;
  session.watched_ms = 0;
  session.receivers = 0;
  session.reach = heard.reach;
  session.clear = heard.receiver == 0;
  session.repeater = heard.repeater;
  ++usage.joins;
  if (heard.repeater)
    ++usage.repeaters;
  else
    ++crowd(heard.source);
  set_receivers(session, counted(heard));
  hear(session, heard.time);
  session.claimed_s = heard.watched_s;
  session.refresh_s = heard.refresh_s();
  if (heard.leave) return leave(session, heard.time);
  table_of(heard).schedule(session);
  note_peak(heard.channel, heard.time);
}

void UsageTable::refresh(Session& session, const HeardUsage& heard) {
  hear(session, heard.time);
  const bool moved = heard.reach != session.reach;
  // Put off where it can't be handed on: nothing is lost while the session lives.
  if (moved || session.heard - session.part_from >= config_.part_ns) {
    if (record(session, moved ? End::kReachChanged : End::kOpen)) {
      ++session.part;
      session.part_from = session.heard;
      session.watched_ms = 0;
      session.reach = heard.reach;
    } else {
      count(UsageCounter::kRecordsPutOff, 1);
    }
  }
  if (heard.source != session.source && (heard.repeater || crowd(heard.source) < config_.most_per_address)) {
    if (!heard.repeater) {
      --crowd(session.source);
      ++crowd(heard.source);
    }
    session.source = heard.source;
  }
  session.claimed_s = heard.watched_s;
  set_receivers(session, counted(heard));
  const auto refresh_s = heard.refresh_s();
  const bool sooner = refresh_s < session.refresh_s;
  session.refresh_s = refresh_s;
  if (sooner) table_of(heard).schedule(session);
  note_peak(heard.channel, heard.time);
}

// Its receivers have watched until now.
void UsageTable::hear(Session& session, TimeNs now) {
  if (now <= session.heard) return;
  const uint64_t watched = ms_between(session.heard, now) * session.receivers;
  session.heard = now;
  session.watched_ms += watched;
  channels_[session.channel].usage.watched_ms += watched;
}

uint32_t UsageTable::counted(const HeardUsage& heard) {
  if (!heard.repeater) {
    if (heard.receivers > 1) count(UsageCounter::kNotARepeater, 1);
    return 1;
  }
  if (heard.receivers > config_.most_per_repeater) count(UsageCounter::kTotalCut, 1);
  return std::min(heard.receivers, config_.most_per_repeater);
}

void UsageTable::set_receivers(Session& session, uint32_t receivers) {
  ChannelUsage& usage = channels_[session.channel].usage;
  uint64_t& sum = session.repeater ? usage.by_repeater : usage.direct;
  sum = sum - session.receivers + receivers;
  session.receivers = receivers;
}

void UsageTable::leave(Session& session, TimeNs now) {
  hear(session, now);
  ++channels_[session.channel].usage.leaves;
  end(session, End::kLeft);
}

void UsageTable::expire(Session& session) {
  Channel& channel = channels_[session.channel];
  if (!channel.closed) ++channel.usage.expiries;
  end(session, channel.closed ? End::kStopped : End::kExpired);
}

void UsageTable::end(Session& session, End how) {
  if (!record(session, how)) count(UsageCounter::kRecordsLost, 1);
  retire(session, how);
}

void UsageTable::retire(Session& session, End how) {
  set_receivers(session, 0);
  if (session.repeater) {
    --channels_[session.channel].usage.repeaters;
    repeaters_.retire(session);
  } else {
    --crowd(session.source);
    receivers_.retire(session);
  }
  session.left = how == End::kLeft;
}

bool UsageTable::record(const Session& session, End how) {
  const Channel& channel = channels_[session.channel];
  UsageRecord record;
  record.start = config_.start_number;
  record.session = session.number;
  record.part = session.part;
  record.channel_id = channel.id;
  record.channel = channel.name;
  record.receiver = session.clear ? 0 : session.who;
  record.reported = session.clear ? static_cast<Ipv4>(session.who) : 0;
  record.address = session.source;
  record.repeater = session.repeater;
  record.reach = session.reach;
  record.end = how;
  record.from_ns = session.part_from + wall_offset_;
  record.to_ns = session.heard + wall_offset_;
  record.receivers = session.receivers;
  record.watched_ms = session.watched_ms;
  record.claimed_s = session.claimed_s;
  if (!emit_(record)) return false;
  count(UsageCounter::kRecords, 1);
  return true;
}

void UsageTable::advance(TimeNs now, int64_t wall_ns) {
  wall_offset_ = wall_ns - now;
  for (SessionTable* table : {&receivers_, &repeaters_}) {
    size_t budget = kSweep;
    while (Session* session = table->take_due(now, budget)) expire(*session);
  }
  beyond_.advance(now, kSweep);
  if (beyond_.empty()) return;
  // When the sample's level changes, so does what is estimated of all channels.
  for (uint32_t channel = 0; channel < channels_.size(); ++channel) note_peak(channel, now);
}

bool UsageTable::stop() {
  const size_t all = receivers_.capacity() + repeaters_.capacity();
  const size_t until = std::min(all, stopped_ + kSweep);
  for (; stopped_ < until; ++stopped_) {
    const size_t direct = receivers_.capacity();
    Session& session = stopped_ < direct ? receivers_.at(stopped_) : repeaters_.at(stopped_ - direct);
    if (!session.open) continue;
    if (!record(session, End::kStopped)) return false;
    retire(session, End::kStopped);
  }
  return stopped_ == all;
}

void UsageTable::note_peak(uint32_t channel, TimeNs at) {
  ChannelUsage& usage = channels_[channel].usage;
  const uint64_t there = present(channel);
  if (there <= usage.peak) return;
  usage.peak = there;
  usage.peak_at_ns = at + wall_offset_;
}

uint64_t UsageTable::present(uint32_t channel) const {
  const ChannelUsage& usage = channels_[channel].usage;
  return usage.direct + usage.by_repeater + static_cast<uint64_t>(std::llround(beyond_.present(channel)));
}

size_t UsageTable::memory() const {
  return receivers_.memory() + repeaters_.memory() + beyond_.memory() + crowds_.size() * sizeof(uint16_t);
}

}  // namespace linecast::usage
