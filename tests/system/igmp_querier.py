#!/usr/bin/python3
"""The headend as IGMP querier: elected against FRR by the rules, listened to by a kernel host and by a snooping switch,
and told by the host what it has joined."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts'))
# pylint: disable=wrong-import-position
from lab import system
from lab.network import wait_until
from lab.routers import NEIGHBOUR_ADDRESS, ROUTED_HEADEND, ROUTER_ADDRESS, RoutedInput, Router
from lab.topology import SOURCE_ADDRESS, Channel

NEWS = Channel('news', 1, 'udp://239.71.1.1:5000', '239.72.1.1', 6_000_000, None)
ANY_GROUP, ONE_GROUP = '239.71.8.8', '239.71.8.9'
INTERVAL_S, RESPONSE_S = 1, 1
MEMBERSHIP_S = 2 * INTERVAL_S + RESPONSE_S  # RFC 9776, section 8.4
OTHER_QUERIER_S = 2 * INTERVAL_S + RESPONSE_S / 2  # section 8.5; FRR asks every second too


def start_headend(lab, version):
    querier = {'version': version, 'query_interval_s': INTERVAL_S, 'response_interval_s': RESPONSE_S}
    return lab.start_headend([NEWS], {'address': f'{ROUTED_HEADEND}/24', 'igmp': version, 'querier': querier})


def querier_of(headend):
    return next(row['querier'] for row in headend.show('igmp') if row['name'] == 'in')


def elected(headend):
    """(whether linecast is the querier, the querier's address)"""
    querier = querier_of(headend)
    return querier['active'], querier['querier']


def members(headend):
    """{group: (mode, sources)} of the neighbour's groups."""
    return {entry['group']: (entry['mode'], sorted(entry['sources'])) for entry in querier_of(headend)['groups']
            if entry['group'] in (ANY_GROUP, ONE_GROUP)}


def frr_with_the_lower_address_is_elected_and_linecast_takes_over_when_it_dies(lab):
    lab.topology.neighbour.count('queries', 'eth0', f'ip saddr {ROUTED_HEADEND} ip daddr 224.0.0.1')
    headend = start_headend(lab, 3)
    wait_until(lambda: elected(headend) == (True, ROUTED_HEADEND), 5, 'linecast is not the querier where there is no other')
    router = Router(lab.topology.router, lab.directory, {'down0': 3})
    wait_until(lambda: elected(headend) == (False, ROUTER_ADDRESS), 5, 'linecast does not give way to a lower address')
    shown = router.show('ip igmp interface')['down0']
    assert shown['querier'] and shown['querierIp'] == ROUTER_ADDRESS, shown
    asked = lab.topology.neighbour.counted('queries')
    assert asked > 0, 'linecast has not asked while it was the querier'
    time.sleep(OTHER_QUERIER_S + 0.5)
    assert elected(headend) == (False, ROUTER_ADDRESS), 'linecast forgets a querier that is there'
    assert lab.topology.neighbour.counted('queries') == asked, 'linecast asks where another does'
    router.kill()
    wait_until(lambda: elected(headend) == (True, ROUTED_HEADEND), OTHER_QUERIER_S + 3, 'linecast does not take over')
    wait_until(lambda: lab.topology.neighbour.counted('queries') > asked, 2, 'linecast does not ask')


def linecast_with_the_lower_address_is_elected(lab):
    router = Router(lab.topology.neighbour, lab.directory, {'eth0': 3})
    headend = start_headend(lab, 3)
    wait_until(lambda: router.show('ip igmp interface')['eth0'].get('querierIp') == ROUTED_HEADEND, 5,
               'FRR does not give way to a lower address')
    assert not router.show('ip igmp interface')['eth0'].get('querier')
    assert elected(headend) == (True, ROUTED_HEADEND)


def a_kernel_host_is_listed_until_it_leaves(lab, version, source):
    """-> the headend, and what is left of the list"""
    any_source, one_source = ('exclude', []), ('include', [source]) if source else ('exclude', [])
    lab.topology.neighbour.count('asked', 'eth0', f'ip saddr {ROUTED_HEADEND} ip daddr {ANY_GROUP}')
    headend = start_headend(lab, version)
    time.sleep(1)  # so that the host has heard a query, and speaks its version
    first = lab.topology.neighbour.join(NEIGHBOUR_ADDRESS, ANY_GROUP)
    lab.topology.neighbour.join(NEIGHBOUR_ADDRESS, f'{ONE_GROUP}@{SOURCE_ADDRESS}')
    both = {ANY_GROUP: any_source, ONE_GROUP: one_source}
    wait_until(lambda: members(headend) == both, 3, 'linecast does not list what was joined')
    time.sleep(MEMBERSHIP_S + 1)
    assert members(headend) == both, f'linecast forgets what is still joined: {querier_of(headend)}'
    assert lab.topology.neighbour.counted('asked') == 0, 'linecast asks of a group that nobody leaves'
    first.terminate()
    wait_until(lambda: lab.topology.neighbour.counted('asked') > 0, 1, 'linecast does not ask who is left in a group')
    wait_until(lambda: members(headend) == {ONE_GROUP: one_source}, 4, 'linecast does not see a leave')
    return headend, {ONE_GROUP: one_source}


def a_kernel_host_of_igmpv2_is_listed_until_it_leaves(lab):
    a_kernel_host_is_listed_until_it_leaves(lab, 2, None)


def a_kernel_host_of_igmpv3_is_listed_with_its_source_until_it_leaves_or_falls_silent(lab):
    headend, listed = a_kernel_host_is_listed_until_it_leaves(lab, 3, SOURCE_ADDRESS)
    expires_s = next(entry['expires_s'] for entry in querier_of(headend)['groups'] if entry['group'] == ONE_GROUP)
    assert 0 < expires_s <= MEMBERSHIP_S, expires_s
    lab.topology.hub.run('ip', 'link', 'set', 'toneighbour', 'down')
    assert members(headend) == listed, 'silence is no leave'
    wait_until(lambda: not members(headend), MEMBERSHIP_S + 2, 'linecast never forgets a silent host')


system.run(frr_with_the_lower_address_is_elected_and_linecast_takes_over_when_it_dies,
           linecast_with_the_lower_address_is_elected,
           a_kernel_host_of_igmpv2_is_listed_until_it_leaves,
           a_kernel_host_of_igmpv3_is_listed_with_its_source_until_it_leaves_or_falls_silent, topology=RoutedInput)
