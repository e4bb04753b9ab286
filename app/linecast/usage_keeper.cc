#include "app/linecast/usage_keeper.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/usage/json_lines_sink.h"
#include "lib/usage/sqlite_sink.h"

namespace linecast::app {
namespace {

constexpr uint32_t kNoChannel = UINT32_MAX;

int64_t wall_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

usage::UsageStore::Config store_config(const lineup::Usage& config, uint64_t start_number) {
  if (::mkdir(config.directory.c_str(), 0700) != 0 && errno != EEXIST) {
    const int why = errno;
    throw Error(fmt::format("{}: usage's directory cannot be made: {}{}", config.directory,
                            std::strerror(why), advice_to_write(why, config.directory)));
  }
  usage::UsageStore::Config store;
  store.journal.directory = config.directory;
  store.journal.most_bytes = uint64_t{config.journal_mib} << 20;
  store.journal.start_number = start_number;
  return store;
}

std::vector<usage::NamedSink> make_sinks(const lineup::Usage& config) {
  std::vector<usage::NamedSink> sinks;
  if (!config.json_file.empty())
    sinks.push_back({"json", std::make_unique<usage::JsonLinesSink>(usage::JsonLinesSink::Config{
                                 .path = config.json_file,
                                 .most_bytes = uint64_t{config.json_rotate_mib} << 20,
                                 .files = config.json_files})});
  if (!config.sqlite_file.empty())
    sinks.push_back({"sqlite", std::make_unique<usage::SqliteSink>(config.sqlite_file)});
  return sinks;
}

usage::UsageConfig table_config(const lineup::Usage& config, uint64_t start_number, uint64_t seed) {
  usage::UsageConfig table;
  table.start_number = start_number;
  table.seed = seed;
  table.exact = config.exact;
  table.most_per_address = config.per_address;
  table.part_ns = config.part_s * kNsPerSecond;
  return table;
}

}  // namespace

UsageKeeper::UsageKeeper(const lineup::Usage& config, uint64_t start_number, uint64_t seed,
                         usage::Clock clock)
    : clock_(std::move(clock)),
      store_(store_config(config, start_number), make_sinks(config), clock_),
      table_(table_config(config, start_number, seed), clock_(), wall_ns(),
             [this](const usage::UsageRecord& record) { return store_.push(record); }),
      repeaters_(config.repeaters) {
  for (const std::string& note : store_.notes()) fmt::print(stderr, "linecast: usage: {}\n", note);
}

void UsageKeeper::open(size_t slot, const crypto::ChannelId& id, std::string_view name) {
  const auto [at, fresh] = by_id_.try_emplace(id, static_cast<uint32_t>(accounts_.size()));
  const uint32_t channel = at->second;
  if (fresh) {
    table_.add_channel(id, name);
    accounts_.push_back({.id = id});
  } else {
    table_.reopen_channel(channel, name);
  }
  if (slot >= channel_of_.size()) channel_of_.resize(slot + 1, kNoChannel);
  if (channel_of_[slot] == channel) return;
  close(slot);
  channel_of_[slot] = channel;
  ++accounts_[channel].slots;
}

void UsageKeeper::close(size_t slot) {
  if (slot >= channel_of_.size() || channel_of_[slot] == kNoChannel) return;
  const uint32_t channel = std::exchange(channel_of_[slot], kNoChannel);
  if (--accounts_[channel].slots == 0) table_.close_channel(channel);
}

void UsageKeeper::take(usage::HeardUsage heard) {
  heard.channel = heard.channel < channel_of_.size() ? channel_of_[heard.channel] : kNoChannel;
  heard.repeater = is_repeater(heard.source);
  table_.take(heard);
}

bool UsageKeeper::is_repeater(Ipv4 address) const {
  return std::ranges::any_of(repeaters_, [=](const lineup::Prefix& of) { return of.contains(address); });
}

uint64_t UsageKeeper::present(size_t slot) const {
  const uint32_t channel = slot < channel_of_.size() ? channel_of_[slot] : kNoChannel;
  return channel == kNoChannel ? 0 : table_.present(channel);
}

void UsageKeeper::tick() {
  const TimeNs now = clock_();
  table_.advance(now, wall_ns());
  if (now < next_watch_) return;
  next_watch_ = now + kWatchNs;
  const usage::StoreStatus status = store_.status();
  watch("journal", status.failing_since != kNever, status.last_error);
  for (const usage::SinkStatus& sink : status.sinks)
    watch(sink.name, sink.failing_since != kNever, sink.last_error);
}

void UsageKeeper::watch(const std::string& name, bool failing, const std::string& error) {
  if (failing && failing_.insert(name).second)
    fmt::print(stderr, "linecast: usage records wait, as {} fails: {}\n", name, error);
  else if (!failing && failing_.erase(name) > 0)
    fmt::print(stderr, "linecast: usage records are written again to {}\n", name);
}

void UsageKeeper::stop() {
  if (std::exchange(stopped_, true)) return;
  const TimeNs until = clock_() + kStopNs;
  bool ended = table_.stop();
  for (; !ended && clock_() < until; ended = table_.stop())
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // the writer empties the queue
  const size_t lost = store_.stop() + (ended ? 0 : table_.sessions());
  if (lost > 0)
    fmt::print(stderr, "linecast: {} usage records could not be written, and are lost: {}\n", lost,
               store_.status().last_error);
}

}  // namespace linecast::app
