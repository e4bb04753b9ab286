#!/usr/bin/python3
"""Receivers join and leave as the network sees it: late, and more channels in one process than a socket may join."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts'))
# pylint: disable=wrong-import-position
from lab import system
from lab.media import sha256, write_noise
from lab.network import wait_until
from lab.programs import Receiver
from lab.topology import HEADEND_OUT, SMART_PORT, Channel

NEWS = Channel('news', 1, 'udp://239.71.1.1:5000', '239.72.1.1', 4_000_000, 'aes-128-gcm')
MANY = [Channel(f'c{n}', n, f'udp://239.71.3.{n}:5000', f'239.72.3.{n}', 2_000_000, None) for n in range(1, 26)]


def members(lab):
    """The groups that the switch sends to receiver1."""
    lines = lab.topology.switch.run('bridge', 'mdb', 'show').splitlines()
    return {line.split(' grp ')[1].split()[0] for line in lines if 'port down1 ' in line}


def a_late_receiver_plays_from_where_it_joined(lab):
    feed, played = lab.directory / 'feed.ts', lab.directory / 'played.ts'
    write_noise(feed, 6, 2_000_000)
    lab.start_headend([NEWS])
    time.sleep(1)
    feeder = lab.start_feed((feed, NEWS))
    time.sleep(2.5)
    assert NEWS.group not in members(lab), 'nobody has joined yet'
    receiver = lab.start_receiver(NEWS, played, '--buffer-ms', '300')
    wait_until(lambda: NEWS.group in members(lab), 3, 'the switch does not see the receiver join')
    wait_until(feeder.done, 15, 'the feed does not end', 0.2)
    time.sleep(1)
    receiver.stop()
    wait_until(lambda: NEWS.group not in members(lab), 3, 'the switch does not see the receiver leave')
    tail = played.read_bytes()
    assert len(tail) > 2 * 2_000_000 / 8, f'seconds of it: {len(tail)}'
    assert feed.read_bytes().endswith(tail), 'without a gap to the end'
    assert receiver.channels()['news']['unrecovered'] == 0, receiver.channels()


def one_process_receives_25_channels(lab):
    feeds = []
    config = 'channels:\n'
    for channel in MANY:
        feed = lab.directory / f'{channel.name}.ts'
        write_noise(feed, 3, 400_000, seed=channel.number)
        feeds.append((feed, channel))
        config += (f'  - {{name: {channel.name}, group: {channel.group}, port: {SMART_PORT}, source: {HEADEND_OUT}, '
                   f'interface: eth0, clear: true, buffer_ms: 300, out: {channel.name}.played}}\n')
    path = lab.directory / 'receive.yaml'
    path.write_text(config)
    receiver = Receiver(lab.topology.receivers[0], 'receive', lab.directory, '--config', path)
    lab.start_headend(MANY)
    wait_until(lambda: len(members(lab)) == len(MANY), 5, 'not all groups are joined')
    time.sleep(1)
    feeder = lab.start_feed(*feeds)
    wait_until(feeder.done, 15, 'the feed does not end', 0.2)
    time.sleep(1)
    receiver.stop()
    different = [feed.name for feed, _ in feeds if sha256(feed) != sha256(feed.with_suffix('.played'))]
    assert not different, f'not bit-exact: {different}'


system.run(a_late_receiver_plays_from_where_it_joined, one_process_receives_25_channels)
