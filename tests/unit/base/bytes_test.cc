#include "lib/base/bytes.h"

#include <gtest/gtest.h>

namespace linecast {
namespace {

TEST(ByteReader, ReadsBigEndian) {
  const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};
  ByteReader r(data);
  EXPECT_EQ(r.u8(), 1);
  EXPECT_EQ(r.u16(), 0x0203);
  EXPECT_EQ(r.u32(), 0x04050607u);
  EXPECT_EQ(r.u48(), 0x08090a0b0c0dull);
  EXPECT_TRUE(r.done());
}

TEST(ByteReader, StopsAtTheEndAndStaysStopped) {
  const uint8_t data[] = {1, 2, 3};
  ByteReader r(data);
  EXPECT_EQ(r.u32(), 0u);
  EXPECT_FALSE(r.ok());
  EXPECT_EQ(r.u8(), 0);  // bytes are left, but the reader has failed
  EXPECT_FALSE(r.done());
}

TEST(ByteReader, RefusesLengthsBeyondTheSpan) {
  const uint8_t data[] = {1, 2, 3};
  ByteReader r(data);
  EXPECT_TRUE(r.bytes(SIZE_MAX).empty());
  EXPECT_FALSE(r.ok());
}

TEST(ByteWriter, WritesWhatTheReaderReads) {
  uint8_t out[21];
  ByteWriter w(out);
  w.u8(7);
  w.u16(0x1234);
  w.u32(0x56789abc);
  w.u48(0x0102030405);
  w.u64(~0ull - 1);
  EXPECT_TRUE(w.ok());
  EXPECT_EQ(w.size(), sizeof out);
  ByteReader r(out);
  EXPECT_EQ(r.u8(), 7);
  EXPECT_EQ(r.u16(), 0x1234);
  EXPECT_EQ(r.u32(), 0x56789abcu);
  EXPECT_EQ(r.u48(), 0x0102030405u);
  EXPECT_EQ(r.u64(), ~0ull - 1);
}

TEST(ByteWriter, NeverWritesPastItsEnd) {
  uint8_t out[4] = {0xee, 0xee, 0xee, 0xee};
  ByteWriter w(MutableBytes(out).first(3));
  w.u16(1);
  w.u16(2);
  EXPECT_FALSE(w.ok());
  EXPECT_EQ(out[2], 0xee);
  EXPECT_EQ(out[3], 0xee);
}

}  // namespace
}  // namespace linecast
