// How commands ask a running headend: over its control socket.
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "lib/base/error.h"

namespace linecast::app {

// What was asked for cannot be: exit code 2.
class WrongUsage : public Error {
 public:
  using Error::Error;
};

using Json = nlohmann::ordered_json;

// Which headend.
struct Target {
  std::string lineup;   // whose control socket is meant
  std::string control;  // the socket itself
};
void add_target_options(CLI::App& command, Target& target);

// The answer to a request. Throws WrongUsage where the target is none, Error where there is no answer, or it
// is a refusal.
Json ask(const Target& target, const Json& request);

// A value as a table has it: "-" for null.
std::string cell(const Json& value);

}  // namespace linecast::app
