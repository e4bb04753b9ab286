// What a querier hears; what it says is in querier_queries.cc.
#include "lib/igmp/querier.h"

#include <algorithm>
#include <string>
#include <utility>

#include "lib/base/error.h"

namespace linecast::igmp {
namespace {

constexpr TimeNs kLeastResponseNs = 100 * kNsPerMs;  // what a code can say

void check_config(const QuerierConfig& config) {
  const auto refuse = [](const std::string& what) { throw Error("IGMP querier: " + what); };
  const TimeNs most_response = config.version == Version::kV3 ? kMostV3ResponseNs : kMostV2ResponseNs;
  const auto in_range = [](TimeNs value, TimeNs least, TimeNs most) {
    return value >= least && value <= most;
  };
  if (config.mtu < kMinMtu)
    refuse("an MTU of " + std::to_string(config.mtu) + " bytes; IPv4 needs " + std::to_string(kMinMtu));
  if (config.version == Version::kV1) refuse("it speaks versions 2 and 3");
  if (config.robustness < 1 || config.robustness > kMaxRobustness) refuse("the robustness must be 1 to 7");
  if (!in_range(config.query_interval_ns, kNsPerSecond, kMostQueryIntervalNs))
    refuse("the query interval must be 1 to 31744 s");
  if (!in_range(config.query_response_interval_ns, kLeastResponseNs,
                std::min(most_response, config.query_interval_ns)))
    refuse("the query response interval must be 0.1 s up to the query interval (in version 2 up to 25.5 s)");
  if (!in_range(config.last_member_query_interval_ns, kLeastResponseNs, most_response))
    refuse("the last member query interval must be at least 0.1 s (in version 2 at most 25.5 s)");
  if (config.max_sources_a_group > Querier::kMaxSourcesAGroup)
    refuse("at most " + std::to_string(Querier::kMaxSourcesAGroup) + " sources a group");
}

}  // namespace

Querier::Querier(const QuerierConfig& config, Send send)
    : config_((check_config(config), config)),
      send_(std::move(send)),
      table_(config.max_groups, config.max_sources_a_group),
      robustness_(config.robustness),
      query_interval_ns_(config.query_interval_ns),
      frame_(net::kEthernetSize + config.mtu) {}

// RFC 3376, section 8.4; section 8.13 has the same for older hosts.
TimeNs Querier::membership_interval() const {
  return robustness_ * query_interval_ns_ + config_.query_response_interval_ns;
}

// RFC 3376, section 8.10. The Last Member Query Count is the robustness.
TimeNs Querier::last_member_query_time() const { return robustness_ * config_.last_member_query_interval_ns; }

void Querier::link_up(TimeNs now) {
  is_querier_ = true;
  other_querier_until_ = kNever;
  robustness_ = config_.robustness;
  query_interval_ns_ = config_.query_interval_ns;
  startup_left_ = robustness_;
  general_due_ = now;
  next_due_ = std::min(next_due_, now);
}

void Querier::receive(TimeNs now, Ipv4 source, Ipv4 destination, uint8_t ttl, Bytes message) {
  if (message.empty()) return counters_.add(QuerierCounter::kBadLength);
  const auto type = static_cast<MessageType>(message[0]);
  if (type != MessageType::kQuery && type != MessageType::kV1Report && type != MessageType::kV2Report &&
      type != MessageType::kV3Report && type != MessageType::kLeave)
    return counters_.add(QuerierCounter::kIgnored);
  if (const MessageFault fault = check_message(ttl, message); fault != MessageFault::kNone)
    return counters_.add(counter_of<QuerierCounter>(fault));
  if (type == MessageType::kQuery)
    receive_query(now, source, destination, message);
  else if (type == MessageType::kV3Report)
    receive_v3_report(now, source, destination, message);
  else
    receive_older(now, source, destination, type, load_be32(&message[4]));
}

void Querier::receive_query(TimeNs now, Ipv4 source, Ipv4 destination, Bytes message) {
  if (source == config_.address) return counters_.add(QuerierCounter::kOwnMessages);
  Query query;
  if (const MessageFault fault = take_query(message, destination, config_.address, query);
      fault != MessageFault::kNone)
    return counters_.add(counter_of<QuerierCounter>(fault));
  counters_.add(QuerierCounter::kQueriesHeard);
  elect(now, source, query);
  if (!is_querier_ && source == other_querier_) lower_timers(now, query);
}

// RFC 3376, section 6.6.2: the lowest address is the querier. What it says of its robustness and interval
// holds for those that wait (sections 4.1.6 and 4.1.7).
void Querier::elect(TimeNs now, Ipv4 source, const Query& query) {
  if (source == 0 || source > config_.address) return;
  if (!same_subnet(source, config_.address, config_.prefix_length))
    return counters_.add(QuerierCounter::kOffLink);
  if (std::exchange(is_querier_, false)) counters_.add(QuerierCounter::kElectionsLost);
  other_querier_ = source;
  general_due_ = kNever;
  if (query.version == Version::kV3) {
    robustness_ = query.robustness == 0 ? config_.robustness : query.robustness;
    query_interval_ns_ = query.query_interval_ns == 0 ? config_.query_interval_ns : query.query_interval_ns;
    query_interval_ns_ =
        std::min(query_interval_ns_, std::max(kMaxLearntNs / robustness_, config_.query_interval_ns));
  }
  // Section 8.5.
  other_querier_until_ = now + robustness_ * query_interval_ns_ + config_.query_response_interval_ns / 2;
  next_due_ = std::min(next_due_, other_querier_until_);
}

// RFC 3376, section 6.6.1, and RFC 2236, section 3: others' specific queries, which their sender lets run out
// as soon as this.
void Querier::lower_timers(TimeNs now, const Query& query) {
  if (query.group == 0 || query.suppress) return;
  const std::optional<size_t> at = table_.find(query.group);
  if (!at) return;
  HeardGroup& group = table_.group(*at);
  group.expire(now);
  const TimeNs until =
      now + (query.version == Version::kV3 ? last_member_query_time() : robustness_ * query.max_response_ns);
  if (query.sources.empty() && group.exclude) group.until = std::min(group.until, until);
  for (size_t i = 0; i < query.sources.size(); i += kSourceSize)
    if (HeardSource* const s = group.sources.find(load_be32(&query.sources[i])))
      s->until = std::min(s->until, until);  // kStopped stays
  update_due(*at);
}

void Querier::receive_older(TimeNs now, Ipv4 source, Ipv4 destination, MessageType type, Ipv4 group) {
  const bool is_leave = type == MessageType::kLeave;
  // Early hosts of version 2 send leaves to the group.
  if (destination != group && !(is_leave && destination == kAllRouters))
    return counters_.add(QuerierCounter::kBadDestination);
  counters_.add(is_leave ? QuerierCounter::kLeaves : QuerierCounter::kReports);
  const Version version = type == MessageType::kV1Report ? Version::kV1 : Version::kV2;
  // RFC 3376, section 7.3.2.
  const GroupRecord record{.type = is_leave ? RecordType::kChangeToInclude : RecordType::kModeIsExclude,
                           .group = group};
  if (allows(now, record)) apply(now, source, version, record);
}

void Querier::receive_v3_report(TimeNs now, Ipv4 source, Ipv4 destination, Bytes message) {
  if (destination != kAllV3Routers) return counters_.add(QuerierCounter::kBadDestination);
  if (config_.version != Version::kV3) return counters_.add(QuerierCounter::kWrongVersion);
  RecordReader check(message);
  while (check.next()) {
  }
  if (!check.whole()) return counters_.add(QuerierCounter::kBadRecords);
  counters_.add(QuerierCounter::kReports);
  RecordReader records(message);
  while (const std::optional<GroupRecord> record = records.next()) {
    if (!allows(now, *record)) return;
    apply(now, source, Version::kV3, *record);
  }
}

// Whether there is time for one record more; counts where there is none.
bool Querier::allows(TimeNs now, const GroupRecord& record) {
  const std::optional<size_t> at = table_.find(record.group);
  const size_t sources = record.sources.size() / kSourceSize + (at ? table_.group(*at).sources.size() : 0);
  if (records_.take(now, 1 + sources / kSourcesARecord)) return true;
  counters_.add(QuerierCounter::kRecordsLimited);
  return false;
}

// version: of the message that the record is from.
void Querier::apply(TimeNs now, Ipv4 source, Version version, GroupRecord record) {
  const RecordType type = record.type;
  if (type < RecordType::kModeIsInclude || type > RecordType::kBlockOldSources)
    return counters_.add(QuerierCounter::kRecordType);
  if (!is_multicast(record.group)) return counters_.add(QuerierCounter::kBadGroup);
  if (is_link_local_group(record.group)) return counters_.add(QuerierCounter::kLinkLocal);
  const bool excludes = type == RecordType::kModeIsExclude || type == RecordType::kChangeToExclude;
  // RFC 4604, section 2.2.
  if (is_ssm(record.group) && (excludes || version != Version::kV3))
    return counters_.add(QuerierCounter::kSsmMode);

  std::optional<size_t> at = table_.find(record.group);
  const bool brings_members = excludes || (!record.sources.empty() && type != RecordType::kBlockOldSources);
  if (!at && !brings_members) return;
  if (!at) at = table_.insert(record.group);
  if (!at && sweep_due_) {
    table_.sweep();
    at = table_.insert(record.group);
  }
  if (!at) return counters_.add(QuerierCounter::kGroupsFull);
  HeardGroup& group = table_.group(*at);
  group.expire(now);

  // RFC 3376, section 7.3.2: beside hosts that cannot answer for single sources, or cannot leave.
  const bool v1_host = group.v1_host_until > now;
  const bool v2_host = group.v2_host_until > now;
  if ((type == RecordType::kBlockOldSources && (v1_host || v2_host)) ||
      (type == RecordType::kChangeToInclude && v1_host))
    return counters_.add(QuerierCounter::kOlderHosts);
  if (type == RecordType::kChangeToExclude && (v1_host || v2_host)) record.sources = {};
  if (type == RecordType::kModeIsExclude && version == Version::kV1)
    group.v1_host_until = now + membership_interval();
  if (type == RecordType::kModeIsExclude && version == Version::kV2)
    group.v2_host_until = now + membership_interval();

  group.last_reporter = source;
  const RecordOutcome outcome = apply_record(group, type, record.sources, now, membership_interval());
  if (outcome.sources_full > 0) counters_.add(QuerierCounter::kSourcesFull, outcome.sources_full);
  if (is_querier_) schedule_queries(now, group, outcome);
  update_due(*at);
}

// RFC 3376, sections 6.6.3.1 and 6.6.3.2. A series that runs already is not begun again, so that a flood of
// leaves draws no flood of queries.
void Querier::schedule_queries(TimeNs now, HeardGroup& group, const RecordOutcome& outcome) {
  const TimeNs until = now + last_member_query_time();
  if (!outcome.query_group && !outcome.query_sources) return;
  if (!specific_.take(now, 1)) return counters_.add(QuerierCounter::kSpecificLimited);
  if (outcome.query_group && (group.until > until || group.queries_left == 0)) {
    group.queries_left = robustness_;
    group.until = std::min(group.until, until);
    group.query_due = now;
  }
  if (!outcome.query_sources) return;
  for (HeardSource& s : group.sources.all()) {
    if (!s.query || s.until <= until) continue;
    s.queries_left = robustness_;
    s.until = until;
    group.query_due = now;
  }
}

// After whatever has changed the group's timers.
void Querier::update_due(size_t i) {
  const HeardGroup& group = table_.group(i);
  TimeNs expiry = group.exclude ? group.until : kNever;
  for (const HeardSource& s : group.sources.all())
    if (s.until != kStopped) expiry = std::min(expiry, s.until);
  if (expiry != kNever) expiry = (expiry + kTickNs - 1) / kTickNs * kTickNs;
  TimeNs due = std::min(expiry, group.query_due);
  if (group.empty()) {
    sweep_due_ = true;
    due = kStopped;  // at the next poll
  }
  table_.set_due(i, due);
  next_due_ = std::min(next_due_, due);
}

QuerierStatus Querier::status(TimeNs now) const {
  QuerierStatus status;
  status.is_querier = is_querier_;
  status.querier = is_querier_ ? config_.address : other_querier_;
  status.version = config_.version;
  status.robustness = robustness_;
  status.query_interval_ns = query_interval_ns_;
  if (general_due_ != kNever) status.next_query_ns = std::max(TimeNs{0}, general_due_ - now);
  if (!is_querier_) status.other_querier_ns = std::max(TimeNs{0}, other_querier_until_ - now);
  status.groups = table_.size();
  return status;
}

size_t Querier::rows(TimeNs now, size_t from, std::span<HeardGroupRow> out) const {
  const auto left = [now](TimeNs until) { return until == kStopped ? 0 : std::max(TimeNs{0}, until - now); };
  size_t count = 0;
  for (size_t i = from; i < table_.size() && count < out.size(); ++i) {
    const HeardGroup& group = table_.group(i);
    HeardGroupRow& row = out[count++];
    row = {.group = group.address,
           .exclude = group.exclude,
           .left_ns = left(group.until),
           .last_reporter = group.last_reporter,
           .source_count = static_cast<uint16_t>(group.sources.size())};
    if (group.v2_host_until > now || config_.version == Version::kV2) row.compatibility = Version::kV2;
    if (group.v1_host_until > now) row.compatibility = Version::kV1;
    for (size_t s = 0; s < std::min(group.sources.size(), HeardGroupRow::kSources); ++s)
      row.sources[s] = {group.sources.all()[s].address, left(group.sources.all()[s].until)};
  }
  return count;
}

}  // namespace linecast::igmp
