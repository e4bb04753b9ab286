// The announcing and the accepting side, each against the other, and against what an attacker sends.
#include <gtest/gtest.h>

#include <type_traits>

#include "lib/base/error.h"
#include "lib/smart/key_acceptor.h"
#include "lib/smart/trailer.h"
#include "tests/unit/crypto/hex.h"

namespace linecast::smart {

// For messages of failed expectations.
std::ostream& operator<<(std::ostream& out, KeyAnnounceResult result) {
  return out << kKeyAnnounceResultTexts[static_cast<size_t>(result)].name;
}

namespace {

using Result = KeyAnnounceResult;

const crypto::SigningKey& headend_key() {
  static const crypto::SigningKey key(
      array_from_hex<32>("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));
  return key;
}
const crypto::SigningKey& other_key() {
  static const crypto::SigningKey key(
      array_from_hex<32>("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
  return key;
}

const KeyAnnouncer::Stream kStream{.channel_id = array_from_hex<8>("a0a1a2a3a4a5a6a7"),
                                   .sender_id = 0x1234,
                                   .cipher = crypto::Cipher::kAes256Gcm,
                                   .start_number = 0x1718191a1b1c1d1e,
                                   .start_salt = array_from_hex<16>("000102030405060708090a0b0c0d0e0f")};
constexpr KeyAnnouncer::Epoch kEpoch{.number = 300, .key_id = 7};
const KeyAnnouncer::NextEpoch kNext{.epoch = {.number = 301, .key_id = 8}, .first_sequence = 0x112233445566};

KeyAnnouncer::Stream started(uint64_t start_number) {
  KeyAnnouncer::Stream stream = kStream;
  stream.start_number = start_number;
  return stream;
}

TEST(KeyAnnouncer, Bytes) {
  KeyAnnouncer announcer(headend_key(), kStream);
  const KeyAnnounceDatagram& datagram = announcer.announce(kEpoch, kNext);
  EXPECT_EQ(to_hex(Bytes(datagram).first(80)),
            "2d600090"          // code of epoch 300, type 1 CMD 0x20, 144 bytes
            "a0a1a2a3a4a5a6a7"  // channel id
            "12340200"          // sender id, cipher, blank
            "1718191a1b1c1d1e"  // start number
            "0000012c00070008"  // epoch, key id, next key id
            "0000012d"          // next epoch
            "0000112233445566"  // its first full sequence
            "000102030405060708090a0b0c0d0e0f"
            "00000000"          // blank
            "1718191a1b1c1d1e"  // trailer: id = start number
            "21fe"              // hint of the public key
            "000000000001");    // count
  EXPECT_TRUE(verify_signed_trailer(headend_key().public_key(), datagram));
}

uint64_t count_of(const KeyAnnounceDatagram& datagram) {
  return read_trailer(Bytes(datagram).last(kSignedTrailerSize)).count;
}

TEST(KeyAnnouncer, CountRisesOnlyWithTheContent) {
  KeyAnnouncer announcer(headend_key(), kStream);
  const KeyAnnounceDatagram first = announcer.announce(kEpoch, std::nullopt);
  EXPECT_EQ(count_of(first), 1u);
  EXPECT_EQ(announcer.announce(kEpoch, std::nullopt), first);
  const KeyAnnounceDatagram second = announcer.announce(kEpoch, kNext);
  EXPECT_EQ(count_of(second), 2u);
  EXPECT_EQ(announcer.announce(kEpoch, kNext), second);
  EXPECT_EQ(count_of(announcer.announce(kNext.epoch, std::nullopt)), 3u);
  KeyAnnouncer::NextEpoch moved{.epoch = {.number = 302, .key_id = 8}, .first_sequence = 5};
  EXPECT_EQ(count_of(announcer.announce(kNext.epoch, moved)), 4u);
  moved.first_sequence = 6;
  EXPECT_EQ(count_of(announcer.announce(kNext.epoch, moved)), 5u);
  moved.epoch.key_id = 9;
  EXPECT_EQ(count_of(announcer.announce(kNext.epoch, moved)), 6u);
}

TEST(KeyAnnouncer, RefusesEpochsOutOfOrder) {
  KeyAnnouncer announcer(headend_key(), kStream);
  EXPECT_THROW(announcer.announce({.number = 0, .key_id = 1}, std::nullopt), Error);
  announcer.announce(kEpoch, std::nullopt);
  EXPECT_THROW(announcer.announce({.number = 299, .key_id = 7}, std::nullopt), Error);
  EXPECT_THROW(announcer.announce(kEpoch, KeyAnnouncer::NextEpoch{.epoch = kEpoch, .first_sequence = 1}),
               Error);
  EXPECT_EQ(count_of(announcer.announce(kEpoch, std::nullopt)), 1u);
}

class KeyAcceptorTest : public testing::Test {
 protected:
  Result accept(Bytes datagram) { return acceptor_.accept(now_ += kNsPerSecond, datagram, got_); }
  // Signs a message as the headend would, whatever it says.
  static KeyAnnounceDatagram signed_message(const KeyAnnounce& message, TrailerFields fields,
                                            const crypto::SigningKey& key = headend_key()) {
    KeyAnnounceDatagram datagram{};
    const size_t size = encode(message, datagram);
    EXPECT_EQ(append_signed_trailer(key, fields, synch_code(message.epoch), datagram, size), datagram.size());
    return datagram;
  }
  static KeyAnnounce message() {
    return {.channel_id = kStream.channel_id,
            .sender_id = kStream.sender_id,
            .cipher = 2,
            .start_number = kStream.start_number,
            .epoch = kEpoch.number,
            .key_id = kEpoch.key_id,
            .start_salt = kStream.start_salt};
  }
  static TrailerFields fields() {
    return {.id = kStream.start_number,
            .key_id = crypto::public_key_hint(headend_key().public_key()),
            .count = 1};
  }

  KeyAcceptor acceptor_{kStream.channel_id, {headend_key().public_key()}};
  KeyAnnounce got_;
  TimeNs now_ = 0;
};

TEST_F(KeyAcceptorTest, AcceptsAndReadsEveryField) {
  KeyAnnouncer announcer(headend_key(), kStream);
  ASSERT_EQ(accept(announcer.announce(kEpoch, kNext)), Result::kAccepted);
  EXPECT_EQ(got_.channel_id, kStream.channel_id);
  EXPECT_EQ(got_.sender_id, kStream.sender_id);
  EXPECT_EQ(got_.cipher, 2);
  EXPECT_EQ(got_.start_number, kStream.start_number);
  EXPECT_EQ(got_.epoch, 300u);
  EXPECT_EQ(got_.key_id, 7);
  EXPECT_EQ(got_.next_epoch, 301u);
  EXPECT_EQ(got_.next_key_id, 8);
  EXPECT_EQ(got_.next_first_sequence, 0x112233445566u);
  EXPECT_EQ(got_.start_salt, kStream.start_salt);
}

TEST_F(KeyAcceptorTest, RepeatsAndOlderAnnouncementsAreDropped) {
  KeyAnnouncer announcer(headend_key(), kStream);
  const KeyAnnounceDatagram first = announcer.announce(kEpoch, std::nullopt);
  const KeyAnnounceDatagram second = announcer.announce(kEpoch, kNext);
  const KeyAnnounceDatagram third = announcer.announce(kNext.epoch, std::nullopt);
  KeyAnnouncer restarted(headend_key(), started(kStream.start_number + 1));
  const KeyAnnounceDatagram newer = restarted.announce(kEpoch, std::nullopt);
  KeyAnnouncer early(headend_key(), started(kStream.start_number - 1));
  early.announce(kEpoch, std::nullopt);
  early.announce(kEpoch, kNext);
  const KeyAnnounceDatagram older = early.announce(kNext.epoch, std::nullopt);

  EXPECT_EQ(accept(second), Result::kAccepted);
  EXPECT_EQ(accept(second), Result::kRepeat);
  EXPECT_EQ(accept(first), Result::kOld);
  EXPECT_EQ(accept(older), Result::kOld);  // its count is higher, its start is not
  EXPECT_EQ(accept(third), Result::kAccepted);
  EXPECT_EQ(accept(second), Result::kOld);
  EXPECT_EQ(accept(newer), Result::kAccepted);  // count begins again with a new start
  EXPECT_EQ(got_.start_number, kStream.start_number + 1);
  EXPECT_EQ(accept(third), Result::kOld);
  EXPECT_EQ(accept(newer), Result::kRepeat);
}

TEST_F(KeyAcceptorTest, SameCountWithOtherContentIsOld) {
  KeyAnnounce changed = message();
  EXPECT_EQ(accept(signed_message(message(), fields())), Result::kAccepted);
  changed.key_id = 99;
  EXPECT_EQ(accept(signed_message(changed, fields())), Result::kOld);
}

TEST_F(KeyAcceptorTest, AnyFlippedBitIsRefusedAndChangesNothing) {
  const KeyAnnounceDatagram good = signed_message(message(), fields());
  for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
    KeyAnnounceDatagram bad = good;
    bad[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    const Result result = accept(bad);
    EXPECT_TRUE(result == Result::kMalformed || result == Result::kWrongChannel ||
                result == Result::kUntrusted || result == Result::kBadSignature)
        << "bit " << bit << ": " << result;
    EXPECT_EQ(got_.epoch, 0u) << bit;
  }
  EXPECT_EQ(accept(good), Result::kAccepted);
}

TEST_F(KeyAcceptorTest, NamedReasons) {
  KeyAnnounce m = message();
  m.channel_id[7] ^= 1;
  EXPECT_EQ(accept(signed_message(m, fields())), Result::kWrongChannel);

  TrailerFields f = fields();
  EXPECT_EQ(accept(signed_message(message(), f, other_key())), Result::kBadSignature);
  f.key_id = crypto::public_key_hint(other_key().public_key());
  EXPECT_EQ(accept(signed_message(message(), f, other_key())), Result::kUntrusted);

  const KeyAnnounceDatagram good = signed_message(message(), fields());
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_EQ(accept(Bytes(good).first(size)), Result::kMalformed) << size;
  std::vector<uint8_t> longer(good.begin(), good.end());
  longer.push_back(0);
  EXPECT_EQ(accept(longer), Result::kMalformed);

  std::array<uint8_t, 256> status{};  // another message, signed with the right key
  size_t size = encode(AddrRangeChange{.from = 0xe8010203, .to = 0xe8010204}, status);
  size = append_signed_trailer(headend_key(), fields(), 1, status, size);
  EXPECT_EQ(accept(Bytes(status).first(size)), Result::kMalformed);
}

TEST_F(KeyAcceptorTest, FieldsThatContradictEachOtherAreMalformed) {
  const auto refused = [&](auto change) {
    KeyAnnounce m = message();
    TrailerFields f = fields();
    change(m, f);
    return accept(signed_message(m, f)) == Result::kMalformed;
  };
  EXPECT_TRUE(refused([](KeyAnnounce&, TrailerFields& f) { f.id += 1; }));
  EXPECT_TRUE(refused([](KeyAnnounce&, TrailerFields& f) { f.count = 0; }));
  EXPECT_TRUE(refused([](KeyAnnounce& m, TrailerFields&) { m.cipher = 0; }));
  EXPECT_TRUE(refused([](KeyAnnounce& m, TrailerFields&) { m.cipher = 3; }));
  EXPECT_TRUE(refused([](KeyAnnounce& m, TrailerFields&) { m.epoch = 0; }));
  EXPECT_TRUE(refused([](KeyAnnounce& m, TrailerFields&) { m.next_epoch = m.epoch; }));
  EXPECT_TRUE(refused([](KeyAnnounce& m, TrailerFields&) { m.next_epoch = m.epoch - 1; }));
  EXPECT_TRUE(refused([](KeyAnnounce& m, TrailerFields&) { m.next_first_sequence = uint64_t{1} << 48; }));
  EXPECT_FALSE(refused([](KeyAnnounce&, TrailerFields&) {}));

  KeyAnnounceDatagram wrong_code{};  // a code that is not the epoch's
  const size_t size = encode(message(), wrong_code);
  append_signed_trailer(headend_key(), fields(), synch_code(kEpoch.number + 1), wrong_code, size);
  EXPECT_EQ(accept(wrong_code), Result::kMalformed);
}

TEST_F(KeyAcceptorTest, SendersAreKeptApart) {
  KeyAnnouncer::Stream second = started(5);  // an older start, but of another sender
  second.sender_id = 2;
  KeyAnnouncer one(headend_key(), kStream), two(headend_key(), second);
  EXPECT_EQ(accept(one.announce(kEpoch, std::nullopt)), Result::kAccepted);
  EXPECT_EQ(accept(two.announce(kEpoch, std::nullopt)), Result::kAccepted);
  EXPECT_EQ(accept(one.announce(kEpoch, std::nullopt)), Result::kRepeat);
  EXPECT_EQ(accept(two.announce(kEpoch, std::nullopt)), Result::kRepeat);
}

TEST_F(KeyAcceptorTest, RemembersABoundedNumberOfSenders) {
  KeyAnnounce m = message();
  for (size_t i = 0; i < KeyAcceptor::kMaxSenders; ++i) {
    m.sender_id = static_cast<uint16_t>(100 + i);
    EXPECT_EQ(accept(signed_message(m, fields())), Result::kAccepted);
  }
  m.sender_id = 200;
  EXPECT_EQ(accept(signed_message(m, fields())), Result::kTooManySenders);
  m.sender_id = 100;  // those it knows still get through
  TrailerFields f = fields();
  f.count = 2;
  EXPECT_EQ(accept(signed_message(m, f)), Result::kAccepted);
}

TEST_F(KeyAcceptorTest, ForgeriesCannotTakeTheWholeCore) {
  const KeyAnnounceDatagram good = signed_message(message(), fields());
  KeyAnnounceDatagram forged = good;
  forged.back() ^= 1;
  uint64_t looked_at = 0;
  for (int i = 0; i < 1000; ++i)  // at one moment
    looked_at += acceptor_.accept(0, forged, got_) == Result::kBadSignature;
  EXPECT_EQ(looked_at, KeyAcceptor::kVerificationsPerSecond / 10);
  EXPECT_EQ(acceptor_.accept(0, good, got_), Result::kNotVerified);
  EXPECT_EQ(acceptor_.accept(kNsPerSecond, good, got_), Result::kAccepted);
  EXPECT_EQ(acceptor_.accept(kNsPerSecond, good, got_), Result::kRepeat);  // takes no verification
}

TEST_F(KeyAcceptorTest, SeveralKeysMayBeTrusted) {
  KeyAcceptor both(kStream.channel_id, {other_key().public_key(), headend_key().public_key()});
  EXPECT_EQ(both.accept(0, signed_message(message(), fields()), got_), Result::kAccepted);
  KeyAcceptor none(kStream.channel_id, {});
  EXPECT_EQ(none.accept(0, signed_message(message(), fields()), got_), Result::kUntrusted);
}

}  // namespace
}  // namespace linecast::smart
