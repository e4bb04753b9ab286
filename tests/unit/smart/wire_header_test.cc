#include "tests/unit/smart/wire_table.h"

namespace linecast::smart {
namespace {

// --- data packets ---

struct DataCase {
  const char* what;
  std::vector<uint8_t> bytes;  // the first 8; PACKET_SIZE is written by the test
  size_t size;
  WireFault expected;
};

TEST(WireData, TakesAndRefuses) {
  const DataCase cases[] = {
      {"clear, empty", {0, 0x00, 0, 0, 0, 1, 0x40, 0}, 8, WireFault::kNone},
      {"clear, one byte", {0, 0x00, 0, 0, 0, 1, 0x00, 0}, 9, WireFault::kNone},
      {"clear repair", {0, 0x10, 0, 0, 0, 1, 0x40, 0}, 1324, WireFault::kNone},
      {"clear parity", {0, 0x20, 0, 0, 0, 1, 0x40, 0}, 1324, WireFault::kNone},
      {"the greatest", {0, 0x00, 0, 0, 0, 1, 0x40, 0}, 65535, WireFault::kNone},
      {"header cut", {0, 0x00, 0, 0, 0, 1, 0x40, 0}, 7, WireFault::kTruncated},
      {"a message", {0, 0x41, 0, 0, 0, 1, 0x40, 0}, 12, WireFault::kWrongType},
      {"a request", {0, 0x81, 0, 0, 0, 1, 0x40, 0}, 12, WireFault::kWrongType},
      {"tunnelling", {0, 0xc1, 0, 0, 0, 1, 0x40, 0}, 28, WireFault::kWrongType},
      {"format 3", {0, 0x00, 0, 0, 0, 1, 0xc0, 0}, 100, WireFault::kReservedFormat},
      {"sealed, no code", {0, 0x00, 0, 0, 0, 1, 0x60, 0}, 100, WireFault::kSealMismatch},
      {"code, not sealed", {1, 0x00, 0, 0, 0, 1, 0x40, 0}, 100, WireFault::kSealMismatch},
      {"sealed, empty", {1, 0x00, 0, 0, 0, 1, 0x60, 0}, 32, WireFault::kNone},
      {"sealed, tag cut", {1, 0x00, 0, 0, 0, 1, 0x60, 0}, 31, WireFault::kBadLength},
      {"sealed, nothing", {1, 0x00, 0, 0, 0, 1, 0x60, 0}, 8, WireFault::kBadLength},
      {"sealed repair, tag cut", {255, 0x10, 0, 0, 0, 1, 0x60, 0}, 31, WireFault::kBadLength},
      {"heartbeat", {0, 0x30, 0, 0, 0, 1, 0x00, 0}, 16, WireFault::kNone},
      {"heartbeat, short", {0, 0x30, 0, 0, 0, 1, 0x00, 0}, 15, WireFault::kBadLength},
      {"heartbeat, long", {0, 0x30, 0, 0, 0, 1, 0x00, 0}, 17, WireFault::kBadLength},
      {"sealed heartbeat", {9, 0x30, 0, 0, 0, 1, 0x20, 0}, 40, WireFault::kNone},
      {"sealed heartbeat, short", {9, 0x30, 0, 0, 0, 1, 0x20, 0}, 39, WireFault::kBadLength},
      {"sealed heartbeat, long", {9, 0x30, 0, 0, 0, 1, 0x20, 0}, 41, WireFault::kBadLength},
      {"sealed heartbeat of a clear one's size", {9, 0x30, 0, 0, 0, 1, 0x20, 0}, 16, WireFault::kBadLength},
      {"reserved bits set", {0, 0x0f, 0, 0, 0, 1, 0x41, 0xff}, 196, WireFault::kNone},
  };
  for (const DataCase& c : cases) {
    std::vector<uint8_t> datagram = c.bytes;
    store_be16(&datagram[2], static_cast<uint16_t>(c.size));
    datagram.resize(c.size, 0xa5);
    DataHeader header;
    EXPECT_EQ(decode_data(datagram, header), c.expected) << c.what;
  }
}

TEST(WireData, SizeFieldMustBeTheLength) {
  std::vector<uint8_t> datagram = datagram_of(0, 0, 0, 196);
  DataHeader header;
  ASSERT_EQ(decode_data(datagram, header), WireFault::kNone);
  for (int size = 0; size <= 0xffff; ++size) {
    store_be16(&datagram[2], static_cast<uint16_t>(size));
    ASSERT_EQ(decode_data(datagram, header), size == 196 ? WireFault::kNone : WireFault::kSizeMismatch)
        << size;
  }
}

TEST(WireData, EveryTruncationIsRefused) {
  const std::vector<uint8_t> datagram = datagram_of(0, 0, 0, 64);
  for (size_t size = 0; size < datagram.size(); ++size) {
    const std::vector<uint8_t> cut(datagram.begin(), datagram.begin() + static_cast<std::ptrdiff_t>(size));
    DataHeader header;
    EXPECT_EQ(decode_data(cut, header), size < 8 ? WireFault::kTruncated : WireFault::kSizeMismatch) << size;
  }
}

TEST(WireData, EachFieldStandsInItsBits) {
  const std::vector<uint8_t> bytes = {0x5a, 0x10, 0x00, 0x20, 0x12, 0x34, 0x40 | 0x20 | 9 << 1, 0x00};
  std::vector<uint8_t> datagram = bytes;
  datagram.resize(32);
  DataHeader header;
  ASSERT_EQ(decode_data(datagram, header), WireFault::kNone);
  EXPECT_EQ(header.synch_code, 0x5a);
  EXPECT_EQ(header.command, DataCommand::kRepair);
  EXPECT_EQ(header.size, 32);
  EXPECT_EQ(header.number, 0x1234);
  EXPECT_EQ(header.format, PacketFormat::kMpegTs);
  EXPECT_TRUE(header.sealed);
  EXPECT_EQ(header.quiet, 9);
  std::array<uint8_t, kDataHeaderSize> again;
  encode_data_header(header, again.data());
  EXPECT_TRUE(std::equal(again.begin(), again.end(), bytes.begin()));
}

TEST(WireData, ReservedBitsAreIgnoredAndSentAsZero) {
  std::vector<uint8_t> datagram = datagram_of(0, 0, 0, 16);
  datagram[1] |= 0x0f;
  datagram[6] |= 0x01;
  datagram[7] = 0xff;
  DataHeader header;
  ASSERT_EQ(decode_data(datagram, header), WireFault::kNone);
  std::array<uint8_t, kDataHeaderSize> again;
  encode_data_header(header, again.data());
  EXPECT_EQ(again, (std::array<uint8_t, 8>{0, 0, 0, 16, 0, 0, 0, 0}));
}

TEST(WireData, RoundTripOfEveryCombination) {
  for (unsigned command = 0; command < 4; ++command)
    for (unsigned format = 0; format < 3; ++format)
      for (unsigned quiet = 0; quiet < 16; ++quiet)
        for (unsigned code : {0u, 1u, 77u, 255u}) {
          DataHeader in{.synch_code = static_cast<uint8_t>(code),
                        .command = static_cast<DataCommand>(command),
                        .size = static_cast<uint16_t>(code != 0 ? 40 : 16),
                        .number = static_cast<uint16_t>(command * 20011 + quiet * 997),
                        .format = static_cast<PacketFormat>(format),
                        .sealed = code != 0,
                        .quiet = static_cast<uint8_t>(quiet)};
          std::vector<uint8_t> datagram(in.size);
          encode_data_header(in, datagram.data());
          DataHeader out;
          ASSERT_EQ(decode_data(datagram, out), WireFault::kNone);
          EXPECT_EQ(out.synch_code, in.synch_code);
          EXPECT_EQ(out.command, in.command);
          EXPECT_EQ(out.size, in.size);
          EXPECT_EQ(out.number, in.number);
          EXPECT_EQ(out.format, in.format);
          EXPECT_EQ(out.sealed, in.sealed);
          EXPECT_EQ(out.quiet, in.quiet);
        }
}

TEST(WireData, SettingTheCommandTouchesCmdAndQuietOnly) {
  for (int fill : {0x00, 0xff}) {
    std::array<uint8_t, 8> header;
    header.fill(static_cast<uint8_t>(fill));
    std::array<uint8_t, 8> expected = header;
    set_data_command(header.data(), DataCommand::kRepair, 5);
    expected[1] = static_cast<uint8_t>((fill & 0xcf) | 0x10);
    expected[6] = static_cast<uint8_t>((fill & 0xe1) | 5 << 1);
    EXPECT_EQ(header, expected);
    set_data_command(header.data(), DataCommand::kOriginal, 15);
    expected[1] = static_cast<uint8_t>(fill & 0xcf);
    expected[6] = static_cast<uint8_t>((fill & 0xe1) | 15 << 1);
    EXPECT_EQ(header, expected);
  }
}

TEST(WireData, QuietBeyondFourBitsStaysInItsField) {
  std::array<uint8_t, 8> header{};
  set_data_command(header.data(), DataCommand::kOriginal, 0xff);
  EXPECT_EQ(header[6], 0x1e);
  encode_data_header({.quiet = 0xff}, header.data());
  EXPECT_EQ(header[6], 0x1e);
}

TEST(WireData, AadIsTheHeaderWithoutRepairAndQuiet) {
  const std::array<uint8_t, 8> original = {7, 0x0a, 0x05, 0x44, 0xab, 0xcd, 0x61, 0x33};
  EXPECT_EQ(data_aad(original.data()), original);
  std::array<uint8_t, 8> repair = original;
  set_data_command(repair.data(), DataCommand::kRepair, 13);
  EXPECT_NE(repair, original);
  EXPECT_EQ(data_aad(repair.data()), original);
  // Parity and heartbeats are authenticated as what they are.
  for (DataCommand command : {DataCommand::kParity, DataCommand::kHeartbeat}) {
    std::array<uint8_t, 8> other = original;
    set_data_command(other.data(), command, 0);
    EXPECT_EQ(data_aad(other.data()), other);
    EXPECT_NE(data_aad(other.data()), original);
  }
}

// Every single header bit but CMD's low one (where the high one is clear) and QUIET's four is authenticated.
TEST(WireData, AadCoversEveryOtherBit) {
  const std::array<uint8_t, 8> original = {7, 0x00, 0x05, 0x44, 0xab, 0xcd, 0x60, 0x00};
  for (size_t bit = 0; bit < 64; ++bit) {
    std::array<uint8_t, 8> changed = original;
    changed[bit / 8] ^= static_cast<uint8_t>(0x80 >> bit % 8);
    const bool free = bit == 11 || (bit >= 51 && bit <= 54);
    EXPECT_EQ(data_aad(changed.data()) == original, free) << bit;
  }
}

TEST(WireIv, BitsAndRoundTrip) {
  std::array<uint8_t, 8> bytes;
  encode_iv({true, 0x1234, 0x56789abcdef0}, bytes.data());
  EXPECT_EQ(bytes, (std::array<uint8_t, 8>{0x92, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0}));
  encode_iv({false, 0x7fff, kMaxCounter}, bytes.data());
  EXPECT_EQ(bytes, (std::array<uint8_t, 8>{0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}));
  for (bool heartbeat : {false, true})
    for (uint16_t sender : {uint16_t{0}, uint16_t{1}, uint16_t{0x4001}, uint16_t{0x7fff}})
      for (uint64_t counter : {uint64_t{0}, uint64_t{1}, uint64_t{0x800000000001}, kMaxCounter}) {
        encode_iv({heartbeat, sender, counter}, bytes.data());
        const Iv iv = decode_iv(bytes.data());
        EXPECT_EQ(iv.heartbeat, heartbeat);
        EXPECT_EQ(iv.sender_id, sender);
        EXPECT_EQ(iv.counter, counter);
      }
}

TEST(WireIv, OversizedPartsStayInTheirFields) {
  std::array<uint8_t, 8> bytes;
  encode_iv({false, 0xffff, 0}, bytes.data());
  EXPECT_EQ(bytes, (std::array<uint8_t, 8>{0x7f, 0xff, 0, 0, 0, 0, 0, 0}));
  encode_iv({false, 0, ~uint64_t{0}}, bytes.data());
  EXPECT_EQ(bytes, (std::array<uint8_t, 8>{0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}));
}

TEST(WireSynchCode, GoesRoundWithoutZero) {
  EXPECT_EQ(synch_code(1), 1);
  EXPECT_EQ(synch_code(255), 255);
  EXPECT_EQ(synch_code(256), 1);
  EXPECT_EQ(synch_code(510), 255);
  EXPECT_EQ(synch_code(511), 1);
  EXPECT_EQ(synch_code(0xffffffff), 255);
}

// --- the common header ---

TEST(WireCommon, FieldsOfEveryTypeAndCommand) {
  for (unsigned second = 0; second < 256; ++second) {
    const uint8_t datagram[] = {0x42, static_cast<uint8_t>(second), 0, 4};
    CommonHeader header;
    ASSERT_EQ(decode_common(datagram, header), WireFault::kNone);
    EXPECT_EQ(header.synch_code, 0x42);
    EXPECT_EQ(static_cast<unsigned>(header.type), second >> 6);
    EXPECT_EQ(header.command, second >> 6 == 0 ? (second & 0x30) >> 4 : second & 0x3f);
    EXPECT_EQ(header.size, 4);
  }
}

TEST(WireCommon, ShortOrOfAnotherSize) {
  const std::vector<uint8_t> datagram = datagram_of(0, 1, 0x21, 28);
  CommonHeader header;
  for (size_t size = 0; size < 28; ++size)
    EXPECT_EQ(decode_common(Bytes(datagram).first(size), header),
              size < 4 ? WireFault::kTruncated : WireFault::kSizeMismatch);
}

// --- split_message ---

TEST(WireSplit, UnknownCommandsOverTheWholeSpace) {
  for (uint8_t type = 0; type < 4; ++type)
    for (uint8_t command = 0; command < 64; ++command) {
      const auto known =
          std::find_if(message_kinds().begin(), message_kinds().end(),
                       [&](const MessageKind& k) { return k.type == type && k.command == command; });
      for (size_t size : {size_t{4}, size_t{12}, size_t{64}}) {
        Split split;
        const WireFault fault = split_message(datagram_of(0, type, command, size), split);
        if (type == 0)
          EXPECT_EQ(fault, WireFault::kWrongType) << int{command};
        else if (known == message_kinds().end())
          EXPECT_EQ(fault, WireFault::kUnknownCommand) << int{type} << ' ' << int{command};
        else
          EXPECT_NE(fault, WireFault::kUnknownCommand) << known->name;
      }
    }
}

// Every message, clear and trailered, with every body from nothing to beyond its longest.
TEST(WireSplit, TakesExactlyTheBodiesOfEachMessage) {
  for (const MessageKind& kind : message_kinds())
    for (uint8_t code : {uint8_t{0}, uint8_t{1}, uint8_t{255}}) {
      const size_t trailer = code != 0 ? kind.trailer_size : 0;
      const bool code_fits = code != 0 ? kind.trailer_size != 0 : kind.code_zero_allowed;
      for (size_t size = 4; size <= 4 + 300 + trailer; ++size) {
        const std::vector<uint8_t> datagram = datagram_of(code, kind.type, kind.command, size);
        Split split;
        const WireFault fault = split_message(datagram, split);
        if (!code_fits) {
          ASSERT_EQ(fault, WireFault::kTrailerMismatch) << kind.name << ' ' << size;
          continue;
        }
        const bool fits = size >= 4 + trailer && std::find(kind.body_sizes.begin(), kind.body_sizes.end(),
                                                           size - 4 - trailer) != kind.body_sizes.end();
        ASSERT_EQ(fault, fits ? WireFault::kNone : WireFault::kBadLength) << kind.name << ' ' << size;
        if (!fits) continue;
        EXPECT_EQ(split.header.synch_code, code);
        EXPECT_EQ(static_cast<uint8_t>(split.header.type), kind.type);
        EXPECT_EQ(split.header.command, kind.command);
        EXPECT_EQ(split.body.data(), datagram.data() + 4);
        EXPECT_EQ(split.body.size(), size - 4 - trailer);
        EXPECT_EQ(split.trailer.size(), trailer);
        EXPECT_EQ(split.trailer.data(), datagram.data() + size - trailer);
        EXPECT_TRUE(kind.decodes(split.body)) << kind.name << ' ' << size;
      }
    }
}

TEST(WireSplit, SizeFieldOffByOneBothWaysAndEveryTruncation) {
  for (const MessageKind& kind : message_kinds())
    for (size_t body : kind.body_sizes) {
      const uint8_t code = kind.code_zero_allowed ? 0 : 1;
      const size_t size = 4 + body + (code != 0 ? kind.trailer_size : 0);
      std::vector<uint8_t> datagram = datagram_of(code, kind.type, kind.command, size);
      Split split;
      ASSERT_EQ(split_message(datagram, split), WireFault::kNone) << kind.name;
      for (int off : {-1, 1}) {
        store_be16(&datagram[2], static_cast<uint16_t>(static_cast<int>(size) + off));
        ASSERT_EQ(split_message(datagram, split), WireFault::kSizeMismatch) << kind.name << off;
      }
      store_be16(&datagram[2], static_cast<uint16_t>(size));
      for (size_t cut = 0; cut < size; ++cut)
        ASSERT_EQ(split_message(Bytes(datagram).first(cut), split),
                  cut < 4 ? WireFault::kTruncated : WireFault::kSizeMismatch)
            << kind.name << ' ' << cut;
    }
}

TEST(WireSplit, TunnelDataUpToTheGreatestDatagram) {
  const std::vector<uint8_t> datagram = datagram_of(0, 3, 5, 65535);
  Split split;
  ASSERT_EQ(split_message(datagram, split), WireFault::kNone);
  EXPECT_EQ(split.body.size(), 65531u);
}

TEST(WireSplit, MoreThan64PairsAreRefused) {
  Split split;
  for (uint8_t code : {uint8_t{0}, uint8_t{3}}) {
    const size_t trailer = code != 0 ? 32 : 0;
    EXPECT_EQ(split_message(datagram_of(code, 2, 1, 8 + 64 * 4 + trailer), split), WireFault::kNone);
    EXPECT_EQ(split_message(datagram_of(code, 2, 1, 8 + 65 * 4 + trailer), split), WireFault::kBadLength);
    EXPECT_EQ(split_message(datagram_of(code, 2, 2, 12 + 64 * 4 + trailer), split), WireFault::kNone);
    EXPECT_EQ(split_message(datagram_of(code, 2, 2, 12 + 65 * 4 + trailer), split), WireFault::kBadLength);
  }
}

}  // namespace
}  // namespace linecast::smart
