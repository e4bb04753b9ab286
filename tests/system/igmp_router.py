#!/usr/bin/python3
"""The headend's input behind an FRR router: the router lists its groups and sources, and sends what they ask for."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts'))
# pylint: disable=wrong-import-position
from lab import system
from lab.media import write_noise
from lab.network import wait_until
from lab.routers import ROUTED_HEADEND, ROUTER_ADDRESS, RoutedInput, Router
from lab.topology import SOURCE_ADDRESS, Channel

NEWS = Channel('news', 1, 'udp://239.71.1.1:5000', '239.72.1.1', 6_000_000, None)
FILM = Channel('film', 2, 'udp://239.71.1.2:5000', '239.72.1.2', 6_000_000, None, source_specific=True)
SPORT = Channel('sport', 3, 'udp://232.71.1.3:5000', '239.72.1.3', 6_000_000, None, source_specific=True)


def a_router_lists_the_joins_and_sends_what_they_ask_for(lab, version, channels, joins):
    # The source's own router, and the rendezvous point.
    router = Router(lab.topology.router, lab.directory, {'up0': None, 'down0': version}, ROUTER_ADDRESS)
    feeds, receivers = [], []
    # FRR lists source-specific joins outside of 232/8, and serves none.
    for channel in [channel for channel in channels if channel == SPORT or joins[channel.source[6:-5]] == ['*']]:
        feed = lab.directory / f'{channel.name}.ts'
        write_noise(feed, 3, 1_000_000, seed=channel.number)
        feeds.append((feed, channel))
        receivers.append(lab.start_receiver(channel, feed.with_suffix('.played'), '--buffer-ms', '300'))
    headend = lab.start_headend(channels, {'address': f'{ROUTED_HEADEND}/24', 'igmp': 'auto'})
    wait_until(lambda: router.memberships('down0') == joins, 5, 'the router does not list what was joined', 0.2)
    versions = {entry['version'] for entry in router.show('ip igmp groups')['down0']['groups']}
    assert versions == {version}, f'joined with {versions}'
    feeder = lab.start_feed(*feeds)
    wait_until(feeder.done, 10, 'the feed does not end', 0.2)
    time.sleep(0.5)
    assert router.memberships('down0') == joins, 'the router forgets what is still joined'
    for receiver in receivers:
        receiver.stop()
    for feed, channel in feeds:
        fed, played = feed.read_bytes(), feed.with_suffix('.played').read_bytes()
        # A group's first packets tell the router of its source, and may be lost meanwhile; where it knew, none is.
        missed = len(fed) - len(played)
        assert fed.endswith(played) and missed <= (0 if channel == SPORT else 20 * 1316), f'{channel.name}: {missed} missed'
    headend.stop()
    wait_until(lambda: not router.memberships('down0'), 3, 'the router does not see the headend leave')


def a_router_of_igmpv2_lists_the_joins_and_sends_what_they_ask_for(lab):
    a_router_lists_the_joins_and_sends_what_they_ask_for(
        lab, 2, [NEWS, FILM], {'239.71.1.1': ['*'], '239.71.1.2': ['*']})


def a_router_of_igmpv3_lists_joins_and_sources_and_sends_what_they_ask_for(lab):
    a_router_lists_the_joins_and_sends_what_they_ask_for(
        lab, 3, [NEWS, FILM, SPORT], {'239.71.1.1': ['*'], '239.71.1.2': [SOURCE_ADDRESS],
                                      '232.71.1.3': [SOURCE_ADDRESS]})


system.run(a_router_of_igmpv2_lists_the_joins_and_sends_what_they_ask_for,
           a_router_of_igmpv3_lists_joins_and_sources_and_sends_what_they_ask_for, topology=RoutedInput)
