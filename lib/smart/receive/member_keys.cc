#include "lib/smart/receive/member_keys.h"

namespace linecast::smart {

MemberKeys::MemberKeys(crypto::Manager& manager, std::span<const crypto::GroupKey> keys,
                       const crypto::ChannelId& channel, uint64_t receiver_id) {
  members_.reserve(keys.size());  // so that no copy is left behind unwiped
  for (const crypto::GroupKey& key : keys) {
    std::array<uint8_t, 16> down = crypto::derive_down_key(key, channel);
    std::array<uint8_t, 16> up = crypto::derive_up_key(key, channel);
    members_.push_back({key, crypto::CmacKey(manager, down),
                        crypto::receiver_key(manager, crypto::CmacKey(manager, up), receiver_id)});
    crypto::wipe(down);
    crypto::wipe(up);
  }
}

MemberKeys::~MemberKeys() {
  for (Member& member : members_) crypto::wipe(member.group.bytes);
}

const MemberKeys::Member* MemberKeys::find(uint16_t key_id) const {
  for (const Member& member : members_)
    if (member.group.id == key_id) return &member;
  return nullptr;
}

}  // namespace linecast::smart
