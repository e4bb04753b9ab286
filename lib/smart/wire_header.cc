#include "lib/smart/wire_lengths.h"

namespace linecast::smart {
namespace {

// What a message command brings with it. Nothing: a command that its type does not have.
struct MessageRule {
  BodyLength body;
  size_t trailer_size;            // where the code is not 0; 0: the code must be 0
  bool always_trailered = false;  // exists on encrypted channels only
};

std::optional<MessageRule> message_rule(MessageCommand command) {
  switch (command) {
    case MessageCommand::kAddrRangeChange:
      return MessageRule{kAddrRangeChangeBody, kSignedTrailerSize};
    case MessageCommand::kUsageReportJoin:
    case MessageCommand::kUsageReportLeave:
      return MessageRule{kUsageReportBody, kCmacTrailerSize};
    case MessageCommand::kErrorReport:
    case MessageCommand::kProblemReport:
      return MessageRule{kFaultReportBody, kCmacTrailerSize};
    case MessageCommand::kKeyAnnounce:
      return MessageRule{kKeyAnnounceBody, kSignedTrailerSize, true};
    case MessageCommand::kSenderStatus:
      return MessageRule{kSenderStatusBody, kCmacTrailerSize};
  }
  return std::nullopt;
}

std::optional<MessageRule> replacement_rule(ReplacementCommand command) {
  switch (command) {
    case ReplacementCommand::kReplacement:
      return MessageRule{kReplacementBody, kCmacTrailerSize};
    case ReplacementCommand::kQuiet:
      return MessageRule{kQuietBody, kCmacTrailerSize};
  }
  return std::nullopt;
}

std::optional<MessageRule> tunnelling_rule(TunnellingCommand command) {
  switch (command) {
    case TunnellingCommand::kRequest:
    case TunnellingCommand::kLeave:
      return MessageRule{kTunnelRequestBody, kCmacTrailerSize};
    case TunnellingCommand::kChallenge:
      return MessageRule{kTunnelRequestBody, 0};
    case TunnellingCommand::kGrant:
      return MessageRule{kTunnelGrantBody, 0};
    case TunnellingCommand::kData:
      return MessageRule{kTunnelDataBody, 0};
  }
  return std::nullopt;
}

std::optional<MessageRule> rule_of(const CommonHeader& header) {
  switch (header.type) {
    case PacketType::kData:
      return std::nullopt;
    case PacketType::kMessage:
      return message_rule(static_cast<MessageCommand>(header.command));
    case PacketType::kReplacement:
      return replacement_rule(static_cast<ReplacementCommand>(header.command));
    case PacketType::kTunnelling:
      return tunnelling_rule(static_cast<TunnellingCommand>(header.command));
  }
  return std::nullopt;
}

}  // namespace

WireFault split_message(Bytes datagram, Split& out) {
  const WireFault fault = decode_common(datagram, out.header);
  if (fault != WireFault::kNone) return fault;
  if (out.header.type == PacketType::kData) return WireFault::kWrongType;
  const std::optional<MessageRule> rule = rule_of(out.header);
  if (!rule) return WireFault::kUnknownCommand;

  const bool trailered = out.header.synch_code != 0;
  if (trailered ? rule->trailer_size == 0 : rule->always_trailered) return WireFault::kTrailerMismatch;
  const size_t trailer_size = trailered ? rule->trailer_size : 0;
  const Bytes rest = datagram.subspan(kCommonHeaderSize);
  if (rest.size() < trailer_size || !rule->body.allows(rest.size() - trailer_size))
    return WireFault::kBadLength;
  out.body = rest.first(rest.size() - trailer_size);
  out.trailer = rest.last(trailer_size);
  return WireFault::kNone;
}

}  // namespace linecast::smart
