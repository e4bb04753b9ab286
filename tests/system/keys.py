#!/usr/bin/python3
"""Receivers that may not, or may no longer, understand a channel play nothing of it; a new epoch is no gap."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts'))
# pylint: disable=wrong-import-position
from lab import system
from lab.media import sha256, write_noise
from lab.network import call, wait_until
from lab.programs import LINECAST
from lab.topology import Channel

NEWS = Channel('news', 1, 'udp://239.71.1.1:5000', '239.72.1.1', 2_300_000, 'aes-128-gcm')
SECONDS = 10


def only_holders_of_the_key_play_and_a_new_epoch_is_no_gap(lab):
    feed = lab.directory / 'feed.ts'
    write_noise(feed, SECONDS, 2_000_000)
    lab.write_lineup([NEWS])
    other = lab.directory / 'other.key'
    call([str(LINECAST), 'key', 'new', 'group', str(other)])
    good = lab.start_receiver(NEWS, lab.directory / 'good.played', '--buffer-ms', '500')
    wrong = lab.start_receiver(NEWS, lab.directory / 'wrong.played', '--buffer-ms', '500', key=other)
    lab.start_headend([NEWS])
    time.sleep(1.5)
    feeder = lab.start_feed((feed, NEWS))
    time.sleep(1)
    call([str(LINECAST), 'rekey', 'news', '--lineup', str(lab.directory / 'lineup.yaml')])
    # Announced for a while before: half a second of the smallest datagrams at the cap, here 765 packets.
    wait_until(lambda: lab.headend.channels()['news']['epoch'] == 2, SECONDS - 2, 'the epoch does not move on', 0.2)
    assert not feeder.done(), 'the new epoch came during the feed'
    wait_until(feeder.done, SECONDS + 10, 'the feed does not end', 0.2)
    time.sleep(1.5)
    good.stop()
    wrong.stop()
    assert sha256(lab.directory / 'good.played') == sha256(feed), 'bit-exact across the new epoch'
    played = lab.directory / 'wrong.played'
    assert not played.exists() or played.stat().st_size == 0, 'nothing is played without the key'
    statistics = wrong.channels()['news']
    assert statistics['played_packets'] == 0, statistics
    assert len(wrong.log.read_text().splitlines()) < 20, 'the lack of a key is told once, not for each packet'


system.run(only_holders_of_the_key_play_and_a_new_epoch_is_no_gap)
