// Usage accounting at a million: reports into the table, and records into the journal and the sinks.
// `scripts/bench control` prints it.
#include <benchmark/benchmark.h>

#include <chrono>

#include "lib/usage/deliverer.h"
#include "lib/usage/json_lines_sink.h"
#include "lib/usage/sqlite_sink.h"
#include "lib/usage/usage_table.h"
#include "tests/unit/temporary_directory.h"

namespace linecast::usage {
namespace {

constexpr uint64_t kMillion = 1'000'000;
constexpr size_t kBatch = Deliverer::kBatch;

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

UsageRecord record(uint64_t i) {
  UsageRecord r;
  r.start = 1'700'000'000'000'000'000;
  r.session = i;
  r.part = 1;
  r.channel = ChannelName("channel " + std::to_string(i % 100));
  r.receiver = i * 0x9e3779b97f4a7c15 | 1;
  r.address = 0x0a000000 + static_cast<Ipv4>(i);
  r.reach = Reach::kNative;
  r.end = End::kLeft;
  r.from_ns = static_cast<int64_t>(1'700'000'000'000'000'000 + i * 1'000'003);
  r.to_ns = r.from_ns + 300 * kNsPerSecond;
  r.receivers = 1;
  r.watched_ms = 300'000;
  return r;
}

HeardUsage report(uint64_t i, TimeNs time) {
  return {.time = time,
          .receiver = i * 0x9e3779b97f4a7c15 | 1,
          .channel = static_cast<uint32_t>(i % 100),
          .source = 0x0a000000 + static_cast<Ipv4>(i),
          .reach = Reach::kNative,
          .report_window_s = 100};
}

// A million receivers join, and refresh once.
void table(benchmark::State& state) {
  double seconds = 0, bytes = 0;
  for (auto _ : state) {
    uint64_t records = 0;
    UsageTable usage({.seed = 7, .exact = kMillion}, 0, 0,
                     [&](const UsageRecord&) { return ++records, true; });
    for (int c = 0; c < 100; ++c) usage.add_channel({}, "channel");
    const double begin = now_s();
    for (TimeNs round = 0; round < 2; ++round)
      for (uint64_t i = 0; i < kMillion; ++i)
        usage.take(report(i, (100 * round + 1) * kNsPerSecond + static_cast<TimeNs>(i)));
    seconds = now_s() - begin;
    state.SetIterationTime(seconds);
    if (usage.sessions() != kMillion) state.SkipWithError("not all receivers are in the table");
    bytes = static_cast<double>(usage.memory()) / kMillion;
  }
  state.counters["reports_a_second"] = 2 * kMillion / seconds;
  state.counters["bytes_per_receiver"] = bytes;
}

void append_million(Journal& journal) {
  std::vector<UsageRecord> batch;
  for (uint64_t i = 1; i <= kMillion; ++i) {
    batch.push_back(record(i));
    if (batch.size() < kBatch) continue;
    journal.append(batch);
    batch.clear();
  }
}

void journal(benchmark::State& state) {
  double seconds = 0;
  for (auto _ : state) {
    const TemporaryDirectory directory(".");  // on a disk where the working directory is
    Journal into({.directory = directory.path(), .start_number = 1});
    const double begin = now_s();
    append_million(into);
    seconds = now_s() - begin;
    state.SetIterationTime(seconds);
  }
  state.counters["records_a_second"] = kMillion / seconds;
}

// All of the way from the journal to what is on the disk.
void sink(benchmark::State& state, bool sqlite) {
  double seconds = 0;
  for (auto _ : state) {
    const TemporaryDirectory directory(".");  // on a disk where the working directory is
    Journal from({.directory = directory.path(), .start_number = 1, .sinks = {"sink"}});
    append_million(from);
    std::unique_ptr<Sink> to;
    if (sqlite)
      to = std::make_unique<SqliteSink>(directory.path() + "/usage.sqlite");
    else
      to = std::make_unique<JsonLinesSink>(JsonLinesSink::Config{.path = directory.path() + "/usage.jsonl"});
    Deliverer deliverer(from, 0, "sink", std::move(to));
    const double begin = now_s();
    while (deliverer.step(1) == 1) {
    }
    seconds = now_s() - begin;
    state.SetIterationTime(seconds);
    if (deliverer.status().delivered != kMillion) state.SkipWithError(deliverer.status().last_error.c_str());
  }
  state.counters["records_a_second"] = kMillion / seconds;
}

BENCHMARK(table)->Name("usage/table")->UseManualTime()->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(journal)->Name("usage/journal")->UseManualTime()->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(sink, sqlite, true)
    ->Name("usage/sqlite")
    ->UseManualTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(sink, json, false)
    ->Name("usage/json")
    ->UseManualTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace linecast::usage

BENCHMARK_MAIN();
