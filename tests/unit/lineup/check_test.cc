#include "app/linecast/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/unit/lineup/good_lineup.h"

namespace linecast::app {
namespace {

using testing::HasSubstr;

class Check : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  int run(const std::string& text, bool json = false) {
    { std::ofstream(path_) << text; }
    std::FILE* out = std::tmpfile();
    std::FILE* err = std::tmpfile();
    const int exit_code = check_lineup({.path = path_, .json = json, .offline = true}, out, err);
    out_ = contents(out);
    err_ = contents(err);
    return exit_code;
  }

  static std::string contents(std::FILE* file) {
    std::string text(static_cast<size_t>(std::ftell(file)), '\0');
    std::rewind(file);
    EXPECT_EQ(std::fread(text.data(), 1, text.size(), file), text.size());
    std::fclose(file);
    return text;
  }

  std::string path_ = std::filesystem::temp_directory_path() /
                      ("linecast-check-test-" + std::to_string(::getpid()) + ".yaml");
  std::string out_, err_;
};

TEST_F(Check, SaysWhatAGoodLineupHolds) {
  EXPECT_EQ(run(lineup::kGoodLineup), 0);
  EXPECT_EQ(err_, "");
  EXPECT_THAT(out_, HasSubstr("in0 10.1.0.9@239.10.0.1:5000 ts"));
  EXPECT_THAT(out_, HasSubstr("out0 239.20.0.1:47200"));
  EXPECT_THAT(out_, HasSubstr("2000 ms, 2048 packets"));
  EXPECT_THAT(out_,
              HasSubstr("headend demo, sender id 7: 2 ports on 2 lanes, 2 channels\nup to 16.5 Mbit/s"));
  EXPECT_THAT(out_, HasSubstr(path_ + ": good\n"));
}

TEST_F(Check, WarningsDoNotFail) {
  std::string text = lineup::kGoodLineup;
  text.replace(text.find("igmp: 3"), 7, "igmp: 2");
  EXPECT_EQ(run(text), 0);
  EXPECT_THAT(err_, HasSubstr(path_ + ":14:75: warning: IGMPv2"));
  EXPECT_THAT(out_, HasSubstr(path_ + ": good, with 1 warning\n"));
}

TEST_F(Check, FaultsGoToStandardErrorWithoutColour) {
  std::string text = lineup::kGoodLineup;
  text.replace(text.find("ttl: 8"), 6, "ttl: 0");
  text.replace(text.find("igmp: 3"), 7, "igmp: 9");
  EXPECT_EQ(run(text), 2);
  EXPECT_EQ(out_, "");
  EXPECT_THAT(err_, HasSubstr(path_ + ":5:110: error: igmp \"9\""));
  EXPECT_THAT(err_, HasSubstr(path_ + ":15:68: error: ttl \"0\""));
  EXPECT_THAT(err_, HasSubstr(path_ + ": 2 errors\n"));
  EXPECT_EQ(err_.find('\x1b'), std::string::npos);
}

TEST_F(Check, Json) {
  EXPECT_EQ(run(lineup::kGoodLineup, true), 0);
  EXPECT_EQ(err_, "");
  const auto good = nlohmann::json::parse(out_);
  EXPECT_EQ(good["good"], true);
  EXPECT_EQ(good["faults"].size(), 0u);
  EXPECT_EQ(good["lineup"]["channels"][0]["name"], "news");
  EXPECT_EQ(good["lineup"]["channels"][0]["id"], "0123456789abcdef");
  EXPECT_EQ(good["lineup"]["channels"][0]["source"]["ssm_source"], "10.1.0.9");
  EXPECT_EQ(good["lineup"]["channels"][1]["quiet"], "auto");
  EXPECT_EQ(good["lineup"]["channels"][0]["tunnels"], true);
  EXPECT_EQ(good["lineup"]["channels"][1]["tunnels"], false);
  EXPECT_EQ(good["lineup"]["tunnels"]["limit"], 500);
  EXPECT_EQ(good["lineup"]["interfaces"][1]["gateway"], nullptr);

  // Bytes that are no text must not break it.
  EXPECT_EQ(run("headend: {name: \"\xff\x01\"}\n", true), 2);
  const auto bad = nlohmann::json::parse(out_);
  EXPECT_EQ(bad["good"], false);
  EXPECT_EQ(bad["lineup"], nullptr);
  EXPECT_EQ(bad["faults"][0]["severity"], "error");
  EXPECT_GT(bad["faults"][0]["line"], 0);
}

TEST_F(Check, AsASubcommand) {
  { std::ofstream(path_) << "ports: []\n"; }
  CLI::App app;
  int exit_code = 0;
  add_check_command(app, exit_code);
  EXPECT_THROW(app.parse("check"), CLI::RequiredError);
  testing::internal::CaptureStderr();
  app.parse("check --offline " + path_);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr(path_ + ":1:8: error: ports is empty"));
  EXPECT_EQ(exit_code, 2);
}

}  // namespace
}  // namespace linecast::app
