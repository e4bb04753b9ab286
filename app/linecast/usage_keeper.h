// Who watches what: from the JOINs and LEAVEs that lanes heard to records on the disk. Control lcore only,
// which it never makes wait but in stop(); journal and sinks are written by threads of their own, which run
// where the control lcore does, and so on no lane's core.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lib/crypto/derive.h"
#include "lib/lineup/lineup.h"
#include "lib/usage/usage_store.h"
#include "lib/usage/usage_table.h"

namespace linecast::app {

class UsageKeeper {
 public:
  // Makes the directory where it is missing. clock: the lanes', of any thread; start_number: above all former
  // ones; seed: random and secret. Throws Error where the journal can't be used.
  UsageKeeper(const lineup::Usage& config, uint64_t start_number, uint64_t seed, usage::Clock clock);
  ~UsageKeeper() { stop(); }

  // What is heard of the slot is of this channel from now on. One that was here before, which its id tells,
  // goes on with its account; for its receivers also if it was away for less than three refresh intervals.
  void open(size_t slot, const crypto::ChannelId& id, std::string_view name);
  // Nothing more is heard of the slot.
  void close(size_t slot);
  // From now on: what is heard from these addresses is of repeaters, and believed for all behind them.
  void set_repeaters(std::vector<lineup::Prefix> repeaters) { repeaters_ = std::move(repeaters); }

  // As a lane heard it: the channel is the slot.
  void take(usage::HeardUsage heard);
  // About ten times a second. Says on standard error when journal or a sink fails, and when it works again.
  void tick();
  // After the last take(): ends all visits and has their records written. Takes kStopNs and what journal and
  // sinks take at most, and says what is lost.
  void stop();

  // Receivers of the slot's channel, those behind repeaters included; 0 where it has none.
  uint64_t present(size_t slot) const;
  const usage::UsageTable& table() const { return table_; }
  bool is_open(uint32_t channel) const { return accounts_[channel].slots > 0; }
  const crypto::ChannelId& id(uint32_t channel) const { return accounts_[channel].id; }
  usage::StoreStatus store() const { return store_.status(); }

 private:
  static constexpr TimeNs kStopNs = 5 * kNsPerSecond;
  static constexpr TimeNs kWatchNs = kNsPerSecond;

  // By the table's channel.
  struct Account {
    crypto::ChannelId id{};
    size_t slots = 0;  // a channel that begins anew has two for a while
  };

  bool is_repeater(Ipv4 address) const;
  void watch(const std::string& name, bool failing, const std::string& error);

  const usage::Clock clock_;
  usage::UsageStore store_;
  usage::UsageTable table_;
  std::vector<lineup::Prefix> repeaters_;
  std::vector<Account> accounts_;
  std::map<crypto::ChannelId, uint32_t> by_id_;
  std::vector<uint32_t> channel_of_;  // by slot
  std::set<std::string> failing_;     // what was said to fail
  TimeNs next_watch_ = 0;
  bool stopped_ = false;
};

}  // namespace linecast::app
