#include "app/receive/arguments.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/receive/key_directory.h"

namespace linecast::app {
namespace {

class ArgumentsTest : public testing::Test {
 protected:
  std::optional<Arguments> parse(std::vector<std::string> words) {
    words.insert(words.begin(), "linecast-receive");
    std::vector<const char*> argv(words.size());
    std::ranges::transform(words, argv.begin(), [](const std::string& word) { return word.c_str(); });
    exit_code = -1;
    testing::internal::CaptureStderr();
    testing::internal::CaptureStdout();
    auto parsed = parse_arguments(static_cast<int>(argv.size()), argv.data(), exit_code);
    told = testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr();
    return parsed;
  }

  KeyDirectory directory;
  std::string key = directory.group_key("a.key", 5);
  std::string trust = directory.signing_key("s.key");
  int exit_code = 0;
  std::string told;
};

TEST_F(ArgumentsTest, OneChannel) {
  const auto a = parse(
      {"--channel", "news",       "--group",  "239.1.1.1:5000", "--key",       key,  "--trust",     trust,
       "--out",     "-",          "--source", "10.0.0.1",       "--interface", "lo", "--buffer-ms", "250",
       "--stats",   "--duration", "2.5",      "--receiver-id",  "00ff"});
  ASSERT_TRUE(a) << told;
  ASSERT_EQ(a->channels.size(), 1u);
  const ChannelOptions& channel = a->channels[0];
  EXPECT_EQ(channel.name, "news");
  EXPECT_EQ(channel.id, crypto::channel_id_from_name("news"));
  EXPECT_EQ(channel.group, 0xef010101u);
  EXPECT_EQ(channel.port, 5000);
  EXPECT_EQ(channel.source, 0x0a000001u);
  EXPECT_GT(channel.interface.index, 0u);
  EXPECT_EQ(channel.keys.at(0).id, 5);
  EXPECT_EQ(channel.trusted.size(), 1u);
  EXPECT_EQ(channel.buffer_ms, 250u);
  EXPECT_TRUE(a->stats);
  EXPECT_EQ(a->duration_s, 2.5);
  EXPECT_EQ(a->receiver_id, 255u);
}

TEST_F(ArgumentsTest, Defaults) {
  const std::vector<std::string> words{"--channel", "x", "--group", "239.1.1.1", "--clear", "--out", "a.ts"};
  const auto a = parse(words), b = parse(words);
  ASSERT_TRUE(a && b) << told;
  EXPECT_EQ(a->channels[0].port, 47100);
  EXPECT_EQ(a->channels[0].buffer_ms, 1000u);
  EXPECT_NE(a->receiver_id, b->receiver_id) << "random for each run";
}

TEST_F(ArgumentsTest, TheIdOfTheLineup) {
  const auto a =
      parse({"--channel", "x", "--id", "0102030405060708", "--group", "239.1.1.1", "--clear", "--out", "-"});
  ASSERT_TRUE(a) << told;
  EXPECT_EQ(a->channels[0].id, (crypto::ChannelId{1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST_F(ArgumentsTest, RepeatersInOrderThenTheOrigin) {
  std::vector<std::string> words{"--channel", "x", "--group", "239.1.1.1", "--clear", "--out", "-"};
  ASSERT_TRUE(parse(words)) << told;
  EXPECT_TRUE(parse(words)->channels[0].tunnels.empty()) << "by default it never climbs";
  words.insert(words.end(),
               {"--origin", "203.0.113.5:5000", "--repeater", "10.0.0.9", "--repeater", "10.0.0.8:1"});
  const auto a = parse(words);
  ASSERT_TRUE(a) << told;
  EXPECT_EQ(a->channels[0].tunnels,
            (std::vector<smart::FarEnd>{{0x0a000009, 47100}, {0x0a000008, 1}, {0xcb007105, 5000}}));
}

TEST_F(ArgumentsTest, WrongUsageEndsWithTwoAndAWord) {
  const std::vector<std::string> sound{"--channel", "x", "--group", "239.1.1.1", "--out", "-"};
  const std::vector<std::pair<std::vector<std::string>, std::string>> kWrong{
      {{}, "--key"},
      {{"--key", key}, "--trust"},
      {{"--clear", "--key", key}, "--clear takes no --key"},
      {{"--key", directory / "none", "--trust", trust}, "none"},
      {{"--key", trust, "--trust", trust}, "s.key.pub"},
      {{"--clear", "--buffer-ms", "9"}, "10"},
      {{"--clear", "--duration", "-1"}, "--duration"},
      {{"--clear", "--receiver-id", "xyz"}, "hex"},
      {{"--clear", "--receiver-id", "0"}, "hex"},
      {{"--clear", "--id", "12"}, "--id"},
      {{"--clear", "--config", "x.yaml"}, "contradict"},
      {{"--clear", "--colour"}, "--colour"},
      {{"--clear", "--repeater", "repeater.example"}, "\"repeater.example\""},
      {{"--clear", "--origin", "239.1.1.1"}, "\"239.1.1.1\""},
      {{"--clear", "--origin", "10.0.0.1:0"}, "port"},
      {{"--clear", "--origin", "10.0.0.1:"}, "port"},
      {{"--clear", "--repeater", "10.0.0.1", "--origin", "10.0.0.1:5"}, "listed twice"},
      {{"--clear", "--repeater", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6",
        "10.0.0.7", "10.0.0.8", "10.0.0.9"},
       "one too many"},
  };
  for (const auto& [more, word] : kWrong) {
    std::vector<std::string> words = sound;
    words.insert(words.end(), more.begin(), more.end());
    EXPECT_FALSE(parse(words)) << word;
    EXPECT_EQ(exit_code, 2);
    EXPECT_NE(told.find(word), std::string::npos) << word << " is not in " << told;
  }
  for (const char* group : {"10.0.0.1", "239.1.1.1:0", "239.1.1.1:", "232.1.1.1", "224.0.0.1", "x"})
    EXPECT_FALSE(parse({"--channel", "x", "--group", group, "--clear", "--out", "-"})) << group;
  EXPECT_FALSE(parse({"--channel", "x", "--clear", "--out", "-"}));
  EXPECT_FALSE(parse({"--config", directory / "none.yaml"}));
  EXPECT_EQ(exit_code, 2);
}

TEST_F(ArgumentsTest, HelpEndsWellAndHasExamples) {
  EXPECT_FALSE(parse({"--help"}));
  EXPECT_EQ(exit_code, 0);
  EXPECT_NE(told.find("| ffplay -"), std::string::npos);
}

}  // namespace
}  // namespace linecast::app
