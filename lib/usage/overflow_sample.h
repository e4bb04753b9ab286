// How many receivers there are beyond those that are accounted one by one: an estimate from a sample.
//
// A receiver is in the sample if a keyed hash of it ends in `level` zero bits, so each with the probability
// 2^-level, and its every JOIN, LEAVE and expiry is followed exactly; the sum of those in it, times 2^level,
// has the truth n as its mean and the standard deviation sqrt(n (2^level - 1)). Up to `capacity` receivers
// the level is 0 and nothing is estimated. Whenever the sample is full the level rises by one and half of it
// goes. When less than 3/8 of the places are taken the level falls by one; until all of the wider sample must
// have reported, the narrower one still counts. So, but while it widens, the relative standard error is at
// most about sqrt(8 / 3 / capacity): 1.3 % with 16,384 places.
//
// Repeated JOINs and LEAVEs change nothing, unlike in an estimate from the rate of JOINs. On a channel an
// address can count for at most `most_per_address` receivers, however many ids it makes up: that is how many
// places its receivers are hashed to. (Honest ones behind one address seldom share a place while they are few
// beside that.) One thread; memory is taken in the constructor, and 40 bytes for each channel.
#pragma once

#include <vector>

#include "lib/usage/session_table.h"

namespace linecast::usage {

class OverflowSample {
 public:
  struct Config {
    size_t capacity = 16'384;
    uint32_t most_per_address = 1024;  // at least 1
    uint64_t seed = 0;                 // secret
  };
  // All estimates but the last.
  struct Channel {
    double joins = 0, leaves = 0, expiries = 0, watched_ms = 0;
    uint32_t counted = 0;  // in the sample and counted
  };

  OverflowSample(const Config& config, TimeNs start)
      : seed_(config.seed),
        most_per_address_(std::max(config.most_per_address, 1u)),
        sessions_(config.capacity, config.seed, start) {}

  // who: as in SessionTable. now: never before that of an earlier call.
  void take(TimeNs now, uint64_t who, const HeardUsage& heard);
  // It is accounted by itself from now on.
  void forget(uint64_t who, const HeardUsage& heard);
  // Lets those go that are due, looking at `budget` at most, and lets the level fall.
  void advance(TimeNs now, size_t budget);

  bool empty() const { return sessions_.open() == 0; }
  // 0 for channels of which nothing was heard.
  double present(uint32_t channel) const;
  double standard_error(uint32_t channel) const;
  Channel totals(uint32_t channel) const;
  int level() const { return counting_level_; }
  size_t memory() const { return sessions_.memory(); }

 private:
  static constexpr int kMostLevel = 40;

  uint64_t folded(uint64_t who, const HeardUsage& heard) const;
  int level_of(uint64_t who, uint32_t channel) const;
  bool counts(const Session& session) const {
    return level_of(session.who, session.channel) >= counting_level_;
  }
  double weight() const { return static_cast<double>(uint64_t{1} << counting_level_); }
  Channel& channel(uint32_t index);
  Session* admit(uint64_t who, const HeardUsage& heard);
  void watched_until(Session& session, TimeNs now);
  void let_go(Session& session);
  void set_levels(int admitting, int counting);

  const uint64_t seed_;
  const uint32_t most_per_address_;
  SessionTable sessions_;
  std::vector<Channel> channels_;  // as far as they were heard of
  int admitting_level_ = 0;        // of those that come into the sample
  int counting_level_ = 0;         // of those that count; above the former while the sample widens
  TimeNs widened_at_ = 0;          // then it is wide
  TimeNs refresh_ns_ = 0;          // of the last report
};

}  // namespace linecast::usage
