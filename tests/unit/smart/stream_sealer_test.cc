#include "lib/smart/stream_sealer.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <memory>
#include <numeric>
#include <type_traits>

#include "lib/base/error.h"
#include "tests/unit/crypto/hex.h"

namespace linecast::smart {

struct StreamSealerPeer {
  static void set_counters(StreamSealer& sealer, uint64_t counter) {
    sealer.next_sequence_ = sealer.next_heartbeat_ = counter;
  }
};

namespace {

// A copy would carry the counters along and use each nonce a second time.
static_assert(!std::is_copy_constructible_v<StreamSealer> && !std::is_copy_assignable_v<StreamSealer>);
static_assert(!std::is_move_constructible_v<StreamSealer> && !std::is_move_assignable_v<StreamSealer>);
static_assert(!std::is_copy_constructible_v<EpochKey> && !std::is_move_constructible_v<EpochKey>);

constexpr uint16_t kSender = 0x1234;
const crypto::ChannelId kChannel = array_from_hex<8>("a0a1a2a3a4a5a6a7");
const crypto::StartSalt kSalt = array_from_hex<16>("000102030405060708090a0b0c0d0e0f");

crypto::GroupKey group_key(crypto::Cipher cipher) {
  crypto::GroupKey group;
  group.id = 7;
  group.cipher = cipher;
  std::iota(group.bytes.begin(), group.bytes.end(), uint8_t{0x40});
  return group;
}

std::vector<uint8_t> payload(size_t size) {
  std::vector<uint8_t> bytes(size);
  std::iota(bytes.begin(), bytes.end(), uint8_t{1});
  return bytes;
}

class StreamSealerTest : public testing::Test {
 protected:
  std::unique_ptr<EpochKey> key(uint32_t epoch, crypto::Cipher cipher = crypto::Cipher::kAes128Gcm) {
    return std::make_unique<EpochKey>(manager_, group_key(cipher), kSalt, kChannel, kSender, epoch);
  }
  std::vector<uint8_t> data(StreamSealer& sealer, const std::vector<uint8_t>& bytes, uint8_t quiet = 0) {
    std::vector<uint8_t> out(sealer.packet_size(bytes.size()));
    EXPECT_EQ(sealer.seal_data(manager_, PacketFormat::kMpegTs, quiet, bytes, out.data()), out.size());
    return out;
  }
  std::vector<uint8_t> heartbeat(StreamSealer& sealer) {
    std::vector<uint8_t> out(40);
    out.resize(sealer.seal_heartbeat(manager_, 0, out.data()));
    return out;
  }
  // As a receiver opens: the payload, or "refused".
  std::string open(const EpochKey& epoch, const std::vector<uint8_t>& packet) {
    const Bytes all(packet);
    const Bytes ciphertext = all.subspan(16, all.size() - 32);
    std::vector<uint8_t> plain(ciphertext.size());
    const bool ok = epoch.gcm.open(manager_, &all[8], data_aad(all.data()), ciphertext, &all[all.size() - 16],
                                   plain.data());
    return ok ? to_hex(plain) : "refused";
  }

  crypto::Manager manager_;
};

// The same by OpenSSL, from the text of the protocol: traffic key and nonce salt by HKDF, nonce = salt | IV,
// AAD = the header as sent (CMD and QUIET 0 in these packets).
std::string openssl_open(crypto::Cipher cipher, uint32_t epoch, const std::vector<uint8_t>& packet) {
  const crypto::GroupKey group = group_key(cipher);
  const size_t key_size = cipher == crypto::Cipher::kAes256Gcm ? 32 : 16;
  std::vector<uint8_t> info = from_hex("534d415254207472616666696320763120");  // "SMART traffic v1 "
  info.pop_back();
  for (const uint8_t b : kChannel) info.push_back(b);
  for (const uint8_t b : {0x12, 0x34}) info.push_back(b);
  for (int shift = 24; shift >= 0; shift -= 8) info.push_back(static_cast<uint8_t>(epoch >> shift));
  info.push_back(cipher == crypto::Cipher::kAes256Gcm ? 2 : 1);
  std::vector<uint8_t> material(key_size + 4);
  crypto::hkdf_sha256(Bytes(group.bytes).first(key_size), kSalt, info, material);

  std::array<uint8_t, 12> nonce;
  std::copy_n(&material[key_size], 4, nonce.begin());
  std::copy_n(&packet[8], 8, nonce.begin() + 4);
  std::vector<uint8_t> plain(packet.size() - 32), tag(packet.end() - 16, packet.end());
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  int n = 0;
  EXPECT_EQ(EVP_DecryptInit_ex(context, key_size == 32 ? EVP_aes_256_gcm() : EVP_aes_128_gcm(), nullptr,
                               material.data(), nonce.data()),
            1);
  EXPECT_EQ(EVP_DecryptUpdate(context, nullptr, &n, packet.data(), 8), 1);
  EXPECT_EQ(EVP_DecryptUpdate(context, plain.data(), &n, &packet[16], static_cast<int>(plain.size())), 1);
  EXPECT_EQ(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, 16, tag.data()), 1);
  const bool ok = EVP_DecryptFinal_ex(context, nullptr, &n) == 1;
  EVP_CIPHER_CTX_free(context);
  return ok ? to_hex(plain) : "refused";
}

TEST_F(StreamSealerTest, SealedPacketOpensWithOpenSsl) {
  for (const crypto::Cipher cipher : {crypto::Cipher::kAes128Gcm, crypto::Cipher::kAes256Gcm}) {
    const auto epoch = key(0x01020304, cipher);
    StreamSealer sealer(kSender, 0xfffe, epoch.get());
    for (const size_t size : {0, 1, 15, 16, 17, 188, 1316, 8900}) {
      const std::vector<uint8_t> packet = data(sealer, payload(size));
      EXPECT_EQ(openssl_open(cipher, 0x01020304, packet), to_hex(payload(size))) << size;
    }
    const std::vector<uint8_t> beat = heartbeat(sealer);
    EXPECT_EQ(openssl_open(cipher, 0x01020304, beat), "0000000000010005");  // 0xfffe + 8 packets - 1
  }
}

TEST_F(StreamSealerTest, DataHeaderAndIv) {
  const auto epoch = key(300);
  StreamSealer sealer(kSender, 0xffff, epoch.get());
  const std::vector<uint8_t> first = data(sealer, payload(188), 5);
  // code ((300 - 1) mod 255) + 1 = 45; size 8 + 8 + 188 + 16 = 220; MPEG-TS, sealed, q 5.
  EXPECT_EQ(to_hex(Bytes(first).first(16)),
            "2d0000dcffff6a00"
            "123400000000ffff");
  const std::vector<uint8_t> second = data(sealer, payload(1));
  EXPECT_EQ(to_hex(Bytes(second).first(16)),
            "2d00002100006000"
            "1234000000010000");
  EXPECT_EQ(sealer.next_sequence(), 0x10001u);
  EXPECT_EQ(sealer.first_sequence(), 0xffffu);
  EXPECT_EQ(sealer.epoch(), 300u);
  EXPECT_EQ(sealer.key_id(), 7);
  EXPECT_EQ(sealer.current_synch_code(), 45);
}

TEST_F(StreamSealerTest, HeartbeatsCountForThemselves) {
  const auto epoch = key(1);
  StreamSealer sealer(kSender, 5, epoch.get());
  const std::vector<uint8_t> before = heartbeat(sealer);  // first sequence - 1
  EXPECT_EQ(to_hex(Bytes(before).first(16)),
            "0130002800042000"
            "9234000000000001");
  EXPECT_EQ(open(*epoch, before), "0000000000000004");
  data(sealer, payload(10));
  data(sealer, payload(10));
  const std::vector<uint8_t> after = heartbeat(sealer);
  EXPECT_EQ(to_hex(Bytes(after).first(16)),
            "0130002800062000"
            "9234000000000002");
  EXPECT_EQ(open(*epoch, after), "0000000000000006");
  EXPECT_EQ(sealer.next_sequence(), 7u);  // a heartbeat takes no sequence
}

TEST_F(StreamSealerTest, ClearChannel) {
  StreamSealer sealer(kSender, 3, nullptr);
  EXPECT_EQ(to_hex(data(sealer, from_hex("aabbcc"), 15)),
            "0000000b00035e00"
            "aabbcc");
  EXPECT_EQ(to_hex(heartbeat(sealer)),
            "0030001000030000"
            "0000000000000003");
  EXPECT_FALSE(sealer.encrypted());
  EXPECT_EQ(sealer.packet_size(1316), 1324u);
}

TEST_F(StreamSealerTest, InPlaceGivesTheSameBytes) {
  const auto here = key(1), there = key(1);
  StreamSealer in_place(kSender, 9, here.get()), apart(kSender, 9, there.get());
  const std::vector<uint8_t> plain = payload(1316);
  std::vector<uint8_t> buffer(16 + 1316 + 16);
  std::copy(plain.begin(), plain.end(), buffer.begin() + 16);
  EXPECT_EQ(
      in_place.seal_data(manager_, PacketFormat::kMpegTs, 0, Bytes(buffer).subspan(16, 1316), buffer.data()),
      buffer.size());
  EXPECT_EQ(to_hex(buffer), to_hex(data(apart, plain)));

  StreamSealer clear(kSender, 9, nullptr);
  std::vector<uint8_t> clear_buffer(8 + 1316);
  std::copy(plain.begin(), plain.end(), clear_buffer.begin() + 8);
  EXPECT_EQ(clear.seal_data(manager_, PacketFormat::kMpegTs, 0, Bytes(clear_buffer).subspan(8),
                            clear_buffer.data()),
            clear_buffer.size());
  EXPECT_EQ(to_hex(Bytes(clear_buffer).subspan(8)), to_hex(plain));
}

TEST_F(StreamSealerTest, WritesNothingBehindThePacket) {
  const auto epoch = key(1);
  StreamSealer sealer(kSender, 9, epoch.get());
  for (const size_t size : {0, 1, 47, 188, 1316}) {
    std::vector<uint8_t> out(sealer.packet_size(size) + 64, 0xee);
    sealer.seal_data(manager_, PacketFormat::kOpaque, 0, payload(size), out.data());
    EXPECT_EQ(to_hex(Bytes(out).last(64)), to_hex(std::vector<uint8_t>(64, 0xee))) << size;
  }
}

// A repeater sets CMD 1 and QUIET without a key; nothing else can be changed.
TEST_F(StreamSealerTest, OnlyRepairMarkAndQuietCanBeChanged) {
  const auto epoch = key(1);
  StreamSealer sealer(kSender, 9, epoch.get());
  const std::vector<uint8_t> plain = payload(64);
  const std::vector<uint8_t> packet = data(sealer, plain);
  for (uint8_t quiet = 0; quiet < 16; ++quiet) {
    std::vector<uint8_t> repair = packet;
    set_data_command(repair.data(), DataCommand::kRepair, quiet);
    EXPECT_EQ(open(*epoch, repair), to_hex(plain));
  }
  for (size_t bit = 0; bit < 8 * packet.size(); ++bit) {
    const bool repair_mark = bit / 8 == 1 && bit % 8 == 4;
    const bool quiet = bit / 8 == 6 && bit % 8 >= 1 && bit % 8 <= 4;
    std::vector<uint8_t> changed = packet;
    changed[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_EQ(open(*epoch, changed), repair_mark || quiet ? to_hex(plain) : "refused") << "bit " << bit;
  }
  std::vector<uint8_t> beat = heartbeat(sealer);  // no other CMD passes for a heartbeat
  for (const DataCommand command : {DataCommand::kOriginal, DataCommand::kRepair, DataCommand::kParity}) {
    set_data_command(beat.data(), command, 0);
    EXPECT_EQ(open(*epoch, beat), "refused");
  }
}

TEST_F(StreamSealerTest, EpochSwitchesExactlyAtTheScheduledSequence) {
  const auto one = key(1), two = key(2);
  StreamSealer sealer(kSender, 100, one.get());
  data(sealer, payload(8));
  ASSERT_TRUE(sealer.schedule(two.get(), 103));
  for (uint64_t sequence = 101; sequence < 106; ++sequence) {
    const std::vector<uint8_t> packet = data(sealer, payload(8));
    const bool switched = sequence >= 103;
    EXPECT_EQ(packet[0], switched ? 2 : 1) << sequence;
    EXPECT_EQ(open(switched ? *two : *one, packet), to_hex(payload(8))) << sequence;
    EXPECT_EQ(open(switched ? *one : *two, packet), "refused") << sequence;
    EXPECT_EQ(decode_iv(&packet[8]).counter, sequence);  // runs on through the switch
    const std::vector<uint8_t> beat = heartbeat(sealer);
    EXPECT_EQ(beat[0], packet[0]);
    EXPECT_EQ(decode_iv(&beat[8]).counter, sequence - 100);
    EXPECT_EQ(sealer.epoch(), switched ? 2u : 1u);
  }
}

TEST_F(StreamSealerTest, ScheduleRefusesWhatCannotBe) {
  const auto five = key(5), same = key(5), older = key(4), six = key(6), seven = key(7);
  StreamSealer sealer(kSender, 100, five.get());
  data(sealer, payload(8));
  EXPECT_FALSE(sealer.schedule(six.get(), 100));    // sent already
  EXPECT_FALSE(sealer.schedule(same.get(), 200));   // not a later epoch
  EXPECT_FALSE(sealer.schedule(older.get(), 200));  // not a later epoch
  EXPECT_EQ(data(sealer, payload(8))[0], 5);
  EXPECT_TRUE(sealer.schedule(six.get(), 102));    // the very next packet
  EXPECT_TRUE(sealer.schedule(six.get(), 103));    // put off
  EXPECT_TRUE(sealer.schedule(seven.get(), 103));  // in its place
  EXPECT_FALSE(sealer.schedule(six.get(), 103));   // not a second time
  EXPECT_EQ(data(sealer, payload(8))[0], 5);
  EXPECT_EQ(data(sealer, payload(8))[0], 7);
  StreamSealer clear(kSender, 100, nullptr);
  const auto eight = key(8);
  EXPECT_FALSE(clear.schedule(eight.get(), 200));
}

TEST_F(StreamSealerTest, AKeySealsForOneStreamOnly) {
  const auto one = key(1), two = key(2);
  StreamSealer sealer(kSender, 1, one.get());
  EXPECT_THROW(StreamSealer(kSender, 1, one.get()), Error);
  ASSERT_TRUE(sealer.schedule(two.get(), 10));
  EXPECT_THROW(StreamSealer(kSender, 1, two.get()), Error);
}

TEST_F(StreamSealerTest, RefusesBadBeginnings) {
  EXPECT_THROW(StreamSealer(kSender, 0, nullptr), Error);
  EXPECT_THROW(StreamSealer(kSender, 65536, nullptr), Error);
  EXPECT_THROW(StreamSealer(0x8000, 1, nullptr), Error);
}

TEST_F(StreamSealerTest, StopsWhereTheCountersEnd) {
  const auto epoch = key(1), later = key(2);
  StreamSealer sealer(kSender, 9, epoch.get());
  StreamSealerPeer::set_counters(sealer, (uint64_t{1} << 48) - 2);
  data(sealer, payload(8));
  const std::vector<uint8_t> last = data(sealer, payload(8));
  EXPECT_EQ(to_hex(Bytes(last).subspan(8, 8)), "1234ffffffffffff");
  heartbeat(sealer);
  const std::vector<uint8_t> last_beat = heartbeat(sealer);
  EXPECT_EQ(to_hex(Bytes(last_beat).subspan(8, 8)), "9234ffffffffffff");
  EXPECT_EQ(open(*epoch, last_beat), "0000ffffffffffff");

  std::array<uint8_t, 64> out;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(sealer.seal_data(manager_, PacketFormat::kOpaque, 0, payload(8), out.data()), 0u);
    EXPECT_EQ(sealer.seal_heartbeat(manager_, 0, out.data()), 0u);
  }
  sealer.schedule(later.get(), uint64_t{1} << 48);  // no new epoch starts them again
  EXPECT_EQ(sealer.seal_data(manager_, PacketFormat::kOpaque, 0, payload(8), out.data()), 0u);
}

TEST_F(StreamSealerTest, RefusesPayloadsThatPacketSizeCannotSay) {
  const auto epoch = key(1);
  StreamSealer sealer(kSender, 9, epoch.get());
  std::vector<uint8_t> out(70000);
  EXPECT_EQ(sealer.seal_data(manager_, PacketFormat::kOpaque, 0, payload(65536 - 32), out.data()), 0u);
  EXPECT_EQ(sealer.next_sequence(), 9u);
  EXPECT_EQ(sealer.seal_data(manager_, PacketFormat::kOpaque, 0, payload(65535 - 32), out.data()), 65535u);
}

}  // namespace
}  // namespace linecast::smart
