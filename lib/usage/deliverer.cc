#include "lib/usage/deliverer.h"

#include <exception>

namespace linecast::usage {

Deliverer::Deliverer(Journal& journal, size_t index, std::string name, std::unique_ptr<Sink> sink)
    : journal_(journal), index_(index), sink_(std::move(sink)), reader_(journal) {
  status_.name = std::move(name);
}

TimeNs Deliverer::step(TimeNs now) {
  try {
    reader_.read(journal_.cursor(index_), kBatch, batch_);
    if (batch_.empty()) return now + kIdleNs;
    sink_->deliver(batch_);
    journal_.delivered(index_, batch_.back().number + 1);
  } catch (const std::exception& error) {
    return failed(now, error.what());
  }
  back_off_ = kFirstBackOffNs;
  const std::lock_guard hold(mutex_);
  status_.delivered += batch_.size();
  status_.failing_since = kNever;
  return now;
}

TimeNs Deliverer::failed(TimeNs now, std::string what) {
  const std::lock_guard hold(mutex_);
  ++status_.failures;
  if (status_.failing_since == kNever) status_.failing_since = now;
  status_.last_error = std::move(what);
  status_.next_attempt = now + back_off_;
  back_off_ = std::min(2 * back_off_, kLongestBackOffNs);
  return status_.next_attempt;
}

SinkStatus Deliverer::status() const {
  const uint64_t waiting = journal_.waiting(index_);
  const std::lock_guard hold(mutex_);
  SinkStatus status = status_;
  status.waiting = waiting;
  return status;
}

}  // namespace linecast::usage
