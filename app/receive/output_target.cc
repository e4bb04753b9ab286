#include "app/receive/output_target.h"

#include <fmt/core.h>

namespace linecast::app {
namespace {

using lineup::Wrong;

// Splits at the first `mark`; the second half is empty where there is none.
std::pair<std::string_view, std::string_view> split(std::string_view text, char mark) {
  const size_t at = text.find(mark);
  if (at == std::string_view::npos) return {text, {}};
  return {text.substr(0, at), text.substr(at + 1)};
}

// What is wrong, or nothing.
std::optional<Wrong> read_option(std::string_view option, OutputTarget& out) {
  const auto [name, value] = split(option, '=');
  if (name == "ttl") {
    const auto ttl = lineup::parse_number(value, 1, 255, "");
    if (const Wrong* wrong = std::get_if<Wrong>(&ttl)) return Wrong{"has a ttl that " + wrong->why};
    out.ttl = static_cast<uint8_t>(std::get<uint64_t>(ttl));
    return std::nullopt;
  }
  if (name == "interface") {
    const auto interface = parse_interface(value);
    if (const Wrong* wrong = std::get_if<Wrong>(&interface))
      return Wrong{fmt::format("names an interface, {}, that {}", value, wrong->why)};
    out.interface = std::get<Interface>(interface);
    return std::nullopt;
  }
  return Wrong{fmt::format("has an option that is not known, {}: known are ttl=N and interface=NAME", name)};
}

lineup::Parsed<OutputTarget> parse_network(OutputTarget::Kind kind, std::string_view text) {
  OutputTarget out;
  out.kind = kind;
  const auto [place, options] = split(text, '?');
  const auto [address, port] = split(place, ':');
  const auto parsed_address = parse_ipv4(address);
  if (!parsed_address || *parsed_address == 0)
    return Wrong{"needs an IPv4 address and a port: write udp://127.0.0.1:5000"};
  out.address = *parsed_address;
  const auto parsed_port = lineup::parse_number(port, 1, 65535, "");
  if (std::holds_alternative<Wrong>(parsed_port))
    return Wrong{fmt::format("needs a port of 1 .. 65535: write {}:5000", address)};
  out.port = static_cast<uint16_t>(std::get<uint64_t>(parsed_port));
  for (std::string_view rest = options; !rest.empty();) {
    const auto [option, more] = split(rest, '&');
    if (auto wrong = read_option(option, out)) return *wrong;
    rest = more;
  }
  return out;
}

}  // namespace

lineup::Parsed<OutputTarget> parse_output(std::string_view text) {
  if (text == "-") return OutputTarget{};
  for (const auto& [scheme, kind] : {std::pair(std::string_view("udp://"), OutputTarget::Kind::kUdp),
                                     {"rtp://", OutputTarget::Kind::kRtp}})
    if (text.starts_with(scheme)) return parse_network(kind, text.substr(scheme.size()));
  OutputTarget out;
  out.kind = OutputTarget::Kind::kFile;
  out.path = text.starts_with("file:") ? text.substr(5) : text;
  if (out.path.starts_with("//")) out.path.erase(0, 2);  // file:///path
  if (out.path.empty()) return Wrong{"names no file"};
  if (text.find("://") != std::string_view::npos && !text.starts_with("file:"))
    return Wrong{"is of no kind that is known: give udp://, rtp://, a path, or - for standard output"};
  return out;
}

}  // namespace linecast::app
