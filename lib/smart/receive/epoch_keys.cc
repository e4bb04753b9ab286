#include "lib/smart/receive/epoch_keys.h"

namespace linecast::smart {

bool EpochKeys::take(crypto::Manager& manager, const MemberKeys& members, const KeyAnnounce& announce) {
  bool all_held = true;
  if (current_ == nullptr || current_->epoch != announce.epoch) {
    Key key = std::move(next_);
    if (key == nullptr || key->epoch != announce.epoch)
      key = make(manager, members, announce, announce.epoch, announce.key_id);
    all_held = key != nullptr;
    if (current_ != nullptr) previous_ = std::move(current_);
    current_ = std::move(key);
  }
  if (announce.next_epoch == 0) {
    next_.reset();
  } else if (next_ == nullptr || next_->epoch != announce.next_epoch ||
             next_->key_id != announce.next_key_id) {
    next_ = make(manager, members, announce, announce.next_epoch, announce.next_key_id);
    all_held = all_held && next_ != nullptr;
  }
  return all_held;
}

void EpochKeys::clear() {
  previous_.reset();
  current_.reset();
  next_.reset();
}

const EpochKey* EpochKeys::find(uint8_t code) const {
  for (const Key* key : {&current_, &next_, &previous_})
    if (*key != nullptr && synch_code((*key)->epoch) == code) return key->get();
  return nullptr;
}

EpochKeys::Key EpochKeys::make(crypto::Manager& manager, const MemberKeys& members,
                               const KeyAnnounce& announce, uint32_t epoch, uint16_t key_id) {
  const MemberKeys::Member* member = members.find(key_id);
  if (member == nullptr || static_cast<uint8_t>(member->group.cipher) != announce.cipher) return nullptr;
  return std::make_shared<const EpochKey>(manager, member->group, announce.start_salt, announce.channel_id,
                                          announce.sender_id, epoch);
}

}  // namespace linecast::smart
