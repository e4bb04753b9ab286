// The levels of SIMPLE with their tunnels, whatever comes, is refused or stays away, and however the clock
// steps. At most one tunnel is open beside the one in use, the level is one that there is, each change is
// from the level before, and neither wants to be called without end nor sends more than its times allow.
#include <cstdlib>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/smart/receive/simple.h"
#include "lib/smart/receive/tunnel_client.h"

namespace {

using namespace linecast;         // NOLINT(google-build-using-namespace)
using namespace linecast::smart;  // NOLINT(google-build-using-namespace)

constexpr Ipv4 kGroup = 0xef010203;

void require(bool holds) {
  if (!holds) std::abort();
}

class Model {
 public:
  explicit Model(size_t levels) : simple_(levels, 100 * kNsPerMs, random_) {
    for (size_t i = 0; i < levels; ++i)
      tunnels_.emplace_back(FarEnd{static_cast<Ipv4>(0x0a000001 + i), 47100}, kGroup, 47100, random_,
                            counters_);
  }

  size_t levels() const { return tunnels_.size(); }
  TunnelClient& tunnel(size_t level) { return tunnels_[level - 1]; }

  void native(uint64_t sequence, uint8_t kind) {
    simple_.heard(now_, 0);
    if (kind == 0) simple_.native().data(now_, sequence);
    if (kind == 1) simple_.native().heartbeat(now_, sequence);
    if (kind < 2) totals_.next = std::max(totals_.next, sequence + 1);
    ++totals_.played;
  }
  void lose(uint64_t count) { totals_.unrecovered += count; }
  void challenge(size_t level, const TunnelRequest& m) { tunnel(level).take_challenge(now_, m); }
  void grant(size_t level, const TunnelGrant& m) {
    switch (tunnel(level).take_grant(now_, m)) {
      case TunnelClient::Answer::kGranted:
        require(tunnel(level).granted());
        return simple_.granted(now_, level);
      case TunnelClient::Answer::kRefused:
        require(tunnel(level).refused_until() >= now_ + 5 * kNsPerSecond);
        return simple_.refused(level, tunnel(level).refused_until());
      case TunnelClient::Answer::kIgnored:
        return;
    }
  }
  void data(size_t level, Bytes inner) {
    const auto payload = tunnel(level).take_data(now_, inner);
    if (!payload) return;
    require(payload->data() == inner.data() + 28 && payload->size() + 28 == inner.size());
    require(payload->size() < 2 || (*payload)[1] >> 6 != 3);
    simple_.heard(now_, level);
    ++totals_.played;
  }
  const std::array<uint8_t, 16>& last_cookie(size_t level) const { return last_cookie_[level]; }

  void step(TimeNs by) {
    now_ += by;
    if (levels() == 0) require(simple_.next_due() == kNever);
    for (int calls = 0; due() <= now_; ++calls) {
      require(calls < 100);
      turn();
    }
  }

 private:
  TimeNs due() const {
    TimeNs due = simple_.next_due();
    for (const TunnelClient& t : tunnels_) due = std::min(due, t.next_due());
    return due;
  }
  void turn() {
    const size_t before = simple_.level();
    if (const auto change = simple_.poll(now_, totals_)) {
      require(change->from == before && change->to != before && change->to == simple_.level());
      require((change->to == 0) ==
              (change->cause == LevelCause::kNativeInOrder || change->cause == LevelCause::kNothingHelps));
    } else {
      require(simple_.level() == before);
    }
    require(simple_.level() <= levels() && simple_.trying() <= levels());
    require(simple_.trying() == 0 || simple_.trying() > simple_.level());
    size_t open = 0;
    for (size_t level = 1; level <= levels(); ++level) {
      if (simple_.uses(level))
        tunnel(level).open(now_);
      else
        tunnel(level).close(now_);
      open += simple_.uses(level);
      require(!tunnel(level).granted() || simple_.uses(level));
      for (int sent = 0; const auto message = tunnel(level).take_due(now_); ++sent) {
        require(sent < 2 && message->body.group == kGroup && message->body.endpoint == 0);
        require((message->command == TunnellingCommand::kRequest) == simple_.uses(level));
        require(message->command == TunnellingCommand::kRequest || message->body.cookie != no_cookie_);
        last_cookie_[level] = message->body.cookie;
      }
    }
    require(open <= 2);
  }

  const std::array<uint8_t, 16> no_cookie_{};
  Random random_{1};
  TunnelClientCounters counters_;
  Simple simple_;
  std::vector<TunnelClient> tunnels_;
  Simple::Totals totals_;
  std::array<std::array<uint8_t, 16>, Simple::kMaxTunnels + 1> last_cookie_{};
  TimeNs now_ = 1'000'000 * kNsPerSecond;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteReader in(Bytes(data, size));
  Model model(in.u8() % (Simple::kMaxTunnels + 1));
  model.step(0);
  uint64_t sequence = 1000;
  while (in.ok() && in.remaining() > 0) {
    const uint8_t op = in.u8();
    const uint8_t how = in.u8();
    const size_t level = model.levels() == 0 ? 0 : 1 + how % model.levels();
    switch (op % 12) {
      case 0:
      case 1:
        model.native(sequence++, how % 3);
        break;
      case 2:
        model.native(in.u48(), how % 3);
        break;
      case 3:
        model.lose(how);
        break;
      case 4:
        if (level != 0) model.challenge(level, {kGroup + op / 128, 0, in.array<16>()});
        break;
      case 5:
      case 6:
        if (level != 0) model.grant(level, {kGroup, 0, in.u16(), in.u8(), model.last_cookie(level)});
        break;
      case 7:
        if (level != 0) model.grant(level, {kGroup, 0, in.u16(), in.u8(), in.array<16>()});
        break;
      case 8: {
        uint8_t inner[32] = {0x45, 0, 0, 32, 0, 0, 0,    0,    16, 17, 0xaf, 0xc8, 10, 0, 0, 1,
                             0xef, 1, 2, 3,  0, 0, 0xb7, 0xfc, 0,  12, 0,    0,    0,  1, 0, 0};

        if (how > 200) inner[in.u8() % 32] = in.u8();
        if (level != 0) model.data(level, inner);
        break;
      }
      case 9:
        model.step(-TimeNs{in.u16()} * kNsPerMs);
        break;
      case 10:
        model.step(TimeNs{in.u32()} * kNsPerMs / 4);  // up to twelve days
        break;
      default:
        for (int i = 0; i < how; ++i) model.step(100 * kNsPerMs);
    }
    model.step(kNsPerMs);
  }
  return 0;
}
