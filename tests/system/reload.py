#!/usr/bin/python3
"""A running headend that is given another lineup: what does not change loses nothing, what can't be is refused whole."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts'))
# pylint: disable=wrong-import-position
from lab import system
from lab.media import write_noise
from lab.network import wait_until
from lab.programs import LINECAST
from lab.topology import Channel

NEWS = Channel('news', 1, 'udp://239.71.1.1:5000', '239.72.1.1', 8_000_000, 'aes-128-gcm')
OPEN = Channel('open', 2, 'udp://239.71.1.2:5000', '239.72.1.2', 8_000_000, None)
GONE = Channel('gone', 3, 'udp://239.71.1.3:5000', '239.72.1.3', 8_000_000, 'aes-256-gcm')
FRESH = Channel('fresh', 4, 'udp://239.71.1.4:5000', '239.72.1.4', 8_000_000, 'aes-256-gcm')
RATE_BPS = 4_000_000
SECONDS = 12


def reload(lab, *more):
    """(exit code, answer) of `linecast reload`."""
    done = subprocess.run([LINECAST, 'reload', '--json', '--lineup', lab.headend.lineup, *more], capture_output=True,
                          text=True, timeout=20, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def changes(answer):
    return {channel['name']: channel['change'] for channel in answer['channels']}


def what_does_not_change_loses_nothing(lab):
    feed = lab.directory / 'feed.ts'
    write_noise(feed, SECONDS, RATE_BPS)
    outs = {channel: lab.directory / f'{channel.name}.played' for channel in (NEWS, OPEN, FRESH)}
    receivers = {channel: lab.start_receiver(channel, out, '--buffer-ms', '500') for channel, out in outs.items()}
    headend = lab.start_headend([NEWS, OPEN, GONE])
    time.sleep(1)
    feeder = lab.start_feed((feed, NEWS), (feed, OPEN), (feed, GONE), (feed, FRESH))
    time.sleep(3)

    # One goes, one comes, one is adjusted, and all stand in another order.
    adjusted = replace(OPEN, cap_bps=8_001_000, repair_budget_percent=40)
    lab.write_lineup([FRESH, adjusted, NEWS])
    status, answer = reload(lab, '--dry-run')
    assert (status, answer['applied']) == (0, False), answer
    assert set(headend.channels()) == {'news', 'open', 'gone'}, 'a dry run changes nothing'
    began = time.monotonic()
    status, answer = reload(lab)
    took_ms = 1000 * (time.monotonic() - began)
    assert (status, answer['applied']) == (0, True), answer
    assert changes(answer) == {'fresh': 'added', 'open': 'adjusted', 'news': 'unchanged', 'gone': 'removed'}, answer
    assert set(headend.channels()) == {'news', 'open', 'fresh'}
    sent_when_reloaded = headend.channels()['news']['packets_sent']

    # Back by SIGHUP, while the first is still playing.
    time.sleep(3)
    assert headend.channels()['fresh']['packets_sent'] > 300, headend.channels()
    lab.write_lineup([NEWS, OPEN, FRESH, GONE])
    headend.process.send_signal(signal.SIGHUP)
    wait_until(lambda: 'gone' in headend.channels(), 5, 'SIGHUP does not reload')
    assert headend.channels()['news']['packets_sent'] > sent_when_reloaded
    wait_until(feeder.done, SECONDS + 10, 'the feed does not end', 0.2)
    time.sleep(1)
    assert headend.channels()['gone']['packets_sent'] > 300, 'a channel that comes back carries its feed'
    for receiver in receivers.values():
        receiver.stop()
    for channel in (NEWS, OPEN):
        assert outs[channel].read_bytes() == feed.read_bytes(), \
            f'{channel.name}: {receivers[channel].channels()} {headend.channels()} {headend.show("ports")}'
        statistics = receivers[channel].channels()[channel.name]
        assert (statistics['lost'], statistics['restarts']) == (0, 0), statistics
    played = outs[FRESH].read_bytes()
    assert len(played) > feed.stat().st_size // 2 and feed.read_bytes().endswith(played), 'a new channel plays to the end'
    drops = headend.drops()
    assert not drops.keys() - {'no_flow'}, f'nothing but what was nobody\'s: {drops}'
    return [f'{took_ms:.0f} ms for a reload']


def what_cannot_be_is_refused_whole(lab):
    headend = lab.start_headend([NEWS, OPEN])
    before = headend.lineup.read_text()
    shown = headend.channels()

    def refused(text, *words):
        headend.lineup.write_text(text)
        status, answer = reload(lab)
        assert status == 2 and not answer['applied'], answer
        said = ' '.join([answer['refused'], *answer['faults']])
        for word in words:
            assert word in said, f'{word}: {said}'
        headend.lineup.write_text(before)
        assert headend.channels().keys() == shown.keys()

    refused(before.replace('239.72.1.2', '10.1.1.1'), 'faulty', 'lineup.yaml:')
    refused(before.replace('sender_id: 1', 'sender_id: 2'), 'restart', 'headend.sender_id 1 -> 2')
    refused(before.replace('10.72.0.1/24', '10.72.0.2/24'), 'restart', '10.72.0.1/24 -> 10.72.0.2/24')
    # A good change beside one that fails: memory for a thousand seconds of it is nowhere.
    lab.write_lineup([NEWS, OPEN, *(replace(FRESH, name=f'big{n}', number=10 + n, source=f'udp://239.71.3.{n}:5000',
                                            group=f'239.72.3.{n}', cap_bps=170_000_000) for n in range(1, 120))])
    status, answer = reload(lab)
    assert status == 2 and 'hugepages' in answer['refused'] and not answer['applied'], answer
    headend.lineup.write_text(before)
    assert headend.channels().keys() == shown.keys()
    status, answer = reload(lab)
    assert status == 0 and set(changes(answer).values()) == {'unchanged'}, answer
    # Receivers trust the signing key that they know.
    for name in ('signing.key', 'signing.key.pub'):
        (lab.directory / name).unlink()
    lab.write_lineup([NEWS, OPEN])
    refused(before, 'restart', 'headend.signing_key')
    headend.stop()


def a_new_key_in_the_same_file_begins_anew(lab):
    headend = lab.start_headend([NEWS, OPEN])
    epoch_sequence = headend.channels()['news']['next_sequence']
    (lab.directory / 'news.key').unlink()
    lab.write_lineup([NEWS, OPEN])
    status, answer = reload(lab)
    assert status == 0 and changes(answer) == {'news': 'restarted', 'open': 'unchanged'}, answer
    assert headend.channels()['news']['next_sequence'] != epoch_sequence, 'another stream, another first sequence'
    headend.stop()


def slots_and_memory_come_back(lab):
    headend = lab.start_headend([NEWS, OPEN])
    # Frames of both are in one pool, 60 MB. As often as they would fill all hugepages, if they stayed.
    pair = [replace(channel, cap_bps=160_000_000) for channel in (FRESH, GONE)]
    pages = next(int(line.split()[1]) for line in Path('/proc/meminfo').read_text().splitlines()
                 if line.startswith('HugePages_Total'))
    for turn in range(pages * 2 // 60 + 5):
        for channels in ([NEWS, OPEN, *pair], [NEWS, OPEN]):
            lab.write_lineup(channels)
            status, answer = reload(lab)
            assert status == 0, (turn, answer)
    headend.stop()


def it_stops_before_it_reloads(lab):
    headend = lab.start_headend([NEWS, OPEN])
    # Both are pending when it looks: a storm of one must not keep the other waiting.
    for number in (signal.SIGSTOP, signal.SIGHUP, signal.SIGTERM, signal.SIGCONT):
        headend.process.send_signal(number)
    assert headend.process.wait(10) == 0
    log = headend.log.read_text()
    assert 'stopping' in log and 'reloaded' not in log, log


system.run(what_does_not_change_loses_nothing, what_cannot_be_is_refused_whole, a_new_key_in_the_same_file_begins_anew,
           slots_and_memory_come_back, it_stops_before_it_reloads)
