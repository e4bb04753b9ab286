// Prints the table: name, bytes in hex, and the Scapy expression for them, a tab between each.
#include <fmt/format.h>

#include "tests/packets/frame_rows.h"
#include "tests/packets/hex.h"

int main() {
  for (const linecast::packets::FrameRow& row : linecast::packets::frame_rows())
    fmt::print("{}\t{}\t{}\n", row.name, linecast::packets::to_hex(row.packet.build()), row.packet.scapy());
}
