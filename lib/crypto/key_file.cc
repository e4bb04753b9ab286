#include "lib/crypto/key_file.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <charconv>
#include <cstring>
#include <optional>

#include "lib/base/error.h"
#include "lib/base/file.h"

namespace linecast::crypto {
namespace {

constexpr std::string_view kSpace = " \t\r";

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpace);
  return begin == std::string_view::npos ? std::string_view()
                                         : text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// "linecast key new ..." for a key of this type; the public half comes with the signing key.
std::string new_command(KeyType type, const std::string& path) {
  if (type == KeyType::kGroup) return "linecast key new group " + shell_quoted(path);
  if (type == KeyType::kHop) return "linecast key hop --channel NAME GROUP_KEY " + shell_quoted(path);
  constexpr std::string_view kSuffix = ".pub";
  const bool has_suffix = path.size() > kSuffix.size() && path.ends_with(kSuffix);
  return "linecast key new signing " +
         shell_quoted(has_suffix ? path.substr(0, path.size() - kSuffix.size()) : path);
}

// What to do where the file is missing, or no good.
std::string get_it(KeyType type, const std::string& path, KeyHolder holder) {
  if (type == KeyType::kHop)
    return "make it where the group key is, and copy it here: " + new_command(type, path);
  if (holder == KeyHolder::kHeadend) return "make it with: " + new_command(type, path);
  return type == KeyType::kGroup
             ? "copy it from the headend, where the lineup's `key` names it"
             : "copy it from the headend: it is the .pub file beside the signing key that its lineup names";
}
std::string get_another(KeyType type, const std::string& path, KeyHolder holder) {
  if (type == KeyType::kHop) return "make one where the group key is: " + new_command(type, path + ".new");
  if (holder == KeyHolder::kHeadend) return "make one with: " + new_command(type, path + ".new");
  return "copy the key file from the headend";
}

// Text with a secret in it.
struct SecretText {
  std::string text;
  ~SecretText() { wipe(MutableBytes(reinterpret_cast<uint8_t*>(text.data()), text.size())); }
};

void append_hex(std::string& text, Bytes bytes) {
  for (const uint8_t b : bytes) {
    text += "0123456789abcdef"[b >> 4];
    text += "0123456789abcdef"[b & 15];
  }
}

struct Value {
  std::string_view text;
  size_t line = 0;
};

// The lines of a key file by name.
struct Fields {
  std::optional<Value> version, type, id, cipher, channel, key;

  std::optional<Value>* find(std::string_view name) {
    if (name == "linecast-key") return &version;
    if (name == "type") return &type;
    if (name == "id") return &id;
    if (name == "cipher") return &cipher;
    if (name == "channel") return &channel;
    if (name == "key") return &key;
    return nullptr;
  }
};

class Parser {
 public:
  Parser(std::string_view text, const std::string& path, KeyHolder holder)
      : text_(text), path_(path), holder_(holder) {}

  KeyFile parse() {
    split();
    KeyFile key;
    key.type = parse_type();
    if (key.type == KeyType::kGroup || key.type == KeyType::kHop)
      key.id = parse_id();
    else if (fields_.id)
      fail(fields_.id->line, "only a group key has an id and a cipher: remove this line");
    if (key.type == KeyType::kGroup)
      key.cipher = parse_cipher();
    else if (fields_.cipher)
      fail(fields_.cipher->line, "only a group key has an id and a cipher: remove this line");
    if (key.type == KeyType::kHop)
      parse_hex(need(fields_.channel, "channel: 16 hex digits"), "channel", key.channel);
    else if (fields_.channel)
      fail(fields_.channel->line, "only a hop key has a channel: remove this line");
    parse_key(key);
    return key;
  }

 private:
  [[noreturn]] void fail(size_t line, std::string_view what) const {
    throw Error(fmt::format("{}:{}: {}", path_, line, what));
  }
  // Of the same type as this one, as far as that is known.
  std::string another() const {
    KeyType type = KeyType::kSigning;
    for (const KeyType other : {KeyType::kGroup, KeyType::kHop})
      if (fields_.type && fields_.type->text == key_type_name(other)) type = other;
    return get_another(fields_.type ? type : KeyType::kGroup, path_, holder_);
  }
  std::string damaged() const {
    return "the file is damaged: copy it again" +
           (holder_ == KeyHolder::kHeadend ? ", or " + another() : std::string());
  }
  [[noreturn]] void fail(std::string_view what) const { throw Error(fmt::format("{}: {}", path_, what)); }

  void split() {
    if (text_.size() > kMaxKeyFileSize)
      fail(fmt::format("longer than {} bytes: this is no key file; {}", kMaxKeyFileSize, another()));
    size_t line = 0;
    for (std::string_view rest = text_; !rest.empty();) {
      const size_t end = rest.find('\n');
      const std::string_view row = trimmed(rest.substr(0, end));
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
      ++line;
      if (row.empty() || row.front() == '#') continue;
      const size_t colon = row.find(':');
      std::optional<Value>* field =
          colon == std::string_view::npos ? nullptr : fields_.find(trimmed(row.substr(0, colon)));
      if (!fields_.version && field != &fields_.version)
        fail(line, "no linecast key file: its first line must be 'linecast-key: 1'; " + another());
      if (field == nullptr)
        fail(
            line,
            "not a line of a key file: those are linecast-key, type, id, cipher and key, each 'name: value', "
            "and # comments");
      if (*field) fail(line, fmt::format("the field of line {} again: remove one of them", (*field)->line));
      *field = Value{trimmed(row.substr(colon + 1)), line};
      if (field == &fields_.version && fields_.version->text != "1")
        fail(line, "a key file of another version: this linecast reads 'linecast-key: 1'; " + another());
    }
    if (!fields_.version) fail("empty: no key in it; " + another());
  }

  const Value& need(const std::optional<Value>& field, std::string_view line) const {
    if (!field) fail(fmt::format("the line '{}' is missing: {}", line, damaged()));
    return *field;
  }

  KeyType parse_type() const {
    const Value& value = need(fields_.type, "type: group|signing|public|hop");
    for (const KeyType type : {KeyType::kGroup, KeyType::kSigning, KeyType::kPublic, KeyType::kHop})
      if (value.text == key_type_name(type)) return type;
    fail(value.line, "type must be group, signing, public or hop");
  }

  uint16_t parse_id() const {
    const Value& value = need(fields_.id, "id: 1..65535");
    uint16_t id = 0;
    const char* end = value.text.data() + value.text.size();
    const auto [stop, fault] = std::from_chars(value.text.data(), end, id);
    if (fault != std::errc() || stop != end || id == 0)
      fail(value.line, "id must be a number from 1 to 65535");
    return id;
  }

  Cipher parse_cipher() const {
    const Value& value = need(fields_.cipher, "cipher: aes-128-gcm|aes-256-gcm");
    for (const Cipher cipher : {Cipher::kAes128Gcm, Cipher::kAes256Gcm})
      if (value.text == cipher_name(cipher)) return cipher;
    fail(value.line, "cipher must be aes-128-gcm or aes-256-gcm");
  }

  void parse_key(KeyFile& key) const {
    const Value& value = need(fields_.key, "key: HEX");
    const size_t size = key.type == KeyType::kGroup ? key_size(key.cipher) : key.bytes.size();
    parse_hex(value, "key", MutableBytes(key.bytes).first(size));
  }

  void parse_hex(const Value& value, std::string_view what, MutableBytes out) const {
    const std::string_view text = value.text;
    if (text.size() != 2 * out.size())
      fail(value.line, fmt::format("the {} has {} characters where {} hex digits are needed: {}", what,
                                   text.size(), 2 * out.size(), damaged()));
    for (size_t i = 0; i < out.size(); ++i) {
      const int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
      if (high < 0 || low < 0)
        fail(value.line, fmt::format("characters {} and {} of the {} are not both hex digits: {}", 2 * i + 1,
                                     2 * i + 2, what, damaged()));
      out[i] = static_cast<uint8_t>(high << 4 | low);
    }
  }

  std::string_view text_;
  const std::string& path_;
  const KeyHolder holder_;
  Fields fields_;
};

void check_mode(const std::string& path, KeyType type, mode_t mode) {
  const bool secret = type != KeyType::kPublic;
  if ((mode & (secret ? 077 : 022)) == 0) return;
  throw Error(fmt::format("{}: others than its owner can {} it (mode {:04o}): run: chmod {} {}", path,
                          secret ? "read or change" : "change", mode & 07777, secret ? "600" : "644",
                          shell_quoted(path)));
}

// Reads a key of the type that is wanted, or of any. Type and holder also say what to do where there is none.
KeyFile read_key(const std::string& path, std::optional<KeyType> wanted, KeyHolder holder) {
  // O_NONBLOCK: a FIFO put in its place must not hang the program.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file.ok()) {
    const int why = errno;
    if (why == ENOENT)
      throw Error(fmt::format("{}: there is no such key file: {}", path,
                              get_it(wanted.value_or(KeyType::kGroup), path, holder)));
    if (why == EACCES)
      throw Error(
          fmt::format("{}: may not be read by this user: run linecast as its owner, or: chown \"$USER\" {}",
                      path, shell_quoted(path)));
    throw Error(fmt::format("{}: cannot be opened: {}", path, std::strerror(why)));
  }
  struct stat about {};
  if (::fstat(file.get(), &about) != 0) throw Error(fmt::format("{}: {}", path, std::strerror(errno)));
  if (!S_ISREG(about.st_mode))
    throw Error(fmt::format("{}: not a regular file: name a key file, as made with: linecast key new", path));

  SecretText content{std::string(kMaxKeyFileSize + 1, '\0')};
  if (!read_bounded(file, content.text))
    throw Error(fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));

  KeyFile key = parse_key_file(content.text, path, holder);
  if (wanted && key.type != *wanted) {
    const bool has_public = key.type == KeyType::kSigning && *wanted == KeyType::kPublic;
    throw Error(fmt::format("{}: a {} key where a {} key is needed: {}", path, key_type_name(key.type),
                            key_type_name(*wanted),
                            has_public ? "name " + path + ".pub" : get_another(*wanted, path, holder)));
  }
  check_mode(path, key.type, about.st_mode);
  return key;
}

// Writes `head` and the line of the key.
void write_new_file(const std::string& path, mode_t mode, std::string_view head, Bytes key) {
  SecretText content;
  content.text.reserve(head.size() + 2 * key.size() + 16);  // so that no growth leaves a copy behind
  content.text += head;
  content.text += "key: ";
  append_hex(content.text, key);
  content.text += '\n';

  const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!file.ok()) {
    const int why = errno;
    if (why == EEXIST)
      throw Error(
          fmt::format("{}: exists already; a key is never overwritten: choose another name, or move it away: "
                      "mv {} {}",
                      path, shell_quoted(path), shell_quoted(path + ".old")));
    if (why == ENOENT)
      throw Error(fmt::format("{}: its directory does not exist: run: mkdir -p -m 700 {}", path,
                              shell_quoted(directory_of(path))));
    throw Error(fmt::format("{}: cannot be made: {}", path, std::strerror(why)));
  }
  // The umask may have taken bits away from 0644.
  if (::fchmod(file.get(), mode) != 0 || !write_and_sync(file, content.text) ||
      !sync_directory(directory_of(path))) {
    const int why = errno;
    ::unlink(path.c_str());
    throw Error(fmt::format("{}: cannot be written: {}", path, std::strerror(why)));
  }
}

}  // namespace

std::string_view cipher_name(Cipher cipher) {
  return cipher == Cipher::kAes256Gcm ? "aes-256-gcm" : "aes-128-gcm";
}

std::string_view key_type_name(KeyType type) {
  switch (type) {
    case KeyType::kGroup:
      return "group";
    case KeyType::kSigning:
      return "signing";
    case KeyType::kPublic:
      return "public";
    case KeyType::kHop:
      return "hop";
  }
  return "?";
}

KeyFile parse_key_file(std::string_view text, const std::string& path, KeyHolder holder) {
  return Parser(text, path, holder).parse();
}

KeyFile read_key_file(const std::string& path) { return read_key(path, std::nullopt, KeyHolder::kHeadend); }

std::string fingerprint(const KeyFile& key) {
  std::array<uint8_t, 32> digest;
  if (key.type == KeyType::kGroup) {
    // The label keeps it apart from every other use of the key.
    std::array<uint8_t, 64> material{};
    constexpr std::string_view kLabel = "linecast fingerprint v1";
    ByteWriter writer(material);
    writer.bytes(Bytes(reinterpret_cast<const uint8_t*>(kLabel.data()), kLabel.size()));
    writer.u8(static_cast<uint8_t>(key.cipher));
    writer.bytes(Bytes(key.bytes).first(key_size(key.cipher)));
    digest = sha256(writer.written());
    wipe_object(material);
  } else if (key.type == KeyType::kHop) {
    std::array<uint8_t, 64> material{};
    constexpr std::string_view kLabel = "linecast hop fingerprint v1";
    ByteWriter writer(material);
    writer.bytes(Bytes(reinterpret_cast<const uint8_t*>(kLabel.data()), kLabel.size()));
    writer.bytes(key.bytes);
    digest = sha256(writer.written());
    wipe_object(material);
  } else {
    digest = sha256(key.type == KeyType::kSigning ? SigningKey(key.bytes).public_key() : key.bytes);
  }
  std::string text;
  append_hex(text, Bytes(digest).first(16));
  return text;
}

GroupKey read_group_key(const std::string& path, KeyHolder holder) {
  const KeyFile file = read_key(path, KeyType::kGroup, holder);
  return {.id = file.id, .cipher = file.cipher, .bytes = file.bytes};
}

std::unique_ptr<SigningKey> read_signing_key(const std::string& path) {
  return std::make_unique<SigningKey>(read_key(path, KeyType::kSigning, KeyHolder::kHeadend).bytes);
}

PublicKey read_public_key(const std::string& path) {
  return read_key(path, KeyType::kPublic, KeyHolder::kReceiver).bytes;
}

HopKey read_hop_key(const std::string& path) {
  const KeyFile file = read_key(path, KeyType::kHop, KeyHolder::kReceiver);
  HopKey key;
  key.id = file.id;
  key.channel = file.channel;
  std::copy_n(file.bytes.begin(), key.down.size(), key.down.begin());
  std::copy_n(file.bytes.begin() + key.down.size(), key.up.size(), key.up.begin());
  return key;
}

void write_hop_key(const std::string& path, const HopKey& key) {
  std::array<uint8_t, 32> both;
  std::copy(key.down.begin(), key.down.end(), both.begin());
  std::copy(key.up.begin(), key.up.end(), both.begin() + key.down.size());
  std::string channel;
  append_hex(channel, key.channel);
  write_new_file(
      path, 0600,
      fmt::format(
          "# A hop key: whoever has it can pass the channel on, and speak for its receivers and hops, but\n"
          "# neither read it nor make packets for it.\n"
          "linecast-key: 1\ntype: hop\nid: {}\nchannel: {}\n",
          key.id, channel),
      both);
  wipe(both);
}

void write_group_key(const std::string& path, const GroupKey& key) {
  write_new_file(
      path, 0600,
      fmt::format("# A group key: whoever has it can read the channels and make packets for them.\n"
                  "linecast-key: 1\ntype: group\nid: {}\ncipher: {}\n",
                  key.id, cipher_name(key.cipher)),
      key.key());
}

void write_signing_key(const std::string& path, const std::array<uint8_t, 32>& seed) {
  write_new_file(path, 0600,
                 "# A signing key: whoever has it can pass for this headend. Receivers get the .pub file.\n"
                 "linecast-key: 1\ntype: signing\n",
                 seed);
  try {
    write_new_file(path + ".pub", 0644,
                   "# A public key: receivers trust announcements signed with its other half.\n"
                   "linecast-key: 1\ntype: public\n",
                   SigningKey(seed).public_key());
  } catch (...) {
    ::unlink(path.c_str());
    throw;
  }
}

}  // namespace linecast::crypto
