// The headend's accounts of who watches, from what lanes heard to the sinks' files, and how they are shown.
#include "app/linecast/usage_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "app/linecast/report_usage.h"
#include "lib/base/error.h"
#include "tests/unit/temporary_directory.h"

namespace linecast::app {
namespace {

using testing::HasSubstr;
using usage::HeardUsage;
using usage::UsageCounter;

constexpr crypto::ChannelId kNews{1}, kFilm{2};

TimeNs steady() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

class UsageKeeperTest : public testing::Test {
 protected:
  void make(uint32_t exact = 100) {
    config_.directory = made_.path() + "/usage";
    config_.json_file = config_.directory + "/usage.jsonl";
    config_.exact = exact;
    keeper_.emplace(config_, 1000, 7, steady);
  }
  static HeardUsage join(uint32_t slot, uint64_t receiver) {
    return {.time = steady(),
            .receiver = receiver,
            .channel = slot,
            .source = 0x0a000000 + static_cast<Ipv4>(receiver),
            .reach = usage::Reach::kNative};
  }
  static HeardUsage leave(uint32_t slot, uint64_t receiver) {
    HeardUsage heard = join(slot, receiver);
    heard.leave = true;
    return heard;
  }
  std::string lines() const {
    std::ifstream file(config_.json_file);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  uint64_t present(uint32_t channel) const { return keeper_->table().present(channel); }

  const TemporaryDirectory made_;
  lineup::Usage config_;
  std::optional<UsageKeeper> keeper_;
};

TEST_F(UsageKeeperTest, AVisitIsWrittenUnderTheChannelOfItsSlot) {
  make();
  keeper_->open(70, kNews, "news");
  keeper_->open(3, kFilm, "film");
  keeper_->take(join(3, 9));
  keeper_->take(join(70, 8));
  keeper_->tick();
  EXPECT_EQ(present(0), 1u);
  EXPECT_EQ(present(1), 1u);
  keeper_->take(leave(3, 9));
  keeper_->stop();
  const std::string all = lines();
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 2);
  EXPECT_THAT(all,
              HasSubstr(R"("channel":"film","channel_id":"0200000000000000","receiver":"0000000000000009")"));
  EXPECT_THAT(all, HasSubstr(R"("reached":"native","ended":"left")"));
  EXPECT_THAT(all,
              HasSubstr(R"("channel":"news","channel_id":"0100000000000000","receiver":"0000000000000008")"));
  EXPECT_THAT(all, HasSubstr(R"("reached":"native","ended":"stopped")"));
}

TEST_F(UsageKeeperTest, SlotsWithoutAChannelAreCounted) {
  make();
  keeper_->open(2, kNews, "news");
  for (const uint32_t slot : {0u, 1u, 3u, 8000u}) keeper_->take(join(slot, 1));
  EXPECT_EQ(keeper_->table().count(UsageCounter::kUnknownChannel), 4u);
  keeper_->close(2);
  keeper_->close(2);
  keeper_->close(9000);
  keeper_->take(join(2, 1));
  EXPECT_EQ(keeper_->table().count(UsageCounter::kUnknownChannel), 5u);
  EXPECT_FALSE(keeper_->is_open(0));
}

TEST_F(UsageKeeperTest, AChannelThatBeginsAnewInAnotherSlotKeepsItsAccount) {
  make();
  keeper_->open(0, kNews, "news");
  keeper_->take(join(0, 1));
  keeper_->open(1, kNews, "new news");
  keeper_->take(join(0, 2));  // both while the reload is under way
  keeper_->take(join(1, 3));
  keeper_->close(0);
  EXPECT_TRUE(keeper_->is_open(0));
  keeper_->take(join(1, 1));
  EXPECT_EQ(keeper_->table().channels(), 1u);
  EXPECT_EQ(keeper_->table().usage(0).joins, 3u);
  EXPECT_EQ(present(0), 3u);
  EXPECT_EQ(keeper_->table().name(0), "new news");
  EXPECT_EQ(keeper_->table().count(UsageCounter::kUnknownChannel), 0u);
}

TEST_F(UsageKeeperTest, ASlotThatIsUsedAgainIsAnotherChannels) {
  make();
  keeper_->open(0, kNews, "news");
  keeper_->take(join(0, 1));
  keeper_->close(0);
  keeper_->open(0, kFilm, "film");
  keeper_->take(join(0, 2));
  EXPECT_EQ(present(1), 1u);
  EXPECT_EQ(keeper_->table().usage(0).joins, 1u);
  keeper_->open(5, kNews, "news");  // it comes back
  keeper_->take(join(5, 3));
  EXPECT_EQ(keeper_->table().usage(0).joins, 2u);
  EXPECT_EQ(keeper_->table().channels(), 2u);
  keeper_->open(5, kFilm, "film");  // as a slot that was never closed
  EXPECT_FALSE(keeper_->is_open(0));
}

TEST_F(UsageKeeperTest, OnlyRepeatersOfTheLineupCountForMany) {
  config_.repeaters = {{0x0a000100, 24}, {0x0a000209, 32}};
  make();
  keeper_->open(4, kNews, "news");
  const auto total = [&](Ipv4 source, uint64_t receiver, uint32_t receivers) {
    HeardUsage heard = join(4, receiver);
    heard.source = source;
    heard.receivers = receivers;
    heard.repeater = true;  // a lane does not know
    keeper_->take(heard);
  };
  total(0x0a000105, 1, 400);
  total(0x0a000209, 2, 30);
  total(0x0a000208, 3, 1'000'000);
  EXPECT_EQ(keeper_->present(4), 431u);
  EXPECT_EQ(keeper_->table().count(UsageCounter::kNotARepeater), 1u);
  auto shown = report_usage(*keeper_, steady())["channels"][0];
  EXPECT_EQ(shown["present"], 431);
  EXPECT_EQ(shown["by_repeaters"], 430);
  EXPECT_EQ(shown["repeaters"], 2);
  EXPECT_EQ(shown["one_by_one"], 1);
  keeper_->set_repeaters({{0x0a000208, 32}});
  total(0x0a000208, 3, 5);
  EXPECT_EQ(report_usage(*keeper_, steady())["channels"][0]["by_repeaters"], 435);
  EXPECT_EQ(keeper_->present(3), 0u);
  EXPECT_EQ(keeper_->present(9000), 0u);
  keeper_->stop();
  EXPECT_THAT(lines(),
              HasSubstr(R"("receiver":"0000000000000001","address":"10.0.1.5",)"
                        R"("reported_address":null,"repeater":true,"reached":"native","ended":"stopped")"));
  EXPECT_THAT(lines(), HasSubstr(R"("receivers":400,)"));
}

TEST_F(UsageKeeperTest, IsShownWithItsEstimateAndTheErrorOfThat) {
  make(1000);
  keeper_->open(0, kNews, "news");
  constexpr uint64_t kReceivers = 60'000;
  for (uint64_t receiver = 1; receiver <= kReceivers; ++receiver) keeper_->take(join(0, receiver));
  keeper_->tick();
  const auto shown = report_usage(*keeper_, steady());
  const auto& news = shown["channels"][0];
  EXPECT_EQ(news["one_by_one"], 1000);
  EXPECT_EQ(news["present"].get<uint64_t>(), 1000 + news["estimated"].get<uint64_t>());
  const double error = news["standard_error"].get<double>();
  EXPECT_GT(error, 100);
  EXPECT_LT(error, 0.02 * kReceivers);
  EXPECT_NEAR(news["present"].get<double>(), kReceivers, 5 * error);
  EXPECT_NEAR(news["joins"].get<double>(), kReceivers, 5 * error);
  EXPECT_EQ(shown["counters"]["reports"], kReceivers);
  EXPECT_EQ(shown["counters"]["beyond_exact"], kReceivers - 1000);
  EXPECT_GE(news["peak"], news["present"]);
  EXPECT_TRUE(news["peak_at"].get<std::string>().ends_with("Z"));
}

TEST_F(UsageKeeperTest, ASinkThatFailsIsShownWithItsError) {
  config_.sqlite_file = made_.path();  // a directory
  make();
  keeper_->open(0, kNews, "news");
  keeper_->take(leave(0, 1));
  nlohmann::ordered_json shown;
  do {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    shown = report_usage(*keeper_, steady());
  } while (shown["sinks"][0]["delivered"] != 1 || shown["sinks"][1]["failures"] == 0);
  EXPECT_EQ(shown["journal"]["acknowledged"], 1);
  EXPECT_GT(shown["journal"]["bytes"], 0);
  EXPECT_EQ(shown["journal"]["most_bytes"], 256 << 20);
  EXPECT_TRUE(shown["journal"]["failing_s"].is_null());
  EXPECT_EQ(shown["sinks"][0]["sink"], "json");
  EXPECT_EQ(shown["sinks"][0]["waiting"], 0);
  EXPECT_TRUE(shown["sinks"][0]["last_error"].is_null());
  EXPECT_EQ(shown["sinks"][1]["sink"], "sqlite");
  EXPECT_EQ(shown["sinks"][1]["waiting"], 1);
  EXPECT_FALSE(shown["sinks"][1]["failing_s"].is_null());
  EXPECT_THAT(shown["sinks"][1]["last_error"].get<std::string>(), HasSubstr(made_.path()));
}

TEST_F(UsageKeeperTest, ADirectoryThatCannotBeMadeNamesTheCommand) {
  config_.directory = made_.path() + "/gone/usage";
  try {
    UsageKeeper keeper(config_, 1, 7, steady);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("mkdir -p -m 700 " + made_.path() + "/gone"));
  }
}

}  // namespace
}  // namespace linecast::app
