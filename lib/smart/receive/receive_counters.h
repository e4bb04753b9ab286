// What a receiver counts, by name: one list makes the enum, the counters, their JSON names and the texts.
#pragma once

#include "lib/base/counters.h"
#include "lib/smart/replay_window.h"
#include "lib/smart/wire.h"

namespace linecast::smart {

#define LINECAST_RECEIVE_COUNTERS(_)                                                                       \
  _(kReceived, "received", "originals taken")                                                              \
  _(kRepairs, "repairs", "repairs taken, late ones included")                                              \
  _(kHeartbeats, "heartbeats", "heartbeats taken")                                                         \
  _(kLost, "lost", "sequences that did not come as originals: repaired + unrecovered")                     \
  _(kRepaired, "repaired", "lost sequences that a repair brought in time")                                 \
  _(kUnrecovered, "unrecovered", "lost sequences that nothing brought in time")                            \
  _(kUnneededRepairs, "unneeded_repairs", "repairs of packets that had come before")                       \
  _(kDuplicates, "duplicates", "originals and heartbeats that had come before")                            \
  _(kAnsweredByOriginal, "answered_by_original",                                                           \
    "originals that came when they had been asked for: late, or of a repeater that lacked them")           \
  _(kLate, "late", "packets that came after their place was played or given up")                           \
  _(kBeforeStart, "before_start", "packets of before this receiver joined")                                \
  _(kReplayed, "replayed", "packets too old for the replay window")                                        \
  _(kBadTag, "bad_tag", "packets whose GCM tag is wrong: another key, or altered on the way")              \
  _(kUnknownEpoch, "unknown_epoch", "packets whose key did not come in time")                              \
  _(kWaitingOverflow, "waiting_overflow", "packets dropped because too many waited already")               \
  _(kNotSealed, "not_sealed", "clear packets on an encrypted channel")                                     \
  _(kSealedOnClear, "sealed_on_clear", "sealed packets on a clear channel")                                \
  _(kContradictory, "contradictory", "an IV or heartbeat that contradicts its packet's header")            \
  _(kWrongSender, "wrong_sender", "packets of another sender id")                                          \
  _(kWrongGroup, "wrong_group", "messages about another group")                                            \
  _(kParity, "parity", "parity packets, which are not used yet")                                           \
  _(kNotForReceivers, "not_for_receivers", "messages that a receiver has no use for")                      \
  _(kBadTrailer, "bad_trailer", "messages whose signature or MAC is wrong or cannot be checked")           \
  _(kStrangers, "strangers",                                                                               \
    "QUIET from an address that no data came from; on a clear channel also SENDER_STATUS and heartbeats")  \
  _(kStaleMessage, "stale_message", "messages whose count has not risen: replayed or reordered")           \
  _(kKeyNotHeld, "key_not_held", "KEY_ANNOUNCE that names a group key or cipher that is not held")         \
  _(kSenderStatus, "sender_status", "SENDER_STATUS accepted")                                              \
  _(kQuietMessages, "quiet_messages", "QUIET accepted")                                                    \
  _(kRestarts, "restarts", "new starts of the sender")                                                     \
  _(kJumps, "jumps", "jumps of the sequence that were believed")                                           \
  _(kDoubtful, "doubtful", "packets and heartbeats whose sequence was not believed")                       \
  _(kRequestsSent, "requests", "REPLACEMENT datagrams sent")                                               \
  _(kSequencesRequested, "sequences_requested", "sequences asked for, repeats included")                   \
  _(kRequestOverflow, "request_overflow", "missing sequences not asked for because too many were missing") \
  _(kJoins, "joins", "USAGE_REPORT_JOIN sent")                                                             \
  _(kLeaves, "leaves", "USAGE_REPORT_LEAVE sent")                                                          \
  _(kErrorReports, "error_reports", "ERROR_REPORT sent")                                                   \
  _(kProblemReports, "problem_reports", "PROBLEM_REPORT sent")                                             \
  _(kClimbed, "climbed", "changes to a tunnel because what came before it failed")                         \
  _(kCameDown, "came_down", "changes back to native multicast")                                            \
  _(kMoves, "moves", "changes to another group, announced by the sender or back to the configured one")    \
  _(kMovesFailed, "moves_failed", "announced groups that could not be joined or that nothing came to")     \
  _(kHopOverflow, "hop_overflow", "packets of more sources than are kept apart")                           \
  _(kBufferOverflow, "buffer_overflow", "places played or given up early because the buffer was full")     \
  _(kNoMemory, "no_memory", "packets dropped because the packet store was full")                           \
  _(kPlayedPackets, "played_packets", "packets played out")                                                \
  _(kPlayedBytes, "played_bytes", "payload bytes played out")
LINECAST_COUNTER_LIST(ReceiveCounter, LINECAST_RECEIVE_COUNTERS)

using ReceiveCounters = CounterSet<ReceiveCounter, kReceiveCounterCount>;

// Of a packet that the replay window refuses.
inline ReceiveCounter replay_counter(const DataHeader& header, ReplayWindow::Verdict verdict) {
  if (verdict == ReplayWindow::Verdict::kTooOld) return ReceiveCounter::kReplayed;
  return header.command == DataCommand::kRepair ? ReceiveCounter::kUnneededRepairs
                                                : ReceiveCounter::kDuplicates;
}

}  // namespace linecast::smart
