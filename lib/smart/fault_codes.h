// The codes of ERROR_REPORT and PROBLEM_REPORT (Message data 1): a value is the code on the wire. One list
// each: enum, names, texts.
#pragma once

#include "lib/base/counters.h"

namespace linecast::smart {

#define LINECAST_ERROR_CODES(_)                                          \
  _(kNone, "none", "no fault: not sent")                                 \
  _(kUnrecovered, "unrecovered", "packets that nothing brought in time") \
  _(kBadTag, "bad_tag", "packets whose tag was wrong")                   \
  _(kUnknownEpoch, "unknown_epoch", "packets whose key did not come in time")
LINECAST_COUNTER_LIST(ErrorCode, LINECAST_ERROR_CODES)

#define LINECAST_PROBLEM_CODES(_)                                                             \
  _(kNone, "none", "no fault: not sent")                                                      \
  _(kNothingReceived, "nothing_received", "spans of 5 s in which nothing valid came")         \
  _(kTunnelRefused, "tunnel_refused", "tunnels that were refused")                            \
  _(kRequestsUnanswered, "requests_unanswered", "requests for repairs that nothing answered") \
  _(kClimbed, "climbed", "changes to a tunnel because what came before it failed")            \
  _(kCameDown, "came_down", "changes back to native multicast")                               \
  _(kMoveFailed, "move_failed", "moves to another group that could not be followed")
LINECAST_COUNTER_LIST(ProblemCode, LINECAST_PROBLEM_CODES)

// What a code means; null where it is none of the list.
constexpr const CounterText* text_of_error(uint32_t code) {
  return code == 0 || code >= kErrorCodeCount ? nullptr : &kErrorCodeTexts[code];
}
constexpr const CounterText* text_of_problem(uint32_t code) {
  return code == 0 || code >= kProblemCodeCount ? nullptr : &kProblemCodeTexts[code];
}

}  // namespace linecast::smart
