#include "lib/smart/key_announcer.h"

#include <fmt/format.h>

#include "lib/base/error.h"
#include "lib/smart/trailer.h"

namespace linecast::smart {

const KeyAnnounceDatagram& KeyAnnouncer::announce(const Epoch& current,
                                                  const std::optional<NextEpoch>& next) {
  if (count_ > 0 && current == current_ && next == next_) return datagram_;
  if (current.number < std::max(current_.number, uint32_t{1}) ||
      (next && next->epoch.number <= current.number))
    throw Error(fmt::format("key epochs must rise: {} was announced, now {} and next {}", current_.number,
                            current.number, next ? next->epoch.number : 0));

  KeyAnnounce message{.channel_id = stream_.channel_id,
                      .sender_id = stream_.sender_id,
                      .cipher = static_cast<uint8_t>(stream_.cipher),
                      .start_number = stream_.start_number,
                      .epoch = current.number,
                      .key_id = current.key_id,
                      .start_salt = stream_.start_salt};
  if (next) {
    message.next_key_id = next->epoch.key_id;
    message.next_epoch = next->epoch.number;
    message.next_first_sequence = next->first_sequence;
  }
  KeyAnnounceDatagram made{};
  const size_t size = encode(message, made);
  const TrailerFields fields{
      .id = stream_.start_number, .key_id = crypto::public_key_hint(key_.public_key()), .count = count_ + 1};
  if (append_signed_trailer(key_, fields, synch_code(current.number), made, size) != made.size())
    throw Error("KEY_ANNOUNCE cannot be built: its count is used up; restart the headend");

  datagram_ = made;
  current_ = current;
  next_ = next;
  ++count_;
  return datagram_;
}

}  // namespace linecast::smart
