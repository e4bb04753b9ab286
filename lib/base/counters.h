// Counters made from one list: a list macro `L(_)` of `_(kName, "name_in_metrics", "what a person reads")`
// yields the enum, the array, the metric names and the texts.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace linecast {

struct CounterText {
  std::string_view name;  // snake_case, as in metrics and JSON
  std::string_view help;  // one line for a person
};

// LINECAST_COUNTER_LIST(Fault, FAULT_LIST) declares `enum class Fault`, `kFaultCount` and `kFaultTexts`.
#define LINECAST_COUNTER_ENUM_ROW(id, name, help) id,
#define LINECAST_COUNTER_TEXT_ROW(id, name, help) ::linecast::CounterText{name, help},
#define LINECAST_COUNTER_ONE_ROW(id, name, help) +1
#define LINECAST_COUNTER_LIST(Enum, LIST)                                              \
  enum class Enum : uint8_t { LIST(LINECAST_COUNTER_ENUM_ROW) };                       \
  inline constexpr size_t k##Enum##Count = 0 LIST(LINECAST_COUNTER_ONE_ROW);           \
  inline constexpr std::array<::linecast::CounterText, k##Enum##Count> k##Enum##Texts{ \
      LIST(LINECAST_COUNTER_TEXT_ROW)};

// A number with one writing thread and any number of readers. Release and acquire, so that a reader who sees
// a count also sees what was done before it (free of cost on x86).
class Counter {
 public:
  void add(uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_release);
  }
  void set(uint64_t v) { value_.store(v, std::memory_order_release); }
  uint64_t get() const { return value_.load(std::memory_order_acquire); }

 private:
  std::atomic<uint64_t> value_{0};  // written by the owning thread, read by any
};

// One Counter for each value of Enum.
template <typename Enum, size_t N>
class CounterSet {
 public:
  void add(Enum e, uint64_t n = 1) { counters_[static_cast<size_t>(e)].add(n); }
  void set(Enum e, uint64_t v) { counters_[static_cast<size_t>(e)].set(v); }
  uint64_t get(Enum e) const { return counters_[static_cast<size_t>(e)].get(); }
  uint64_t at(size_t i) const { return counters_[i].get(); }
  static constexpr size_t size() { return N; }

 private:
  std::array<Counter, N> counters_;
};

}  // namespace linecast
