"""Asks a hop for tunnels of a clear channel, so many a second, each from an address and port of its own, and prints as JSON what came of it.

usage: tunnel_asker.py HOP-ADDRESS PORT GROUP NETWORK TUNNELS A-SECOND

The addresses are NETWORK.1.1, NETWORK.1.2, ... with 100 tunnels each; NETWORK: two numbers, as 10.72. A request whose answer
is lost is not sent again.
"""

import json
import select
import socket
import struct
import sys
import time

TUNNELS_OF_AN_ADDRESS = 100
FIRST_PORT = 40_000
COOKIE_AT, COOKIE_SIZE = 12, 16
CHALLENGE, GRANT = 3, 4
PATIENCE_S = 2  # for the last answers


def address(network, number):
    """Of the tunnel of that number."""
    host = number // TUNNELS_OF_AN_ADDRESS
    return f'{network}.{1 + host // 250}.{1 + host % 250}'


def request(group, cookie=bytes(COOKIE_SIZE)):
    body = socket.inet_aton(group) + bytes(4) + cookie
    return struct.pack('!BBH', 0, 3 << 6 | 1, 4 + len(body)) + body


class Asker:
    def __init__(self, hop, group):
        self.hop, self.group = hop, group
        self.poll = select.epoll()
        self.open = {}
        self.granted = self.refused = 0

    def ask(self, local):
        asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        asking.setblocking(False)
        asking.bind(local)
        asking.connect(self.hop)
        self.open[asking.fileno()] = asking
        self.poll.register(asking, select.EPOLLIN)
        asking.send(request(self.group))

    def take(self, timeout_s):
        for number, _ in self.poll.poll(timeout_s):
            asking = self.open[number]
            answer = asking.recv(2048)
            command = answer[1] & 0x3f
            if command == CHALLENGE:
                asking.send(request(self.group, answer[COOKIE_AT:COOKIE_AT + COOKIE_SIZE]))
            elif command == GRANT:
                lease_s, _ = struct.unpack('!HH', answer[12:16])
                self.granted += lease_s > 0
                self.refused += lease_s == 0
                self.poll.unregister(asking)
                self.open.pop(number).close()


def main(hop, port, group, network, tunnels, a_second):
    asker = Asker((hop, int(port)), group)
    start = time.monotonic()
    for number in range(int(tunnels)):
        asker.ask((address(network, number), FIRST_PORT + number % TUNNELS_OF_AN_ADDRESS))
        while (left := start + (number + 1) / float(a_second) - time.monotonic()) > 0:
            asker.take(left)
    asked_s = time.monotonic() - start
    until = time.monotonic() + PATIENCE_S
    while asker.open and (left := until - time.monotonic()) > 0:
        asker.take(left)
    print(json.dumps({'granted': asker.granted, 'refused': asker.refused, 'unanswered': len(asker.open), 'asked_s': asked_s,
                      'answered_s': time.monotonic() - start}))


if __name__ == '__main__':
    if len(sys.argv) != 7:
        sys.exit(__doc__)
    main(*sys.argv[1:])
