// The codec and the sealing code against packets that were made without them (tests/vectors).
#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "lib/smart/stream_sealer.h"
#include "lib/smart/trailer.h"
#include "tests/packets/hex.h"
#include "tests/unit/smart/vectors.h"
#include "tests/unit/smart/wire_table.h"

namespace linecast::smart {
namespace {

using packets::from_hex;
using packets::to_hex;

std::vector<uint8_t> datagram_of(const Json& vector) {
  return from_hex(vector.at("datagram").get<std::string>());
}

crypto::GroupKey group_key(const std::string& name) {
  const Json& entry = vectors().at("inputs").at("group_keys").at(name);
  crypto::GroupKey key{.id = entry.at("key_id"),
                       .cipher = static_cast<crypto::Cipher>(entry.at("cipher").get<int>())};
  const std::vector<uint8_t> bytes = from_hex(entry.at("key").get<std::string>());
  std::copy(bytes.begin(), bytes.end(), key.bytes.begin());
  return key;
}

crypto::ChannelId channel() { return array_of<8>(vectors().at("inputs").at("channel_id")); }
crypto::StartSalt start_salt() { return array_of<16>(vectors().at("inputs").at("start_salt")); }

class Vectors : public testing::Test {
 protected:
  std::unique_ptr<EpochKey> epoch_key(const std::string& traffic_key) {
    const Json& derived = derived_vector(traffic_key);
    return std::make_unique<EpochKey>(manager_, group_key(derived.at("group_key")), start_salt(), channel(),
                                      vectors().at("inputs").at("sender_id"), derived.at("epoch"));
  }

  // The packet that a StreamSealer seals where it stands as the vector says.
  std::vector<uint8_t> sealed(const Json& vector) {
    const Json& seal = vector.at("seal");
    const std::unique_ptr<EpochKey> key = epoch_key(seal.at("traffic_key"));
    std::unique_ptr<EpochKey> previous;
    if (seal.contains("previous")) previous = epoch_key(seal.at("previous").at("traffic_key"));
    StreamSealer sealer(vectors().at("inputs").at("sender_id"), seal.at("first_sequence"),
                        previous ? previous.get() : key.get());
    if (previous && !sealer.schedule(key.get(), seal.at("previous").at("until"))) return {};

    const Json& fields = vector.at("fields");
    const std::vector<uint8_t> plaintext = from_hex(seal.at("plaintext").get<std::string>());
    std::vector<uint8_t> out(2048);
    if (fields.at("iv.heartbeat") == 1) {
      for (uint64_t counter = 1; counter < fields.at("iv.counter"); ++counter)
        sealer.seal_heartbeat(manager_, 0, out.data());
      while (sealer.next_sequence() - 1 < load_be64(plaintext.data()))
        sealer.seal_data(manager_, PacketFormat::kOpaque, 0, {}, out.data());
      out.resize(sealer.seal_heartbeat(manager_, fields.at("quiet"), out.data()));
      return out;
    }
    while (sealer.next_sequence() < fields.at("iv.counter"))
      sealer.seal_data(manager_, PacketFormat::kOpaque, 0, {}, out.data());
    out.resize(sealer.seal_data(manager_, static_cast<PacketFormat>(fields.at("format").get<int>()),
                                fields.at("quiet"), plaintext, out.data()));
    return out;
  }

  crypto::Manager manager_;
};

TEST_F(Vectors, CoverEveryKindOfPacket) {
  std::set<std::string> seen;
  for (const Json& vector : vectors().at("packets")) {
    const Json& f = vector.at("fields");
    const std::string sealed = f.at("synch_code") != 0 ? " sealed" : " clear";
    if (f.at("type") == 0) {
      seen.insert("data " + f.at("data_cmd").dump() + sealed);
      seen.insert("format " + f.at("format").dump() + sealed);
    }
    for (const MessageKind& kind : message_kinds()) {
      const std::string bytes = vector.at("datagram");
      if (from_hex(bytes)[1] == (kind.type << 6 | kind.command)) seen.insert(kind.name + sealed);
    }
  }
  for (const char* data : {"data 0", "data 1", "data 3", "format 0", "format 1", "format 2"})
    for (const char* how : {" clear", " sealed"})
      EXPECT_EQ(seen.count(data + std::string(how)), 1u) << data << how;
  for (const MessageKind& kind : message_kinds()) {
    EXPECT_EQ(seen.count(kind.name + std::string(" clear")), kind.code_zero_allowed ? 1u : 0u) << kind.name;
    EXPECT_EQ(seen.count(kind.name + std::string(" sealed")), kind.trailer_size != 0 ? 1u : 0u) << kind.name;
  }
}

TEST_F(Vectors, DecodeToTheirFields) {
  for (const Json& vector : vectors().at("packets"))
    EXPECT_EQ(fields_of(datagram_of(vector)), without_blanks(vector.at("fields"))) << vector.at("name");
}

// What stands before the trailer; PACKET_SIZE and the code are the trailer's to set.
TEST_F(Vectors, EncodeFromTheirFields) {
  for (const Json& vector : vectors().at("packets")) {
    std::vector<uint8_t> expected = datagram_of(vector);
    std::vector<uint8_t> made = encoded(vector.at("fields"));
    ASSERT_FALSE(made.empty()) << vector.at("name");
    if (vector.contains("trailer_key")) {
      expected.resize(made.size());
      expected[0] = 0;
      store_be16(&expected[2], static_cast<uint16_t>(expected.size()));
    }
    if (vector.value("decode_only", false))
      EXPECT_NE(to_hex(made), to_hex(expected)) << vector.at("name");
    else
      EXPECT_EQ(to_hex(made), to_hex(expected)) << vector.at("name");
  }
}

TEST_F(Vectors, RefuseWithTheNamedFault) {
  for (const Json& vector : vectors().at("refused")) {
    const std::vector<uint8_t> datagram = datagram_of(vector);
    WireFault fault;
    DataHeader header;
    Split split;
    if (datagram.size() > 1 && datagram[1] >> 6 == 0)
      fault = decode_data(datagram, header);
    else
      fault = split_message(datagram, split);
    EXPECT_EQ(kWireFaultTexts[static_cast<size_t>(fault)].name, vector.at("fault").get<std::string>())
        << vector.at("name");
  }
}

TEST_F(Vectors, KeysAreDerived) {
  const Json& inputs = vectors().at("inputs");
  EXPECT_EQ(crypto::channel_id_from_name(inputs.at("channel_name").get<std::string>()), channel());
  for (const Json& entry : vectors().at("derived")) {
    const crypto::GroupKey group = group_key(entry.at("group_key"));
    const std::string kind = entry.at("kind");
    if (kind == "traffic") {
      const auto traffic = crypto::derive_traffic_key(group, start_salt(), channel(), inputs.at("sender_id"),
                                                      entry.at("epoch"));
      EXPECT_EQ(to_hex(Bytes(traffic.key).first(crypto::key_size(group.cipher))), entry.at("key"));
      EXPECT_EQ(to_hex(traffic.nonce_salt), entry.at("nonce_salt"));
    } else if (kind == "down") {
      EXPECT_EQ(to_hex(crypto::derive_down_key(group, channel())), entry.at("key"));
    } else if (kind == "up") {
      EXPECT_EQ(to_hex(crypto::derive_up_key(group, channel())), entry.at("key"));
    } else {
      // A CmacKey does not show itself: it must make the MAC that the vector's key makes.
      const crypto::CmacKey up(manager_, crypto::derive_up_key(group, channel()));
      const crypto::CmacKey derived = crypto::receiver_key(manager_, up, inputs.at("receiver_id"));
      const crypto::CmacKey expected(manager_, array_of<16>(entry.at("key")));
      const std::array<uint8_t, 3> message{1, 2, 3};
      EXPECT_EQ(derived.mac(manager_, message), expected.mac(manager_, message)) << entry.at("name");
    }
  }
}

TEST_F(Vectors, OpenWithTheirKeys) {
  int opened = 0;
  for (const Json& vector : vectors().at("packets")) {
    if (!vector.contains("seal")) continue;
    const Json& seal = vector.at("seal");
    std::vector<uint8_t> datagram = datagram_of(vector);
    const auto aad = data_aad(datagram.data());
    EXPECT_EQ(to_hex(aad), seal.at("aad")) << vector.at("name");
    const std::unique_ptr<EpochKey> key = epoch_key(seal.at("traffic_key"));
    const Bytes payload = Bytes(datagram).subspan(kDataHeaderSize);
    const Bytes ciphertext = payload.subspan(kIvSize, payload.size() - kSealOverhead);
    std::vector<uint8_t> plaintext(ciphertext.size());
    EXPECT_TRUE(key->gcm.open(manager_, payload.data(), aad, ciphertext, payload.last(kTagSize).data(),
                              plaintext.data()))
        << vector.at("name");
    EXPECT_EQ(to_hex(plaintext), seal.at("plaintext")) << vector.at("name");
    datagram[datagram.size() - 1] ^= 1;
    EXPECT_FALSE(key->gcm.open(manager_, payload.data(), aad, ciphertext, payload.last(kTagSize).data(),
                               plaintext.data()))
        << vector.at("name");
    ++opened;
  }
  EXPECT_GE(opened, 10);
}

TEST_F(Vectors, SealToTheSameBytes) {
  for (const Json& vector : vectors().at("packets")) {
    if (!vector.contains("seal")) continue;
    std::vector<uint8_t> made = sealed(vector);
    // A repair is the original with CMD and QUIET changed, never sealed again.
    if (vector.at("fields").at("data_cmd") == 1)
      set_data_command(made.data(), DataCommand::kRepair, vector.at("fields").at("quiet"));
    EXPECT_EQ(to_hex(made), vector.at("datagram")) << vector.at("name");
  }
}

TEST_F(Vectors, ARepairIsItsOriginal) {
  const Json& original = packet_vector("data-sealed-ts");
  const Json& repair = packet_vector("data-sealed-repair");
  for (const char* part : {"iv.counter", "ciphertext", "tag"})
    EXPECT_EQ(original.at("fields").at(part), repair.at("fields").at(part));
  EXPECT_NE(original.at("datagram"), repair.at("datagram"));
}

TEST_F(Vectors, TrailersAreMadeAndVerified) {
  const Json& inputs = vectors().at("inputs");
  const crypto::SigningKey signing(array_of<32>(inputs.at("signing_seed")));
  EXPECT_EQ(to_hex(signing.public_key()), inputs.at("public_key"));
  EXPECT_EQ(crypto::public_key_hint(signing.public_key()), inputs.at("public_key_hint"));

  for (const Json& vector : vectors().at("packets")) {
    if (!vector.contains("trailer_key")) continue;
    const Json& f = vector.at("fields");
    std::vector<uint8_t> datagram = datagram_of(vector);
    const TrailerFields fields{f.at("trailer.id"), f.at("trailer.key_id"), f.at("trailer.count")};
    std::vector<uint8_t> made = encoded(f);
    const size_t size = made.size();
    made.resize(datagram.size());
    if (vector.at("trailer_key") == "ed25519") {
      EXPECT_EQ(append_signed_trailer(signing, fields, f.at("synch_code"), made, size), datagram.size());
      EXPECT_TRUE(verify_signed_trailer(signing.public_key(), datagram)) << vector.at("name");
      datagram[4] ^= 1;
      EXPECT_FALSE(verify_signed_trailer(signing.public_key(), datagram)) << vector.at("name");
    } else {
      const crypto::CmacKey key(manager_, array_of<16>(derived_vector(vector.at("trailer_key")).at("key")));
      EXPECT_EQ(append_cmac_trailer(manager_, key, fields, f.at("synch_code"), made, size), datagram.size());
      EXPECT_TRUE(verify_cmac_trailer(manager_, key, datagram)) << vector.at("name");
      datagram[4] ^= 1;
      EXPECT_FALSE(verify_cmac_trailer(manager_, key, datagram)) << vector.at("name");
    }
    EXPECT_EQ(to_hex(made), vector.at("datagram")) << vector.at("name");
  }
}

}  // namespace
}  // namespace linecast::smart
