#include "lib/usage/usage_store.h"

#include "lib/base/error.h"

namespace linecast::usage {
namespace {

JournalConfig with_sinks(JournalConfig config, const std::vector<NamedSink>& sinks) {
  config.sinks.clear();
  for (const NamedSink& sink : sinks) config.sinks.push_back(sink.name);
  return config;
}

}  // namespace

UsageStore::UsageStore(Config config, std::vector<NamedSink> sinks, Clock clock)
    : clock_(std::move(clock)), queue_(config.queue), journal_(with_sinks(std::move(config.journal), sinks)) {
  batch_.reserve(kBatch);
  for (size_t i = 0; i < sinks.size(); ++i)
    deliverers_.push_back(
        std::make_unique<Deliverer>(journal_, i, std::move(sinks[i].name), std::move(sinks[i].sink)));
  for (const auto& deliverer : deliverers_)
    sink_threads_.push_back(
        std::make_unique<Worker>(clock_, [d = deliverer.get()](TimeNs now) { return d->step(now); }));
  writer_ = std::make_unique<Worker>(clock_, [this](TimeNs now) { return write(now); });
}

TimeNs UsageStore::write(TimeNs now) {
  UsageRecord record;
  while (batch_.size() < kBatch && queue_.pop(record)) batch_.push_back(record);
  if (batch_.empty()) return now + kCommitNs;
  try {
    journal_.append(batch_);
  } catch (const Error& error) {
    const std::lock_guard hold(mutex_);
    last_error_ = error.what();
    if (failing_since_ == kNever) failing_since_ = now;
    return now + kRetryNs;
  }
  const bool more = batch_.size() == kBatch;
  const std::lock_guard hold(mutex_);
  acknowledged_ += batch_.size();
  failing_since_ = kNever;
  batch_.clear();
  return more ? now : now + kCommitNs;
}

size_t UsageStore::stop() {
  if (stopped_) return 0;
  stopped_ = true;
  writer_->stop();
  for (TimeNs now = clock_(); write(now) == now; now = clock_()) {
  }
  size_t lost = batch_.size();
  for (UsageRecord record; queue_.pop(record);) ++lost;
  for (const auto& thread : sink_threads_) thread->stop();
  for (const auto& deliverer : deliverers_) {
    for (int i = 0; i < kLastBatches; ++i) {
      const TimeNs now = clock_();
      if (deliverer->step(now) != now) break;
    }
  }
  return lost;
}

StoreStatus UsageStore::status() const {
  StoreStatus status;
  status.journal_bytes = journal_.bytes();
  status.journal_most_bytes = journal_.most_bytes();
  for (const auto& deliverer : deliverers_) status.sinks.push_back(deliverer->status());
  const std::lock_guard hold(mutex_);
  status.acknowledged = acknowledged_;
  status.failing_since = failing_since_;
  status.last_error = last_error_;
  return status;
}

}  // namespace linecast::usage
