// Whatever decodes must encode to the same bytes again, reserved bits aside.
#include <cstdlib>
#include <vector>

#include "lib/smart/wire.h"

namespace {

using namespace linecast;
using namespace linecast::smart;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Blank {  // a part of a body that is sent as 0
  size_t at, size;
};

// `encode_to` writes the message decoded from `body`; `blanks` are its reserved bytes.
template <typename Encode>
void require_same(const CommonHeader& header, Bytes body, std::initializer_list<Blank> blanks,
                  Encode encode_to) {
  std::vector<uint8_t> expected(body.begin(), body.end());
  for (const Blank& blank : blanks)
    for (size_t i = 0; i < blank.size && blank.at + i < expected.size(); ++i) expected[blank.at + i] = 0;
  std::vector<uint8_t> out(kCommonHeaderSize + body.size());
  require(encode_to(MutableBytes(out)) == out.size());
  require(out[0] == 0);
  require(out[1] == (static_cast<uint8_t>(header.type) << 6 | header.command));
  require(load_be16(&out[2]) == out.size());
  require(std::equal(expected.begin(), expected.end(), out.begin() + kCommonHeaderSize, out.end()));
}

template <typename Message>
Message taken(Bytes body) {
  Message m;
  require(decode(body, m));
  return m;
}

void check_message(const Split& split) {
  const CommonHeader& header = split.header;
  const Bytes body = split.body;
  switch (static_cast<MessageCommand>(header.command)) {
    case MessageCommand::kAddrRangeChange: {
      const auto m = taken<AddrRangeChange>(body);
      return require_same(header, body, {{10, 2}}, [&](MutableBytes out) { return encode(m, out); });
    }
    case MessageCommand::kUsageReportJoin:
    case MessageCommand::kUsageReportLeave: {
      const auto m = taken<UsageReport>(body);
      return require_same(header, body, {}, [&](MutableBytes out) {
        return encode(static_cast<MessageCommand>(header.command), m, out);
      });
    }
    case MessageCommand::kErrorReport:
    case MessageCommand::kProblemReport: {
      const auto m = taken<FaultReport>(body);
      return require_same(header, body, {}, [&](MutableBytes out) {
        return encode(static_cast<MessageCommand>(header.command), m, out);
      });
    }
    case MessageCommand::kKeyAnnounce: {
      const auto m = taken<KeyAnnounce>(body);
      return require_same(header, body, {{11, 1}, {56, 4}}, [&](MutableBytes out) { return encode(m, out); });
    }
    case MessageCommand::kSenderStatus: {
      const auto m = taken<SenderStatus>(body);
      return require_same(header, body, {{14, 2}}, [&](MutableBytes out) { return encode(m, out); });
    }
  }
  require(false);
}

void check_replacement(const Split& split) {
  if (static_cast<ReplacementCommand>(split.header.command) == ReplacementCommand::kReplacement) {
    const auto m = taken<Replacement>(split.body);
    require(m.list.count >= 1 && m.list.count <= kMaxPairs);
    return require_same(split.header, split.body, {}, [&](MutableBytes out) { return encode(m, out); });
  }
  const auto m = taken<Quiet>(split.body);
  require(m.list.count <= kMaxPairs);
  require_same(split.header, split.body, {{6, 2}}, [&](MutableBytes out) { return encode(m, out); });
}

void check_tunnelling(const Split& split) {
  const auto command = static_cast<TunnellingCommand>(split.header.command);
  switch (command) {
    case TunnellingCommand::kRequest:
    case TunnellingCommand::kLeave:
    case TunnellingCommand::kChallenge: {
      const auto m = taken<TunnelRequest>(split.body);
      return require_same(split.header, split.body, {},
                          [&](MutableBytes out) { return encode(command, m, out); });
    }
    case TunnellingCommand::kGrant: {
      const auto m = taken<TunnelGrant>(split.body);
      return require_same(split.header, split.body, {}, [&](MutableBytes out) { return encode(m, out); });
    }
    case TunnellingCommand::kData:
      return require_same(split.header, split.body, {},
                          [&](MutableBytes out) { return encode_tunnel_data(split.body, out); });
  }
  require(false);
}

void check_data(Bytes datagram) {
  DataHeader header;
  if (decode_data(datagram, header) != WireFault::kNone) return;
  std::array<uint8_t, kDataHeaderSize> expected, out;
  std::copy_n(datagram.begin(), kDataHeaderSize, expected.begin());
  const auto aad = data_aad(expected.data());
  std::array<uint8_t, kDataHeaderSize> repair = expected;
  if (header.command == DataCommand::kOriginal) {
    set_data_command(repair.data(), DataCommand::kRepair, static_cast<uint8_t>(header.quiet ^ 15));
    require(data_aad(repair.data()) == aad);
  }
  expected[1] &= 0xf0;
  expected[6] &= 0xfe;
  expected[7] = 0;
  encode_data_header(header, out.data());
  require(out == expected);
  if (header.sealed) {
    std::array<uint8_t, kIvSize> iv;
    encode_iv(decode_iv(&datagram[kDataHeaderSize]), iv.data());
    require(std::equal(iv.begin(), iv.end(), datagram.begin() + kDataHeaderSize));
  }
}

// The body decoders must stand on their own, whatever the command was.
void check_bodies(Bytes body) {
  AddrRangeChange change;
  UsageReport usage;
  FaultReport fault;
  KeyAnnounce key;
  SenderStatus status;
  Replacement replacement;
  Quiet quiet;
  TunnelRequest request;
  TunnelGrant grant;
  decode(body, change);
  decode(body, usage);
  decode(body, fault);
  decode(body, key);
  decode(body, status);
  if (decode(body, replacement)) require(replacement.list.count == (body.size() - 4) / 4);
  if (decode(body, quiet)) require(quiet.list.count == (body.size() - 8) / 4);
  decode(body, request);
  decode(body, grant);
}

void check(Bytes datagram) {
  check_data(datagram);
  Split split;
  if (split_message(datagram, split) != WireFault::kNone) return;
  require(kCommonHeaderSize + split.body.size() + split.trailer.size() == datagram.size());
  switch (split.header.type) {
    case PacketType::kData:
      return require(false);
    case PacketType::kMessage:
      return check_message(split);
    case PacketType::kReplacement:
      return check_replacement(split);
    case PacketType::kTunnelling:
      return check_tunnelling(split);
  }
}

}  // namespace

// Each input is tried as it is, and with the PACKET_SIZE that it would need, so that mutations get past it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  check(Bytes(data, size));
  check_bodies(Bytes(data, size));
  if (size < kCommonHeaderSize || size > UINT16_MAX) return 0;
  std::vector<uint8_t> sized(data, data + size);
  store_be16(&sized[2], static_cast<uint16_t>(size));
  check(sized);
  return 0;
}
