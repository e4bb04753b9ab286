// Any text is a lineup, or draws faults that can be printed; never both, never neither.
#include <cstdlib>

#include "lib/lineup/lineup.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace linecast::lineup;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const LoadResult result = load_text(text, "lineup.yaml", {.check_machine = false});
  bool errors = false;
  for (const Fault& fault : result.faults) {
    errors = errors || !fault.warning;
    if (format_fault("lineup.yaml", fault).find('\n') != std::string::npos || fault.line < 0 ||
        fault.column < 0)
      std::abort();
  }
  if (errors == result.lineup.has_value()) std::abort();
  if (result.lineup) {
    for (const Channel& channel : result.lineup->channels) {
      if (channel.source.interface >= result.lineup->interfaces.size() ||
          channel.output.interface >= result.lineup->interfaces.size() || channel.window_packets < 64 ||
          channel.window_packets > 1 << 14 || channel.max_payload == 0)
        std::abort();
    }
    (void)retransmit_bytes(*result.lineup);
  }
  return 0;
}
