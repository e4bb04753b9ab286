// IPv4 packets in, ICMP packets out. Expected bytes are Scapy 2.5's.
#include "lib/net/icmp.h"

#include <gtest/gtest.h>

#include "lib/net/checksum.h"
#include "tests/packets/hex.h"

namespace linecast::net {
namespace {

using packets::from_hex;
using packets::to_hex;
using enum IcmpCounter;

constexpr Ipv4 kAddress = 0x0a000001;
constexpr uint16_t kMtu = 1500;
constexpr uint16_t kId = 0xabcd;

// IP(src='10.0.0.9',dst='10.0.0.1',id=0x1234,ttl=63,tos=0xb9)/ICMP(id=0xbeef,seq=7)/b'linecast!'
const char* const kEcho = "45b90025123400003f0154e20a0000090a00000108006664beef00076c696e656361737421";
// IP(src='10.0.0.1',dst='10.0.0.9',id=0xabcd,ttl=64,tos=0xb8)/ICMP(type=0,id=0xbeef,seq=7)/b'linecast!'
const char* const kEchoReply = "45b80025abcd00004001ba490a0000010a00000900006e64beef00076c696e656361737421";
// The same without payload, tos=0.
const char* const kEmptyEcho = "4500001c123400003f0155a40a0000090a00000108003909beef0007";
const char* const kEmptyReply = "4500001cabcd00004001bb0a0a0000010a00000900004109beef0007";
// kEmptyEcho with options=[IPOption_RR()]
const char* const kEchoWithOptions = "46000020123400003f01499d0a0000090a0000010703040008003909beef0007";
// IP(src='10.0.0.9',dst='10.0.0.1',id=0x1234,ttl=63,tos=0x28)/UDP(sport=40000,dport=9)/b'nobody home'
const char* const kDatagram =
    "45280027123400003f1155610a0000090a0000019c400009001325476e6f626f647920686f6d65";
// IP(src='10.0.0.1',dst='10.0.0.9',id=0xabcd,ttl=64,tos=0xc0)/ICMP(type=3,code=3)/ the first 28 bytes of
// kDatagram
const char* const kRefusal =
    "45c00038abcd00004001ba2e0a0000010a00000903033b590000000045280027123400003f1155610a0000090a000001"
    "9c40000900132547";

struct Bed {
  std::string echo(std::string_view packet, TimeNs now = 0, bool to_group_mac = false) {
    return to_hex(Bytes(out).first(icmp.answer_echo(now, from_hex(packet), to_group_mac, kId, out)));
  }
  std::string refuse(std::string_view packet, TimeNs now = 0, bool to_group_mac = false) {
    return to_hex(Bytes(out).first(icmp.refuse_port(now, from_hex(packet), to_group_mac, kId, out)));
  }
  // Only `counter` has counted, and only one.
  void expect_counted(IcmpCounter counter) const {
    for (size_t i = 0; i < kIcmpCounterCount; ++i)
      EXPECT_EQ(icmp.count(static_cast<IcmpCounter>(i)), static_cast<IcmpCounter>(i) == counter ? 1u : 0u)
          << kIcmpCounterTexts[i].name;
  }

  IcmpResponder icmp{kAddress, kMtu};
  std::array<uint8_t, 2000> out{};
};

// The row's packet with bytes changed from `at` on, and the ICMP checksum put right.
std::string altered(std::string_view packet, size_t at, std::string_view hex) {
  std::vector<uint8_t> bytes = from_hex(packet);
  const std::vector<uint8_t> change = from_hex(hex);
  std::copy(change.begin(), change.end(), bytes.begin() + static_cast<ptrdiff_t>(at));
  if (at >= kIpv4Size && bytes[9] == 1 && bytes.size() >= kIpv4Size + 4) {
    const MutableBytes message = MutableBytes(bytes).subspan(kIpv4Size);
    store_be16(&message[2], 0);
    store_be16(&message[2], checksum_finish(checksum_add(message)));
  }
  return to_hex(bytes);
}

struct Row {
  const char* what;
  std::string packet;
  std::string reply;  // "": none
  IcmpCounter counter;
  bool to_group_mac = false;
};

TEST(Icmp, EchoRequestsAreAnsweredAndNothingElse) {
  const Row rows[] = {
      {"an echo request", kEcho, kEchoReply, kEchoAnswered},
      {"without payload", kEmptyEcho, kEmptyReply, kEchoAnswered},
      {"with options", kEchoWithOptions, kEmptyReply, kEchoAnswered},
      {"padded to Ethernet's least", std::string(kEmptyEcho) + "ffffffffffffffffffffffffffffffffffff",
       kEmptyReply, kEchoAnswered},
      {"to a group's MAC", kEcho, "", kIgnored, true},
      {"to another", altered(kEcho, 16, "0a000002"), "", kIgnored},
      {"to all systems", altered(kEcho, 16, "e0000001"), "", kIgnored},
      {"to limited broadcast", altered(kEcho, 16, "ffffffff"), "", kIgnored},
      {"to the subnet's broadcast", altered(kEcho, 16, "0a0000ff"), "", kIgnored},
      {"from nobody", altered(kEcho, 12, "00000000"), "", kIgnored},
      {"from loopback", altered(kEcho, 12, "7f000001"), "", kIgnored},
      {"from a group", altered(kEcho, 12, "ef010203"), "", kIgnored},
      {"from limited broadcast", altered(kEcho, 12, "ffffffff"), "", kIgnored},
      {"from ourselves", altered(kEcho, 12, "0a000001"), "", kIgnored},
      {"a first fragment", altered(kEcho, 6, "2000"), "", kIgnored},
      {"a last fragment", altered(kEcho, 6, "0001"), "", kIgnored},
      {"an echo reply", altered(kEcho, 20, "00"), "", kIgnored},
      {"port unreachable", altered(kEcho, 20, "0303"), "", kIgnored},
      {"redirect", altered(kEcho, 20, "0501"), "", kIgnored},
      {"time stamp request", altered(kEcho, 20, "0d00"), "", kIgnored},
      {"type 255", altered(kEcho, 20, "ffff"), "", kIgnored},
      {"an echo request with a code", altered(kEcho, 21, "01"), "", kIgnored},
      {"UDP", kDatagram, "", kIgnored},
      {"wrong checksum", "4500001c123400003f0155a40a0000090a00000108003908beef0007", "", kBadChecksum},
      {"wrong in the last byte", "45b90025123400003f0154e20a0000090a00000108006664beef00076c696e656361737420",
       "", kBadChecksum},
      {"no checksum", "4500001c123400003f0155a40a0000090a00000108000000beef0007", "", kBadChecksum},
      {"checksum of a longer message", altered(kEcho, 2, "0024"), "", kBadChecksum},
      {"7 bytes of ICMP", altered(kEmptyEcho, 2, "001b"), "", kBadLength},
      {"no byte of ICMP", altered(kEmptyEcho, 2, "0014"), "", kBadLength},
      {"total length beyond the end", altered(kEmptyEcho, 2, "001d"), "", kBadLength},
      {"total length of 65535", altered(kEmptyEcho, 2, "ffff"), "", kBadLength},
      {"total length within the header", altered(kEmptyEcho, 2, "0013"), "", kBadLength},
      {"total length 0", altered(kEmptyEcho, 2, "0000"), "", kBadLength},
      {"header of 16 bytes", altered(kEmptyEcho, 0, "44"), "", kBadLength},
      {"header of 60 bytes", altered(kEmptyEcho, 0, "4f"), "", kBadLength},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    Bed bed;
    EXPECT_EQ(bed.echo(row.packet, 0, row.to_group_mac), row.reply);
    bed.expect_counted(row.counter);
  }
}

TEST(Icmp, TruncatedAnywhereItIsNotAnswered) {
  const std::vector<uint8_t> whole = from_hex(kEcho);
  const std::vector<uint8_t> datagram = from_hex(kDatagram);
  Bed bed;
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(bed.icmp.answer_echo(0, Bytes(whole).first(size), false, kId, bed.out), 0u);
  EXPECT_EQ(bed.icmp.count(kBadLength), whole.size());
  for (size_t size = 0; size < datagram.size(); ++size)
    EXPECT_EQ(bed.icmp.refuse_port(0, Bytes(datagram).first(size), false, kId, bed.out), 0u);
  EXPECT_EQ(bed.icmp.count(kIgnored), datagram.size());
}

TEST(Icmp, EchoesUpToTheMtu) {
  for (const size_t size : {size_t{kMtu}, size_t{kMtu} + 1}) {
    std::vector<uint8_t> packet(size, 0x5a);
    const std::vector<uint8_t> header = from_hex("4500ffff123400003f0155a40a0000090a00000108000000beef0007");
    std::copy(header.begin(), header.end(), packet.begin());
    store_be16(&packet[2], static_cast<uint16_t>(size));
    const MutableBytes message = MutableBytes(packet).subspan(kIpv4Size);
    store_be16(&message[2], checksum_finish(checksum_add(message)));
    Bed bed;
    const size_t replied = bed.icmp.answer_echo(0, packet, false, kId, bed.out);
    EXPECT_EQ(replied, size == kMtu ? size : 0);
    bed.expect_counted(size == kMtu ? kEchoAnswered : kBadLength);
    if (replied == 0) continue;
    EXPECT_TRUE(std::equal(packet.begin() + 24, packet.end(), bed.out.begin() + 24));
    EXPECT_EQ(checksum_finish(checksum_add(Bytes(bed.out).subspan(kIpv4Size, size - kIpv4Size))), 0);
    // And never beyond the room that there is.
    EXPECT_EQ(bed.icmp.answer_echo(0, packet, false, kId, MutableBytes(bed.out).first(size - 1)), 0u);
  }
}

TEST(Icmp, PortsAreRefusedToOneHostOnly) {
  const Row rows[] = {
      {"a datagram", kDatagram, kRefusal, kUnreachableSent},
      // IP(src='10.0.0.9',dst='10.0.0.1',id=0x1234,ttl=63,tos=0)/UDP(sport=40000,dport=9)
      {"without payload", "4500001c123400003f1155940a0000090a0000019c40000900084f8b",
       "45c00038abcd00004001ba2e0a0000010a0000090303112000000000"
       "4500001c123400003f1155940a0000090a0000019c40000900084f8b",
       kUnreachableSent},
      {"to a group's MAC", kDatagram, "", kIgnored, true},
      {"to a group", altered(kDatagram, 16, "ef010203"), "", kIgnored},
      {"to limited broadcast", altered(kDatagram, 16, "ffffffff"), "", kIgnored},
      {"to the subnet's broadcast", altered(kDatagram, 16, "0a0000ff"), "", kIgnored},
      {"to another", altered(kDatagram, 16, "0a000002"), "", kIgnored},
      {"from nobody", altered(kDatagram, 12, "00000000"), "", kIgnored},
      {"from this network", altered(kDatagram, 12, "00000009"), "", kIgnored},
      {"from loopback", altered(kDatagram, 12, "7f000001"), "", kIgnored},
      {"from a group", altered(kDatagram, 12, "ef010203"), "", kIgnored},
      {"from limited broadcast", altered(kDatagram, 12, "ffffffff"), "", kIgnored},
      {"from ourselves", altered(kDatagram, 12, "0a000001"), "", kIgnored},
      {"a first fragment", altered(kDatagram, 6, "2000"), "", kIgnored},
      {"a later fragment", altered(kDatagram, 6, "0010"), "", kIgnored},
      {"an echo request", kEcho, "", kIgnored},
      {"an ICMP error", altered(kEcho, 20, "0303"), "", kIgnored},
      {"TCP", altered(kDatagram, 9, "06"), "", kIgnored},
      {"7 bytes of UDP", altered(kDatagram, 2, "001b"), "", kIgnored},
      {"total length beyond the end", altered(kDatagram, 2, "0028"), "", kIgnored},
      {"header of 16 bytes", altered(kDatagram, 0, "44"), "", kIgnored},
      {"don't fragment is no fragment", altered(kDatagram, 6, "4000"), altered(kRefusal, 34, "4000"),
       kUnreachableSent},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    Bed bed;
    EXPECT_EQ(bed.refuse(row.packet, 0, row.to_group_mac), row.reply);
    bed.expect_counted(row.counter);
  }
}

// IP(src='10.0.0.9',dst='10.0.0.1',id=0x1234,ttl=63,options=[IPOption_Timestamp(length=40,...)]) would be the
// longest header: quoted whole, with 8 bytes behind it.
TEST(Icmp, QuotesTheLongestHeader) {
  std::vector<uint8_t> packet(60 + 8 + 1000, 1);
  const std::vector<uint8_t> header = from_hex("4f000000123400003f1100000a0000090a000001");
  std::copy(header.begin(), header.end(), packet.begin());
  store_be16(&packet[2], static_cast<uint16_t>(packet.size()));
  Bed bed;
  ASSERT_EQ(bed.icmp.refuse_port(0, packet, false, kId, bed.out), IcmpResponder::kMaxUnreachableSize);
  EXPECT_EQ(to_hex(Bytes(bed.out).subspan(28, 68)), to_hex(Bytes(packet).first(68)));
  EXPECT_EQ(bed.icmp.refuse_port(0, packet, false, kId,
                                 MutableBytes(bed.out).first(IcmpResponder::kMaxUnreachableSize - 1)),
            0u);
}

TEST(Icmp, AnswersAreRateLimited) {
  Bed bed;
  for (int i = 0; i < 5000; ++i) {
    bed.echo(kEcho, kNsPerSecond);
    bed.refuse(kDatagram, kNsPerSecond);
  }
  EXPECT_EQ(bed.icmp.count(kEchoAnswered), 1000u);
  EXPECT_EQ(bed.icmp.count(kEchoLimited), 4000u);
  EXPECT_EQ(bed.icmp.count(kUnreachableSent), 100u);
  EXPECT_EQ(bed.icmp.count(kUnreachableLimited), 4900u);
  // What is not answered anyway costs no answer; a tenth of a second later there is room for a tenth.
  for (int i = 0; i < 5000; ++i) {
    bed.echo(altered(kEcho, 16, "0a000002"), kNsPerSecond + kNsPerSecond / 10);
    bed.refuse(kEcho, kNsPerSecond + kNsPerSecond / 10);
  }
  for (int i = 0; i < 500; ++i) {
    bed.echo(kEcho, kNsPerSecond + kNsPerSecond / 10);
    bed.refuse(kDatagram, kNsPerSecond + kNsPerSecond / 10);
  }
  EXPECT_EQ(bed.icmp.count(kEchoAnswered), 1100u);
  EXPECT_EQ(bed.icmp.count(kUnreachableSent), 110u);
}

}  // namespace
}  // namespace linecast::net
