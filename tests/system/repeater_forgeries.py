#!/usr/bin/python3
"""A repeater among forgers, above it and below: what those behind it play is what was fed, and nothing more goes out than came in."""

import json
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts'))
# pylint: disable=wrong-import-position
from lab import forger, system
from lab.network import wait_until
from lab.repeaters import RepeaterChain, group_of, hop_address, repeater_address, start_receiver, start_repeater
from lab.topology import SMART_PORT
from chain import FILM, NEWS, Feed, stop_all, wait_for_hop
from players import cut

GRANTED = '\ntunnels: {limit: 20, limit_per_address: 4, rate: 200M}\n'
CHANNELS = (NEWS, FILM)
A_SECOND = 10_000
BUFFERED = ('--buffer-ms', '2000')


def forge(namespace, *arguments):
    return namespace.start('/usr/bin/python3', forger.__file__, *arguments, stdout=subprocess.PIPE, text=True)


def outcome(process):
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, 'the forger failed'
    return [int(figure) for figure in out.split()]


def count_answers(switch):
    """Of the repeater to single addresses, but for what goes into tunnels."""
    switch.run('nft', '-f', '-', stdin='''table netdev answers { counter answers {}
        chain ingress { type filter hook ingress device "up0" priority -1;
        ip protocol udp ip daddr != 224.0.0.0/4 @th,72,8 != 0xc5 counter name answers; }; }''')


def counted_answers(switch):
    listed = json.loads(switch.run('nft', '-j', 'list', 'counters', 'table', 'netdev', 'answers'))['nftables']
    counter = next(item['counter'] for item in listed if 'counter' in item)
    return counter['packets'], counter['bytes']


def watch(lab):
    """A receiver of each channel by the group, and one by tunnel."""
    files, receivers = {}, []
    cut(lab.topology.behind[1][1])
    for channel in CHANNELS:
        for number in (1, 2):
            file = lab.directory / f'{channel.name}.{number}'
            files[file] = channel
            more = ('--repeater', hop_address(1)) if number == 2 else ()
            receivers.append(start_receiver(lab, channel, 1, number, file, *BUFFERED, *more))
    for receiver, channel in zip(receivers[1::2], CHANNELS):
        wait_until(lambda receiver=receiver, channel=channel: receiver.channels().get(channel.name, {'level': 0})['level'] == 1, 15,
                   f'{receiver.name} does not get its tunnel')
    return files, receivers


def are_as_fed(files, feed, receivers):
    for (file, channel), receiver in zip(files.items(), receivers):
        played, fed = file.read_bytes(), feed.bytes(channel)
        assert played == fed, f'{file.name} is not what was fed: {len(played)} of {len(fed)} bytes; {receiver.channels()}'


def the_hops_address_to_the_repeater_alone_moves_nothing(lab):
    """A repeater without the group key, and a clear channel: forgers who can write the hop's address, but not send to its group."""
    lab.start_headend(CHANNELS)
    repeater = start_repeater(lab, 1, CHANNELS, without_key=True, sections=GRANTED)
    wait_for_hop(repeater, *CHANNELS)
    files, receivers = watch(lab)
    time.sleep(2)
    feed = Feed(lab, 20, *CHANNELS)
    time.sleep(2)
    forgers = [forge(lab.topology.receivers[number], 'above', hop_address(0), repeater_address(1), group_of(channel, 0), SMART_PORT,
                     f'10.72.0.{11 + number}', 12) for number, channel in enumerate(CHANNELS)]
    sent = [outcome(process)[0] for process in forgers]
    feed.wait(30)
    time.sleep(4)
    rows = repeater.channels()
    are_as_fed(files, feed, receivers)
    for name, row in rows.items():
        counters = row['upstream']['counters']
        assert counters.get('stray', 0) > 100 and counters.get('unrecovered', 0) == counters.get('replaced', 0) == 0, (name, counters)
        assert counters.get('jumps', 0) == 0, (name, counters)
    stop_all(receivers)
    return [f'{sum(sent)} forgeries']


def from_below_no_more_is_drawn_than_came(lab):
    lab.start_headend(CHANNELS)
    repeater = start_repeater(lab, 1, CHANNELS, sections=GRANTED)
    wait_for_hop(repeater, *CHANNELS)
    files, receivers = watch(lab)
    time.sleep(2)
    switch = lab.topology.switches[1]
    count_answers(switch)
    feed = Feed(lab, 24, *CHANNELS)
    time.sleep(2)
    process = forge(lab.topology.behind[1][2], 'below', hop_address(1), ','.join(group_of(channel, 1) for channel in CHANNELS), '10.73.0',
                    A_SECOND, 12)
    sent, sent_bytes = outcome(process)
    answers, answer_bytes = counted_answers(switch)
    feed.wait(30)
    time.sleep(4)
    tunnels = repeater.tunnels()
    are_as_fed(files, feed, receivers)
    assert 0 < answer_bytes < sent_bytes and tunnels['in_all'] == tunnels['counters']['tunnels_granted'] == 2, (answer_bytes, tunnels)
    stop_all(receivers)
    return [f'{sent} forgeries, {sent_bytes} bytes, drew {answers} answers, {answer_bytes} bytes']


system.run(the_hops_address_to_the_repeater_alone_moves_nothing, from_below_no_more_is_drawn_than_came, receivers=3, topology=RepeaterChain)
