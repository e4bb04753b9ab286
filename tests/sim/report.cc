#include "tests/sim/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace linecast::sim {

std::string as_table(const std::vector<Row>& rows) {
  if (rows.empty()) return "";
  std::vector<std::vector<std::string>> lines(rows.size() + 1);
  for (const Figure& figure : rows[0]) lines[0].push_back(figure.name);
  for (size_t k = 0; k < rows.size(); ++k)
    for (const Figure& figure : rows[k])
      lines[k + 1].push_back(fmt::format("{:.{}f}", figure.value, figure.decimals));
  std::string out;
  for (const std::vector<std::string>& line : lines) {
    for (size_t column = 0; column < line.size(); ++column) {
      size_t width = 0;
      for (const auto& other : lines) width = std::max(width, other[column].size());
      out.append(width - line[column].size() + (column > 0 ? 2 : 0), ' ');
      out += line[column];
    }
    out += '\n';
  }
  return out;
}

std::string as_csv(const std::vector<Row>& rows) {
  if (rows.empty()) return "";
  std::string out;
  for (const Figure& figure : rows[0]) out += figure.name + ',';
  out.back() = '\n';
  for (const Row& row : rows) {
    for (const Figure& figure : row) out += fmt::format("{},", figure.value);
    out.back() = '\n';
  }
  return out;
}

std::string as_json(const std::vector<Row>& rows) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const Row& row : rows) {
    nlohmann::ordered_json object;
    for (const Figure& figure : row) object[figure.name] = figure.value;
    out.push_back(object);
  }
  return out.dump(2) + '\n';
}

}  // namespace linecast::sim
