// The group keys that a receiver holds for one channel, each with the message keys that follow from it.
#pragma once

#include <span>
#include <vector>

#include "lib/crypto/cmac.h"
#include "lib/crypto/derive.h"

namespace linecast::smart {

class MemberKeys {
 public:
  struct Member {
    crypto::GroupKey group;
    crypto::CmacKey down;  // verifies what hops say
    crypto::CmacKey up;    // K_r: vouches for what this receiver asks
  };

  MemberKeys(crypto::Manager& manager, std::span<const crypto::GroupKey> keys,
             const crypto::ChannelId& channel, uint64_t receiver_id);
  ~MemberKeys();  // wipes
  MemberKeys(const MemberKeys&) = delete;
  MemberKeys& operator=(const MemberKeys&) = delete;

  // Null where it is not held.
  const Member* find(uint16_t key_id) const;
  // Null where none is held.
  const Member* any() const { return members_.empty() ? nullptr : &members_.front(); }

 private:
  std::vector<Member> members_;
};

}  // namespace linecast::smart
