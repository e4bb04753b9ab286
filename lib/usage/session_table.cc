#include "lib/usage/session_table.h"

#include <bit>

#include "lib/usage/keyed_hash.h"

namespace linecast::usage {

SessionTable::SessionTable(size_t capacity, uint64_t seed, TimeNs start)
    : seed_(seed),
      sessions_(std::max<size_t>(capacity, 1)),
      links_(sessions_.size() + kSlots + 1),
      heads_(std::bit_ceil(sessions_.size()), kNone),
      second_(start / kNsPerSecond) {
  for (uint32_t i = 0; i < links_.size(); ++i) links_[i] = {i, i};
  for (uint32_t i = 0; i < sessions_.size(); ++i) sessions_[i].chain = i + 1;
  sessions_.back().chain = kNone;
}

uint32_t& SessionTable::head_of(uint64_t who, uint32_t channel) {
  return heads_[keyed_hash(seed_, who, channel) & (heads_.size() - 1)];
}

Session* SessionTable::find(uint64_t who, uint32_t channel) {
  for (uint32_t i = head_of(who, channel); i != kNone; i = sessions_[i].chain)
    if (sessions_[i].who == who && sessions_[i].channel == channel) return &sessions_[i];
  return nullptr;
}

Session* SessionTable::add(uint64_t who, uint32_t channel) {
  if (free_ == kNone) {
    Session* const oldest = longest_gone();
    if (oldest == nullptr) return nullptr;
    remove(*oldest);
  }
  const uint32_t i = free_;
  free_ = sessions_[i].chain;
  uint32_t& head = head_of(who, channel);
  sessions_[i] = {.who = who, .channel = channel, .chain = head, .open = true};
  head = i;
  ++open_;
  return &sessions_[i];
}

void SessionTable::remove(Session& session) {
  const uint32_t i = index_of(session);
  uint32_t* at = &head_of(session.who, session.channel);
  while (*at != i) at = &sessions_[*at].chain;
  *at = session.chain;
  unlink(i);
  if (session.open) --open_;
  session = {.chain = free_};
  free_ = i;
}

void SessionTable::schedule(Session& session) {
  const int64_t due = (session.due() + kNsPerSecond - 1) / kNsPerSecond;
  const uint32_t i = index_of(session);
  unlink(i);
  link(i, slot_head(std::clamp(due, second_, second_ + kSlots - 1)));
}

Session* SessionTable::take_due(TimeNs now, size_t& budget) {
  const int64_t last = now / kNsPerSecond;
  for (;; ++second_) {
    if (second_ > last) {
      second_ = last;
      return nullptr;
    }
    const uint32_t head = slot_head(second_);
    while (links_[head].next != head) {
      if (budget == 0) return nullptr;
      --budget;
      Session& session = sessions_[links_[head].next];
      unlink(links_[head].next);
      if (session.due() <= now) return &session;
      const int64_t due = (session.due() + kNsPerSecond - 1) / kNsPerSecond;
      link(index_of(session), slot_head(std::min(due, second_ + kSlots - 1)));
    }
    if (second_ == last) return nullptr;
  }
}

void SessionTable::retire(Session& session) {
  const uint32_t i = index_of(session);
  session.open = false;
  --open_;
  unlink(i);
  link(i, gone_head());
}

void SessionTable::reopen(Session& session) {
  unlink(index_of(session));
  session.open = true;
  ++open_;
}

Session* SessionTable::longest_gone() {
  const uint32_t first = links_[gone_head()].next;
  return first == gone_head() ? nullptr : &sessions_[first];
}

uint32_t SessionTable::slot_head(int64_t second) const {
  return static_cast<uint32_t>(sessions_.size() + static_cast<uint64_t>(second) % kSlots);
}

void SessionTable::link(uint32_t index, uint32_t head) {
  const uint32_t last = links_[head].previous;
  links_[index] = {head, last};
  links_[last].next = index;
  links_[head].previous = index;
}

void SessionTable::unlink(uint32_t index) {
  links_[links_[index].previous].next = links_[index].next;
  links_[links_[index].next].previous = links_[index].previous;
  links_[index] = {index, index};
}

size_t SessionTable::memory() const {
  return sessions_.size() * sizeof(Session) + links_.size() * sizeof(Links) +
         heads_.size() * sizeof(uint32_t);
}

}  // namespace linecast::usage
