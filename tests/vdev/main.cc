#include <gtest/gtest.h>

#include <cstdio>

#include "drivers/eal.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (testing::GTEST_FLAG(list_tests)) return RUN_ALL_TESTS();
  try {
    const linecast::drivers::Eal eal("test_lane", {"-l", "0", "--no-huge", "--no-pci", "--no-shconf", "-m",
                                                   "256", "--file-prefix", "linecast-test-lane"});
    return RUN_ALL_TESTS();
  } catch (const std::exception& error) {
    fprintf(stderr, "test_lane: error: %s\n", error.what());
    return 1;
  }
}
