#!/usr/bin/python3
"""Channels cross a PIM-SM network of FRR routers to a receiver two routers away, bit-exact, and its repairs too."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts'))
# pylint: disable=wrong-import-position
from lab import system
from lab.media import write_noise
from lab.network import wait_until
from lab.routers import Router
from lab.topology import HEADEND_OUT, SMART_PORT, Channel, Topology

ANY_SOURCE = Channel('news', 1, 'udp://239.71.1.1:5000', '239.72.1.1', 6_000_000, 'aes-128-gcm')
ONE_SOURCE = Channel('film', 2, 'udp://239.71.1.2:5000', '232.72.1.2', 6_000_000, 'aes-256-gcm')
RENDEZVOUS_POINT = '10.79.0.1'
REGISTER = 'ip protocol pim @th,4,4 1'  # RFC 7761, section 4.9
RATE_BPS = 2_000_000


class RoutedOutput(Topology):
    """The receiver is two routers away; the rendezvous point is not on the shortest way:

    headend out0 --- toheadend first tolast ------- tofirst last toreceiver --- eth0 receiver1
    10.72.0.1                  topoint -- point --- topoint                     10.74.0.11
    """

    def connect_output(self, network):
        self.first, self.last, self.point = map(network.namespace, ('first', 'last', 'point'))
        network.veth(self.headend, 'out0', self.first, 'toheadend')
        self.first.feeds_dpdk('toheadend')
        network.veth(self.first, 'tolast', self.last, 'tofirst')
        network.veth(self.first, 'topoint', self.point, 'tofirst')
        network.veth(self.last, 'topoint', self.point, 'tolast')
        network.veth(self.last, 'toreceiver', self.receivers[0], 'eth0')
        for namespace, addresses, routes in (
                (self.first, {'toheadend': '10.72.0.254/24', 'topoint': '10.73.1.1/24', 'tolast': '10.73.3.1/24'},
                 {RENDEZVOUS_POINT: '10.73.1.2', '10.74.0.0/24': '10.73.3.2', '10.73.2.0/24': '10.73.1.2'}),
                (self.last, {'tofirst': '10.73.3.2/24', 'topoint': '10.73.2.2/24', 'toreceiver': '10.74.0.1/24'},
                 {RENDEZVOUS_POINT: '10.73.2.1', '10.72.0.0/24': '10.73.3.1', '10.73.1.0/24': '10.73.2.1'}),
                (self.point, {'tofirst': '10.73.1.2/24', 'tolast': '10.73.2.1/24', 'lo': f'{RENDEZVOUS_POINT}/32'},
                 {'10.72.0.0/24': '10.73.1.1', '10.74.0.0/24': '10.73.2.2'}),
                (self.receivers[0], {'eth0': '10.74.0.11/24'}, {'default': '10.74.0.1'})):
            for interface, address in addresses.items():
                namespace.address(interface, address, multicast_route=interface == 'eth0')
            for destination, gateway in routes.items():
                namespace.run('ip', 'route', 'add', destination, 'via', gateway)


def channels_cross_a_pim_network_to_a_receiver_two_routers_away(lab):
    topology = lab.topology
    point = Router(topology.point, lab.directory, {'tofirst': None, 'tolast': None, 'lo': None}, RENDEZVOUS_POINT)
    first = Router(topology.first, lab.directory, {'toheadend': None, 'topoint': None, 'tolast': None}, RENDEZVOUS_POINT)
    last = Router(topology.last, lab.directory, {'tofirst': None, 'topoint': None, 'toreceiver': 3}, RENDEZVOUS_POINT)
    wait_until(lambda: all(router.neighbours() == 2 for router in (first, point, last)), 10, 'not all are neighbours', 0.2)
    topology.point.count('registers', 'tofirst', REGISTER)
    topology.last.count('shared', 'topoint', f'ip daddr {ANY_SOURCE.group}')
    topology.last.count('shortest', 'tofirst', f'ip daddr {ANY_SOURCE.group}')
    topology.last.count('one_shared', 'topoint', f'ip daddr {ONE_SOURCE.group}')

    feeds, receivers = [], []
    lab.write_lineup([ANY_SOURCE, ONE_SOURCE])
    for channel, source in ((ANY_SOURCE, None), (ONE_SOURCE, HEADEND_OUT)):
        feed = lab.directory / f'{channel.name}.ts'
        write_noise(feed, 9, RATE_BPS, seed=channel.number)
        feeds.append((feed, channel))
        receivers.append(lab.start_receiver(channel, feed.with_suffix('.played'), '--buffer-ms', '500', source=source))
    wait_until(lambda: last.memberships('toreceiver') == {ANY_SOURCE.group: ['*'], ONE_SOURCE.group: [HEADEND_OUT]}, 5,
               'the last router does not see the receivers join')
    # With a feed that runs already, data itself goes through the register tunnel, and changes from tree to tree.
    feeder = lab.start_feed(*feeds)
    time.sleep(1)
    headend = lab.start_headend([ANY_SOURCE, ONE_SOURCE])
    time.sleep(1)
    topology.receivers[0].lose('eth0', 3, [ANY_SOURCE.group, ONE_SOURCE.group], SMART_PORT)
    time.sleep(5.5)  # the last router prunes within its join-prune interval of 5 s
    by_shared_tree = topology.last.counted('shared')
    wait_until(feeder.done, 15, 'the feed does not end', 0.2)
    time.sleep(1.5)
    for receiver in receivers:
        receiver.stop()

    assert topology.point.counted('registers') > 0, 'nothing came through the register tunnel'
    assert by_shared_tree > 0, 'nothing came by the rendezvous point'
    assert topology.last.counted('shared') == by_shared_tree, 'it never stops to come by the rendezvous point'
    assert topology.last.counted('shortest') > 0, 'nothing came by the shortest path'
    assert topology.last.counted('one_shared') == 0, 'source-specific multicast needs no rendezvous point'
    trees = last.show('ip mroute')[ANY_SOURCE.group]
    assert (trees['*']['iif'], trees[HEADEND_OUT]['iif']) == ('topoint', 'tofirst'), trees
    sent = headend.channels()
    for (feed, channel), receiver in zip(feeds, receivers):
        played, statistics = feed.with_suffix('.played').read_bytes(), receiver.channels()[channel.name]
        assert feed.read_bytes().endswith(played), f'{channel.name}: bit-exact to the end'
        assert statistics['unrecovered'] == 0 and statistics['repaired'] > 0, statistics
        # The first few packets of a group are lost while a shared tree grows; a source's own tree is there before it.
        missed = sent[channel.name]['bytes_in'] - len(played)
        assert 0 <= missed <= (RATE_BPS / 8 / 2 if channel == ANY_SOURCE else 0), f'{channel.name}: {missed} bytes missed'


system.run(channels_cross_a_pim_network_to_a_receiver_two_routers_away, topology=RoutedOutput)
