"""Asks a hop for repairs of a clear channel, one packet at a time, and prints as JSON how long each took to come by unicast.

usage: repair_asker.py HOP-ADDRESS PORT GROUP ADDRESS FIRST-SEQUENCE STEP A-SECOND COUNT

ADDRESS: that it asks from. Each request is for STEP sequences after the one before. A repair's time is when the kernel had it: how long
this process waits for the processor counts nowhere.
"""

import json
import select
import socket
import struct
import sys
import time

SO_TIMESTAMPNS = 35
PATIENCE_S = 1  # for the last answers


def request(group, sequence):
    return struct.pack('!BBH4sHH', 0, 2 << 6 | 1, 12, socket.inet_aton(group), sequence & 0xffff, 0)


def main(hop, port, group, address, first, step, a_second, count):
    asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asking.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    asking.bind((address, 0))
    asked_ns, took_ns = {}, []

    def take(until):
        while (left := until - time.monotonic()) > 0 and select.select([asking], [], [], left)[0]:
            datagram, ancillary, _, _ = asking.recvmsg(2048, 64)
            seconds, nanoseconds = struct.unpack('@qq', ancillary[0][2][:16])
            began_ns = asked_ns.pop(struct.unpack('!H', datagram[4:6])[0], None)
            if datagram[1] >> 4 == 1 and began_ns is not None:  # type 0, command 1: a repair
                took_ns.append(seconds * 1_000_000_000 + nanoseconds - began_ns)

    start = time.monotonic()
    for number in range(int(count)):
        sequence = int(first) + number * int(step)
        asked_ns[sequence & 0xffff] = time.clock_gettime_ns(time.CLOCK_REALTIME)
        asking.sendto(request(group, sequence), (hop, int(port)))
        take(start + (number + 1) / float(a_second))
    take(time.monotonic() + PATIENCE_S)
    print(json.dumps({'asked': int(count), 'took_ns': took_ns}))


if __name__ == '__main__':
    if len(sys.argv) != 9:
        sys.exit(__doc__)
    main(*sys.argv[1:])
