// Which packets a link loses: each on its own, or in bursts.
#pragma once

#include "lib/base/random.h"

namespace linecast::sim {

// Gilbert (1960) and Elliott (1963): a link is good or bad, moves between the two with every packet, and
// loses a share of the packets that depends on which it is. Random loss is the model that stays good.
struct LossModel {
  double loss_good = 0, loss_bad = 0;
  double to_bad = 0, to_good = 1;  // for each packet

  // Each packet on its own.
  static LossModel random(double loss) { return {.loss_good = loss}; }
  // This mean loss, made in bad spells of `spell` packets on average, in each of which a share `loss_bad` is
  // lost. mean < loss_bad, spell >= 1.
  static LossModel bursty(double mean, double spell, double loss_bad) {
    const double bad = mean / loss_bad;  // share of packets that meet a bad link
    return {.loss_bad = loss_bad, .to_bad = bad / (1 - bad) / spell, .to_good = 1 / spell};
  }

  double mean_loss() const {
    const double bad = to_bad / (to_bad + to_good);
    return bad * loss_bad + (1 - bad) * loss_good;
  }

  // Whether the next packet is lost; `bad` is the link's state.
  bool lose(Random& random, bool& bad) const {
    if (to_bad > 0) bad = random.unit() < (bad ? 1 - to_good : to_bad);
    const double loss = bad ? loss_bad : loss_good;
    return loss > 0 && random.unit() < loss;
  }
};

}  // namespace linecast::sim
