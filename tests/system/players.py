"""For the tests of SIMPLE and of tunnels: a feed, receivers that play it, and networks that fail or translate addresses."""

import random
import time
from pathlib import Path

from lab import datagrams
from lab.network import call, wait_until
from lab.topology import SOURCE_ADDRESS, Channel

CHANNEL = Channel('news', 1, 'udp://239.71.3.1:5000', '239.72.3.1', 10_000_000, 'aes-128-gcm')
SCRIPT = Path(datagrams.__file__)
PER_SECOND = 200
PLAYED_TO = 6000  # port
IS_TUNNEL_DATA = 'udp[9] = 0xc5'


class Player:
    """linecast-receive in a namespace, and what it plays."""

    def __init__(self, lab, number, *arguments):
        self.namespace = lab.topology.receivers[number - 1]
        self.played_file = lab.directory / f'played{number}'
        self.namespace.start('/usr/bin/python3', SCRIPT, 'collect', self.played_file, PLAYED_TO)
        wait_until(self.played_file.exists, 5, 'the collector does not begin')
        self.program = lab.start_receiver(CHANNEL, f'udp://127.0.0.1:{PLAYED_TO}', *arguments, number=number)

    def statistics(self):
        return self.program.channels().get(CHANNEL.name, {'level': 0})

    def wait_for_level(self, level, seconds):
        wait_until(lambda: self.program.check_running() and self.statistics()['level'] == level, seconds,
                   f'level {level} is not reached')

    def played(self):
        return list(datagrams.read(self.played_file))


def cut(namespace, interface='eth0'):
    """Native multicast no longer gets to the interface; returns when."""
    begun = time.time()
    namespace.run('nft', '-f', '-', stdin=f'''table netdev cut {{ chain ingress {{
        type filter hook ingress device "{interface}" priority -2; ip daddr 224.0.0.0/4 udp dport 1-65535 drop; }}; }}''')
    return begun


def restore(namespace):
    namespace.run('nft', 'delete', 'table', 'netdev', 'cut')


def times(path, expression):
    """When the packets that match were captured, in seconds since 1970."""
    return [float(line.split()[0]) for line in call(['tcpdump', '-r', str(path), '-nn', '-tt', expression]).splitlines()]


def feed(lab, seconds):
    """Starts the feed; returns it and what it sends."""
    noise = random.Random(1)
    sent = [b'\x47\x01\x00\x10' + noise.randbytes(184) for _ in range(seconds * PER_SECOND)]
    datagrams.write(lab.directory / 'fed', sent)
    return lab.topology.source.start('/usr/bin/python3', SCRIPT, 'send', lab.directory / 'fed',
                                     *CHANNEL.source.removeprefix('udp://').split(':'), SOURCE_ADDRESS, PER_SECOND), sent


def without_hole(sent, played):
    """(first, count) of the one run of packets that was not played; raises where there are others."""
    begin = next((i for i, packet in enumerate(played) if packet != sent[i]), len(played))
    count = len(sent) - len(played)
    assert played == sent[:begin] + sent[begin + count:], 'more is wrong than one hole'
    return begin, count


def behind_nat(lab):
    """A namespace of its own behind receiver 2, which translates its addresses; multicast does not get there."""
    router = lab.topology.receivers[1]
    home = router.network.namespace('home')
    router.network.veth(router, 'lan0', home, 'eth0')
    router.run('ip', 'address', 'add', '192.168.7.1/24', 'dev', 'lan0')
    home.address('eth0', '192.168.7.2/24')
    home.run('ip', 'route', 'add', 'default', 'via', '192.168.7.1')
    router.run('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward')
    router.run('nft', '-f', '-', stdin='''table ip nat { chain out {
        type nat hook postrouting priority 100; oifname "eth0" masquerade random; }; }''')
    lab.topology.receivers.append(home)
    return len(lab.topology.receivers)
