// What a querier says: general queries by its own time, specific ones where members leave.
#include <algorithm>
#include <utility>

#include "lib/igmp/querier.h"

namespace linecast::igmp {
namespace {

constexpr size_t kSmallestFrameSources = (kMinMtu - kIpHeaderSize - kV3QuerySize) / kSourceSize;

}  // namespace

// Q(G), and Q(G,S) with and without the S bit, each with a frame that is not full.
size_t Querier::most_frames_of(const HeardGroup& group) const {
  return 3 + group.sources.size() / kSmallestFrameSources;
}
static_assert(1 + 3 + Querier::kMaxSourcesAGroup / kSmallestFrameSources <= Querier::kMaxFramesAPoll,
              "a group that never fits a poll would never be asked for");

void Querier::poll(TimeNs now) {
  if (now < next_due_) return;
  if (other_querier_until_ <= now) {
    link_up(now);
    startup_left_ = 0;  // the members have been asked all along
    counters_.add(QuerierCounter::kElectionsWon);
  }
  frames_sent_ = 0;
  if (general_due_ <= now) send_general(now);
  TimeNs next = std::min(general_due_, other_querier_until_);
  size_t groups = 0;
  for (size_t i = 0; i < table_.size(); ++i) {
    if (table_.due(i) <= now && groups < kMaxGroupsAPoll) {
      HeardGroup& group = table_.group(i);
      if (frames_sent_ + most_frames_of(group) <= kMaxFramesAPoll) {
        ++groups;
        group.expire(now);
        if (group.query_due <= now) send_specific(now, group);
        update_due(i);
      }
    }
    if (!table_.group(i).empty()) next = std::min(next, table_.due(i));
  }
  if (std::exchange(sweep_due_, false)) table_.sweep();
  next_due_ = std::max(now, next);
}

void Querier::send_general(TimeNs now) {
  if (startup_left_ > 0) --startup_left_;
  general_due_ = now + (startup_left_ > 0 ? query_interval_ns_ / 4 : query_interval_ns_);
  send_query({.max_response_ns = config_.query_response_interval_ns}, kAllHosts,
             QuerierCounter::kGeneralSent);
}

// RFC 3376, sections 6.6.3.1 and 6.6.3.2.
void Querier::send_specific(TimeNs now, HeardGroup& group) {
  group.query_due = kNever;
  if (!is_querier_) {  // any more: the other asks
    group.queries_left = 0;
    for (HeardSource& s : group.sources.all()) s.queries_left = 0;
    return;
  }
  bool more = false;
  if (group.queries_left > 0) {
    more = --group.queries_left > 0;
    send_query({.group = group.address,
                .max_response_ns = config_.last_member_query_interval_ns,
                .suppress = group.until > now + last_member_query_time()},
               group.address, QuerierCounter::kSpecificSent);
  }
  send_source_queries(now, group, true);
  send_source_queries(now, group, false);
  for (HeardSource& s : group.sources.all()) {
    if (s.queries_left > 0) --s.queries_left;
    more |= s.queries_left > 0;
  }
  if (more) group.query_due = now + config_.last_member_query_interval_ns;
}

// About those sources whose members have answered since (suppress), or about those that nobody has answered
// for.
void Querier::send_source_queries(TimeNs now, HeardGroup& group, bool suppress) {
  const size_t most = std::min(kMaxSourcesAGroup, (config_.mtu - kIpHeaderSize - kV3QuerySize) / kSourceSize);
  size_t count = 0;
  const auto send = [&] {
    if (count == 0) return;
    send_query({.group = group.address,
                .max_response_ns = config_.last_member_query_interval_ns,
                .suppress = suppress,
                .sources = Bytes(source_list_).first(count * kSourceSize)},
               group.address, QuerierCounter::kSpecificSent);
    count = 0;
  };
  const TimeNs lowered = now + last_member_query_time();
  for (const HeardSource& s : group.sources.all()) {
    if (s.queries_left == 0 || s.until == kStopped || (s.until > lowered) != suppress) continue;
    store_be32(&source_list_[kSourceSize * count++], s.address);
    if (count == most) send();
  }
  send();
}

void Querier::send_query(const Query& query, Ipv4 destination, QuerierCounter counter) {
  Query whole = query;
  whole.version = config_.version;
  whole.robustness = robustness_;
  whole.query_interval_ns = query_interval_ns_;
  const size_t size = encode_query(whole, MutableBytes(frame_).subspan(net::kEthernetSize + kIpHeaderSize));
  send_(finish_frame(frame_, size, config_.mac, config_.address, destination));
  counters_.add(counter);
  ++frames_sent_;
}

}  // namespace linecast::igmp
