#include "lib/smart/move_acceptor.h"

#include <algorithm>

namespace linecast::smart {

MoveResult MoveAcceptor::accept(TimeNs now, Bytes datagram, const Standing& standing, GroupPlace& to) {
  if (!encrypted_ && !clear_too_) return MoveResult::kIgnored;
  Split split;
  AddrRangeChange message;
  if (datagram.size() > kMoveSize || split_message(datagram, split) != WireFault::kNone ||
      split.header.type != PacketType::kMessage ||
      split.header.command != static_cast<uint8_t>(MessageCommand::kAddrRangeChange) ||
      split.trailer.size() != (encrypted_ ? kSignedTrailerSize : 0) || !decode(split.body, message))
    return MoveResult::kMalformed;
  const GroupPlace place{message.to, message.at ? message.at->port : standing.in_use.port};
  if (!is_multicast(place.group) || is_link_local_group(place.group) || place.port == 0)
    return MoveResult::kMalformed;

  if (place == standing.in_use || is_repeat(datagram)) return MoveResult::kRepeat;
  if (std::ranges::find(standing.held, message.from) == standing.held.end()) return MoveResult::kWrongGroup;
  const TrailerFields fields = encrypted_ ? read_trailer(split.trailer) : TrailerFields{};
  Last& last = last_of(fields.id);
  if (encrypted_) {
    if (fields.id == 0 || fields.id != standing.hop_start_number) return MoveResult::kStranger;
    const uint64_t before = last.start_number == fields.id ? last.count : 0;
    if (fields.count <= before) return MoveResult::kOld;
    if (!trusted_.any(fields.key_id)) return MoveResult::kUntrusted;
    if (!verifications_.take(now, 1)) return MoveResult::kNotVerified;
    if (!trusted_.verify(fields.key_id, datagram)) return MoveResult::kBadSignature;
  } else if (!standing.hop_heard) {
    return MoveResult::kStranger;
  }
  last = {fields.id, fields.count, now, {}, datagram.size()};
  std::ranges::copy(datagram, last.datagram.begin());
  to = place;
  return MoveResult::kAccepted;
}

bool MoveAcceptor::is_repeat(Bytes datagram) const {
  return std::ranges::any_of(last_, [&](const Last& last) {
    return std::ranges::equal(datagram, Bytes(last.datagram).first(last.size));
  });
}

// That of the start (0: of a clear channel), or the one to be forgotten for it.
MoveAcceptor::Last& MoveAcceptor::last_of(uint64_t start_number) {
  const auto known = std::ranges::find(last_, start_number, &Last::start_number);
  return known != last_.end() ? *known : *std::ranges::min_element(last_, {}, &Last::when);
}

}  // namespace linecast::smart
