// What no lane can beat: AES-GCM alone, over as many frames, with as many keys, in the same random order;
// into the frames from the ingest packets, as the lane does it, or in place.
#pragma once

#include <intel-ipsec-mb.h>

#include <string>

#include "bench/ingest.h"

namespace linecast::bench {

class BareGcm {
 public:
  BareGcm(const std::string& name, crypto::Cipher cipher, bool in_place)
      : frames_(name, kKeptFrames + 63, drivers::frame_room(LaneBed::kMtu), drivers::any_numa_node()),
        receive_(name + "_in", 4095, drivers::receive_room(LaneBed::kMtu), drivers::any_numa_node()),
        ingest_(receive_, kChannels),
        aes128_(cipher == crypto::Cipher::kAes128Gcm),
        in_place_(in_place),
        keys_(kChannels),
        kept_(kKeptFrames),
        next_(kChannels) {
    const std::array<uint8_t, 32> key{};
    for (gcm_key_data& tables : keys_) {
      if (aes128_)
        IMB_AES128_GCM_PRE(manager_.get(), key.data(), &tables);
      else
        IMB_AES256_GCM_PRE(manager_.get(), key.data(), &tables);
    }
    for (drivers::Packet*& packet : kept_) packet = frames_.take();
    for (size_t i = 0; i < kKeptFrames / app::kBurst; ++i) turn();  // every frame once
  }
  ~BareGcm() {
    for (drivers::Packet* packet : kept_) drivers::release(packet);
  }
  BareGcm(const BareGcm&) = delete;
  BareGcm& operator=(const BareGcm&) = delete;

  // A burst; the cycles that it took.
  uint64_t turn() {
    IMB_MGR* mb = manager_.get();
    const uint64_t begin = drivers::cycles();
    for (unsigned i = 0; i < app::kBurst; ++i) {
      const Ingest::Item& item = ingest_.next();
      const size_t slot = next_[item.channel]++ & (kWindow - 1);
      uint8_t* to = drivers::payload_bytes(kept_[item.channel * kWindow + slot]) + 16;
      const uint8_t* from = in_place_ ? to : drivers::data(item.packet) + net::kUdpFrameOverhead;
      store_be64(&iv_[4], ++packets_);
      gcm_context_data context;
      if (aes128_)
        IMB_AES128_GCM_ENC(mb, &keys_[item.channel], &context, to, from, kPayloadSize, iv_.data(),
                           aad_.data(), aad_.size(), to + kPayloadSize, 16);
      else
        IMB_AES256_GCM_ENC(mb, &keys_[item.channel], &context, to, from, kPayloadSize, iv_.data(),
                           aad_.data(), aad_.size(), to + kPayloadSize, 16);
    }
    return drivers::cycles() - begin;
  }

 private:
  drivers::Pool frames_, receive_;
  Ingest ingest_;
  crypto::Manager manager_;
  bool aes128_, in_place_;
  std::vector<gcm_key_data> keys_;
  std::vector<drivers::Packet*> kept_;
  std::vector<uint32_t> next_;
  std::array<uint8_t, 12> iv_{};
  std::array<uint8_t, 8> aad_{};
  uint64_t packets_ = 0;
};

}  // namespace linecast::bench
