// What a host hears and is told; what it says is in host_reports.cc.
#include "lib/igmp/host.h"

#include <algorithm>
#include <utility>

#include "lib/base/error.h"

namespace linecast::igmp {
namespace {

// The least time over which answers are spread.
constexpr TimeNs kLeastResponseNs = 100 * kNsPerMs;

}  // namespace

Host::Host(const HostConfig& config, Random random, Send send)
    : config_(config),
      random_(random),
      send_(std::move(send)),
      table_(config.max_groups, config.max_sources),
      version_(config.forced.value_or(Version::kV3)),
      frame_(net::kEthernetSize + std::max(config.mtu, kMinMtu)),
      packer_(MutableBytes(frame_).subspan(net::kEthernetSize + kIpHeaderSize)) {
  if (config.mtu < kMinMtu)
    throw Error("IGMP: an MTU of " + std::to_string(config.mtu) + " bytes; IPv4 needs " +
                std::to_string(kMinMtu));
}

void Host::schedule(TimeNs& timer, TimeNs due) {
  timer = std::min(timer, due);
  next_due_ = std::min(next_due_, timer);
}

// The next poll reports what has changed of the group.
void Host::change(TimeNs now, size_t group) {
  table_.group(group).fresh = true;
  schedule(table_.due(group).change, now);
}

// A filter mode report names all sources: it takes the place of what was to be said of single ones (RFC 3376,
// section 5.1).
void Host::change_mode(TimeNs now, size_t group) {
  table_.group(group).changes_left = robustness_;
  for (JoinedSource& s : table_.sources(group)) s.changes_left = 0;
  change(now, group);
}

// Reports the group as if it had just been joined.
void Host::announce(TimeNs now, size_t group) {
  change_mode(now, group);
  if (version_ != Version::kV3 || table_.group(group).exclude()) return;
  table_.group(group).changes_left = 0;
  for (JoinedSource& s : table_.sources(group)) s.changes_left = s.joins > 0 ? robustness_ : 0;
}

// Whatever answer is pending is for the whole group.
void Host::forget_asked(size_t group) {
  if (!std::exchange(table_.group(group).asked_sources, false)) return;
  for (JoinedSource& s : table_.sources(group)) s.asked = false;
}

bool Host::join(TimeNs now, Ipv4 group, Ipv4 source) {
  if (is_link_local_group(group)) return true;
  const auto refuse = [this] {
    counters_.add(HostCounter::kJoinsRefused);
    return false;
  };
  if (!is_multicast(group)) return refuse();
  std::optional<size_t> at = table_.insert(group);
  if (!at && sweep_due_) {
    table_.sweep();
    at = table_.insert(group);
  }
  if (!at) return refuse();
  JoinedGroup& g = table_.group(*at);
  const bool was_joined = table_.joined(*at);
  const bool was_exclude = g.exclude();
  if (!table_.join(*at, source)) {
    sweep_due_ = true;  // of a group without a source
    next_due_ = std::min(next_due_, now);
    return refuse();
  }
  if (version_ != Version::kV3) {
    if (!was_joined) change_mode(now, *at);
  } else if (source == 0) {
    if (!was_exclude) change_mode(now, *at);
  } else if (JoinedSource& s = *table_.find_source(*at, source); s.joins == 1 && !g.exclude()) {
    s.changes_left = robustness_;
    change(now, *at);
  }
  return true;
}

void Host::leave(TimeNs now, Ipv4 group, Ipv4 source) {
  const std::optional<size_t> at = table_.find(group);
  if (!at) return;
  JoinedGroup& g = table_.group(*at);
  JoinedSource* const s = source == 0 ? nullptr : table_.find_source(*at, source);
  uint16_t* const joins = source == 0 ? &g.any_joins : s == nullptr ? nullptr : &s->joins;
  if (joins == nullptr || *joins == 0 || --*joins > 0) return;
  if (version_ != Version::kV3) {
    if (table_.joined(*at)) return;
    g.changes_left = 1;  // RFC 2236, section 3: one leave
    change(now, *at);
  } else if (source == 0) {
    change_mode(now, *at);
  } else if (!g.exclude()) {
    s->changes_left = robustness_;
    change(now, *at);
  }
  sweep_due_ = true;
  next_due_ = std::min(next_due_, now);
}

void Host::leave_all(TimeNs now) {
  for (size_t i = 0; i < table_.size(); ++i) {
    JoinedGroup& g = table_.group(i);
    const bool was_joined = table_.joined(i);
    const bool was_exclude = std::exchange(g.any_joins, 0) > 0;
    if (was_exclude || version_ != Version::kV3) g.changes_left = was_joined || g.fresh ? robustness_ : 0;
    for (JoinedSource& s : table_.sources(i)) {
      if (version_ == Version::kV3 && !was_exclude && (s.joins > 0 || s.changes_left > 0))
        s.changes_left = robustness_;
      s.joins = 0;
    }
  }
  // Back to back: the first may be lost, and there is no later in which a timer could repeat it. Version 2
  // leaves once, as its RFC has it: what is lost there costs one membership interval.
  const int times = version_ == Version::kV3 ? robustness_ : 1;
  for (int time = 0; time < times; ++time) {
    for (size_t i = 0; i < table_.size(); ++i) {
      if (version_ == Version::kV3)
        put_changes(i, HostCounter::kLeavesSent);
      else if (table_.group(i).changes_left > 0)
        report_older(now, i);
    }
    send_report(HostCounter::kLeavesSent);
  }
  table_.clear();
  general_due_ = kNever;
  next_due_ = kNever;
  update_version(now);  // its timers go on
}

void Host::link_up(TimeNs now) {
  general_due_ = kNever;
  for (size_t i = 0; i < table_.size(); ++i) {
    table_.due(i).answer = kNever;
    forget_asked(i);
    if (table_.joined(i)) announce(now, i);
  }
}

void Host::receive(TimeNs now, Ipv4 source, Ipv4 destination, uint8_t ttl, Bytes message) {
  if (message.empty()) return counters_.add(HostCounter::kBadLength);
  const auto type = static_cast<MessageType>(message[0]);
  const bool is_query = type == MessageType::kQuery;
  if (!is_query && type != MessageType::kV1Report && type != MessageType::kV2Report)
    return counters_.add(HostCounter::kIgnored);
  if (const MessageFault fault = check_message(ttl, message); fault != MessageFault::kNone)
    return counters_.add(counter_of<HostCounter>(fault));
  if (is_query)
    receive_query(now, source, destination, message);
  else
    receive_report(source, destination, load_be32(&message[4]));
}

void Host::query_missed(TimeNs now) {
  if (general_due_ == kNever)
    ask_all(now, kNsPerSecond);  // many draws would make the earliest of them immediate
}

void Host::receive_query(TimeNs now, Ipv4 source, Ipv4 destination, Bytes message) {
  Query query;
  if (const MessageFault fault = take_query(message, destination, config_.address, query);
      fault != MessageFault::kNone)
    return counters_.add(counter_of<HostCounter>(fault));
  // By unicast it is somebody who looks for faults, perhaps from far away, and no querier of this link.
  if (destination != config_.address) learn_from(now, source, query);
  if (query.group == 0) {
    counters_.add(HostCounter::kQueries);
    return ask_all(now, query.max_response_ns);
  }
  const std::optional<size_t> at = table_.find(query.group);
  if (!at || !table_.joined(*at)) return counters_.add(HostCounter::kNotJoined);
  ask_group(now, *at, query);
}

// RFC 3376, sections 4.1.6, 4.1.7 and 7.2.1.
void Host::learn_from(TimeNs now, Ipv4 source, const Query& query) {
  querier_ = source;
  queried_at_ = now;
  if (query.version == Version::kV3) {
    robustness_ = query.robustness == 0 ? kDefaultRobustness : query.robustness;
    query_interval_ns_ = query.query_interval_ns == 0 ? kDefaultQueryIntervalNs : query.query_interval_ns;
  } else {
    const TimeNs until =
        now + std::min(robustness_ * query_interval_ns_, kMaxLearntNs) + query.max_response_ns;
    if (query.version == Version::kV1)
      v1_querier_until_ = until;
    else if (query.group == 0)
      v2_querier_until_ = until;
  }
  update_version(now);
}

void Host::update_version(TimeNs now) {
  if (config_.forced) return;
  Version heard = Version::kV3;
  if (now < v2_querier_until_) heard = Version::kV2;
  if (now < v1_querier_until_) heard = Version::kV1;
  // When it may change next: a poll then finds out.
  if (heard != Version::kV3)
    next_due_ = std::min(next_due_, heard == Version::kV1 ? v1_querier_until_ : v2_querier_until_);
  if (heard == version_) return;
  version_ = heard;
  counters_.add(HostCounter::kVersionChanges);
  restart(now);
}

// After a change of version all that is pending is off (RFC 3376, section 7.2.1). But two things nobody has
// heard of, and they would have to wait for a query: changes that are not reported yet, and, on the return to
// version 3, the sources. Both are reported at once.
void Host::restart(TimeNs now) {
  general_due_ = kNever;
  for (size_t i = 0; i < table_.size(); ++i) {
    JoinedGroup& g = table_.group(i);
    const bool tell = g.fresh || version_ == Version::kV3;
    table_.due(i) = {};
    forget_asked(i);
    if (tell && table_.joined(i)) {
      announce(now, i);
    } else {
      const bool leaving = g.fresh && !table_.joined(i);
      g.changes_left = 0;
      for (JoinedSource& s : table_.sources(i)) s.changes_left = 0;
      if (leaving) change_mode(now, i);
    }
  }
  sweep_due_ = table_.size() > 0;
  if (sweep_due_) next_due_ = std::min(next_due_, now);
}

// Rounded down, towards the query: never late, and many timers share a poll.
TimeNs Host::draw(TimeNs now, TimeNs within_ns) {
  const TimeNs due = now + static_cast<TimeNs>(random_.below(static_cast<uint64_t>(within_ns) + 1));
  return std::max(now, due - due % kTickNs);
}

void Host::ask_all(TimeNs now, TimeNs within_ns) {
  // Never at once: a flood of queries with Max Resp Time 0 would be answered one for one, many times its
  // size.
  within_ns = std::max(within_ns, kLeastResponseNs);
  if (version_ == Version::kV3) {
    if (table_.size() > 0) schedule(general_due_, draw(now, within_ns));
    return;
  }
  // RFC 2236, section 3: a running timer is drawn anew only where it would be too late.
  for (GroupDue& due : table_.all_due()) {
    if (due.answer > now + within_ns) due.answer = draw(now, within_ns);
    next_due_ = std::min(next_due_, due.answer);
  }
}

// RFC 3376, section 5.2; versions 1 and 2 know the group only.
void Host::ask_group(TimeNs now, size_t group, const Query& query) {
  const TimeNs within_ns = std::max(query.max_response_ns, kLeastResponseNs);
  GroupDue& due = table_.due(group);
  if (version_ != Version::kV3) {
    counters_.add(HostCounter::kQueries);
    if (due.answer > now + within_ns) due.answer = draw(now, within_ns);
    next_due_ = std::min(next_due_, due.answer);
    return;
  }
  // In EXCLUDE mode the RFC would have the sources of the query remembered and answered. The whole state
  // says as much, and takes no room that a stranger could fill.
  const bool whole = query.sources.empty() || table_.group(group).exclude();
  if (!whole && !mark_asked(group, query.sources)) return counters_.add(HostCounter::kNotJoined);
  counters_.add(HostCounter::kQueries);
  if (whole) forget_asked(group);
  schedule(due.answer, draw(now, within_ns));  // a general answer that comes sooner takes it along
}

// Notes which of the joined sources are asked for; false where none is. An answer that is pending for the
// whole group stays whole.
bool Host::mark_asked(size_t group, Bytes sources) {
  JoinedGroup& g = table_.group(group);
  const bool stays_whole = table_.due(group).answer != kNever && !g.asked_sources;
  bool any = false;
  for (size_t at = 0; at < sources.size(); at += kSourceSize) {
    JoinedSource* const s = table_.find_source(group, load_be32(&sources[at]));
    if (s == nullptr || s->joins == 0) continue;
    any = true;
    s->asked = !stays_whole;
  }
  if (any) g.asked_sources = !stays_whole;
  return any;
}

void Host::receive_report(Ipv4 source, Ipv4 destination, Ipv4 group) {
  // Come back by a loop in the network, or forged: another member it is not.
  if (source == config_.address) return counters_.add(HostCounter::kOwnReports);
  if (destination != group) return counters_.add(HostCounter::kBadDestination);
  const std::optional<size_t> at = version_ == Version::kV3 ? std::nullopt : table_.find(group);
  if (!at || !table_.joined(*at)) return counters_.add(HostCounter::kIgnored);
  JoinedGroup& g = table_.group(*at);
  GroupDue& due = table_.due(*at);
  // RFC 2236, section 3: one report a group is enough. But a join is always reported once.
  const bool repeats = g.changes_left > 0 && !g.fresh;
  if (!repeats && due.answer == kNever) return counters_.add(HostCounter::kIgnored);
  // But every other query is answered: forged reports must not keep a member silent until it is forgotten.
  if (!repeats && std::exchange(g.suppressed, true)) return counters_.add(HostCounter::kIgnored);
  if (repeats) {
    g.changes_left = 0;
    due.change = kNever;
  }
  due.answer = kNever;  // next_due_ may now be early: a poll too many, which finds nothing
  counters_.add(HostCounter::kSuppressed);
}

HostStatus Host::status(TimeNs now) const {
  HostStatus status;
  status.version = version_;
  status.forced = config_.forced.has_value();
  status.groups = table_.size();
  status.robustness = robustness_;
  status.query_interval_ns = query_interval_ns_;
  status.querier = querier_;
  if (queried_at_ != kNever) status.since_query_ns = now - queried_at_;
  status.v1_querier_ns = std::max(TimeNs{0}, v1_querier_until_ - now);
  status.v2_querier_ns = std::max(TimeNs{0}, v2_querier_until_ - now);
  return status;
}

size_t Host::rows(size_t from, std::span<MembershipRow> out) const {
  size_t count = 0;
  for (size_t i = from; i < table_.size() && count < out.size(); ++i) {
    const JoinedGroup& g = table_.group(i);
    const GroupDue& due = table_.due(i);
    MembershipRow& row = out[count++];
    row = {.group = g.address, .exclude = g.exclude(), .changes_left = g.changes_left};
    for (const JoinedSource& s : table_.sources(i)) {
      row.changes_left = std::max(row.changes_left, s.changes_left);
      if (s.joins == 0) continue;
      if (row.source_count < MembershipRow::kSources) row.sources[row.source_count] = s.address;
      ++row.source_count;
    }
    if (due.change != kNever)
      row.pending = table_.joined(i) ? PendingReport::kJoin : PendingReport::kLeave;
    else if (due.answer != kNever || general_due_ != kNever)
      row.pending = PendingReport::kAnswer;
  }
  return count;
}

}  // namespace linecast::igmp
