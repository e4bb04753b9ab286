"""A host that joins groups, by its kernel, until it is ended: then it leaves them.

usage: member.py INTERFACE-ADDRESS GROUP[@SOURCE] ...
"""

import signal
import socket
import sys

IP_ADD_SOURCE_MEMBERSHIP = 39  # of Linux; Python 3.11 has no name for it


def join(interface, *groups):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as member:
        for group in groups:
            address, _, source = group.partition('@')
            membership = socket.inet_aton(address) + socket.inet_aton(interface)
            if source:
                member.setsockopt(socket.IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, membership + socket.inet_aton(source))
            else:
                member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        signal.pause()


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    join(*sys.argv[1:])
