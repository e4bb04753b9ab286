#include "lib/lineup/scalars.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "lib/lineup/faults.h"
#include "lib/lineup/spelling.h"

namespace linecast::lineup {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_alphanumeric(char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z'); }

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

// The factor of a rate's unit; the text is what stands behind the number.
std::optional<double> rate_factor(std::string_view unit) {
  double factor = 1;
  if (!unit.empty()) {
    switch (lower(unit[0])) {
      case 'k':
        factor = 1e3;
        break;
      case 'm':
        factor = 1e6;
        break;
      case 'g':
        factor = 1e9;
        break;
      default:
        break;
    }
  }
  if (factor > 1) unit.remove_prefix(1);
  for (const std::string_view known : {"", "bit", "bits", "bit/s", "bits/s"})
    if (equal_ignoring_case(unit, known)) return factor;
  for (const std::string_view known : {"b", "bps", "b/s"})  // a capital B would be bytes
    if (unit == known) return factor;
  return std::nullopt;
}

constexpr uint64_t kLeastRate = 1'000;
constexpr uint64_t kMostRate = 10'000'000'000;

}  // namespace

Parsed<uint64_t> parse_number(std::string_view text, uint64_t least, uint64_t most, std::string_view unit) {
  const std::string range =
      fmt::format("give a plain number from {} to {}{}{}", least, most, unit.empty() ? "" : " ", unit);
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit))
    return Wrong{"is no whole number: " + range};
  if (text.size() > 1 && text[0] == '0') return Wrong{"begins with a zero: " + range};
  uint64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || value < least || value > most) return Wrong{"is out of range: " + range};
  return value;
}

Parsed<bool> parse_bool(std::string_view text) {
  for (const std::string_view yes : {"true", "yes", "on"})
    if (equal_ignoring_case(text, yes)) return true;
  for (const std::string_view no : {"false", "no", "off"})
    if (equal_ignoring_case(text, no)) return false;
  return Wrong{"is neither true nor false: give one of them"};
}

Parsed<smart::UpstreamTunnel> parse_upstream_tunnel(std::string_view text) {
  if (text == "auto") return smart::UpstreamTunnel::kAuto;
  const Parsed<bool> given = parse_bool(text);
  if (const bool* value = std::get_if<bool>(&given))
    return *value ? smart::UpstreamTunnel::kAlways : smart::UpstreamTunnel::kNever;
  return Wrong{"is none of true, false and auto: give one of them"};
}

std::string_view upstream_tunnel_name(smart::UpstreamTunnel tunnel) {
  switch (tunnel) {
    case smart::UpstreamTunnel::kNever:
      return "false";
    case smart::UpstreamTunnel::kAuto:
      return "auto";
    case smart::UpstreamTunnel::kAlways:
      return "true";
  }
  return "?";
}

Parsed<uint64_t> parse_rate(std::string_view text) { return parse_rate_within(text, kLeastRate, kMostRate); }

Parsed<uint64_t> parse_rate_within(std::string_view text, uint64_t least, uint64_t most) {
  const auto number_end =
      std::find_if_not(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '.'; });
  const std::string_view number = text.substr(0, static_cast<size_t>(number_end - text.begin()));
  std::string_view unit = text.substr(number.size());
  unit.remove_prefix(std::min(unit.find_first_not_of(' '), unit.size()));

  double value = 0;
  const auto [end, fault] =
      std::from_chars(number.data(), number.data() + number.size(), value, std::chars_format::fixed);
  if (number.empty() || fault != std::errc() || end != number.data() + number.size())
    return Wrong{"is no rate: give bits a second, as 8M, 8.5 Mbit/s, 500k or 41000000"};
  if (unit.starts_with(',')) return Wrong{"has a decimal comma: write a point, as 8.5M"};
  const std::optional<double> factor = rate_factor(unit);
  if (!factor) {
    if (unit.find('B') != std::string_view::npos)
      return Wrong{"counts bytes: give bits a second, as 8M or 8 Mbit/s"};
    return Wrong{"has a unit that is not known: give bits a second, as 8M, 8.5 Mbit/s, 500k or 41000000"};
  }
  const double rate = std::round(value * *factor);
  if (rate < static_cast<double>(least) || rate > static_cast<double>(most))
    return Wrong{fmt::format("is out of range: give {} to {}{}", format_rate(least), format_rate(most),
                             unit.empty() && value < 1000 ? fmt::format("; is {}M meant?", number) : "")};
  return static_cast<uint64_t>(rate);
}

std::string format_rate(uint64_t bits_per_second) {
  const auto rate = static_cast<double>(bits_per_second);
  if (rate >= 1e9) return fmt::format("{:.6g} Gbit/s", rate / 1e9);
  if (rate >= 1e6) return fmt::format("{:.6g} Mbit/s", rate / 1e6);
  return fmt::format("{:.6g} kbit/s", rate / 1e3);
}

Parsed<Ipv4> parse_host_or_group(std::string_view text) {
  const std::optional<Ipv4> address = parse_ipv4(text);
  if (!address) {
    if (text.find(':') != std::string_view::npos)
      return Wrong{
          "is no IPv4 address: give four numbers, as 239.1.2.3 (a port goes into its own key; there is no "
          "IPv6)"};
    return Wrong{"is no IPv4 address: give four numbers from 0 to 255 without leading zeros, as 10.1.0.2"};
  }
  if (is_link_local_group(*address))
    return Wrong{
        "is in 224.0.0.0/24, which is for protocols on the local link: take a group elsewhere in "
        "224.0.0.0/4, "
        "best in 239.0.0.0/8"};
  const uint32_t first = *address >> 24;
  if (first == 0 || first == 127 || first >= 240)
    return Wrong{"is an address that no host can have: give a real one"};
  return *address;
}

Parsed<Ipv4> parse_host(std::string_view text) {
  Parsed<Ipv4> address = parse_host_or_group(text);
  if (const Ipv4* a = std::get_if<Ipv4>(&address); a != nullptr && is_multicast(*a))
    return Wrong{"is a multicast group: give a host's own address"};
  return address;
}

Parsed<Ipv4> parse_group(std::string_view text) {
  const std::optional<Ipv4> address = parse_ipv4(text);
  if (address && !is_multicast(*address))
    return Wrong{"is no multicast group: give one in 224.0.0.0/4, best in 239.0.0.0/8"};
  return parse_host_or_group(text);
}

Parsed<Prefix> parse_interface_address(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return Wrong{"lacks its prefix length: give both, as 10.1.0.2/24"};
  const Parsed<Ipv4> address = parse_host(text.substr(0, slash));
  if (const auto* wrong = std::get_if<Wrong>(&address)) return *wrong;
  const Parsed<uint64_t> length = parse_number(text.substr(slash + 1), 8, 31, "");
  if (std::holds_alternative<Wrong>(length))
    return Wrong{"has a prefix length that is out of range: give 8 to 31, as in 10.1.0.2/24"};
  const Prefix prefix{std::get<Ipv4>(address), static_cast<uint8_t>(std::get<uint64_t>(length))};
  if (prefix.is_reserved(prefix.address))
    return Wrong{
        "is the first or last address of its subnet, which no host has: give the port one in between"};
  return prefix;
}

Parsed<Prefix> parse_prefix(std::string_view text) {
  const size_t slash = std::min(text.find('/'), text.size());
  const Parsed<Ipv4> address = parse_host(text.substr(0, slash));
  if (const auto* wrong = std::get_if<Wrong>(&address)) return *wrong;
  Prefix prefix{std::get<Ipv4>(address), 32};
  if (slash < text.size()) {
    const Parsed<uint64_t> length = parse_number(text.substr(slash + 1), 8, 32, "");
    if (std::holds_alternative<Wrong>(length))
      return Wrong{"has a prefix length that is out of range: give 8 to 32, as in 10.1.0.0/16"};
    prefix.length = static_cast<uint8_t>(std::get<uint64_t>(length));
  }
  if (prefix.address != (prefix.address & prefix.mask()))
    return Wrong{fmt::format("has bits behind its prefix: is {}/{} meant?",
                             to_string(prefix.address & prefix.mask()), prefix.length)};
  return prefix;
}

namespace {
constexpr std::array<std::string_view, 3> kRepairsTo{"multicast", "unicast", "auto"};  // as RepairsTo
}

Parsed<RepairsTo> parse_repairs_to(std::string_view text) {
  const auto found = std::find(kRepairsTo.begin(), kRepairsTo.end(), text);
  if (found == kRepairsTo.end()) return Wrong{"is none of multicast, unicast and auto: give one of them"};
  return static_cast<RepairsTo>(found - kRepairsTo.begin());
}

std::string_view repairs_to_name(RepairsTo to) { return kRepairsTo[static_cast<size_t>(to)]; }

Parsed<uint8_t> parse_dscp(std::string_view text) {
  struct Name {
    std::string_view name;
    uint8_t value;
  };
  static constexpr std::array kNames{Name{"CS0", 0},   Name{"CS1", 8},   Name{"CS2", 16},  Name{"CS3", 24},
                                     Name{"CS4", 32},  Name{"CS5", 40},  Name{"CS6", 48},  Name{"CS7", 56},
                                     Name{"AF11", 10}, Name{"AF12", 12}, Name{"AF13", 14}, Name{"AF21", 18},
                                     Name{"AF22", 20}, Name{"AF23", 22}, Name{"AF31", 26}, Name{"AF32", 28},
                                     Name{"AF33", 30}, Name{"AF41", 34}, Name{"AF42", 36}, Name{"AF43", 38},
                                     Name{"EF", 46},   Name{"VA", 44},   Name{"LE", 1},    Name{"DF", 0}};
  for (const Name& known : kNames)
    if (equal_ignoring_case(text, known.name)) return known.value;
  const Parsed<uint64_t> number = parse_number(text, 0, 63, "");
  if (const auto* value = std::get_if<uint64_t>(&number)) return static_cast<uint8_t>(*value);
  return Wrong{"is no DSCP: give 0 to 63, or a name: CS0 to CS7, AF11 to AF43, EF, VA, LE, DF"};
}

Parsed<crypto::ChannelId> parse_channel_id(std::string_view text) {
  crypto::ChannelId id{};
  if (text.size() != 2 * id.size()) return Wrong{"is no channel id: give 16 hex digits (8 bytes)"};
  for (size_t i = 0; i < id.size(); ++i) {
    const char* digits = text.data() + 2 * i;
    if (std::from_chars(digits, digits + 2, id[i], 16).ptr != digits + 2)
      return Wrong{"is no channel id: give 16 hex digits (8 bytes)"};
  }
  return id;
}

Parsed<std::optional<uint8_t>> parse_quiet(std::string_view text) {
  if (text == "auto") return std::optional<uint8_t>();
  const Parsed<uint64_t> number = parse_number(text, 0, 15, "");
  if (const auto* value = std::get_if<uint64_t>(&number)) return std::optional(static_cast<uint8_t>(*value));
  return Wrong{"is neither auto nor a number from 0 to 15: give one of them"};
}

namespace {
constexpr std::array<std::string_view, 3> kFormats{"opaque", "ts", "rtp"};  // in the order of PacketFormat
}

Parsed<smart::PacketFormat> parse_format(std::string_view text) {
  const auto found = std::find(kFormats.begin(), kFormats.end(), text);
  if (found == kFormats.end()) return Wrong{"is no format that is known" + suggest(text, kFormats)};
  return static_cast<smart::PacketFormat>(found - kFormats.begin());
}

std::string_view format_name(smart::PacketFormat format) { return kFormats[static_cast<size_t>(format)]; }

Parsed<std::string> parse_name(std::string_view text) {
  const bool good = !text.empty() && text.size() <= 32 && is_alphanumeric(text[0]) &&
                    std::all_of(text.begin(), text.end(), [](char c) {
                      return is_alphanumeric(c) || c == '.' || c == '_' || c == '-';
                    });
  if (!good)
    return Wrong{"is no name: give 1 to 32 letters, digits, '.', '_' or '-', the first a letter or digit"};
  return std::string(text);
}

Parsed<std::string> parse_title(std::string_view text) {
  if (text.empty() || text.size() > 64 || !is_printable(text) || text.front() == ' ' || text.back() == ' ')
    return Wrong{
        "is no name for a channel: give 1 to 64 bytes of text without control characters and outer spaces"};
  return std::string(text);
}

Parsed<std::string> parse_path(std::string_view text) {
  if (text.empty()) return Wrong{"is no path: give that of the file"};
  if (!is_printable(text)) return Wrong{"holds a control character: give a path without any"};
  if (text.front() == '~') return Wrong{"begins with ~, which only a shell knows: give the whole path"};
  return std::string(text);
}

}  // namespace linecast::lineup
