#include "lib/usage/overflow_sample.h"

#include <bit>
#include <cmath>

#include "lib/usage/keyed_hash.h"

namespace linecast::usage {

uint64_t OverflowSample::folded(uint64_t who, const HeardUsage& heard) const {
  return uint64_t{heard.source} << 32 | keyed_hash(seed_, who, 1) % most_per_address_;
}

int OverflowSample::level_of(uint64_t who, uint32_t channel) const {
  return std::min(std::countr_zero(keyed_hash(~seed_, who, channel)), kMostLevel);
}

OverflowSample::Channel& OverflowSample::channel(uint32_t index) {
  if (index >= channels_.size()) channels_.resize(index + 1);
  return channels_[index];
}

void OverflowSample::take(TimeNs now, uint64_t who, const HeardUsage& heard) {
  const uint64_t place = folded(who, heard);
  if (level_of(place, heard.channel) < admitting_level_) return;
  refresh_ns_ = heard.refresh_ns();
  Session* session = sessions_.find(place, heard.channel);
  if (session == nullptr && heard.leave) return;
  Channel& totals = channel(heard.channel);
  if (session == nullptr) {
    session = admit(place, heard);
    if (session == nullptr) return;
    session->heard = now;
    session->refresh_s = heard.refresh_s();
    sessions_.schedule(*session);
    if (!counts(*session)) return;
    totals.joins += weight();
    ++totals.counted;
    return;
  }
  watched_until(*session, now);
  if (heard.leave) {
    if (counts(*session)) totals.leaves += weight();
    let_go(*session);
    return;
  }
  const uint16_t former = session->refresh_s;
  session->refresh_s = heard.refresh_s();
  if (session->refresh_s < former) sessions_.schedule(*session);
}

void OverflowSample::forget(uint64_t who, const HeardUsage& heard) {
  Session* const session = sessions_.find(folded(who, heard), heard.channel);
  if (session != nullptr) let_go(*session);
}

// Null where the level has risen above the receiver's.
Session* OverflowSample::admit(uint64_t who, const HeardUsage& heard) {
  Session* session = sessions_.add(who, heard.channel);
  while (session == nullptr && admitting_level_ < kMostLevel) {
    set_levels(admitting_level_ + 1, std::max(counting_level_, admitting_level_ + 1));
    if (level_of(who, heard.channel) < admitting_level_) return nullptr;
    session = sessions_.add(who, heard.channel);
  }
  return session;
}

void OverflowSample::watched_until(Session& session, TimeNs now) {
  if (now <= session.heard) return;
  if (counts(session))
    channel(session.channel).watched_ms +=
        weight() * static_cast<double>(now - session.heard) / static_cast<double>(kNsPerMs);
  session.heard = now;
}

void OverflowSample::let_go(Session& session) {
  if (counts(session)) --channel(session.channel).counted;
  sessions_.remove(session);
}

void OverflowSample::set_levels(int admitting, int counting) {
  admitting_level_ = admitting;
  counting_level_ = counting;
  for (Channel& c : channels_) c.counted = 0;
  for (size_t i = 0; i < sessions_.capacity(); ++i) {
    Session& session = sessions_.at(i);
    if (!session.open) continue;
    if (level_of(session.who, session.channel) < admitting)
      sessions_.remove(session);
    else if (counts(session))
      ++channel(session.channel).counted;
  }
}

void OverflowSample::advance(TimeNs now, size_t budget) {
  while (Session* session = sessions_.take_due(now, budget)) {
    if (counts(*session)) channel(session->channel).expiries += weight();
    let_go(*session);
  }
  if (counting_level_ > admitting_level_) {
    if (now >= widened_at_) set_levels(admitting_level_, admitting_level_);
  } else if (admitting_level_ > 0 && sessions_.open() < sessions_.capacity() / 8 * 3) {
    --admitting_level_;
    widened_at_ = now + kExpiryIntervals * refresh_ns_;
  }
}

double OverflowSample::present(uint32_t channel) const {
  return channel < channels_.size() ? weight() * channels_[channel].counted : 0;
}

double OverflowSample::standard_error(uint32_t channel) const {
  return std::sqrt(present(channel) * (weight() - 1));
}

OverflowSample::Channel OverflowSample::totals(uint32_t channel) const {
  return channel < channels_.size() ? channels_[channel] : Channel();
}

}  // namespace linecast::usage
