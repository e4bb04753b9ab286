// A querier under test, its frames in words (see wire.h), and its table: "239.1.2.3 EX 260 {10.9.0.1=260
// 10.9.0.2=0}", mode and seconds left.
#pragma once

#include "lib/igmp/querier.h"
#include "tests/unit/igmp/wire.h"

namespace linecast::igmp {

inline constexpr Ipv4 kMember = 0x0a000063;
inline constexpr Ipv4 kLower = 0x0a000000;   // wins against kAddress
inline constexpr Ipv4 kHigher = 0x0a000002;  // loses

class QuerierWire {
 public:
  explicit QuerierWire(const QuerierConfig& config = {})
      : querier(with_addresses(config),
                [this, mtu = config.mtu](Bytes frame) { sent_.push_back(describe_frame(frame, mtu)); }) {}

  std::vector<std::string> sent() { return std::exchange(sent_, {}); }
  std::vector<std::string> poll(TimeNs now) {
    querier.poll(now);
    EXPECT_GE(querier.next_due(), now);
    EXPECT_LE(sent_.size(), Querier::kMaxFramesAPoll);
    return sent();
  }
  // Polls whenever something is due, up to `end`; each frame with its second in front, as "1.5 QUERY".
  std::vector<std::string> run_until(TimeNs end) {
    std::vector<std::string> all;
    while (querier.next_due() <= end) {
      const TimeNs now = std::max(querier.next_due(), now_);
      now_ = now;
      for (const std::string& frame : poll(now)) all.push_back(seconds(now) + " " + frame);
    }
    now_ = std::max(now_, end);
    return all;
  }
  void hear(TimeNs now, Ipv4 source, std::string_view hex) {
    const auto bytes = message(hex);
    querier.receive(now, source, usual_destination(bytes), 1, bytes);
    now_ = std::max(now_, now);
  }
  // The startup queries and what else is due before.
  void start(TimeNs until) {
    querier.link_up(0);
    run_until(until);
  }

  std::vector<std::string> table(TimeNs now) const {
    std::vector<std::string> all;
    HeardGroupRow row;
    for (size_t i = 0; querier.rows(now, i, {&row, 1}) == 1; ++i) {
      std::string text = to_string(row.group) + (row.exclude ? " EX " + seconds(row.left_ns) : " IN");
      for (size_t s = 0; s < row.source_count; ++s)
        text +=
            (s == 0 ? " {" : " ") + to_string(row.sources[s].address) + "=" + seconds(row.sources[s].left_ns);
      all.push_back(text + (row.source_count > 0 ? "}" : ""));
    }
    return all;
  }

 private:
  static QuerierConfig with_addresses(QuerierConfig config) {
    config.mac = kMac;
    config.address = kAddress;
    return config;
  }
  static std::string seconds(TimeNs ns) {
    const TimeNs tenths = ns / (100 * kNsPerMs);
    return std::to_string(tenths / 10) + (tenths % 10 == 0 ? "" : "." + std::to_string(tenths % 10));
  }

  std::vector<std::string> sent_;
  TimeNs now_ = 0;

 public:
  Querier querier;
};

}  // namespace linecast::igmp
