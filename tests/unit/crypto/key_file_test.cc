#include "lib/crypto/key_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <numeric>
#include <sstream>

#include "lib/base/error.h"
#include "tests/unit/crypto/hex.h"
#include "tests/unit/temporary_directory.h"

namespace linecast::crypto {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kKey128 = "000102030405060708090a0b0c0d0e0f";
constexpr const char* kKey256 = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
// RFC 8032, section 7.1, test 1.
constexpr const char* kSeed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
constexpr const char* kPublic = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

std::string group_text(const std::string& cipher = "aes-128-gcm", const std::string& key = kKey128) {
  return "linecast-key: 1\ntype: group\nid: 7\ncipher: " + cipher + "\nkey: " + key + "\n";
}

// The message that `call` throws, or "no error".
template <typename Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(ParseKeyFile, EveryType) {
  KeyFile key = parse_key_file(group_text(), "k");
  EXPECT_EQ(key.type, KeyType::kGroup);
  EXPECT_EQ(key.id, 7);
  EXPECT_EQ(key.cipher, Cipher::kAes128Gcm);
  EXPECT_EQ(to_hex(Bytes(key.bytes).first(16)), kKey128);
  key = parse_key_file(group_text("aes-256-gcm", kKey256), "k");
  EXPECT_EQ(key.cipher, Cipher::kAes256Gcm);
  EXPECT_EQ(to_hex(key.bytes), kKey256);
  key = parse_key_file("linecast-key: 1\ntype: signing\nkey: " + std::string(kSeed), "k");
  EXPECT_EQ(key.type, KeyType::kSigning);
  EXPECT_EQ(to_hex(key.bytes), kSeed);
  key = parse_key_file("linecast-key: 1\ntype: public\nkey: " + std::string(kPublic) + "\n", "k");
  EXPECT_EQ(key.type, KeyType::kPublic);
  EXPECT_EQ(to_hex(key.bytes), kPublic);
}

TEST(ParseKeyFile, AHopKeyNamesItsChannel) {
  const std::string head = "linecast-key: 1\ntype: hop\nid: 7\n", channel = "channel: 9b4fae55b4a9493e\n";
  const std::string tail = "key: " + std::string(kKey256) + "\n";
  const KeyFile key = parse_key_file(head + channel + tail, "k");
  EXPECT_EQ(key.type, KeyType::kHop);
  EXPECT_EQ(key.id, 7);
  EXPECT_EQ(to_hex(key.channel), "9b4fae55b4a9493e");
  EXPECT_EQ(to_hex(key.bytes), kKey256);
  const auto fault = [](const std::string& text) { return error_of([&] { parse_key_file(text, "k"); }); };
  EXPECT_THAT(fault(head + tail), HasSubstr("the line 'channel: 16 hex digits' is missing"));
  EXPECT_THAT(fault(head + "channel: 9b4f\n" + tail),
              HasSubstr("the channel has 4 characters where 16 hex digits"));
  EXPECT_THAT(fault(head + channel + "cipher: aes-128-gcm\n" + tail), HasSubstr("remove this line"));
  EXPECT_THAT(fault(group_text() + channel), HasSubstr("only a hop key has a channel"));
}

TEST(ParseKeyFile, CommentsSpaceOrderAndCapitalsDoNotMatter) {
  const KeyFile key = parse_key_file(
      "# a comment\r\n\r\n  linecast-key :1\r\nkey: 000102030405060708090A0B0C0D0E0F\t\r\n#key: 00\n"
      "cipher:aes-128-gcm\nid:   65535\n\ttype: group",
      "k");
  EXPECT_EQ(to_hex(Bytes(key.bytes).first(16)), kKey128);
  EXPECT_EQ(key.id, 65535);
}

TEST(ParseKeyFile, EachFaultIsNamedWithItsLine) {
  const std::string head = "linecast-key: 1\n";
  const struct {
    std::string text;
    const char* begins;
    const char* says;
  } kCases[] = {
      {"", "dir/k: ", "empty"},
      {"# only a comment\n", "dir/k: ", "empty"},
      {kKey128, "dir/k:1: ", "no linecast key file"},
      {"type: group\n" + head, "dir/k:1: ", "no linecast key file"},
      {"-----BEGIN PRIVATE KEY-----\n", "dir/k:1: ", "no linecast key file"},
      {"linecast-key: 2\n", "dir/k:1: ", "another version"},
      {"linecast-key:\n", "dir/k:1: ", "another version"},
      {head + "colour: red\n", "dir/k:2: ", "not a line of a key file"},
      {head + "type group\n", "dir/k:2: ", "not a line of a key file"},
      {head + ": group\n", "dir/k:2: ", "not a line of a key file"},
      {head + "Type: group\n", "dir/k:2: ", "not a line of a key file"},
      {head + "\n\ntype: group\ntype: group\n", "dir/k:5: ", "the field of line 4 again"},
      {head + head, "dir/k:2: ", "the field of line 1 again"},
      {head, "dir/k: ", "'type: group|signing|public|hop' is missing"},
      {head + "type: secret\n", "dir/k:2: ", "type must be group, signing, public or hop"},
      {head + "type:\n", "dir/k:2: ", "type must be group, signing, public or hop"},
      {head + "type: group\n", "dir/k: ", "'id: 1..65535' is missing"},
      {head + "type: group\nid: 0\n", "dir/k:3: ", "id must be"},
      {head + "type: group\nid: 65536\n", "dir/k:3: ", "id must be"},
      {head + "type: group\nid: -1\n", "dir/k:3: ", "id must be"},
      {head + "type: group\nid: 1x\n", "dir/k:3: ", "id must be"},
      {head + "type: group\nid: 0x10\n", "dir/k:3: ", "id must be"},
      {head + "type: group\nid:\n", "dir/k:3: ", "id must be"},
      {head + "type: group\nid: 1\n", "dir/k: ", "'cipher: aes-128-gcm|aes-256-gcm' is missing"},
      {head + "type: group\nid: 1\ncipher: aes-192-gcm\n", "dir/k:4: ", "cipher must be"},
      {head + "type: group\nid: 1\ncipher: aes-128-gcm\n", "dir/k: ", "'key: HEX' is missing"},
      {group_text("aes-128-gcm", ""), "dir/k:5: ", "0 characters where 32 hex digits"},
      {group_text("aes-128-gcm", std::string(kKey128) + "0"), "dir/k:5: ", "33 characters where 32"},
      {group_text("aes-128-gcm", kKey256), "dir/k:5: ", "64 characters where 32"},
      {group_text("aes-256-gcm", kKey128), "dir/k:5: ", "32 characters where 64"},
      {group_text("aes-128-gcm", "000102030405060708090a0b0c0d0e0g"), "dir/k:5: ", "characters 31 and 32"},
      {group_text("aes-128-gcm", "0 0102030405060708090a0b0c0d0e0f"), "dir/k:5: ", "characters 1 and 2"},
      {head + "type: signing\nkey: " + kKey128, "dir/k:3: ", "32 characters where 64"},
      {head + "type: public\nkey: " + kKey128, "dir/k:3: ", "32 characters where 64"},
      {head + "type: signing\nid: 1\nkey: " + kSeed, "dir/k:3: ", "only a group key has"},
      {head + "type: public\nkey: " + kPublic + "\ncipher: aes-128-gcm\n",
       "dir/k:4: ", "only a group key has"},
      {head + std::string(kMaxKeyFileSize, '#'), "dir/k: ", "longer than 4096 bytes"},
  };
  for (const auto& c : kCases)
    EXPECT_THAT(error_of([&] { parse_key_file(c.text, "dir/k"); }),
                AllOf(StartsWith(c.begins), HasSubstr(c.says)))
        << c.text;
}

// A secret may stand on any line by mistake.
TEST(ParseKeyFile, NoMessageRepeatsTheFile) {
  const std::string secret = "5ec2e75ec2e75ec2e75ec2e75ec2e750";
  for (const std::string& text :
       {secret, secret + ": 1\n", "linecast-key: " + secret, "linecast-key: 1\n" + secret,
        "linecast-key: 1\n" + secret + ": x", "linecast-key: 1\ntype: " + secret,
        "linecast-key: 1\ntype: group\nid: " + secret,
        "linecast-key: 1\ntype: group\nid: 1\ncipher: " + secret, group_text("aes-256-gcm", secret),
        group_text("aes-128-gcm", secret.substr(1) + "x")}) {
    EXPECT_THAT(error_of([&] { parse_key_file(text, "k"); }),
                AllOf(Not(HasSubstr("5ec2e7")), Not(HasSubstr("no error"))));
  }
}

class KeyFileTest : public testing::Test {
 protected:
  void put(const std::string& text, mode_t mode = 0600) const {
    std::ofstream(path_, std::ios::binary) << text;
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
  }
  static mode_t mode_of(const std::string& path) {
    struct stat about {};
    EXPECT_EQ(::stat(path.c_str(), &about), 0);
    return about.st_mode & 07777;
  }
  static std::string content(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  const TemporaryDirectory made_;
  const std::string directory_{made_.path()};
  const std::string path_{directory_ + "/k"};
};

TEST_F(KeyFileTest, GroupKeyComesBackAsWritten) {
  for (const Cipher cipher : {Cipher::kAes128Gcm, Cipher::kAes256Gcm}) {
    GroupKey key{.id = 300, .cipher = cipher};
    random_bytes(MutableBytes(key.bytes).first(key_size(cipher)));
    const std::string path = path_ + std::string(cipher_name(cipher));
    write_group_key(path, key);
    EXPECT_EQ(mode_of(path), 0600u);
    const GroupKey read = read_group_key(path);
    EXPECT_EQ(read.id, 300);
    EXPECT_EQ(read.cipher, cipher);
    EXPECT_EQ(read.bytes, key.bytes);
  }
}

TEST_F(KeyFileTest, HopKeyComesBackAsWrittenAndHoldsNoTrafficKey) {
  GroupKey group{.id = 300, .bytes = {1, 2, 3}};
  const HopKey key = derive_hop_key(group, channel_id_from_name("News HD"));
  EXPECT_EQ(key.down, derive_down_key(group, key.channel));
  EXPECT_EQ(key.up, derive_up_key(group, key.channel));
  write_hop_key(path_, key);
  EXPECT_EQ(read_hop_key(path_), key);
  EXPECT_THAT(error_of([&] { read_group_key(path_, KeyHolder::kReceiver); }),
              HasSubstr("a hop key where a group key is needed"));
  const std::string mine = fingerprint(read_key_file(path_));
  group.bytes[0] = 9;
  write_hop_key(path_ + "2", derive_hop_key(group, key.channel));
  EXPECT_NE(fingerprint(read_key_file(path_ + "2")), mine);
  EXPECT_THAT(error_of([&] { read_hop_key(path_ + "3"); }),
              HasSubstr("linecast key hop --channel NAME GROUP_KEY"));
}

TEST_F(KeyFileTest, SigningKeyAndItsPublicHalf) {
  const mode_t before = ::umask(0077);
  write_signing_key(path_, array_from_hex<32>(kSeed));
  ::umask(before);
  EXPECT_EQ(mode_of(path_), 0600u);
  EXPECT_EQ(mode_of(path_ + ".pub"), 0644u);  // whatever the umask
  EXPECT_EQ(to_hex(read_signing_key(path_)->public_key()), kPublic);
  EXPECT_EQ(to_hex(read_public_key(path_ + ".pub")), kPublic);
  EXPECT_THAT(content(path_ + ".pub"), Not(HasSubstr(kSeed)));
}

TEST_F(KeyFileTest, NeverOverwrites) {
  put("precious");
  const std::string error = error_of([&] { write_group_key(path_, {.id = 1}); });
  EXPECT_THAT(error, AllOf(StartsWith(path_ + ": exists already"), HasSubstr("mv " + path_)));
  EXPECT_EQ(content(path_), "precious");
  EXPECT_THAT(error_of([&] { write_signing_key(path_, {}); }), HasSubstr("exists already"));
  EXPECT_EQ(content(path_), "precious");
  EXPECT_FALSE(std::filesystem::exists(path_ + ".pub"));
}

TEST_F(KeyFileTest, SigningKeyIsWrittenWholeOrNotAtAll) {
  std::ofstream(path_ + ".pub") << "precious";
  EXPECT_THAT(error_of([&] { write_signing_key(path_, {}); }), StartsWith(path_ + ".pub: exists already"));
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_EQ(content(path_ + ".pub"), "precious");
}

TEST_F(KeyFileTest, DoesNotFollowALinkWhenWriting) {
  const std::string target = directory_ + "/target";
  ASSERT_EQ(::symlink(target.c_str(), path_.c_str()), 0);
  EXPECT_THAT(error_of([&] { write_group_key(path_, {.id = 1}); }), HasSubstr("exists already"));
  EXPECT_FALSE(std::filesystem::exists(target));
}

TEST_F(KeyFileTest, WritingIntoNoDirectorySaysHowToMakeIt) {
  const std::string path = directory_ + "/a b/k";
  EXPECT_THAT(error_of([&] { write_group_key(path, {.id = 1}); }),
              AllOf(StartsWith(path + ": "), HasSubstr("mkdir -p -m 700 '" + directory_ + "/a b'")));
}

TEST_F(KeyFileTest, MissingFilesNameTheCommandThatMakesThem) {
  EXPECT_THAT(error_of([&] { read_group_key(path_); }),
              AllOf(StartsWith(path_ + ": there is no such"), HasSubstr("linecast key new group " + path_)));
  EXPECT_THAT(error_of([&] { read_signing_key(path_); }), HasSubstr("linecast key new signing " + path_));
}

TEST_F(KeyFileTest, AReceiverIsToldToCopyAndNeverToMakeAKey) {
  const auto says = [&](const char* what) { return AllOf(HasSubstr(what), Not(HasSubstr("key new"))); };
  const auto group = [&] { return error_of([&] { read_group_key(path_, KeyHolder::kReceiver); }); };
  EXPECT_THAT(group(), says("copy it from the headend"));
  EXPECT_THAT(error_of([&] { read_public_key(path_); }), says("it is the .pub file"));
  for (const std::string& text :
       {group_text().substr(0, 34), group_text("aes-128-gcm", "00010203"), std::string()}) {
    put(text);
    EXPECT_THAT(group(), says("copy ")) << text;
  }
}

TEST_F(KeyFileTest, SecretsThatOthersCanReadOrWriteAreRefused) {
  for (const mode_t mode : {0640, 0620, 0610, 0604, 0602, 0601, 0644, 0666, 0777}) {
    put(group_text(), mode);
    EXPECT_THAT(error_of([&] { read_group_key(path_); }),
                AllOf(StartsWith(path_ + ": "), HasSubstr("chmod 600 " + path_)))
        << std::oct << mode;
    put("linecast-key: 1\ntype: signing\nkey: " + std::string(kSeed), mode);
    EXPECT_THAT(error_of([&] { read_signing_key(path_); }), HasSubstr("chmod 600 " + path_))
        << std::oct << mode;
  }
  for (const mode_t mode : {0600, 0400, 0700}) {
    put(group_text(), mode);
    EXPECT_EQ(error_of([&] { read_group_key(path_); }), "no error") << std::oct << mode;
  }
}

TEST_F(KeyFileTest, PublicKeysMayBeReadButNotChangedByOthers) {
  const std::string text = "linecast-key: 1\ntype: public\nkey: " + std::string(kPublic);
  for (const mode_t mode : {0600, 0644, 0444, 0640}) {
    put(text, mode);
    EXPECT_EQ(error_of([&] { read_public_key(path_); }), "no error") << std::oct << mode;
  }
  for (const mode_t mode : {0664, 0646, 0666}) {
    put(text, mode);
    EXPECT_THAT(error_of([&] { read_public_key(path_); }), HasSubstr("chmod 644 " + path_))
        << std::oct << mode;
  }
}

TEST_F(KeyFileTest, TheWrongTypeIsNamed) {
  write_signing_key(path_, array_from_hex<32>(kSeed));
  EXPECT_THAT(error_of([&] { read_group_key(path_); }),
              AllOf(HasSubstr("a signing key where a group key is needed"),
                    HasSubstr("linecast key new group " + path_ + ".new")));
  EXPECT_THAT(
      error_of([&] { read_public_key(path_); }),
      AllOf(HasSubstr("a signing key where a public key is needed"), HasSubstr("name " + path_ + ".pub")));
  EXPECT_THAT(error_of([&] { read_signing_key(path_ + ".pub"); }),
              HasSubstr("a public key where a signing key is needed"));
  EXPECT_EQ(read_key_file(path_).type, KeyType::kSigning);
  EXPECT_EQ(read_key_file(path_ + ".pub").type, KeyType::kPublic);
}

TEST_F(KeyFileTest, WhatIsNoFileIsRefusedAtOnce) {
  EXPECT_THAT(error_of([&] { read_group_key(directory_); }), HasSubstr("not a regular file"));
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);  // opening one to read waits for a writer
  EXPECT_THAT(error_of([&] { read_group_key(path_); }), HasSubstr("not a regular file"));
}

TEST_F(KeyFileTest, LargeFilesAreNotReadToTheEnd) {
  put(group_text());
  ASSERT_EQ(::truncate(path_.c_str(), off_t{1} << 40), 0);  // sparse; would not fit into memory
  EXPECT_THAT(error_of([&] { read_group_key(path_); }), HasSubstr("longer than 4096 bytes"));
}

TEST(Fingerprint, TellsKeysApartAndShowsNone) {
  KeyFile key = parse_key_file(group_text(), "k");
  const std::string first = fingerprint(key);
  EXPECT_EQ(first.size(), 32u);
  EXPECT_EQ(first, fingerprint(parse_key_file(group_text(), "k")));
  EXPECT_NE(first, kKey128);
  key.bytes[15] ^= 1;
  EXPECT_NE(fingerprint(key), first);
  key.bytes[15] ^= 1;
  key.bytes[16] ^= 1;  // not part of a 128-bit key
  EXPECT_EQ(fingerprint(key), first);
}

TEST(Fingerprint, OfASigningKeyIsThatOfItsPublicHalf) {
  const KeyFile seed = parse_key_file("linecast-key: 1\ntype: signing\nkey: " + std::string(kSeed), "k");
  const KeyFile half = parse_key_file("linecast-key: 1\ntype: public\nkey: " + std::string(kPublic), "k");
  EXPECT_EQ(fingerprint(seed), fingerprint(half));
  EXPECT_EQ(fingerprint(seed), to_hex(Bytes(sha256(from_hex(kPublic))).first(16)));
}

}  // namespace
}  // namespace linecast::crypto
