#include "lib/smart/tunnel/tunnel_grantor.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "lib/smart/trailer.h"
#include "tests/packets/hex.h"

namespace linecast::smart {
namespace {

constexpr TimeNs kSecond = kNsPerSecond;
constexpr Ipv4 kOurs = 0xc0000201;              // 192.0.2.1
constexpr TunnelPeer kPeer{0xc6336414, 40000};  // 198.51.100.20
constexpr Ipv4 kClear = 0xef010203, kSealed = 0xef010204, kAbsent = 0xef010299;
constexpr uint16_t kClearChannel = 0, kSealedChannel = 1;
const LeaseKey kClearKey{kPeer, kClearChannel}, kSealedKey{kPeer, kSealedChannel};

const TunnelGrantor::Settings kPlenty{.challenges_of_a_source = {1'000, 100'000},
                                      .challenges = {1'000, 100'000},
                                      .requests_of_a_source = {1'000, 100'000},
                                      .requests = {1'000, 100'000}};

// A hop with a clear channel and a sealed one, that is handed whole datagrams as its caller would.
class Hop : public testing::Test {
 protected:
  using Datagram = std::vector<uint8_t>;

  std::vector<uint8_t> receive(TimeNs now, const Datagram& datagram, const TunnelPeer& from = kPeer) {
    Split split;
    TunnelAsk ask;
    if (split_message(datagram, split) != WireFault::kNone || split.header.type != PacketType::kTunnelling ||
        !decode(split.body, ask.request))
      return {};
    ask.command = static_cast<TunnellingCommand>(split.header.command);
    ask.from = from;
    ask.to = kOurs;
    TunnelAnswer answer;
    answer.size = 5;  // of one before
    const std::optional<TunnelGrantor::Proved> proved = grantor_.screen(now, ask, answer);
    if (proved) {
      TunnelGrantor::Standing standing{.hops = hops_};
      if (ask.request.group == kAbsent) {
        grantor_.refuse(*proved, TunnelReason::kNotCarried, answer);
      } else if (ask.request.group == kSealed) {
        ++verifications_;
        if (split.trailer.empty() || !verify_cmac_trailer(manager_, key_, datagram)) return {};
        const TrailerFields fields = read_trailer(split.trailer);
        standing.channel = kSealedChannel;
        standing.holder = {fields.id, fields.count != 0};
        grantor_.decide(now, *proved, standing, answer);
      } else {
        grantor_.decide(now, *proved, standing, answer);
      }
    }
    const Bytes bytes = answer.view();
    return {bytes.begin(), bytes.end()};
  }

  Datagram ask(TunnellingCommand command, Ipv4 group, const TunnelCookie& cookie, Ipv4 endpoint = 0) const {
    Datagram out(64);
    out.resize(encode(command, TunnelRequest{group, endpoint, cookie}, out));
    return out;
  }
  Datagram request(Ipv4 group, const TunnelCookie& cookie, Ipv4 endpoint = 0) const {
    return ask(TunnellingCommand::kRequest, group, cookie, endpoint);
  }
  Datagram sealed(Datagram clear, uint64_t count = 0, uint64_t receiver = 7) {
    const size_t size = clear.size();
    clear.resize(size + kCmacTrailerSize);
    append_cmac_trailer(manager_, key_, {.id = receiver, .key_id = 1, .count = count}, 1, clear, size);
    return clear;
  }
  TunnelCookie cookie(TimeNs now, Ipv4 group, const TunnelPeer& peer = kPeer) const {
    return cookies_.make(now, peer, group);
  }
  static TunnelGrant grant_in(const Datagram& datagram) {
    Split split;
    TunnelGrant grant;
    EXPECT_EQ(split_message(datagram, split), WireFault::kNone);
    EXPECT_EQ(split.header.command, static_cast<uint8_t>(TunnellingCommand::kGrant));
    EXPECT_TRUE(decode(split.body, grant));
    return grant;
  }
  uint64_t count(TunnelCounter counter) const { return counters_.get(counter); }

  crypto::Manager manager_;
  crypto::CmacKey key_{manager_, {1, 2, 3}};
  TunnelCounters counters_;
  TunnelCookies cookies_{manager_, 0, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};
  LeaseTable leases_{{.tunnels = 4,
                      .tunnels_of_a_peer = 4,
                      .ports = {{.tunnels = 4, .rate_bps = 100'000'000}},
                      .port_of_interface = {0},
                      .channel_rates_bps = {8'000'000, 8'000'000},
                      .seed = 5},
                     counters_};
  TunnelGrantor grantor_{kPlenty, cookies_, leases_, counters_};
  uint8_t hops_ = 0;
  int verifications_ = 0;
};

// From and to 198.51.100.20:40000 at 90 s; the cookie is that of Python's cryptography (see the cookies'
// test).
TEST_F(Hop, AnswersByteForByte) {
  const std::string cookie = "66b13447157214b5da4bac8faf55d551", none(32, '0');
  const struct {
    const char* what;
    std::string in, out;
  } rows[] = {
      {"first request", "00c1001cef01020300000000" + none, "00c3001cef010203c6336414" + cookie},
      {"first leave", "00c2001cef01020300000000" + none, "00c3001cef010203c6336414" + cookie},
      {"names its own address", "00c1001cef010203c6336414" + none, "00c3001cef010203c6336414" + cookie},
      {"names another", "00c1001cef010203c6336415" + none, ""},
      {"names another, with its cookie", "00c1001cef010203c6336415" + cookie, ""},
      {"echoes", "00c1001cef01020300000000" + cookie, "00c40020ef010203c6336414003c0000" + cookie},
      {"renews", "00c1001cef010203c6336414" + cookie, "00c40020ef010203c6336414003c0000" + cookie},
      {"leaves", "00c2001cef01020300000000" + cookie, ""},
      {"leaves again", "00c2001cef01020300000000" + cookie, ""},
      {"another group's cookie", "00c1001cef01029900000000" + cookie,
       "00c3001cef010299c6336414" + packets::to_hex(this->cookie(90 * kSecond, kAbsent))},
      {"a group that is none",
       "00c1001cef01029900000000" + packets::to_hex(this->cookie(90 * kSecond, kAbsent)),
       "00c40020ef010299c633641400000001" + packets::to_hex(this->cookie(90 * kSecond, kAbsent))},
      {"leaves a group that is none",
       "00c2001cef01029900000000" + packets::to_hex(this->cookie(90 * kSecond, kAbsent)), ""},
      {"a challenge", "00c3001cef010203c6336414" + cookie, ""},
  };
  for (const auto& row : rows)
    EXPECT_EQ(packets::to_hex(receive(90 * kSecond, packets::from_hex(row.in))), row.out) << row.what;
  EXPECT_EQ(leases_.size(), 0u);
  const std::map<TunnelCounter, uint64_t> expected = {
      {TunnelCounter::kRequests, 8},   {TunnelCounter::kLeaves, 4},      {TunnelCounter::kChallenges, 4},
      {TunnelCounter::kGranted, 1},    {TunnelCounter::kRenewed, 1},     {TunnelCounter::kLeft, 1},
      {TunnelCounter::kBadCookie, 1},  {TunnelCounter::kThirdParty, 2},  {TunnelCounter::kLeaveUnknown, 1},
      {TunnelCounter::kNotCarried, 2}, {TunnelCounter::kNotARequest, 1},
  };
  for (size_t i = 0; i < kTunnelCounterCount; ++i) {
    const auto counter = static_cast<TunnelCounter>(i);
    EXPECT_EQ(count(counter), expected.contains(counter) ? expected.at(counter) : 0)
        << kTunnelCounterTexts[i].name;
  }
}

// Every form that a message can have, each without a cookie that is good: what goes out is never longer than
// what came, opens nothing, and costs no look at a trailer.
TEST_F(Hop, SendsNoByteMoreThanItGotBeforeAGoodCookie) {
  const TimeNs now = 500 * kSecond;
  TunnelCookie flipped = cookie(now, kClear);
  flipped[15] ^= 1;
  TunnelCookie first_bytes{};
  std::copy_n(cookie(now, kClear).begin(), 15, first_bytes.begin());
  const TunnelCookie cookies[] = {{},
                                  flipped,
                                  first_bytes,
                                  cookie(now - 120 * kSecond, kClear),
                                  cookie(now + 60 * kSecond, kClear),
                                  cookie(now, 0xef0102ff),
                                  cookie(now, kClear, {kPeer.address, 40001}),
                                  cookie(now, kClear, {kPeer.address + 1, kPeer.port})};
  int messages = 0, answers = 0;
  for (uint8_t command = 0; command < 64; ++command)
    for (const Ipv4 group : {kClear, kSealed, kAbsent, Ipv4{0}, Ipv4{0x0a000001}, Ipv4{0xffffffff}})
      for (const Ipv4 endpoint : {Ipv4{0}, kPeer.address, kPeer.address + 1, kOurs, Ipv4{0xffffffff}})
        for (const TunnelCookie& each : cookies)
          for (int form = 0; form < 4; ++form) {
            Datagram in = request(group, each, endpoint);
            in[1] = static_cast<uint8_t>(0xc0 | command);
            if (form == 1) in = sealed(in);
            if (form == 2) in.resize(32);  // as long as a grant
            if (form == 3) in.resize(8);   // cut off
            store_be16(&in[2], static_cast<uint16_t>(in.size()));
            const Datagram out = receive(now, in);
            ++messages;
            answers += out.empty() ? 0 : 1;
            ASSERT_LE(out.size(), in.size());
            // What it sends draws nothing from a hop: two of them do not talk to each other.
            ASSERT_TRUE(out.empty() || receive(now, out).empty());
          }
  EXPECT_EQ(messages, 64 * 6 * 5 * 8 * 4);
  EXPECT_EQ(answers, 2 * 6 * 2 * 8 * 2);  // both commands, own address or none, with and without trailer
  EXPECT_EQ(count(TunnelCounter::kChallenges), static_cast<uint64_t>(answers));
  EXPECT_EQ(verifications_, 0);
  EXPECT_EQ(leases_.size(), 0u);
}

TEST_F(Hop, LooksAtTheTrailerOnlyOnceTheCookieIsGood) {
  const TunnelCookie good = cookie(0, kSealed);
  Datagram forged = sealed(request(kSealed, good));
  forged.back() ^= 1;
  EXPECT_TRUE(receive(0, forged).empty());
  EXPECT_TRUE(receive(0, request(kSealed, good)).empty());  // no trailer
  EXPECT_EQ(verifications_, 2);
  EXPECT_FALSE(leases_.holds(kSealedKey));
  EXPECT_EQ(grant_in(receive(0, sealed(request(kSealed, good)))).lease_s, 60);
  EXPECT_TRUE(leases_.holds(kSealedKey));
}

TEST_F(Hop, AnExpiredCookieDrawsAChallengeAndTheLeaseStands) {
  const TunnelCookie old = cookie(0, kClear);
  for (TimeNs now = 0; now <= 105 * kSecond; now += 15 * kSecond)
    ASSERT_EQ(grant_in(receive(now, request(kClear, old))).lease_s, 60);
  const Datagram challenge = receive(120 * kSecond, request(kClear, old));
  ASSERT_EQ(challenge.size(), 28u);
  EXPECT_TRUE(leases_.holds(kClearKey));
  EXPECT_EQ(receive(120 * kSecond, ask(TunnellingCommand::kLeave, kClear, old)).size(), 28u);
  EXPECT_TRUE(leases_.holds(kClearKey));
  TunnelCookie fresh;
  std::copy_n(&challenge[12], 16, fresh.begin());
  EXPECT_EQ(grant_in(receive(121 * kSecond, request(kClear, fresh))).lease_s, 60);
  EXPECT_EQ(count(TunnelCounter::kGranted), 1u);
  EXPECT_EQ(count(TunnelCounter::kRenewed), 8u);
  EXPECT_EQ(count(TunnelCounter::kBadCookie), 2u);
}

TEST_F(Hop, ReplaysOpenNothingElsewhereAndEndNothing) {
  const TunnelCookie good = cookie(0, kSealed);
  const Datagram first = sealed(request(kSealed, good)),
                 early_leave = sealed(ask(TunnellingCommand::kLeave, kSealed, good));
  receive(0, first);
  receive(kSecond, early_leave);
  receive(2 * kSecond, first);  // back again
  receive(17 * kSecond, sealed(request(kSealed, good), 1'000));
  // Played back from elsewhere: a challenge, to the address that it bears.
  const TunnelPeer elsewhere{kPeer.address + 9, kPeer.port};
  EXPECT_EQ(receive(18 * kSecond, first, elsewhere).size(), 28u);
  EXPECT_EQ(leases_.size(), 1u);
  // And from the same address, a hundred times each: one lease, that a replayed leave does not end.
  for (int k = 0; k < 100; ++k) {
    receive(19 * kSecond, first);
    EXPECT_TRUE(receive(19 * kSecond, early_leave).empty());
  }
  EXPECT_EQ(leases_.size(), 1u);
  EXPECT_EQ(count(TunnelCounter::kLeaveRefused), 100u);
  // Once the cookie is old, replays no longer keep it alive either.
  receive(120 * kSecond, first);
  EXPECT_EQ(leases_.expire(120 * kSecond, 9), 1u);
}

TEST_F(Hop, RefusesWithTheReason) {
  const struct {
    uint8_t hops;
    TunnelReason reason;
  } rows[] = {{0, TunnelReason::kGranted},
              {8, TunnelReason::kGranted},
              {9, TunnelReason::kTooManyHops},
              {255, TunnelReason::kTooManyHops}};
  for (const auto& row : rows) {
    hops_ = row.hops;
    const TunnelGrant grant = grant_in(receive(0, request(kClear, cookie(0, kClear))));
    EXPECT_EQ(grant.reason, static_cast<uint16_t>(row.reason));
    EXPECT_EQ(grant.lease_s, row.reason == TunnelReason::kGranted ? 60 : 0);
    // A tunnel that stood ends with the refusal, and the loop with it.
    EXPECT_EQ(leases_.holds(kClearKey), row.reason == TunnelReason::kGranted);
  }
  EXPECT_EQ(count(TunnelCounter::kTooManyHops), 2u);
  EXPECT_EQ(count(TunnelCounter::kEnded), 1u);

  hops_ = 0;
  for (uint16_t port = 1; port <= 5; ++port) {
    const TunnelPeer peer{kPeer.address, port};
    const TunnelGrant grant = grant_in(receive(0, request(kClear, cookie(0, kClear, peer)), peer));
    EXPECT_EQ(grant.reason, port <= 4 ? 0 : static_cast<uint16_t>(TunnelReason::kNoRoom));
    EXPECT_EQ(grant.lease_s, port <= 4 ? 60 : 0);
  }
  EXPECT_EQ(count(TunnelCounter::kTableFull), 1u);

  TunnelAnswer answer;
  const TunnelAsk ask{.request = {.group = kClear, .cookie = cookie(0, kClear)}, .from = kPeer, .to = kOurs};
  grantor_.refuse(*grantor_.screen(0, ask, answer), TunnelReason::kNotAllowed, answer);
  EXPECT_EQ(grant_in({answer.bytes.begin(), answer.bytes.begin() + answer.size}).reason, 4);
  EXPECT_EQ(count(TunnelCounter::kNotAllowed), 1u);
}

// A hop that is its own upstream, and what no answer could be sent to.
TEST_F(Hop, DropsWhatComesFromItselfOrFromPortZero) {
  for (const TunnelPeer& from : {TunnelPeer{kOurs, 47100}, TunnelPeer{kPeer.address, 0}})
    for (const TunnelCookie& each : {TunnelCookie{}, cookie(0, kClear, from)})
      EXPECT_TRUE(receive(0, request(kClear, each), from).empty());
  EXPECT_EQ(count(TunnelCounter::kBadSource), 4u);
  EXPECT_EQ(leases_.size(), 0u);
}

class LimitedHop : public Hop {
 protected:
  TunnelAnswer answer_;
  // Whether it is challenged, or its good cookie taken.
  bool heard(TunnelGrantor& grantor, TimeNs now, const TunnelPeer& from, bool with_cookie) {
    TunnelAsk ask{.request = {.group = kClear}, .from = from, .to = kOurs};
    if (with_cookie) ask.request.cookie = cookie(now, kClear, from);
    return grantor.screen(now, ask, answer_).has_value() || answer_.size > 0;
  }
};

TEST_F(LimitedHop, EachLimitFillsAndEmptiesByItself) {
  const struct {
    bool with_cookie, one_source;
    TunnelCounter counter;
  } rows[] = {{false, true, TunnelCounter::kChallengeSourceLimit},
              {false, false, TunnelCounter::kChallengeLimit},
              {true, true, TunnelCounter::kRequestSourceLimit},
              {true, false, TunnelCounter::kRequestLimit}};
  for (const auto& row : rows) {
    TunnelGrantor grantor({.challenges_of_a_source = {10, 5},
                           .challenges = {100, 50},
                           .requests_of_a_source = {10, 5},
                           .requests = {100, 50}},
                          cookies_, leases_, counters_);
    const auto from = [&](uint32_t k) {
      return TunnelPeer{kPeer.address + (row.one_source ? 0 : k * 977), static_cast<uint16_t>(1 + k)};
    };
    uint32_t heard_at_once = 0, heard_later = 0;
    for (uint32_t k = 0; k < 1'000; ++k) heard_at_once += heard(grantor, 0, from(k), row.with_cookie) ? 1 : 0;
    EXPECT_EQ(heard_at_once, row.one_source ? 5u : 50u);
    EXPECT_EQ(count(row.counter), row.one_source ? 995u : 950u);
    // The other kind is not touched by this.
    EXPECT_TRUE(heard(grantor, 0, from(999), !row.with_cookie));
    for (uint32_t k = 0; k < 1'000; ++k)
      heard_later += heard(grantor, kSecond / 10, from(k), row.with_cookie) ? 1 : 0;
    EXPECT_EQ(heard_later, row.one_source ? 1u : 10u);
  }
}

// Forged requests that bear a receiver's address keep it from nothing while its cookie is good.
TEST_F(LimitedHop, ForgeriesUseUpNothingOfThoseWithACookie) {
  TunnelGrantor grantor({}, cookies_, leases_, counters_);
  uint64_t challenged = 0;
  for (int k = 0; k < 100'000; ++k) {
    TunnelAsk ask{.request = {.group = kClear, .cookie = {9}}, .from = kPeer, .to = kOurs};
    if (k % 2 == 0) ask.request.cookie = {};
    EXPECT_FALSE(grantor.screen(0, ask, answer_).has_value());
    challenged += answer_.size > 0 ? 1 : 0;
  }
  EXPECT_EQ(challenged, 1'000u);  // what one address draws at most at once
  EXPECT_TRUE(heard(grantor, 0, kPeer, true));
}

TEST(TunnelCounters, HaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (const CounterText& text : kTunnelCounterTexts) {
    EXPECT_TRUE(text.name.starts_with("tunnel")) << text.name;
    EXPECT_FALSE(text.help.empty());
    names.insert(text.name);
  }
  EXPECT_EQ(names.size(), kTunnelCounterCount);
}

}  // namespace
}  // namespace linecast::smart
