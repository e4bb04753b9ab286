#!/usr/bin/python3
"""linecast-receive plays bit-exactly to each kind of output, over a network that loses packets."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts'))
# pylint: disable=wrong-import-position
from lab import datagrams, system
from lab.media import sha256, write_noise
from lab.network import wait_until
from lab.topology import Channel

CHANNEL = Channel('news', 1, 'udp://239.71.1.1:5000', '239.72.1.1', 6_000_000, 'aes-128-gcm')
SECONDS = 6
RTP_HEADER = 12


def collect(lab, name, port):
    path = lab.directory / name
    script = Path(datagrams.__file__)
    lab.topology.receivers[0].start('/usr/bin/python3', script, 'collect', path, port)
    wait_until(path.exists, 5, 'the collector does not begin')
    return path


def every_output_is_bit_exact(lab):
    feed = lab.directory / 'feed.ts'
    write_noise(feed, SECONDS, 4_000_000)
    lab.topology.receivers[0].lose('eth0', 5, [CHANNEL.group], 47100)
    udp, rtp = collect(lab, 'udp.collected', 6000), collect(lab, 'rtp.collected', 6002)
    file = lab.directory / 'file.ts'
    receivers = [lab.start_receiver(CHANNEL, out, '--buffer-ms', '500') for out in (
        file, 'udp://127.0.0.1:6000', 'rtp://127.0.0.1:6002')]
    receivers.append(lab.start_receiver(CHANNEL, '-', '--buffer-ms', '500'))
    lab.start_headend([CHANNEL])
    time.sleep(1.5)
    feeder = lab.start_feed((feed, CHANNEL))
    wait_until(feeder.done, SECONDS + 10, 'the feed does not end', 0.2)
    time.sleep(1.5)
    for receiver in receivers:
        receiver.stop()
    piped = receivers[3].output
    lost = lab.topology.receivers[0].losses()[CHANNEL.group]['lost_original']
    assert lost > 50, f'only {lost} packets were lost on the way'
    assert sha256(file) == sha256(feed), 'to a file'
    assert sha256(piped) == sha256(feed), 'to standard output'
    fed = feed.read_bytes()
    assert b''.join(datagrams.read(udp)) == fed, 'to UDP'
    packets = list(datagrams.read(rtp))
    assert b''.join(packet[RTP_HEADER:] for packet in packets) == fed, 'to RTP'
    numbers = [int.from_bytes(packet[2:4], 'big') for packet in packets]
    assert all((after - before) % 65536 == 1 for before, after in zip(numbers, numbers[1:])), 'RTP sequence numbers'
    assert all(packet[0] == 0x80 and packet[1] & 0x7F == 33 for packet in packets), 'RTP headers'


system.run(every_output_is_bit_exact)
