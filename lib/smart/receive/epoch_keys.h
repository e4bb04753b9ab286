// The traffic keys of the epochs around now: previous, current and next, made as they are announced. Copies
// share the keys, so that one thread can read what another has made.
#pragma once

#include <memory>

#include "lib/smart/receive/member_keys.h"
#include "lib/smart/stream_sealer.h"

namespace linecast::smart {

class EpochKeys {
 public:
  // Takes an accepted announcement of the same start as those before it. False where it names a group key
  // that is not held, or holds for another cipher: then that epoch cannot be opened, the others still can.
  // Derives keys: control path.
  bool take(crypto::Manager& manager, const MemberKeys& members, const KeyAnnounce& announce);
  // Before the announcements of another start.
  void clear();

  // The key of ACCESS_SYNCH_CODE `code`; null where none of the three has it.
  const EpochKey* find(uint8_t code) const;

 private:
  using Key = std::shared_ptr<const EpochKey>;
  static Key make(crypto::Manager& manager, const MemberKeys& members, const KeyAnnounce& announce,
                  uint32_t epoch, uint16_t key_id);

  Key previous_, current_, next_;
};

}  // namespace linecast::smart
