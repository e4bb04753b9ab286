#!/usr/bin/python3
"""A headend that is stopped, or killed, and started again: its receivers go on by themselves."""

import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts'))
# pylint: disable=wrong-import-position
from lab import system
from lab.media import write_noise
from lab.network import wait_until
from lab.topology import Channel

SEALED = Channel('news', 1, 'udp://239.71.1.1:5000', '239.72.1.1', 6_000_000, 'aes-128-gcm')
CLEAR = Channel('open', 2, 'udp://239.71.1.2:5000', '239.72.1.2', 6_000_000, None)
RATE_BPS = 2_000_000


def parts_of(feed, played):
    """Where the played file is cut from the feed: [(offset, length)]; every part must be whole TS packets of it."""
    parts, at = [], 0
    while at < len(played):
        offset = feed.find(played[at:at + 188 * 4])
        assert offset >= 0 and offset % 188 == 0, f'what was played at {at} was never fed in'
        length = 188
        while length < len(played) - at and played[at + length:at + length + 188] == feed[offset + length:
                                                                                      offset + length + 188]:
            length += 188
        parts.append((offset, length))
        at += length
    return parts


def receivers_go_on_when_the_headend_comes_back(lab):
    feed = lab.directory / 'feed.ts'
    write_noise(feed, 16, RATE_BPS)
    outs = {channel: lab.directory / f'{channel.name}.played' for channel in (SEALED, CLEAR)}
    receivers = [lab.start_receiver(channel, out, '--buffer-ms', '500') for channel, out in outs.items()]
    headend = lab.start_headend([SEALED, CLEAR])
    time.sleep(1)
    feeder = lab.start_feed((feed, SEALED), (feed, CLEAR))
    for number in (signal.SIGTERM, signal.SIGKILL):
        time.sleep(4)
        headend.process.send_signal(number)
        status = headend.process.wait(10)
        assert status == (0 if number == signal.SIGTERM else -signal.SIGKILL), f'status {status}'
        headend = lab.start_headend([SEALED, CLEAR])
    wait_until(feeder.done, 30, 'the feed does not end', 0.2)
    time.sleep(1.5)
    for receiver in receivers:
        receiver.stop()
    for receiver, (channel, out) in zip(receivers, outs.items()):
        parts = parts_of(feed.read_bytes(), out.read_bytes())
        assert parts == sorted(parts), f'{channel.name}: in order: {parts}'
        # Binding its socket, net_af_packet loses some ms of what comes in, at times with a packet or two before it.
        seconds = [(offset, length) for offset, length in parts if length > RATE_BPS / 8]
        assert len(seconds) == 3, f'{channel.name}: one part for each start of the headend: {parts}'
        assert len(parts) <= 5, f'{channel.name}: no other gaps: {parts}'
        assert sum(parts[-1]) == feed.stat().st_size, f'{channel.name}: to the end of the feed: {parts}'
        assert receiver.channels()[channel.name]['restarts'] == 2, receiver.channels()


system.run(receivers_go_on_when_the_headend_comes_back)
