#include "app/receive/channel_options.h"

#include <fmt/core.h>

#include <algorithm>

namespace linecast::app {

lineup::Parsed<uint16_t> parse_port_behind(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return smart::kDefaultPort;
  const auto port = lineup::parse_number(text.substr(colon + 1), 1, 65535, "");
  if (const auto* wrong = std::get_if<lineup::Wrong>(&port))
    return lineup::Wrong{"has a port that " + wrong->why};
  return static_cast<uint16_t>(std::get<uint64_t>(port));
}

lineup::Parsed<smart::FarEnd> parse_far_end(std::string_view text) {
  const auto address = lineup::parse_host(text.substr(0, text.find(':')));
  if (const auto* wrong = std::get_if<lineup::Wrong>(&address)) return *wrong;
  const auto port = parse_port_behind(text);
  if (const auto* wrong = std::get_if<lineup::Wrong>(&port)) return *wrong;
  return smart::FarEnd{std::get<Ipv4>(address), std::get<uint16_t>(port)};
}

std::string add_tunnel(const smart::FarEnd& far_end, std::vector<smart::FarEnd>& tunnels) {
  if (std::ranges::any_of(tunnels, [&](const auto& t) { return t.address == far_end.address; }))
    return "is listed twice: give each repeater and the origin once";
  if (tunnels.size() == smart::Simple::kMaxTunnels)
    return fmt::format("is one too many: there can be {} repeaters and origin together",
                       smart::Simple::kMaxTunnels);
  tunnels.push_back(far_end);
  return {};
}

std::string text_of(const smart::FarEnd& far_end) {
  return fmt::format("{}:{}", to_string(far_end.address), far_end.port);
}

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
