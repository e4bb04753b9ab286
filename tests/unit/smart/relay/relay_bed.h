// A sender, and the relay of a stream that takes what it sends, as a lane has it.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "lib/smart/relay/relay_stream.h"
#include "tests/packets/smart_sender.h"

namespace linecast::smart {

using packets::Datagram;
using packets::SmartSender;

class RelayBed {
 public:
  static constexpr Ipv4 kUpstream = 0x0a000001;
  using Fate = RelayStream::Fate;

  using Way = RelayStream::Way;

  explicit RelayBed(RelayGuard guard = RelayGuard::kOpened, SmartSender::Options options = {},
                    uint32_t window = 256, UpstreamTunnel tunnel = UpstreamTunnel::kNever)
      : sender(std::make_unique<SmartSender>(of(guard, options))),
        settings_{.guard = guard,
                  .upstream = kUpstream,
                  .group = options.group,
                  .tunnel = tunnel,
                  .address = 0x0a000002,
                  .receiver_id = 77,
                  .window = window} {
    const crypto::GroupKey& key = options.group_key;
    if (guard != RelayGuard::kClear) {
      const crypto::CmacKey up(manager_, crypto::derive_up_key(key, options.channel_id));
      message_keys_ = std::make_unique<RelayMessageKeys>(
          RelayMessageKeys{crypto::CmacKey(manager_, crypto::derive_down_key(key, options.channel_id)),
                           crypto::receiver_key(manager_, up, 77), key.id});
      const auto held =
          guard == RelayGuard::kOpened ? std::span(&key, 1) : std::span<const crypto::GroupKey>();
      keys = std::make_unique<RelayKeys>(options.channel_id, held,
                                         std::vector<crypto::PublicKey>{sender->public_key()});
    }
    relay = std::make_unique<RelayStream>(settings_, message_keys_.get(), 1);
  }

  // As the control lcore and the lane do between them.
  bool announce(const Datagram& datagram, bool silent = false) {
    auto next = keys->take(now, datagram, silent);
    if (next == nullptr) return false;
    relay->follow(*next);
    epochs_.push_back(std::move(next));
    return true;
  }
  // The stream is followed, and the hop above has said what it is.
  void begin() {
    if (keys != nullptr) {
      ASSERT_TRUE(announce(sender->announce()));
    }
    message(sender->status());
  }
  RelayStream::Taken take(const Datagram& datagram, Way way = Way::kNative, size_t slot = 0) {
    const RelayStream::Taken taken = relay->take_data(manager_, now, {way, slot}, datagram, scratch_);
    if (taken.fate == Fate::kKept) {
      EXPECT_FALSE(passed_on.contains(taken.sequence)) << "a full sequence is passed on once";
      passed_on[taken.sequence] = datagram;
      relay->note_kept(now, taken);
    }
    return taken;
  }
  Fate fate(const Datagram& datagram) { return take(datagram).fate; }
  WireFault message(const Datagram& datagram, Way way = Way::kNative) {
    return relay->take_message(manager_, now, {way}, datagram);
  }
  Datagram data(uint8_t fill = 1) { return sender->data(std::vector<uint8_t>(188, fill)); }

  // Polls until then; what the relay says is kept, and requests are answered after `answer_ns`, unless that
  // is 0.
  void run_for(TimeNs span, TimeNs answer_ns = 0) {
    const TimeNs end = now + span;
    for (; now < end; now += kNsPerMs) {
      relay->poll(manager_, now, receivers, [&](Bytes said) {
        const Datagram datagram(said.begin(), said.end());
        if (datagram[1] >> 6 == static_cast<int>(PacketType::kTunnelling)) return take_tunnelling(datagram);
        if (datagram[1] >> 6 != static_cast<int>(PacketType::kReplacement))
          return reports.push_back(datagram);
        requests.push_back(datagram);
        if (answer_ns == 0) return;
        bool good = false;
        for (const Datagram& repair : sender->answer(datagram, good))
          answers_.emplace(now + answer_ns, repair);
        EXPECT_TRUE(good) << "a sender takes it";
      });
      while (!answers_.empty() && answers_.begin()->first <= now) {
        take(answers_.begin()->second, answers_come);
        answers_.erase(answers_.begin());
      }
    }
  }
  uint64_t count(ReceiveCounter counter) const { return relay->counters().get(counter); }
  uint64_t count(RelayCounter counter) const { return relay->relay_counters().get(counter); }
  crypto::Manager& manager() { return manager_; }

  std::function<void(const Datagram&)> take_tunnelling = [](const Datagram&) { FAIL() << "a tunnel"; };
  TimeNs now = 1000 * kNsPerSecond;
  std::unique_ptr<SmartSender> sender;
  std::unique_ptr<RelayKeys> keys;
  std::unique_ptr<RelayStream> relay;
  std::map<uint64_t, Datagram> passed_on;
  std::vector<Datagram> requests, reports;
  uint32_t receivers = 0;
  Way answers_come = Way::kNative;

 private:
  static SmartSender::Options of(RelayGuard guard, SmartSender::Options options) {
    options.encrypted = guard != RelayGuard::kClear;
    return options;
  }

  crypto::Manager manager_;
  RelayStream::Settings settings_;
  std::unique_ptr<RelayMessageKeys> message_keys_;
  std::vector<std::unique_ptr<const RelayEpochs>> epochs_;
  std::multimap<TimeNs, Datagram> answers_;
  std::array<uint8_t, 2048> scratch_{};
};

}  // namespace linecast::smart
