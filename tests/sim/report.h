// Figures as a table, as CSV and as JSON.
#pragma once

#include <string>
#include <vector>

namespace linecast::sim {

struct Figure {
  std::string name;  // with its unit
  double value = 0;
  int decimals = 0;  // shown in the table; CSV and JSON have all of them
};
using Row = std::vector<Figure>;  // the same names in the same order in all rows of a report

// A heading, and a line for each row.
std::string as_table(const std::vector<Row>& rows);
std::string as_csv(const std::vector<Row>& rows);
// An array of objects.
std::string as_json(const std::vector<Row>& rows);

}  // namespace linecast::sim
