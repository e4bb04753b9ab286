"""Sends the datagrams of a file, or collects datagrams into one. In the file, two bytes of length are before each.

usage: datagrams.py send FILE ADDRESS PORT INTERFACE-ADDRESS PER-SECOND
       datagrams.py collect FILE PORT
"""

import socket
import sys
import time


def write(path, datagrams):
    with open(path, 'wb') as file:
        for datagram in datagrams:
            file.write(len(datagram).to_bytes(2, 'big') + datagram)


def read(path):
    with open(path, 'rb') as file:
        while length := file.read(2):
            yield file.read(int.from_bytes(length, 'big'))


def send(path, address, port, interface, per_second):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 16)
        start = time.monotonic()
        for number, datagram in enumerate(read(path)):
            time.sleep(max(0.0, start + number / float(per_second) - time.monotonic()))
            sender.sendto(datagram, (address, int(port)))


def collect(path, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver, open(path, 'wb', buffering=0) as file:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        receiver.bind(('0.0.0.0', int(port)))
        while True:
            datagram = receiver.recv(65535)
            file.write(len(datagram).to_bytes(2, 'big') + datagram)


if __name__ == '__main__':
    if sys.argv[1:2] not in (['send'], ['collect']):
        sys.exit(__doc__)
    {'send': send, 'collect': collect}[sys.argv[1]](*sys.argv[2:])
