#include "app/receive/output_target.h"

#include <gtest/gtest.h>

namespace linecast::app {
namespace {

using Kind = OutputTarget::Kind;

OutputTarget good(std::string_view text) {
  const auto parsed = parse_output(text);
  EXPECT_TRUE(std::holds_alternative<OutputTarget>(parsed)) << text;
  return std::holds_alternative<OutputTarget>(parsed) ? std::get<OutputTarget>(parsed) : OutputTarget{};
}

TEST(OutputTarget, PathsAndStandardOutput) {
  EXPECT_EQ(good("-").kind, Kind::kStandardOutput);
  for (const auto& [text, path] : {std::pair("a.ts", "a.ts"),
                                   {"/x/a.ts", "/x/a.ts"},
                                   {"file:a.ts", "a.ts"},
                                   {"file:///x/a.ts", "/x/a.ts"},
                                   {"file:-", "-"},
                                   {"udp", "udp"},
                                   {"a:5000", "a:5000"}}) {
    EXPECT_EQ(good(text).kind, Kind::kFile) << text;
    EXPECT_EQ(good(text).path, path) << text;
  }
}

TEST(OutputTarget, Network) {
  const OutputTarget udp = good("udp://127.0.0.1:5000");
  EXPECT_EQ(udp.kind, Kind::kUdp);
  EXPECT_EQ(udp.address, 0x7f000001u);
  EXPECT_EQ(udp.port, 5000);
  EXPECT_EQ(udp.ttl, 1);
  EXPECT_EQ(udp.interface.index, 0u);
  const OutputTarget rtp = good("rtp://239.1.2.3:65535?ttl=255&interface=lo");
  EXPECT_EQ(rtp.kind, Kind::kRtp);
  EXPECT_EQ(rtp.address, 0xef010203u);
  EXPECT_EQ(rtp.port, 65535);
  EXPECT_EQ(rtp.ttl, 255);
  EXPECT_GT(rtp.interface.index, 0u);
  EXPECT_EQ(good("udp://239.1.2.3:1?interface=127.0.0.1").interface.index, rtp.interface.index);
}

TEST(OutputTarget, WhatItIsNot) {
  for (const char* text : {"", "file:", "ftp://127.0.0.1:21", "udp://", "udp://127.0.0.1", "udp://127.0.0.1:",
                           "udp://127.0.0.1:0", "udp://127.0.0.1:65536", "udp://host:5000",
                           "udp://0.0.0.0:5000", "udp://127.0.0.1:5000?ttl=0", "udp://127.0.0.1:5000?ttl=256",
                           "udp://127.0.0.1:5000?ttl", "udp://127.0.0.1:5000?colour=red",
                           "udp://127.0.0.1:5000?interface=nowhere9", "udp://127.0.0.1:5000?ttl=3&&x"})
    EXPECT_TRUE(std::holds_alternative<lineup::Wrong>(parse_output(text))) << text;
}

}  // namespace
}  // namespace linecast::app
