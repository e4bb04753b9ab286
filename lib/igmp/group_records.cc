// The RFC's names: in INCLUDE mode A are the sources that are there and B those of the record; in EXCLUDE
// mode X are those that run, Y those that are stopped, and A those of the record.
#include "lib/igmp/group_records.h"

namespace linecast::igmp {
namespace {

bool runs(const HeardSource& s) { return s.until != kStopped; }

template <typename Action>
void for_each_address(Bytes sources, Action action) {
  for (size_t at = 0; at + kSourceSize <= sources.size(); at += kSourceSize) action(load_be32(&sources[at]));
}

class RecordApplier {
 public:
  RecordApplier(HeardGroup& group, Bytes sources, TimeNs now, TimeNs interval_ns)
      : group_(group), named_(sources), full_interval_(now + interval_ns) {
    for (HeardSource& s : group_.sources.all()) s.named = s.query = false;
    for_each_address(named_, [this](Ipv4 address) {
      if (HeardSource* const s = group_.sources.find(address)) s->named = true;
    });
  }

  // IS_IN, ALLOW: (B)=GMI in either mode.
  void allow() {
    for_each_address(named_, [this](Ipv4 address) {
      if (HeardSource* const s = find_or_add(address)) s->until = full_interval_;
    });
  }

  // INCLUDE: Send Q(G,A-B). EXCLUDE: Send Q(G,X-A), Send Q(G).
  void change_to_include() {
    query_if([](const HeardSource& s) { return runs(s) && !s.named; });
    outcome_.query_group = group_.exclude;
    allow();
  }

  // INCLUDE: Send Q(G,A*B). EXCLUDE: (A-X-Y)=Group Timer, Send Q(G,A-Y).
  void block() {
    if (group_.exclude) add_missing(group_.until);
    query_if([](const HeardSource& s) { return runs(s) && s.named; });
  }

  // INCLUDE: EXCLUDE (A*B,B-A), (B-A)=0, Delete (A-B). EXCLUDE: EXCLUDE (A-Y,Y*A), (A-X-Y)=GMI, Delete (X-A),
  // Delete (Y-A). Both: Group Timer=GMI.
  void mode_is_exclude() { exclude_named(group_.exclude ? full_interval_ : kStopped); }

  // As mode_is_exclude(), but in EXCLUDE mode (A-X-Y)=Group Timer; and Send Q(G,A*B) or Q(G,A-Y).
  void change_to_exclude() {
    exclude_named(group_.exclude ? group_.until : kStopped);
    query_if(runs);
  }

  RecordOutcome outcome() const { return outcome_; }

 private:
  HeardSource* find_or_add(Ipv4 address) {
    HeardSource* s = group_.sources.find(address);
    if (s == nullptr) s = group_.sources.add(address);
    if (s == nullptr) {
      ++outcome_.sources_full;
      return nullptr;
    }
    s->named = true;
    return s;
  }

  void add_missing(TimeNs until) {
    for_each_address(named_, [this, until](Ipv4 address) {
      if (group_.sources.find(address) != nullptr) return;
      if (HeardSource* const s = find_or_add(address)) s->until = until;
    });
  }

  void exclude_named(TimeNs until_of_new) {
    group_.sources.erase_if([](const HeardSource& s) { return !s.named; });
    add_missing(until_of_new);
    group_.exclude = true;
    group_.until = full_interval_;
  }

  template <typename Predicate>
  void query_if(Predicate wanted) {
    for (HeardSource& s : group_.sources.all()) {
      s.query = wanted(s);
      outcome_.query_sources |= s.query;
    }
  }

  HeardGroup& group_;
  Bytes named_;
  TimeNs full_interval_;
  RecordOutcome outcome_;
};

}  // namespace

RecordOutcome apply_record(HeardGroup& group, RecordType type, Bytes sources, TimeNs now,
                           TimeNs membership_interval_ns) {
  RecordApplier record(group, sources, now, membership_interval_ns);
  switch (type) {
    case RecordType::kModeIsInclude:
    case RecordType::kAllowNewSources:
      record.allow();
      break;
    case RecordType::kModeIsExclude:
      record.mode_is_exclude();
      break;
    case RecordType::kChangeToInclude:
      record.change_to_include();
      break;
    case RecordType::kChangeToExclude:
      record.change_to_exclude();
      break;
    case RecordType::kBlockOldSources:
      record.block();
      break;
  }
  return record.outcome();
}

}  // namespace linecast::igmp
