#include "app/receive/stream_writer.h"

#include <gtest/gtest.h>

#include <csignal>
#include <numeric>

namespace linecast::app {
namespace {

using State = StreamWriter::State;

struct Pipe {
  Pipe() {
    if (pipe(ends) != 0) throw std::runtime_error("no pipe");
    signal(SIGPIPE, SIG_IGN);  // as the program does
  }
  int ends[2];
};

std::vector<uint8_t> numbers(size_t size) {
  std::vector<uint8_t> out(size);
  std::iota(out.begin(), out.end(), uint8_t{0});
  return out;
}

// Looks until it is so; the test's own time limit ends what never is.
void wait_until(const auto& holds) {
  while (!holds()) std::this_thread::yield();
}

TEST(StreamWriter, WritesAllInOrder) {
  Pipe pipe;
  const std::vector<uint8_t> bytes = numbers(100'003);
  std::vector<uint8_t> got;
  std::thread reader([&] {
    std::array<uint8_t, 8192> part;
    for (ssize_t n; (n = read(pipe.ends[0], part.data(), part.size())) > 0;)
      got.insert(got.end(), part.begin(), part.begin() + n);
  });
  {
    StreamWriter writer(pipe.ends[1], "pipe");
    for (Bytes rest = bytes; !rest.empty(); rest = rest.subspan(std::min<size_t>(rest.size(), 1316)))
      EXPECT_TRUE(writer.write(rest.first(std::min<size_t>(rest.size(), 1316))));
    writer.finish(30);
    EXPECT_EQ(writer.state(), State::kGood);
  }
  reader.join();
  close(pipe.ends[0]);
  EXPECT_EQ(got, bytes);
}

TEST(StreamWriter, AReaderThatDoesNotReadCostsAQueueAndNoMore) {
  Pipe pipe;
  StreamWriter writer(pipe.ends[1], "pipe");
  const std::vector<uint8_t> bytes = numbers(1 << 20);
  size_t taken = 0;
  while (writer.write(bytes)) taken += bytes.size();
  // One queue waits, and what the thread took before that: at most another.
  EXPECT_LE(taken, 2 * StreamWriter::kQueueBytes + bytes.size());
  EXPECT_GE(taken, StreamWriter::kQueueBytes);
  EXPECT_FALSE(writer.write(bytes)) << "dropped as a whole";
  EXPECT_EQ(writer.state(), State::kGood);
  writer.finish(0);  // gives the rest up
  close(pipe.ends[0]);
}

TEST(StreamWriter, AReaderThatGoesIsNoFailure) {
  Pipe pipe;
  StreamWriter writer(pipe.ends[1], "pipe");
  close(pipe.ends[0]);
  EXPECT_TRUE(writer.write(numbers(10)));
  wait_until([&] { return writer.state() != State::kGood; });
  EXPECT_EQ(writer.state(), State::kClosed);
  EXPECT_FALSE(writer.write(numbers(10)));
}

TEST(StreamWriter, AFullDiskIsOne) {
  StreamWriter writer(open("/dev/full", O_WRONLY), "the disk");
  EXPECT_TRUE(writer.write(numbers(10)));
  wait_until([&] { return writer.state() != State::kGood; });
  EXPECT_EQ(writer.state(), State::kFailed);
  EXPECT_NE(writer.failure().find("the disk"), std::string::npos);
}

}  // namespace
}  // namespace linecast::app
