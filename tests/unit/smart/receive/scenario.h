// A sender, a link that loses, delays and copies, and the receiver under test, on a clock set by hand.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>

#include "lib/smart/receive/channel_receiver.h"
#include "tests/packets/smart_sender.h"

namespace linecast::smart {

using packets::Datagram;
using packets::SmartSender;

inline constexpr TimeNs kMs = kNsPerMs;
inline constexpr Ipv4 kHop = 0x0a000001;

inline bool is_data(const Datagram& d) { return d[1] >> 6 == 0; }
inline DataCommand command(const Datagram& d) { return static_cast<DataCommand>(d[1] >> 4 & 3); }
inline bool is_original(const Datagram& d) { return is_data(d) && command(d) == DataCommand::kOriginal; }
inline bool is_announce(const Datagram& d) {
  return d[1] == (1 << 6 | static_cast<int>(MessageCommand::kKeyAnnounce));
}

class Scenario : public ReceiverOutput {
 public:
  struct Options {
    SmartSender::Options sender;
    ReceiverSettings settings;
    bool trusted = true;
    std::optional<std::vector<crypto::GroupKey>> keys;  // none: the sender's
  };

  Scenario() : Scenario(Options{}) {}
  explicit Scenario(Options options) : sender(std::make_unique<SmartSender>(options.sender)) {
    options.settings.channel_id = options.sender.channel_id;
    options.settings.group = options.sender.group;
    options.settings.encrypted = options.sender.encrypted;
    options.settings.receiver_id = 77;
    sent_to = {{options.settings.group, options.settings.port}};
    joined[0] = sent_to.front();
    std::vector<crypto::PublicKey> trusted;
    if (options.trusted) trusted.push_back(sender->public_key());
    const auto keys = options.keys.value_or(std::vector{options.sender.group_key});
    receiver = std::make_unique<ChannelReceiver>(options.settings, manager_, keys, trusted, random_, *this);
  }

  // --- the link towards the receiver ---
  std::function<bool(const Datagram&)> drop = [](const Datagram&) { return false; };
  std::function<TimeNs(const Datagram&)> delay = [](const Datagram&) { return kMs; };
  std::function<bool(const Datagram&)> duplicate = [](const Datagram&) { return false; };

  void transmit(const Datagram& packet, Ipv4 source = kHop) {
    for (const GroupPlace& place : sent_to) transmit_to(place, packet, source);
  }
  void transmit_to(const GroupPlace& place, const Datagram& packet, Ipv4 source = kHop) {
    if (drop(packet)) return;
    const TimeNs arrival = now + delay(packet);
    at(arrival, [=, this] { deliver(place, packet, source); });
    if (duplicate(packet)) at(arrival + kMs / 3, [=, this] { deliver(place, packet, source); });
  }
  // To the slots that have joined this group.
  void deliver(const GroupPlace& place, const Datagram& packet, Ipv4 source) {
    for (size_t slot = 0; slot < joined.size(); ++slot)
      if (joined[slot] == place) receiver->receive(now, packet, source, slot);
  }

  // --- the sender's day ---
  // A packet every interval from now on, with announcements, status and heartbeats as a headend sends them.
  void send_stream(size_t count, TimeNs interval) {
    for (size_t i = 0; i < count; ++i) at(now + static_cast<TimeNs>(i) * interval, [this] { send_one(); });
  }
  void send_one() {
    transmit(sender->data(payload(sent++)));
    last_data_ = now;
    schedule_heartbeat(20 * kMs);
  }
  // Announcements each 100 ms and status each second, and heartbeats of before the first packet.
  void start_sender() {
    if (sender->o.encrypted)
      repeat(sender.get(), 100 * kMs, [](SmartSender& mine) { return mine.announce(); });
    repeat(sender.get(), kNsPerSecond, [](SmartSender& mine) { return mine.status(); });
    last_data_ = now;
    schedule_heartbeat(0);
  }
  void restart_sender(const SmartSender::Options& options) {
    retired.push_back(std::move(sender));
    sender = std::make_unique<SmartSender>(options);
  }

  // --- the clock ---
  void at(TimeNs when, std::function<void()> what) { events_.emplace(when, std::move(what)); }
  void run_until(TimeNs end) {
    for (;;) {
      const TimeNs event = events_.empty() ? kNever : events_.begin()->first;
      const TimeNs next = std::min(event, receiver->next_due());
      if (next > end) break;
      ASSERT_LT(++steps_, 5'000'000) << "the receiver asks to be called without end";
      now = std::max(now, next);
      if (event <= now) {
        const auto what = std::move(events_.begin()->second);
        events_.erase(events_.begin());
        what();
      }
      receiver->poll(now);
    }
    now = end;
  }
  void run_for(TimeNs span) { run_until(now + span); }

  // --- what the receiver gave ---
  struct Played {
    uint64_t index;  // of the payload
    uint64_t sequence;
    TimeNs when;
  };
  std::vector<Played> played;
  uint64_t given_up = 0;
  std::vector<Datagram> requests;
  std::vector<Ipv4> asked;  // the hop of each
  std::vector<TimeNs> asked_at;
  struct Report {
    TimeNs when;
    Ipv4 to;
    Datagram datagram;
  };
  std::vector<Report> reports;  // what was sent upwards beside requests
  std::vector<Report> reports_of(MessageCommand command) const {
    std::vector<Report> out;
    for (const Report& r : reports)
      if (r.datagram[1] == (1 << 6 | static_cast<int>(command))) out.push_back(r);
    return out;
  }
  std::vector<LevelChange> level_changes;
  std::vector<std::pair<MoveStep, GroupPlace>> move_steps;
  std::array<GroupPlace, GroupFollower::kMaxGroups> joined{};
  bool can_join = true;
  std::function<void(Ipv4 to, const Datagram&)> take_tunnelling = [](Ipv4, const Datagram&) {};
  std::vector<ReceiverEvent> events;
  bool may_play_early = false;
  bool answers = true;
  bool answers_with_originals = false;  // as a repeater does that lacked them itself
  bool requests_valid = true;

  std::vector<uint64_t> indices() const {
    std::vector<uint64_t> out;
    for (const Played& p : played) out.push_back(p.index);
    return out;
  }
  // 0 .. sent - 1, each once, in order.
  bool complete() const {
    bool in_order = played.size() == sent;
    for (size_t i = 0; i < played.size() && in_order; ++i) in_order = played[i].index == i;
    return in_order;
  }
  uint64_t count(ReceiveCounter c) const { return receiver->counters().get(c); }
  uint64_t events_of(ReceiverEvent e) const {
    return static_cast<uint64_t>(std::count(events.begin(), events.end(), e));
  }
  // How often this sequence was asked for.
  size_t times_asked(uint64_t sequence) const {
    size_t times = 0;
    for (const Datagram& request : requests) {
      Split split;
      Replacement m;
      EXPECT_EQ(split_message(request, split), WireFault::kNone);
      EXPECT_TRUE(decode(split.body, m));
      for (const SequencePair& pair : m.list.view()) {
        const auto behind = static_cast<uint16_t>(static_cast<uint16_t>(sequence) - pair.sequence);
        times += behind == 0 || (behind <= 16 && (pair.mask >> (behind - 1) & 1) != 0);
      }
    }
    return times;
  }

  static std::vector<uint8_t> payload(uint64_t index) {
    std::vector<uint8_t> bytes(1316);
    Random random(index);
    for (size_t i = 0; i + 8 <= bytes.size(); i += 8) store_be64(&bytes[i], random.next());
    store_be64(bytes.data(), index);
    return bytes;
  }

  std::vector<GroupPlace> sent_to;
  TimeNs now = 1000 * kNsPerSecond;
  TimeNs stop_at = INT64_MAX;  // announcements and the like end then
  std::unique_ptr<SmartSender> sender;
  std::vector<std::unique_ptr<SmartSender>> retired;
  std::unique_ptr<ChannelReceiver> receiver;
  uint64_t sent = 0;

 private:
  void play(const PlayedPacket& packet) override {
    const uint64_t index = packet.payload.size() < 8 ? UINT64_MAX : load_be64(packet.payload.data());
    EXPECT_TRUE(std::ranges::equal(packet.payload, payload(index))) << "packet " << packet.sequence;
    EXPECT_EQ(packet.format, sender->o.format);
    EXPECT_TRUE(may_play_early || now >= packet.due_ns);
    played.push_back({index, packet.sequence, now});
  }
  void give_up(uint64_t, uint64_t lost) override { given_up += lost; }
  void send(Ipv4 to, uint16_t port, Bytes datagram) override {
    EXPECT_TRUE(std::ranges::any_of(sent_to, [=](const GroupPlace& p) { return p.port == port; })) << port;
    const auto type = static_cast<PacketType>(datagram[1] >> 6);
    if (type == PacketType::kTunnelling)
      return take_tunnelling(to, Datagram(datagram.begin(), datagram.end()));
    if (type != PacketType::kReplacement) {
      reports.push_back({now, to, Datagram(datagram.begin(), datagram.end())});
      return;
    }
    requests.emplace_back(datagram.begin(), datagram.end());
    asked.push_back(to);
    asked_at.push_back(now);
    if (!answers) return;
    at(now + kMs, [this, request = requests.back(), to] {
      bool ok = false;
      for (Datagram& repair : sender->answer(request, ok)) {
        if (answers_with_originals) set_data_command(repair.data(), DataCommand::kOriginal, 0);
        transmit(repair, to);
      }
      requests_valid = requests_valid && ok;
    });
  }
  void report(ReceiverEvent event) override { events.push_back(event); }
  void level_changed(const LevelChange& change) override { level_changes.push_back(change); }
  void group_changes(MoveStep step, const GroupPlace& place) override {
    move_steps.emplace_back(step, place);
  }
  bool join(size_t slot, const GroupPlace& place, Ipv4) override {
    EXPECT_EQ(joined[slot], GroupPlace{}) << "the slot is taken";
    if (can_join) joined[slot] = place;
    return can_join;
  }
  void leave(size_t slot) override {
    EXPECT_NE(joined[slot], GroupPlace{});
    joined[slot] = {};
  }

  void repeat(const SmartSender* mine, TimeNs interval, Datagram (*make)(SmartSender&)) {
    if (sender.get() != mine || now > stop_at) return;
    transmit(make(*sender));
    at(now + interval, [=, this] { repeat(mine, interval, make); });
  }

  void schedule_heartbeat(TimeNs interval) {
    at(now + interval, [this, interval, data = last_data_, mine = sender.get()] {
      if (data != last_data_ || mine != sender.get() || now > stop_at) return;
      transmit(sender->heartbeat());
      schedule_heartbeat(std::clamp(2 * interval, 20 * kMs, kNsPerSecond));
    });
  }

  crypto::Manager manager_;
  Random random_{1};
  std::multimap<TimeNs, std::function<void()>> events_;
  TimeNs last_data_ = 0;
  uint64_t steps_ = 0;
};

}  // namespace linecast::smart
