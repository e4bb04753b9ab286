#include "app/receive/config_file.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/unit/receive/key_directory.h"

namespace linecast::app {
namespace {

class ConfigFile : public testing::Test {
 protected:
  ConfigResult read(const std::string& text) { return read_config(directory_.write("receive.yaml", text)); }
  // "LINE:COLUMN what" of each fault of a file with this text for its channels.
  std::string faults(const std::string& text) {
    std::string all;
    for (const auto& fault : read(text).faults)
      all += fmt::format("{}:{} {}\n", fault.line, fault.column, fault.what);
    return all;
  }

  KeyDirectory directory_;
};

TEST_F(ConfigFile, TheExampleIsSound) {
  std::filesystem::create_directory(directory_ / "keys");
  for (const uint16_t id : {1, 2, 3})
    directory_.group_key(std::array{"", "keys/news.key", "keys/film.key", "keys/film-next.key"}[id], id);
  directory_.signing_key("keys/headend.key");
  directory_.signing_key("keys/headend-b.key");
  std::ifstream example(EXAMPLE);
  const std::string text{std::istreambuf_iterator<char>(example), {}};
  ASSERT_FALSE(text.empty()) << EXAMPLE;
  const ConfigResult config = read(text);
  for (const auto& fault : config.faults) ADD_FAILURE() << fault.line << ": " << fault.what;
  ASSERT_EQ(config.channels.size(), 3u);

  const ChannelOptions& news = config.channels[0];
  EXPECT_EQ(news.name, "news");
  EXPECT_EQ(news.id, crypto::channel_id_from_name("news"));
  EXPECT_EQ(news.group, 0xef140001u);
  EXPECT_EQ(news.port, 47100);
  EXPECT_EQ(news.source, 0u);
  EXPECT_EQ(news.keys.at(0).id, 1);
  EXPECT_EQ(news.trusted.size(), 1u);
  EXPECT_EQ(news.out.kind, OutputTarget::Kind::kUdp);

  EXPECT_TRUE(news.tunnels.empty());

  const ChannelOptions& film = config.channels[1];
  EXPECT_EQ(film.tunnels,
            (std::vector<smart::FarEnd>{{0x0a140701, 47100}, {0x0a140801, 47200}, {0x0a140001, 47100}}));
  EXPECT_EQ(film.id[7], 0x77);
  EXPECT_EQ(film.source, 0x0a140001u);
  EXPECT_EQ(film.keys.size(), 2u);
  EXPECT_EQ(film.trusted.size(), 2u);
  EXPECT_NE(film.trusted[0], film.trusted[1]);
  EXPECT_EQ(film.out.ttl, 4);

  const ChannelOptions& card = config.channels[2];
  EXPECT_TRUE(card.clear);
  EXPECT_TRUE(card.keys.empty());
  EXPECT_EQ(card.out.path, directory_ / "test-card.ts") << "from the file's own directory";
}

TEST_F(ConfigFile, FaultsAreToldAllAtOnceWithTheirPlaces) {
  const std::string all = faults(R"(channels:
  - name: a
    group: 10.0.0.1
    clear: perhaps
    out: udp://x
  - name: b
    group: 232.1.1.1
    key: none.key
    buffer_ms: 70000
    interface: nowhere9
  - groop: 239.1.1.1
    clear: true
    out: [x]
)");
  for (const char* part :
       {"3:12 group", "4:12 clear", "5:10 out", "7:12 a group of 232.0.0.0/8", "8:10 ", "none.key",
        "6:5 a channel lacks \"trust\"", "9:16 buffer_ms", "10:16 interface", "6:5 a channel lacks \"out\"",
        "11:5 a channel has no key \"groop\": did you mean \"group\"?", "11:5 a channel lacks \"name\"",
        "13:10 out"})
    EXPECT_NE(all.find(part), std::string::npos) << part << " is not in\n" << all;
}

TEST_F(ConfigFile, RepeatersAndOrigin) {
  const std::string head = "channels:\n  - {clear: true, name: a, group: 239.1.1.1, out: x, ";
  EXPECT_EQ(faults(head + "repeaters: 10.0.0.1}"), "") << "one needs no list";
  EXPECT_EQ(faults(head + "repeaters: [10.0.0.1, \"10.0.0.2:5\"], origin: 10.0.0.3}"), "");
  EXPECT_EQ(faults(head + "repeaters: []}"), "");
  const std::string all =
      faults(head + "repeaters: [10.0.0.1, x, \"10.0.0.1:5\"], origin: \"10.0.0.1:70000\"}");
  for (const char* part : {"2:76 repeaters \"x\"", "2:79 repeaters \"10.0.0.1:5\" is listed twice", "origin"})
    EXPECT_NE(all.find(part), std::string::npos) << part << " is not in\n" << all;
  EXPECT_NE(faults(head + "origin: {a: 1}}"), "");
  EXPECT_NE(faults(head + "repeaters: [10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5, 10.0.0.6, 10.0.0.7, "
                          "10.0.0.8], origin: 10.0.0.9}")
                .find("one too many"),
            std::string::npos);
}

TEST_F(ConfigFile, KeyOrClear) {
  const std::string head = "channels:\n  - {name: a, group: 239.1.1.1, out: x, ";
  EXPECT_NE(faults(head + "buffer_ms: 100}").find("2:5 a channel has a key or is sent in the clear"),
            std::string::npos);
  EXPECT_NE(faults(head + "clear: false}").find("a channel has a key or"), std::string::npos);
  EXPECT_NE(faults(head + "clear: true, key: k}").find("is not clear"), std::string::npos);
  EXPECT_EQ(faults(head + "clear: true}"), "");
  directory_.group_key("k", 1);
  directory_.signing_key("s");
  EXPECT_EQ(faults(head + "key: k, trust: s.pub}"), "");
  EXPECT_NE(faults(head + "key: s, trust: k}"), "") << "one for the other";
}

TEST_F(ConfigFile, ChannelsThatAreInEachOthersWay) {
  const auto two = [](const std::string& a, const std::string& b) {
    return fmt::format("channels:\n  - {{clear: true, {}}}\n  - {{clear: true, {}}}\n", a, b);
  };
  const std::string a = "name: a, group: 239.1.1.1, out: a.ts";
  EXPECT_EQ(faults(two(a, "name: b, group: 239.1.1.2, out: b.ts")), "");
  EXPECT_EQ(faults(two(a, "name: b, group: 239.1.1.1, port: 1000, out: b.ts")), "");
  EXPECT_NE(faults(two(a, "name: b, group: 239.1.1.1, out: b.ts")).find("3:5 a and b both take"),
            std::string::npos);
  EXPECT_NE(faults(two(a, "name: b, group: 239.1.1.2, out: a.ts")).find("same output"), std::string::npos);
  EXPECT_NE(faults(two(a, "name: a, group: 239.1.1.2, out: b.ts")).find("named a"), std::string::npos);
  const std::string by_source = "name: c, group: 239.1.1.1, source: 10.0.0.1, out: c.ts";
  EXPECT_EQ(faults(two(by_source, "name: b, group: 239.1.1.1, source: 10.0.0.2, out: b.ts")), "");
  EXPECT_NE(faults(two(by_source, a)), "");
}

TEST_F(ConfigFile, FilesThatAreNone) {
  EXPECT_EQ(read_config(directory_ / "missing.yaml").faults.size(), 1u);
  EXPECT_EQ(read_config(directory_ / "").faults.size(), 1u);
  for (const char* text :
       {"", "channels:", "channels: []", "channels: news", "[]", "x: 1", "channels: [1]", "{"})
    EXPECT_FALSE(read(text).faults.empty()) << text;
  EXPECT_EQ(read("channels: [\"" + std::string(1 << 20, 'x') + "\"]").faults.size(), 1u);
}

}  // namespace
}  // namespace linecast::app
