// IGMP messages taken apart: nothing beyond their end is read, and what is read encodes back.
#include "tests/fuzz/igmp_check.h"

namespace linecast::igmp {
namespace {

void run(Bytes message) {
  check_message(1, message);
  if (const auto query = decode_query(message)) {
    check(query->max_response_ns >= 0 && query->query_interval_ns >= 0 &&
          query->robustness <= kMaxRobustness);
    check(query->sources.size() % kSourceSize == 0);
    check(query->sources.empty() ||
          query->sources.data() + query->sources.size() <= message.data() + message.size());
    if (query->version != Version::kV1) {
      std::vector<uint8_t> again(kV3QuerySize + query->sources.size());
      again.resize(encode_query(*query, again));
      const auto twice = decode_query(again);
      check(twice && twice->version == query->version && twice->group == query->group &&
            twice->max_response_ns == query->max_response_ns && twice->suppress == query->suppress &&
            twice->robustness == query->robustness && twice->query_interval_ns == query->query_interval_ns &&
            std::equal(twice->sources.begin(), twice->sources.end(), query->sources.begin(),
                       query->sources.end()));
    }
  }
  if (message.size() < kMessageSize) return;
  RecordReader records(message);
  size_t count = 0;
  size_t bytes = 0;
  while (const auto record = records.next()) {
    ++count;
    bytes += 8 + record->sources.size();
  }
  check(bytes <= message.size() - kMessageSize && count <= load_be16(&message[6]));
  check(records.whole() == (count == load_be16(&message[6])));
}

}  // namespace
}  // namespace linecast::igmp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  linecast::igmp::run({data, size});
  return 0;
}
