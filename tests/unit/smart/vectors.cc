#include "tests/unit/smart/vectors.h"

#include <fstream>
#include <stdexcept>

#include "lib/smart/trailer.h"
#include "tests/packets/hex.h"

namespace linecast::smart {
namespace {

using packets::from_hex;
using packets::to_hex;

const Json& named(const Json& list, const std::string& name) {
  for (const Json& entry : list)
    if (entry.at("name") == name) return entry;
  throw std::runtime_error("no vector " + name);
}

Json pairs_to(Json fields, const PairList& list) {
  for (const SequencePair& pair : list.view()) {
    fields["pair.seq"].push_back(pair.sequence);
    fields["pair.mask"].push_back(pair.mask);
    fields["pair.named"].push_back(pair.sequence);
    for (int bit = 0; bit < 16; ++bit)
      if (pair.mask >> bit & 1)
        fields["pair.named"].push_back(static_cast<uint16_t>(pair.sequence + bit + 1));
  }
  return fields;
}

PairList pairs_from(const Json& fields) {
  PairList list;
  if (!fields.contains("pair.seq")) return list;
  list.count = fields.at("pair.seq").size();
  for (size_t i = 0; i < list.count; ++i)
    list.pairs.at(i) = {fields.at("pair.seq")[i], fields.at("pair.mask")[i]};
  return list;
}

Ipv4 address(const Json& fields, const char* name) {
  return parse_ipv4(fields.at(name).get<std::string>()).value();
}

// decode() for a body that split_message has let through.
template <typename Message>
Message taken(Bytes body) {
  Message m;
  if (!decode(body, m)) throw std::runtime_error("split_message and decode disagree");
  return m;
}

Json fields_of_message(const CommonHeader& header, Bytes body) {
  switch (static_cast<MessageCommand>(header.command)) {
    case MessageCommand::kAddrRangeChange: {
      const auto m = taken<AddrRangeChange>(body);
      Json fields = {{"group", to_string(m.from)}, {"new_group", to_string(m.to)}};
      if (m.at) fields.update(Json{{"new_port", m.at->port}, {"first_seq", m.at->first_sequence}});
      return fields;
    }
    case MessageCommand::kUsageReportJoin:
    case MessageCommand::kUsageReportLeave: {
      const auto m = taken<UsageReport>(body);
      Json fields = {{"group", to_string(m.group)}, {"receiver", to_string(m.receiver)}};
      if (m.detail)
        fields.update(Json{{"echoed_hop_time_us", m.detail->echoed_hop_time_us},
                           {"held_us", m.detail->held_us},
                           {"watched_s", m.detail->watched_s},
                           {"receivers", m.detail->receivers}});
      return fields;
    }
    case MessageCommand::kErrorReport:
    case MessageCommand::kProblemReport: {
      const auto m = taken<FaultReport>(body);
      const bool error = header.command == static_cast<uint8_t>(MessageCommand::kErrorReport);
      return {{"reporting", to_string(m.reporting)},
              {"concerning", to_string(m.concerning)},
              {error ? "error_code" : "problem_code", m.code},
              {"fault_count", m.count},
              {"fault_first_seq", m.first_sequence}};
    }
    case MessageCommand::kKeyAnnounce: {
      const auto m = taken<KeyAnnounce>(body);
      return {{"channel_id", to_hex(m.channel_id)},
              {"sender_id", m.sender_id},
              {"cipher", m.cipher},
              {"start_number", m.start_number},
              {"epoch", m.epoch},
              {"key_id", m.key_id},
              {"next_key_id", m.next_key_id},
              {"next_epoch", m.next_epoch},
              {"next_first_seq", m.next_first_sequence},
              {"start_salt", to_hex(m.start_salt)}};
    }
    case MessageCommand::kSenderStatus: {
      const auto m = taken<SenderStatus>(body);
      return {{"group", to_string(m.group)},          {"hop_time_us", m.hop_time_us},
              {"round_trip_ms", m.round_trip_ms},     {"report_window_s", m.report_window_s},
              {"log2_group_size", m.log2_group_size}, {"hops", m.hops},
              {"start_number", m.start_number}};
    }
  }
  throw std::runtime_error("a message without fields");
}

Json fields_of_replacement(const CommonHeader& header, Bytes body) {
  if (static_cast<ReplacementCommand>(header.command) == ReplacementCommand::kReplacement) {
    const auto m = taken<Replacement>(body);
    return pairs_to({{"group", to_string(m.group)}}, m.list);
  }
  const auto m = taken<Quiet>(body);
  return pairs_to({{"group", to_string(m.group)}, {"duration_ms", m.duration_ms}}, m.list);
}

Json fields_of_tunnelling(const CommonHeader& header, Bytes body) {
  switch (static_cast<TunnellingCommand>(header.command)) {
    case TunnellingCommand::kRequest:
    case TunnellingCommand::kLeave:
    case TunnellingCommand::kChallenge: {
      const auto m = taken<TunnelRequest>(body);
      return {
          {"group", to_string(m.group)}, {"endpoint", to_string(m.endpoint)}, {"cookie", to_hex(m.cookie)}};
    }
    case TunnellingCommand::kGrant: {
      const auto m = taken<TunnelGrant>(body);
      return {{"group", to_string(m.group)},
              {"endpoint", to_string(m.endpoint)},
              {"lease_s", m.lease_s},
              {"reason", m.reason},
              {"cookie", to_hex(m.cookie)}};
    }
    case TunnellingCommand::kData:
      return {{"inner_packet", to_hex(body)}};
  }
  throw std::runtime_error("a tunnel message without fields");
}

Json fields_of_data(Bytes datagram) {
  DataHeader header;
  if (decode_data(datagram, header) != WireFault::kNone) return nullptr;
  Json fields = {{"synch_code", header.synch_code},
                 {"type", 0},
                 {"data_cmd", static_cast<int>(header.command)},
                 {"size", header.size},
                 {"seq", header.number},
                 {"format", static_cast<int>(header.format)},
                 {"sealed", static_cast<int>(header.sealed)},
                 {"quiet", header.quiet}};
  const Bytes payload = datagram.subspan(kDataHeaderSize);
  if (header.sealed) {
    const Iv iv = decode_iv(payload.data());
    fields["iv.heartbeat"] = static_cast<int>(iv.heartbeat);
    fields["iv.sender_id"] = iv.sender_id;
    fields["iv.counter"] = iv.counter;
    if (payload.size() > kSealOverhead)
      fields["ciphertext"] = to_hex(payload.subspan(kIvSize, payload.size() - kSealOverhead));
    fields["tag"] = to_hex(payload.last(kTagSize));
  } else if (header.command == DataCommand::kHeartbeat) {
    fields["heartbeat_seq"] = load_be64(payload.data());
  } else if (!payload.empty()) {
    fields["payload"] = to_hex(payload);
  }
  return fields;
}

std::vector<uint8_t> encoded_data(const Json& fields) {
  std::vector<uint8_t> out(kDataHeaderSize);
  encode_data_header({.synch_code = fields.at("synch_code"),
                      .command = static_cast<DataCommand>(fields.at("data_cmd").get<int>()),
                      .size = fields.at("size"),
                      .number = fields.at("seq"),
                      .format = static_cast<PacketFormat>(fields.at("format").get<int>()),
                      .sealed = fields.at("sealed") == 1,
                      .quiet = fields.at("quiet")},
                     out.data());
  if (fields.contains("iv.counter")) {
    out.resize(kDataHeaderSize + kIvSize);
    encode_iv({fields.at("iv.heartbeat") == 1, fields.at("iv.sender_id"), fields.at("iv.counter")},
              &out[kDataHeaderSize]);
  }
  if (fields.contains("heartbeat_seq")) {
    out.resize(kDataHeaderSize + kHeartbeatPayloadSize);
    store_be64(&out[kDataHeaderSize], fields.at("heartbeat_seq"));
  }
  for (const char* part : {"payload", "ciphertext", "tag"})
    if (fields.contains(part)) {
      const std::vector<uint8_t> bytes = from_hex(fields.at(part).get<std::string>());
      out.insert(out.end(), bytes.begin(), bytes.end());
    }
  return out;
}

size_t encode_message(const Json& f, MutableBytes out) {
  const auto command = static_cast<MessageCommand>(f.at("message_cmd").get<int>());
  switch (command) {
    case MessageCommand::kAddrRangeChange: {
      AddrRangeChange m{address(f, "group"), address(f, "new_group"), std::nullopt};
      if (f.contains("new_port")) m.at = AddrRangeSwitch{f.at("new_port"), f.at("first_seq")};
      return encode(m, out);
    }
    case MessageCommand::kUsageReportJoin:
    case MessageCommand::kUsageReportLeave: {
      UsageReport m{address(f, "group"), address(f, "receiver"), std::nullopt};
      if (f.contains("held_us"))
        m.detail =
            UsageDetail{f.at("echoed_hop_time_us"), f.at("held_us"), f.at("watched_s"), f.at("receivers")};
      return encode(command, m, out);
    }
    case MessageCommand::kErrorReport:
    case MessageCommand::kProblemReport: {
      const char* code = command == MessageCommand::kErrorReport ? "error_code" : "problem_code";
      const FaultReport m{address(f, "reporting"), address(f, "concerning"), f.at(code), f.at("fault_count"),
                          f.at("fault_first_seq")};
      return encode(command, m, out);
    }
    case MessageCommand::kKeyAnnounce: {
      const KeyAnnounce m{.channel_id = array_of<8>(f.at("channel_id")),
                          .sender_id = f.at("sender_id"),
                          .cipher = f.at("cipher"),
                          .start_number = f.at("start_number"),
                          .epoch = f.at("epoch"),
                          .key_id = f.at("key_id"),
                          .next_key_id = f.at("next_key_id"),
                          .next_epoch = f.at("next_epoch"),
                          .next_first_sequence = f.at("next_first_seq"),
                          .start_salt = array_of<16>(f.at("start_salt"))};
      return encode(m, out);
    }
    case MessageCommand::kSenderStatus: {
      const SenderStatus m{address(f, "group"),     f.at("hop_time_us"),     f.at("round_trip_ms"),
                           f.at("report_window_s"), f.at("log2_group_size"), f.at("hops"),
                           f.at("start_number")};
      return encode(m, out);
    }
  }
  return 0;
}

size_t encode_replacement(const Json& f, MutableBytes out) {
  if (f.at("replacement_cmd") == 1) return encode(Replacement{address(f, "group"), pairs_from(f)}, out);
  return encode(Quiet{address(f, "group"), f.at("duration_ms"), pairs_from(f)}, out);
}

size_t encode_tunnelling(const Json& f, MutableBytes out) {
  const auto command = static_cast<TunnellingCommand>(f.at("tunnelling_cmd").get<int>());
  if (command == TunnellingCommand::kData)
    return encode_tunnel_data(from_hex(f.at("inner_packet").get<std::string>()), out);
  const auto cookie = array_of<16>(f.at("cookie"));
  if (command == TunnellingCommand::kGrant)
    return encode(
        TunnelGrant{address(f, "group"), address(f, "endpoint"), f.at("lease_s"), f.at("reason"), cookie},
        out);
  return encode(command, TunnelRequest{address(f, "group"), address(f, "endpoint"), cookie}, out);
}

}  // namespace

template <size_t N>
std::array<uint8_t, N> array_of(const Json& hex) {
  const std::vector<uint8_t> bytes = from_hex(hex.get<std::string>());
  if (bytes.size() != N) throw std::runtime_error("a vector of another length");
  std::array<uint8_t, N> out;
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}
template std::array<uint8_t, 4> array_of<4>(const Json&);
template std::array<uint8_t, 8> array_of<8>(const Json&);
template std::array<uint8_t, 16> array_of<16>(const Json&);
template std::array<uint8_t, 32> array_of<32>(const Json&);

const Json& vectors() {
  static const Json all = Json::parse(std::ifstream(LINECAST_VECTORS));
  return all;
}

const Json& packet_vector(const std::string& name) { return named(vectors().at("packets"), name); }
const Json& derived_vector(const std::string& name) { return named(vectors().at("derived"), name); }

Json fields_of(Bytes datagram) {
  CommonHeader header;
  if (decode_common(datagram, header) != WireFault::kNone) return nullptr;
  if (header.type == PacketType::kData) return fields_of_data(datagram);
  Split split;
  if (split_message(datagram, split) != WireFault::kNone) return nullptr;
  Json fields;
  switch (header.type) {
    case PacketType::kData:
      break;
    case PacketType::kMessage:
      fields = fields_of_message(header, split.body);
      fields["message_cmd"] = header.command;
      break;
    case PacketType::kReplacement:
      fields = fields_of_replacement(header, split.body);
      fields["replacement_cmd"] = header.command;
      break;
    case PacketType::kTunnelling:
      fields = fields_of_tunnelling(header, split.body);
      fields["tunnelling_cmd"] = header.command;
      break;
  }
  fields["synch_code"] = header.synch_code;
  fields["type"] = static_cast<int>(header.type);
  fields["size"] = header.size;
  if (!split.trailer.empty()) {
    const TrailerFields trailer = read_trailer(split.trailer);
    fields["trailer.id"] = trailer.id;
    fields["trailer.key_id"] = trailer.key_id;
    fields["trailer.count"] = trailer.count;
    fields[split.trailer.size() == kSignedTrailerSize ? "trailer.signature" : "trailer.mac"] =
        to_hex(split.trailer.subspan(16));
  }
  return fields;
}

std::vector<uint8_t> encoded(const Json& fields) {
  if (fields.at("type") == 0) return encoded_data(fields);
  std::vector<uint8_t> out(2048);
  const int type = fields.at("type");
  out.resize(type == 1   ? encode_message(fields, out)
             : type == 2 ? encode_replacement(fields, out)
                         : encode_tunnelling(fields, out));
  return out;
}

Json without_blanks(Json fields) {
  for (const char* name : {"blank", "reserved_cmd", "reserved_quiet", "reserved_byte"}) fields.erase(name);
  return fields;
}

}  // namespace linecast::smart
