#!/usr/bin/python3
"""All of it at once: a headend, routers of FRR's, two repeaters in a chain, and six receivers: native, cut and restored, late, killed,
by tunnel, and by tunnel through NAT. Every link loses packets; what each of them got is what was fed, and the accounts have all six."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts'))
# pylint: disable=wrong-import-position
from lab import system
from lab.distribution import SECONDS, Broadcast, Distribution
from lab.media import write_noise
from lab.network import wait_until
from lab.topology import Channel

CHANNEL = Channel('news', 1, 'udp://239.71.1.1:5000', '232.72.1.1', 10_000_000, 'aes-128-gcm')
RATE_BPS = 1_000_000
LOSS_PERCENT = 1
REACHED = {'native': ['native'], 'cut': ['native', 'origin tunnel', 'native'], 'late': ['native'], 'killed': ['native'],
           'tunnel': ['origin tunnel'], 'nat': ['origin tunnel']}


def counts(hop):
    row = hop.usage()['channels'][CHANNEL.name]
    return {name: row[name] for name in ('present', 'by_repeaters', 'repeaters')}


def records(lab, state):
    return [json.loads(line) for line in (lab.directory / state / 'usage/usage.jsonl').read_text().splitlines()]


def six_receivers_behind_routers_and_two_repeaters(lab):
    fed = lab.directory / 'fed.ts'
    write_noise(fed, SECONDS, RATE_BPS)
    broadcast = Broadcast(lab, CHANNEL, fed)
    broadcast.start(LOSS_PERCENT)
    headend, first, second = broadcast.hops

    def all_are_counted():
        # Two by tunnel; behind the first repeater who came late, and the second with three.
        for hop, expected in ((second, (3, 0, 0)), (first, (4, 3, 1)), (headend, (6, 4, 1))):
            wait_until(lambda hop=hop, expected=expected: tuple(counts(hop).values()) == expected, 12,
                       f'{hop.name} does not count {expected}', 0.2)

    broadcast.run(SECONDS, steps=[(0.2, all_are_counted)])
    rows = {row['receiver']: row for row in broadcast.rows()}
    peak = headend.usage()['channels'][CHANNEL.name]['peak']
    broadcast.stop_hops()

    for name, row in rows.items():
        del row['statistics']
        assert row['sha256_match'] and row['unrecovered'] == 0 and row['repaired'] > 0, row
        assert row['reached'] == REACHED[name], row
    assert rows['late']['played_bytes'] > 0.6 * fed.stat().st_size > rows['killed']['played_bytes'], rows
    lossy = broadcast.lost_on_links()
    assert len(lossy) == 10 and all(lossy.values()), f'a link has lost nothing: {lossy}'

    assert 6 <= peak <= 7, 'who was cut is at two hops for a while'
    names = {row['receiver_id']: name for name, row in rows.items()}
    visits = {hop: {(names.get(of['receiver'], 'repeater'), of['reached']) for of in records(lab, state)}
              for hop, state in (('headend', 'state'), ('first', 'state1'), ('second', 'state2'))}
    assert visits['headend'] == {('repeater', 'native'), ('tunnel', 'origin_tunnel'), ('nat', 'origin_tunnel'),
                                 ('cut', 'origin_tunnel')}, visits
    assert visits['first'] == {('repeater', 'native'), ('late', 'native')}, visits
    assert visits['second'] == {('native', 'native'), ('cut', 'native'), ('killed', 'native')}, visits
    for state, address in (('state', '10.79.0.50'), ('state1', '10.73.0.50')):
        (repeater,) = [of for of in records(lab, state) if of['repeater']]
        assert repeater['address'] == address and repeater['watched_ms'] > 1000 * SECONDS, repeater
    (killed,) = [of for of in records(lab, 'state2') if names[of['receiver']] == 'killed']
    # Its last report is what it is charged up to; that it goes by itself takes three report intervals.
    assert killed['ended'] in ('stopped', 'expired') and killed['watched_ms'] < 1000 * SECONDS, killed
    return [f'{row["what"]}: {", ".join(row["reached"])}; {row["repaired"]} repaired' for row in rows.values()]


system.run(six_receivers_behind_routers_and_two_repeaters, receivers=6, topology=Distribution)
