#include "app/linecast/key.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "lib/base/error.h"
#include "lib/crypto/key_file.h"
#include "lib/lineup/scalars.h"

namespace linecast::app {
namespace {

constexpr int kFailed = 1;
constexpr int kBadConfiguration = 2;

// Where the arguments of all the subcommands land.
struct Arguments {
  std::string file;
  std::string cipher{crypto::cipher_name(crypto::Cipher::kAes128Gcm)};
  uint16_t id = 1;
  std::string out;         // of a hop key
  std::string channel;     // its name
  std::string channel_id;  // or id
  bool json = false;
};

std::string hex(const crypto::ChannelId& id) {
  std::string text;
  for (const uint8_t byte : id) text += fmt::format("{:02x}", byte);
  return text;
}

// "group key 7, aes-128-gcm", "hop key 7 of channel 9b4fae55b4a9493e", "signing key" or "public key".
std::string described(const crypto::KeyFile& key) {
  if (key.type == crypto::KeyType::kHop)
    return fmt::format("hop key {} of channel {}", key.id, hex(key.channel));
  if (key.type != crypto::KeyType::kGroup) return fmt::format("{} key", crypto::key_type_name(key.type));
  return fmt::format("group key {}, {}", key.id, crypto::cipher_name(key.cipher));
}

void say_written(const std::string& file) {
  const crypto::KeyFile key = crypto::read_key_file(file);
  fmt::print("wrote {}: {}, fingerprint {}\n", file, described(key), crypto::fingerprint(key));
}

void make_group_key(const Arguments& arguments) {
  crypto::GroupKey key;
  key.id = arguments.id;
  for (const crypto::Cipher cipher : {crypto::Cipher::kAes128Gcm, crypto::Cipher::kAes256Gcm})
    if (arguments.cipher == crypto::cipher_name(cipher)) key.cipher = cipher;
  crypto::random_bytes(MutableBytes(key.bytes).first(crypto::key_size(key.cipher)));
  crypto::write_group_key(arguments.file, key);
  say_written(arguments.file);
}

void make_signing_key(const Arguments& arguments) {
  std::array<uint8_t, 32> seed;
  crypto::random_bytes(seed);
  crypto::write_signing_key(arguments.file, seed);
  crypto::wipe(seed);
  say_written(arguments.file);
  say_written(arguments.file + ".pub");
}

void make_hop_key(const Arguments& arguments) {
  crypto::ChannelId channel = crypto::channel_id_from_name(arguments.channel);
  if (!arguments.channel_id.empty()) {
    const auto parsed = lineup::parse_channel_id(arguments.channel_id);
    if (const auto* wrong = std::get_if<lineup::Wrong>(&parsed))
      throw Error(fmt::format("--channel-id \"{}\" {}", arguments.channel_id, wrong->why));
    channel = std::get<0>(parsed);
  }
  crypto::write_hop_key(arguments.out,
                        crypto::derive_hop_key(crypto::read_group_key(arguments.file), channel));
  say_written(arguments.out);
}

void show_key(const Arguments& arguments) {
  const crypto::KeyFile key = crypto::read_key_file(arguments.file);
  if (!arguments.json) {
    fmt::print("{}: {}, fingerprint {}\n", arguments.file, described(key), crypto::fingerprint(key));
    return;
  }
  nlohmann::ordered_json out;
  out["file"] = arguments.file;
  out["type"] = crypto::key_type_name(key.type);
  if (key.type == crypto::KeyType::kGroup) {
    out["id"] = key.id;
    out["cipher"] = crypto::cipher_name(key.cipher);
  }
  if (key.type == crypto::KeyType::kHop) {
    out["id"] = key.id;
    out["channel"] = hex(key.channel);
  }
  out["fingerprint"] = crypto::fingerprint(key);
  // A file name may be no UTF-8: such bytes are replaced.
  fmt::print("{}\n", out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void add_group(CLI::App& make, Arguments& arguments) {
  CLI::App* group =
      make.add_subcommand("group", "Make a group key: what senders, repeaters and receivers share");
  group->add_option("FILE", arguments.file, "the file to make; it must not exist")->required();
  group->add_option("--cipher", arguments.cipher, "aes-128-gcm or aes-256-gcm")
      ->check(CLI::IsMember({crypto::cipher_name(crypto::Cipher::kAes128Gcm),
                             crypto::cipher_name(crypto::Cipher::kAes256Gcm)})
                  .description(""))
      ->type_name("CIPHER")
      ->capture_default_str();
  group->add_option("--id", arguments.id, "what announcements name it by, 1 .. 65535; another for each key")
      ->check(CLI::Range(1, 65535).description(""))
      ->type_name("N")
      ->capture_default_str();
  group->footer("Example:\n  linecast key new group /etc/linecast/sport.key --cipher aes-256-gcm --id 2");
}

void add_signing(CLI::App& make, Arguments& arguments) {
  CLI::App* signing = make.add_subcommand(
      "signing", "Make a signing key, for a headend, and FILE.pub, which receivers trust");
  signing->add_option("FILE", arguments.file, "the file to make; neither it nor FILE.pub may exist")
      ->required();
  signing->footer("Example:\n  linecast key new signing /etc/linecast/headend.key");
}

}  // namespace

void add_key_command(CLI::App& app, int& exit_code) {
  const auto arguments = std::make_shared<Arguments>();
  // Runs one subcommand; the code says whose fault a failure is.
  const auto run = [arguments, &exit_code](void (*what)(const Arguments&), int code_on_failure) {
    return [arguments, &exit_code, what, code_on_failure] {
      try {
        what(*arguments);
        exit_code = 0;
      } catch (const Error& error) {
        fmt::print(stderr, "linecast key: {}\n", error.what());
        exit_code = code_on_failure;
      }
    };
  };

  CLI::App* key = app.add_subcommand("key", "Make key files, and show what they are");
  key->require_subcommand(1);
  key->footer(
      "Examples:\n"
      "  linecast key new group /etc/linecast/sport.key\n"
      "  linecast key new signing /etc/linecast/headend.key\n"
      "  linecast key hop --channel news /etc/linecast/news.key news.hop\n"
      "  linecast key show /etc/linecast/sport.key");

  CLI::App* make = key->add_subcommand("new", "Make a key; a file that exists is never overwritten");
  make->require_subcommand(1);
  make->footer(
      "Examples:\n"
      "  linecast key new group /etc/linecast/sport.key --cipher aes-256-gcm --id 2\n"
      "  linecast key new signing /etc/linecast/headend.key");
  add_group(*make, *arguments);
  add_signing(*make, *arguments);
  make->get_subcommand("group")->callback(run(make_group_key, kFailed));
  make->get_subcommand("signing")->callback(run(make_signing_key, kFailed));

  CLI::App* hop = key->add_subcommand(
      "hop", "Make a hop key of a group key: what a repeater needs that is to pass a channel on unread");
  hop->add_option("GROUP_KEY", arguments->file, "the channel's group key")->required();
  hop->add_option("FILE", arguments->out, "the file to make; it must not exist")->required();
  CLI::Option* name =
      hop->add_option("--channel", arguments->channel, "the channel's name in the headend's lineup");
  CLI::Option* id = hop->add_option("--channel-id", arguments->channel_id, "or its id there, 16 hex digits");
  name->excludes(id);
  hop->require_option(3);
  hop->footer("Example:\n  linecast key hop --channel news /etc/linecast/news.key news.hop");
  hop->callback(run(make_hop_key, kFailed));

  CLI::App* show =
      key->add_subcommand("show", "Show type, id, cipher and fingerprint of a key, never the secret");
  show->add_option("FILE", arguments->file, "a key file of any type")->required();
  show->add_flag("--json", arguments->json, "print JSON");
  show->footer("Example:\n  linecast key show /etc/linecast/sport.key --json");
  show->callback(run(show_key, kBadConfiguration));
}

}  // namespace linecast::app
