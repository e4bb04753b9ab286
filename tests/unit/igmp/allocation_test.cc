// What runs on a lane allocates nothing: every allocation of this program is counted.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "tests/unit/igmp/querier_wire.h"

namespace {

size_t allocations = 0;

}  // namespace

void* operator new(size_t size) {
  ++allocations;
  if (void* const p = std::malloc(size)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }

namespace linecast::igmp {
namespace {

TEST(Allocation, AHostAllocatesInItsConstructorOnly) {
  const auto general = message("1164000000000000027d0000");
  const auto older = message("110a000000000000");
  const auto sources = message("110a0000ef010203027d00010a090001");
  const auto report = message("16000000ef010203");
  Host host({.mac = kMac, .address = kAddress}, Random(1), [](Bytes) {});
  const size_t before = allocations;
  const auto run = [&](TimeNs end) {
    while (host.next_due() <= end) host.poll(host.next_due());
  };
  for (Ipv4 i = 0; i < 2000; ++i) {
    host.join(0, kGroup + i, 0);
    host.join(0, kGroup + i, kSource);
  }
  run(kNsPerSecond);
  host.receive(2 * kNsPerSecond, kRouter, kAllHosts, 1, general);
  host.receive(2 * kNsPerSecond, kRouter, kGroup, 1, sources);
  run(20 * kNsPerSecond);
  host.receive(20 * kNsPerSecond, kRouter, kAllHosts, 1, older);
  host.receive(20 * kNsPerSecond, kRouter, kGroup, 1, report);
  for (Ipv4 i = 0; i < 2000; ++i) host.leave(21 * kNsPerSecond, kGroup + i, 0);
  run(400 * kNsPerSecond);
  host.link_up(400 * kNsPerSecond);
  host.leave_all(400 * kNsPerSecond);
  EXPECT_EQ(allocations, before);
}

TEST(Allocation, AQuerierAllocatesInItsConstructorOnly) {
  std::vector<std::vector<uint8_t>> reports;
  for (int i = 0; i < 200; ++i) {
    auto bytes = message("220000000000000105000002ef0102030a0900010a090002");
    bytes[14] = static_cast<uint8_t>(i);
    store_be16(&bytes[2], 0);
    store_be16(&bytes[2], net::checksum_finish(net::checksum_add(bytes)));
    reports.push_back(bytes);
    bytes[8] = 3;  // TO_IN: asks for what was there
    bytes.resize(16);
    store_be16(&bytes[10], 0);
    store_be16(&bytes[2], 0);
    store_be16(&bytes[2], net::checksum_finish(net::checksum_add(bytes)));
    reports.push_back(bytes);
  }
  Querier querier({.mac = kMac, .address = kAddress}, [](Bytes) {});
  const size_t before = allocations;
  querier.link_up(0);
  for (const auto& report : reports) querier.receive(0, kMember, kAllV3Routers, 1, report);
  while (querier.next_due() <= 400 * kNsPerSecond) querier.poll(querier.next_due());
  EXPECT_EQ(querier.status(0).groups, 0u);
  EXPECT_GT(querier.count(QuerierCounter::kSpecificSent), 300u);
  EXPECT_EQ(allocations, before);
}

}  // namespace
}  // namespace linecast::igmp
