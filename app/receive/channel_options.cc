#include "app/receive/channel_options.h"

#include <fmt/core.h>

namespace linecast::app {

std::string conflict(const ChannelOptions& a, const ChannelOptions& b) {
  if (a.name == b.name) return fmt::format("two channels are named {}: give each its own name", a.name);
  if (a.group == b.group && a.port == b.port && (a.source == b.source || a.source == 0 || b.source == 0))
    return fmt::format("{} and {} both take {}:{}: two streams on one group and port cannot be told apart",
                       a.name, b.name, to_string(a.group), a.port);
  if (a.out.kind == b.out.kind && a.out.path == b.out.path && a.out.address == b.out.address &&
      a.out.port == b.out.port)
    return fmt::format("{} and {} play to the same output: give each its own", a.name, b.name);
  return {};
}

}  // namespace linecast::app
