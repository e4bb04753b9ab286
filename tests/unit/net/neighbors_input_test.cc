// ARP packets in, frames out. The frames are Scapy 2.5's, as ARP(hwsrc=...)'s fields in the rows say.
#include <gmock/gmock.h>

#include "tests/unit/net/neighbors_bed.h"

namespace linecast::net {
namespace {

using packets::from_hex;
using testing::ElementsAre;
using testing::IsEmpty;

const char* const kReplyToPeer =
    "02aabbccddee021122334455080600010800060400020211223344550a00000102aabbccddee0a000009";
const char* const kReplyToProbe =
    "02aabbccddee021122334455080600010800060400020211223344550a00000102aabbccddee00000000";
const char* const kReplyToFar =
    "02aabbccddee021122334455080600010800060400020211223344550a00000102aabbccddeec0000207";
const char* const kAnnouncement =
    "ffffffffffff021122334455080600010800060400010211223344550a0000010000000000000a000001";
const char* const kPadding = "000000000000000000000000000000000000";

struct Row {
  const char* what;
  std::string packet;
  const char* frame;  // "": none
  ArpCounter counter;
  size_t known = 0;  // neighbours afterwards
  bool conflict = false;
};

using enum ArpCounter;
const Row kRows[] = {
    {"a request for our address", "000108000604000102aabbccddee0a0000090000000000000a000001", kReplyToPeer,
     kAnswered, 1},
    {"padded", std::string("000108000604000102aabbccddee0a0000090000000000000a000001") + kPadding,
     kReplyToPeer, kAnswered, 1},
    {"a probe", "000108000604000102aabbccddee000000000000000000000a000001", kReplyToProbe, kAnswered},
    {"a probe for another's", "000108000604000102aabbccddee000000000000000000000a000002", "", kIgnored},
    {"a request for another's", "000108000604000102aabbccddee0a0000090000000000000a000002", "", kIgnored},
    {"a reply that nobody asked for", "000108000604000202aabbccddee0a0000090211223344550a000001", "",
     kIgnored},
    {"another's announcement", "000108000604000102aabbccddee0a0000090000000000000a000009", "", kIgnored},
    {"our own announcement come back", "00010800060400010211223344550a0000010000000000000a000001", "",
     kIgnored},
    {"our own MAC with another address", "00010800060400010211223344550a0000090000000000000a000001", "",
     kIgnored},
    {"another's neighbour, asking others", "000108000604000102aabbccddeec00002070000000000000a000002", "",
     kForeignSender},
    {"the subnet's first address", "000108000604000202aabbccddee0a0000000211223344550a000001", "",
     kForeignSender},
    {"the subnet's broadcast address", "000108000604000202aabbccddee0a0000ff0211223344550a000001", "",
     kForeignSender},
    {"loopback", "000108000604000202aabbccddee7f0000010211223344550a000001", "", kForeignSender},
    {"our address announced", "000108000604000102aabbccddee0a0000010000000000000a000001", kAnnouncement,
     kConflicts, 0, true},
    {"our address announced by a reply", "000108000604000202aabbccddee0a000001ffffffffffff0a000001",
     kAnnouncement, kConflicts, 0, true},
    {"a request from our address", "000108000604000102aabbccddee0a0000010000000000000a000009", kAnnouncement,
     kConflicts, 0, true},
    {"a reply from our address", "000108000604000202aabbccddee0a0000010211223344550a000009", kAnnouncement,
     kConflicts, 0, true},
    {"hardware type 6", "000608000604000102aabbccddee0a0000090000000000000a000001", "", kMalformed},
    {"hardware type 0", "000008000604000102aabbccddee0a0000090000000000000a000001", "", kMalformed},
    {"IPv6", "000186dd0604000102aabbccddee0a0000090000000000000a000001", "", kMalformed},
    {"MACs of 7 bytes", "000108000704000102aabbccddee0a0000090000000000000a000001", "", kMalformed},
    {"MACs of 255 bytes", "00010800ff04000102aabbccddee0a0000090000000000000a000001", "", kMalformed},
    {"MACs of 0 bytes", "000108000004000102aabbccddee0a0000090000000000000a000001", "", kMalformed},
    {"addresses of 16 bytes", "000108000610000102aabbccddee0a0000090000000000000a000001", "", kMalformed},
    {"operation 0", "000108000604000002aabbccddee0a0000090000000000000a000001", "", kMalformed},
    {"reverse ARP", "000108000604000302aabbccddee0a0000090000000000000a000001", "", kMalformed},
    {"operation 65535", "000108000604ffff02aabbccddee0a0000090000000000000a000001", "", kMalformed},
    {"a group's MAC", "000108000604000101005e0000010a0000090000000000000a000001", "", kMalformed},
    {"the broadcast MAC", "0001080006040001ffffffffffff0a0000090000000000000a000001", "", kMalformed},
    {"MAC zero", "00010800060400010000000000000a0000090000000000000a000001", "", kMalformed},
    {"MAC zero with our address", "00010800060400010000000000000a0000010000000000000a000001", "", kMalformed},
    {"a group's MAC with our address", "000108000604000101005e0000010a0000010000000000000a000001", "",
     kMalformed},
    {"a group", "000108000604000102aabbccddeeef0000090000000000000a000001", "", kMalformed},
    {"limited broadcast", "000108000604000102aabbccddeeffffffff0000000000000a000001", "", kMalformed},
};

TEST(NeighborsInput, EachPacketIsCountedOnceAndAnsweredAsItShouldBe) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.what);
    NeighborsBed bed;
    bed.neighbors.receive(0, from_hex(row.packet));
    if (*row.frame == '\0')
      EXPECT_THAT(bed.raw, IsEmpty());
    else
      EXPECT_THAT(bed.raw, ElementsAre(row.frame));
    for (size_t i = 0; i < kArpCounterCount; ++i) {
      const auto counter = static_cast<ArpCounter>(i);
      const bool expected = counter == row.counter || (row.conflict && counter == kAnnouncementsSent);
      EXPECT_EQ(bed.count(counter), expected ? 1u : 0u) << kArpCounterTexts[i].name;
    }
    EXPECT_EQ(bed.neighbors.status().known, row.known);
    EXPECT_EQ(bed.neighbors.conflict_mac(), row.conflict ? 0x02aabbccddeeu : 0u);
  }
}

TEST(NeighborsInput, TruncatedAnywhereItIsNone) {
  const std::vector<uint8_t> whole = from_hex("000108000604000102aabbccddee0a0000090000000000000a000001");
  NeighborsBed bed;
  for (size_t size = 0; size < whole.size(); ++size) bed.neighbors.receive(0, Bytes(whole).first(size));
  EXPECT_THAT(bed.raw, IsEmpty());
  EXPECT_EQ(bed.count(kMalformed), whole.size());
  EXPECT_EQ(bed.neighbors.status().known, 0u);
}

// A router asks with the address that it sends from, which may be a loopback's: it is answered, not kept.
TEST(NeighborsInput, AForeignSenderIsAnsweredButNotKept) {
  NeighborsBed bed;
  bed.neighbors.receive(0, from_hex("000108000604000102aabbccddeec00002070000000000000a000001"));
  EXPECT_THAT(bed.raw, ElementsAre(kReplyToFar));
  EXPECT_EQ(bed.count(kForeignSender), 1u);
  EXPECT_EQ(bed.count(kAnswered), 1u);
  EXPECT_EQ(bed.neighbors.status().known, 0u);
}

TEST(NeighborsInput, RequestsAreScapys) {
  NeighborsBed bed;
  EXPECT_FALSE(bed.neighbors.resolve(0, kPeer));
  bed.neighbors.poll(0);
  bed.hear_reply(0, kPeerMac, kPeer);
  EXPECT_TRUE(bed.neighbors.resolve(Neighbors::kReachableNs, kPeer));
  bed.neighbors.poll(Neighbors::kReachableNs);
  EXPECT_THAT(
      bed.raw,
      ElementsAre("ffffffffffff021122334455080600010800060400010211223344550a0000010000000000000a000009",
                  "02aabbccddee021122334455080600010800060400010211223344550a0000010000000000000a000009"));
}

// RFC 5227, section 2.4 (c).
TEST(NeighborsInput, OurAddressIsDefendedOnceInTenSeconds) {
  NeighborsBed bed;
  for (TimeNs now = 0; now < 30 * kSecond; now += kSecond / 100) bed.hear_request(now, kPeerMac, kAddress);
  EXPECT_EQ(bed.raw.size(), 3u);
  EXPECT_EQ(bed.count(kConflicts), 3000u);
  bed.hear_reply(30 * kSecond, kOtherMac, kAddress);
  EXPECT_EQ(bed.raw.size(), 4u);
  EXPECT_EQ(bed.neighbors.conflict_mac(), 0x02aabbccddffu) << "the last one";
  EXPECT_EQ(bed.neighbors.next_due(), kNever);
}

TEST(NeighborsInput, AStormOfRequestsIsAnsweredAThousandTimesASecond) {
  NeighborsBed bed;
  for (int i = 0; i < 5000; ++i) bed.hear_request(kSecond, kPeerMac, kPeer);
  EXPECT_EQ(bed.raw.size(), 1000u);
  EXPECT_EQ(bed.count(kAnswered), 1000u);
  EXPECT_EQ(bed.count(kAnswersLimited), 4000u);
  EXPECT_EQ(bed.neighbors.status().known, 1u);
  bed.hear_request(2 * kSecond, kPeerMac, kPeer);
  EXPECT_EQ(bed.count(kAnswered), 1001u);
}

TEST(NeighborsInput, AStormFromManyNeverOutgrowsTheTable) {
  NeighborsBed bed(kGateway, 8);
  bed.hear_reply(0, kPeerMac, kGateway);
  for (Ipv4 i = 0; i < 10'000; ++i) bed.hear_request(0, kOtherMac, 0x0a010001 + i);
  EXPECT_EQ(bed.neighbors.status().known, Neighbors::kCapacity);
  EXPECT_EQ(bed.count(kEvicted), 10'000 - (Neighbors::kCapacity - 1));
  EXPECT_TRUE(bed.neighbors.status().gateway_known);
  EXPECT_EQ(bed.neighbors.resolve(0, 0x0a010001 + 9'999), kOtherMac) << "the last that asked";
}

}  // namespace
}  // namespace linecast::net
