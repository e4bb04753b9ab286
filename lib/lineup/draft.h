// A lineup while it is read: what is good so far, and where each part of it stands in the file.
#pragma once

#include <limits>

#include "lib/lineup/cursor.h"
#include "lib/lineup/device.h"

namespace linecast::lineup {

inline constexpr size_t kNoInterface =
    std::numeric_limits<size_t>::max();  // a reference that did not resolve

struct Draft {
  Lineup lineup;  // what was bad or missing is left empty or 0 (ports: kNoInterface), for later checks to
                  // pass over
  std::string directory;                         // of the file; relative paths begin there
  Ref top, role, lanes;                          // role: headend or repeater; node null: not given
  Ref usage;                                     // an empty mapping where not given
  std::vector<Ref> ports, interfaces, channels;  // as in the lineup's own lists
  std::vector<Device> devices;                   // as in lineup.ports

  // An absolute path, or one that is relative to the working directory as the lineup's own is.
  std::string resolve(const std::string& path) const;
};

// Each reads one section and reports what is wrong inside of it.
void read_role(const MapCursor& top, Draft& draft);
void read_lanes(const MapCursor& top, Draft& draft);
void read_eal(const MapCursor& top, Draft& draft);
void read_tunnels(const MapCursor& top, Draft& draft);
void read_ports(const MapCursor& top, Draft& draft);
// After the headend.
void read_usage(const MapCursor& top, Draft& draft);
// After the ports and the tunnels.
void read_channels(const MapCursor& top, Draft& draft);

// What is wrong between parts of the file.
void check_ports(const Draft& draft, FaultList& faults);
void check_interfaces(const Draft& draft, FaultList& faults);
void check_channels(const Draft& draft, FaultList& faults);
void check_streams(const Draft& draft, FaultList& faults);

// What this machine lacks.
void check_machine(const Draft& draft, FaultList& faults);

}  // namespace linecast::lineup
