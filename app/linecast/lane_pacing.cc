// Paced channels: what waits in their rings is sent when it is due.
#include "app/linecast/lane.h"

namespace linecast::app {

// After a datagram of a paced channel, whether it was sealed or not.
void Lane::pace(LaneChannel& channel, TimeNs now) {
  const smart::Pacer& pacer = *channel.pacer();
  if (pacer.is_full()) send_data(channel, channel.take_waiting(now));
  if (!channel.is_armed() && pacer.waiting() > 0) paced_.arm(channel, pacer.next_due(), now);
}

// Often in a turn, as no part of one may hold up a packet that is due.
bool Lane::send_paced(TimeNs now) {
  if (paced_.is_empty()) [[likely]]
    return false;
  if (setup_.clock) now = setup_.clock();
  unsigned sent = 0;
  while (sent < kBurst) {
    TimingWheel::Timer* timer = paced_.take(now);
    if (timer == nullptr) break;
    LaneChannel& channel = *static_cast<LaneChannel*>(timer);
    const smart::Pacer& pacer = *channel.pacer();
    for (; sent < kBurst && pacer.waiting() > 0 && pacer.next_due() <= now; ++sent)
      send_data(channel, channel.take_waiting(now));
    if (pacer.waiting() > 0) paced_.arm(channel, pacer.next_due(), now);
  }
  if (sent > 0) flush_all();
  return sent > 0;
}

void Lane::send_waiting(size_t slot, TimeNs now) {
  LaneChannel* channel = streams_[slot].channel.get();
  if (channel == nullptr || channel->pacer() == nullptr) return;
  paced_.disarm(*channel);
  while (channel->pacer()->waiting() > 0) send_data(*channel, channel->take_waiting(now));
  flush_all();
}

}  // namespace linecast::app
