"""Datagrams that bear the time at which they were sent, and how long they took through a headend's clear channel.

usage: probe.py send GROUP PORT INTERFACE-ADDRESS PER-SECOND
       probe.py measure FILE GROUP PORT INTERFACE-ADDRESS    appends "time delay" lines, both in ns of the monotonic clock
"""

import socket
import struct
import sys
import time

STAMP = struct.Struct('>Q')
SMART_HEADER = 8  # bytes of a clear data packet; the upper half of the second says what it is, 0: data, sent first
PAYLOAD = 188


def send(group, port, interface, per_second):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 16)
        while True:
            sender.sendto(STAMP.pack(time.monotonic_ns()).ljust(PAYLOAD, b'\0'), (group, int(port)))
            time.sleep(1 / float(per_second))


def measure(path, group, port, interface):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver, open(path, 'w', buffering=1) as file:
        receiver.bind((group, int(port)))
        receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                            socket.inet_aton(group) + socket.inet_aton(interface))
        while True:
            datagram = receiver.recv(2048)
            now = time.monotonic_ns()
            if len(datagram) == SMART_HEADER + PAYLOAD and datagram[1] >> 4 == 0:
                file.write(f'{now} {now - STAMP.unpack_from(datagram, SMART_HEADER)[0]}\n')


if __name__ == '__main__':
    if sys.argv[1:2] not in (['send'], ['measure']):
        sys.exit(__doc__)
    {'send': send, 'measure': measure}[sys.argv[1]](*sys.argv[2:])
