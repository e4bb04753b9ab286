#!/usr/bin/python3
"""The headend behind a switch with IGMP snooping and a querier: the switch learns its groups, keeps them for as long as
it runs, and forgets them when it stops."""

import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts'))
# pylint: disable=wrong-import-position
from lab import datagrams, system
from lab.media import write_noise
from lab.network import wait_until
from lab.topology import BYSTANDER_ADDRESS, SOURCE_ADDRESS, Channel, SwitchedInput

NEWS = Channel('news', 1, 'udp://239.71.1.1:5000', '239.72.1.1', 6_000_000, None)
FILM = Channel('film', 2, 'udp://239.71.1.2:5000', '239.72.1.2', 6_000_000, None, source_specific=True)
SPORT = Channel('sport', 3, 'udp://232.71.1.3:5000', '239.72.1.3', 6_000_000, None, source_specific=True)
MEMBERSHIP_S = 2.6  # after which the switch forgets a silent host, see lab.network.Network.bridge
TS = b'\x47\x01\x00\x10' + bytes(184)


def stays(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), what
        time.sleep(0.1)


def a_switch_sees_the_joins_keeps_and_drops_them(lab, version, joins):
    lab.topology.set_igmp_version(version)
    channels = [channel for channel in (NEWS, FILM, SPORT) if channel.source[6:].split(':')[0] in joins]
    headend = lab.start_headend(channels, {'igmp': version})
    wait_until(lambda: lab.topology.joined() == joins, 3, 'the switch does not see what was joined')
    stays(lambda: lab.topology.joined() == joins, MEMBERSHIP_S + 1, 'the switch forgets what is still joined')
    # That only its answers kept them shows when there are none.
    headend.process.send_signal(signal.SIGSTOP)
    wait_until(lambda: not lab.topology.joined(), MEMBERSHIP_S + 2, 'the switch never forgets a silent host')
    headend.process.send_signal(signal.SIGCONT)
    wait_until(lambda: lab.topology.joined() == joins, 3, 'the next query is not answered')
    headend.stop()
    wait_until(lambda: not lab.topology.joined(), 1, 'the switch does not see the headend leave')


def a_switch_of_igmpv2_sees_joins_keeps_them_and_drops_them_on_leave(lab):
    a_switch_sees_the_joins_keeps_and_drops_them(lab, 2, {'239.71.1.1': [], '239.71.1.2': []})


def a_switch_of_igmpv3_sees_joins_and_sources_keeps_them_and_drops_them_on_leave(lab):
    a_switch_sees_the_joins_keeps_and_drops_them(
        lab, 3, {'239.71.1.1': [], '239.71.1.2': [SOURCE_ADDRESS], '232.71.1.3': [SOURCE_ADDRESS]})


def traffic_flows_only_to_ports_that_joined(lab):
    topology = lab.topology
    feeds = []
    for channel in (NEWS, FILM):
        feed = lab.directory / f'{channel.name}.ts'
        write_noise(feed, 3, 2_000_000, seed=channel.number)
        feeds.append((feed, channel))
    topology.bystander.count('news', 'eth0', 'ip daddr 239.71.1.1')
    topology.bystander.count('film', 'eth0', 'ip daddr 239.71.1.2')
    headend = lab.start_headend([NEWS, FILM])
    wait_until(lambda: len(topology.joined()) == 2, 3, 'the switch does not see what was joined')
    time.sleep(1)  # a switch floods until the hosts have had time to answer its first query
    unjoined = lab.directory / 'unjoined'
    datagrams.write(unjoined, [TS] * 100)
    sender = topology.source.start('/usr/bin/python3', datagrams.__file__, 'send', unjoined, '239.71.9.9', 5000,
                                   SOURCE_ADDRESS, 200)
    feeder = lab.start_feed(*feeds)
    time.sleep(1.5)
    assert topology.bystander.counted('news') == 0, 'a port that joined nothing gets what the headend joined'
    member = topology.bystander.join(BYSTANDER_ADDRESS, '239.71.1.1')
    wait_until(lambda: topology.bystander.counted('news') > 50, 2, 'a port that joins gets nothing')
    wait_until(feeder.done, 10, 'the feed does not end', 0.2)
    assert topology.bystander.counted('film') == 0, 'a port gets what it did not join'
    assert sender.wait(10) == 0 and member.poll() is None
    shown = headend.channels()
    for feed, channel in feeds:
        assert shown[channel.name]['bytes_in'] == feed.stat().st_size, f'all of it: {shown}'
    assert 'no_flow' not in headend.drops(), f'a group that nobody joined: {headend.drops()}'


def a_switch_without_a_querier_of_its_own_lives_by_the_headends(lab):
    topology = lab.topology
    topology.stop_querier()
    lab.start_headend([NEWS, FILM], {'igmp': 3, 'querier': {'version': 3, 'query_interval_s': 1, 'response_interval_s': 1}})
    topology.bystander.join(BYSTANDER_ADDRESS, '239.71.1.5')
    # A querier that joins groups itself is one of its network's hosts, and must answer itself as they do.
    joins = ({'239.71.1.1': [], '239.71.1.2': [SOURCE_ADDRESS]}, {'239.71.1.5': []})

    def joined():
        return topology.joined('toheadend'), topology.joined('tobystander')

    wait_until(lambda: joined() == joins, 4, 'the switch does not see what was joined')
    wait_until(lambda: topology.router_ports() == ['toheadend'], 2, 'the switch does not see the querier')
    stays(lambda: joined() == joins, 4, 'the switch forgets what is still joined')


system.run(a_switch_of_igmpv2_sees_joins_keeps_them_and_drops_them_on_leave,
           a_switch_of_igmpv3_sees_joins_and_sources_keeps_them_and_drops_them_on_leave,
           traffic_flows_only_to_ports_that_joined, a_switch_without_a_querier_of_its_own_lives_by_the_headends,
           topology=SwitchedInput)
