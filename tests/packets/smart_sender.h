// The peer of a receiver under test: seals a stream, keeps what it sent, announces its keys and answers
// requests. Made of the library's sending half; no policy, no timers, no limits.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "lib/base/serial.h"
#include "lib/smart/key_announcer.h"
#include "lib/smart/stream_sealer.h"
#include "lib/smart/trailer.h"

namespace linecast::packets {

using Datagram = std::vector<uint8_t>;

class SmartSender {
 public:
  struct Options {
    bool encrypted = true;
    crypto::GroupKey group_key{.id = 7, .bytes = {1, 2, 3}};
    std::array<uint8_t, 32> signing_seed{9};
    crypto::ChannelId channel_id = crypto::channel_id_from_name("test");
    Ipv4 group = 0xefff0001;  // 239.255.0.1
    uint16_t sender_id = 1;
    uint64_t start_number = 1000;
    uint64_t first_sequence = 100;
    uint8_t salt = 1;  // each start needs another
    smart::PacketFormat format = smart::PacketFormat::kMpegTs;
  };

  explicit SmartSender(const Options& options)
      : o(options),
        signing_key_(o.signing_seed),
        salt_{o.salt},
        announcer_(signing_key_, {.channel_id = o.channel_id,
                                  .sender_id = o.sender_id,
                                  .cipher = o.group_key.cipher,
                                  .start_number = o.start_number,
                                  .start_salt = salt_}),
        down_(manager_, crypto::derive_down_key(o.group_key, o.channel_id)) {
    if (o.encrypted) add_epoch(o.group_key, 1);
    sealer_ = std::make_unique<smart::StreamSealer>(o.sender_id, o.first_sequence,
                                                    o.encrypted ? epochs_.back().get() : nullptr);
  }

  Datagram data(Bytes payload) {
    const uint64_t sequence = sealer_->next_sequence();
    Datagram packet(sealer_->packet_size(payload.size()));
    packet.resize(sealer_->seal_data(manager_, o.format, quiet, payload, packet.data()));
    kept_[sequence] = packet;
    return packet;
  }

  Datagram heartbeat() {
    Datagram packet(64);
    packet.resize(sealer_->seal_heartbeat(manager_, quiet, packet.data()));
    return packet;
  }

  Datagram announce() {
    const smart::KeyAnnouncer::Epoch current{sealer_->epoch(), sealer_->key_id()};
    if (next_ && next_->epoch.number <= current.number) next_.reset();
    const auto& datagram = announcer_.announce(current, next_);
    return Datagram(datagram.begin(), datagram.end());
  }

  // The next epoch, from the packet with sequence `from` on; under another group key where one is given.
  void schedule_epoch(uint64_t from, const crypto::GroupKey& key) {
    const uint32_t number = sealer_->epoch() + 1;
    add_epoch(key, number);
    sealer_->schedule(epochs_.back().get(), from);
    next_ = {{number, key.id}, from};
  }

  Datagram status(uint16_t round_trip_ms = 50, uint8_t log2_group_size = 0) {
    smart::SenderStatus m;
    m.group = group;
    m.round_trip_ms = round_trip_ms;
    m.log2_group_size = log2_group_size;
    m.start_number = o.start_number;
    m.hops = hops;
    Datagram out(512);
    return finish(out, smart::encode(m, out));
  }

  Datagram quiet_message(uint16_t duration_ms, const std::vector<smart::SequencePair>& pairs = {}) {
    smart::Quiet m;
    m.group = group;
    m.duration_ms = duration_ms;
    for (const auto& pair : pairs) m.list.pairs[m.list.count++] = pair;
    Datagram out(512);
    return finish(out, smart::encode(m, out));
  }

  // What announces the move of a hop with this start number.
  static Datagram move(const crypto::SigningKey& key, uint64_t start_number, uint64_t count,
                       const smart::AddrRangeChange& m) {
    Datagram out(smart::kCommonHeaderSize + 20 + smart::kSignedTrailerSize);
    const smart::TrailerFields fields{start_number, crypto::public_key_hint(key.public_key()), count};
    out.resize(smart::append_signed_trailer(key, fields, 1, out, smart::encode(m, out)));
    return out;
  }
  Datagram move(uint64_t count, const smart::AddrRangeChange& m) const {
    if (o.encrypted) return move(signing_key_, o.start_number, count, m);
    Datagram out(smart::kCommonHeaderSize + 20);
    out.resize(smart::encode(m, out));
    return out;
  }

  // The repairs that a REPLACEMENT asks for. `ok` false where it is not one that a sender would answer.
  std::vector<Datagram> answer(Bytes request, bool& ok) {
    std::vector<Datagram> repairs;
    smart::Split split;
    smart::Replacement m;
    ok = smart::split_message(request, split) == smart::WireFault::kNone &&
         split.header.type == smart::PacketType::kReplacement && smart::decode(split.body, m) &&
         (m.group == group || (other_group != 0 && m.group == other_group)) &&
         split.trailer.empty() != o.encrypted && admits(request, split.trailer);
    if (!ok) return repairs;
    for (const auto& pair : m.list.view())
      for (unsigned i = 0; i <= 16; ++i) {
        if (i > 0 && (pair.mask >> (i - 1) & 1) == 0) continue;
        const auto kept =
            kept_.find(extend_serial(sealer_->next_sequence() - 1, static_cast<uint16_t>(pair.sequence + i)));
        if (kept == kept_.end()) continue;
        repairs.push_back(kept->second);
        smart::set_data_command(repairs.back().data(), smart::DataCommand::kRepair, quiet);
      }
    return repairs;
  }

  crypto::PublicKey public_key() const { return signing_key_.public_key(); }
  uint64_t next_sequence() const { return sealer_->next_sequence(); }
  const Datagram& kept(uint64_t sequence) const { return kept_.at(sequence); }
  void forget_before(uint64_t sequence) { kept_.erase(kept_.begin(), kept_.lower_bound(sequence)); }
  crypto::Manager& manager() { return manager_; }

  const Options o;
  Ipv4 group = o.group;  // that messages name, and requests have to
  Ipv4 other_group = 0;  // that requests may name as well; 0: none
  uint8_t quiet = 0;     // the QUIET field of what is sent from now on
  uint8_t hops = 0;      // of SENDER_STATUS

 private:
  void add_epoch(const crypto::GroupKey& key, uint32_t number) {
    up_.emplace(key.id, crypto::CmacKey(manager_, crypto::derive_up_key(key, o.channel_id)));
    epochs_.push_back(
        std::make_unique<smart::EpochKey>(manager_, key, salt_, o.channel_id, o.sender_id, number));
  }

  Datagram finish(Datagram& out, size_t size) {
    if (o.encrypted)
      size = smart::append_cmac_trailer(manager_, down_, {o.start_number, o.group_key.id, ++count_},
                                        sealer_->current_synch_code(), out, size);
    out.resize(size);
    return out;
  }

  bool admits(Bytes request, Bytes trailer) {
    if (!o.encrypted) return true;
    const smart::TrailerFields fields = smart::read_trailer(trailer);
    if (trailer.size() != smart::kCmacTrailerSize || !up_.contains(fields.key_id)) return false;
    const crypto::CmacKey key = crypto::receiver_key(manager_, up_.at(fields.key_id), fields.id);
    return smart::verify_cmac_trailer(manager_, key, request) && request[0] != 0 &&
           fields.count + 1 >= o.first_sequence && fields.count < sealer_->next_sequence();
  }

  crypto::Manager manager_;
  crypto::SigningKey signing_key_;
  crypto::StartSalt salt_;
  smart::KeyAnnouncer announcer_;
  crypto::CmacKey down_;
  std::map<uint16_t, crypto::CmacKey> up_;  // by key id
  std::deque<std::unique_ptr<smart::EpochKey>> epochs_;
  std::unique_ptr<smart::StreamSealer> sealer_;
  std::optional<smart::KeyAnnouncer::NextEpoch> next_;
  std::map<uint64_t, Datagram> kept_;
  uint64_t count_ = 0;
};

}  // namespace linecast::packets
