#include "lib/lineup/faults.h"

#include <fmt/core.h>

#include <algorithm>
#include <tuple>

namespace linecast::lineup {

void FaultList::add(Mark at, std::string what, bool warning) {
  any_errors_ = any_errors_ || !warning;
  if (faults_.size() >= kMaxFaults) {
    ++left_out_;
    return;
  }
  faults_.push_back({at.line, at.column, std::move(what), warning});
}

std::vector<Fault> FaultList::take() {
  const auto key = [](const Fault& f) { return std::tie(f.line, f.column, f.what); };
  std::stable_sort(faults_.begin(), faults_.end(),
                   [&](const Fault& a, const Fault& b) { return key(a) < key(b); });
  const auto same = [&](const Fault& a, const Fault& b) { return key(a) == key(b); };
  faults_.erase(std::unique(faults_.begin(), faults_.end(), same), faults_.end());
  if (left_out_ > 0)
    faults_.push_back(
        {0, 0, fmt::format("{} more faults are not shown: mend those above first", left_out_), !any_errors_});
  left_out_ = 0;
  return std::move(faults_);
}

namespace {

// Bytes of the printable UTF-8 character at the front of `text`; 0 where there is none.
size_t printable_size(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return byte(0) >= 0x20 && byte(0) != 0x7f ? 1 : 0;
  const size_t size = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc2 || byte(0) > 0xf4 || size > text.size()) return 0;
  for (size_t i = 1; i < size; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  return byte(0) == 0xc2 && byte(1) < 0xa0 ? 0 : size;  // U+0080 .. U+009F are control characters
}

}  // namespace

bool is_printable(std::string_view text) {
  while (!text.empty()) {
    const size_t size = printable_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string in_quotes(std::string_view text) {
  constexpr size_t kMostBytes = 64;
  std::string out = "\"";
  size_t at = 0;
  while (at < text.size() && at < kMostBytes) {
    const size_t size = printable_size(text.substr(at));
    if (size == 0)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at]));
    else
      out += text.substr(at, size);
    at += std::max<size_t>(size, 1);
  }
  return out + (at < text.size() ? "...\"" : "\"");
}

std::string format_fault(const std::string& path, const Fault& fault, bool colour) {
  const std::string place =
      fault.line > 0 ? fmt::format("{}:{}:{}:", path, fault.line, fault.column) : path + ":";
  const char* kind = fault.warning ? "warning:" : "error:";
  if (!colour) return fmt::format("{} {} {}", place, kind, fault.what);
  return fmt::format("\x1b[1m{}\x1b[0m \x1b[1;{}m{}\x1b[0m {}", place, fault.warning ? 35 : 31, kind,
                     fault.what);
}

}  // namespace linecast::lineup
