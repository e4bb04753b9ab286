#!/usr/bin/python3
"""Clear and sealed channels, datagrams of all sizes, opaque ones up to the MTU: each arrives as it was sent."""

import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts'))
# pylint: disable=wrong-import-position
from lab import datagrams, system
from lab.network import wait_until
from lab.topology import HEADEND_IN, SOURCE_ADDRESS, Channel

CLEAR_TS = Channel('clear', 1, 'udp://239.71.2.1:5000', '239.72.2.1', 10_000_000, None)
SEALED_OPAQUE = Channel('opaque', 2, f'udp://{HEADEND_IN}:5001', '239.72.2.2', 10_000_000, 'aes-256-gcm',
                        format='opaque')
CLEAR_OPAQUE = Channel('clear-opaque', 3, 'udp://239.71.2.3:5000', '239.72.2.3', 10_000_000, None, format='opaque')
# An IPv4 packet of 1500 bytes: 20 IPv4, 8 UDP, 8 SMART, and where sealed 8 of IV and 16 of tag.
LARGEST_SEALED, LARGEST_CLEAR = 1440, 1464
COUNT = 800
PER_SECOND = 400


def transport_datagrams(noise):
    """One to seven TS packets a datagram."""
    return [b''.join(b'\x47\x01\x00\x10' + noise.randbytes(184) for _ in range(1 + number % 7))
            for number in range(COUNT)]


def opaque_datagrams(noise, largest):
    return [noise.randbytes(size) for size in (1, largest, *(noise.randint(1, largest) for _ in range(COUNT - 2)))]


def each_kind_of_channel_arrives_as_sent(lab):
    noise = random.Random(1)
    fed = {CLEAR_TS: transport_datagrams(noise), SEALED_OPAQUE: opaque_datagrams(noise, LARGEST_SEALED),
           CLEAR_OPAQUE: opaque_datagrams(noise, LARGEST_CLEAR)}
    script = Path(datagrams.__file__)
    receivers = []
    for channel in fed:
        played = lab.directory / f'{channel.name}.played'
        port = 6000 + channel.number
        lab.topology.receivers[0].start('/usr/bin/python3', script, 'collect', played, port)
        wait_until(played.exists, 5, 'the collector does not begin')
        receivers.append(lab.start_receiver(channel, f'udp://127.0.0.1:{port}', '--buffer-ms', '500'))
        datagrams.write(lab.directory / f'{channel.name}.fed', fed[channel])
    lab.topology.receivers[0].lose('eth0', 5, [channel.group for channel in fed], 47100)
    headend = lab.start_headend(list(fed))
    time.sleep(1.5)
    senders = [lab.topology.source.start('/usr/bin/python3', script, 'send', lab.directory / f'{channel.name}.fed',
                                         *channel.source.removeprefix('udp://').split(':'), SOURCE_ADDRESS, PER_SECOND)
               for channel in fed]
    for sender in senders:
        assert sender.wait(COUNT / PER_SECOND + 10) == 0, 'a sender failed'
    time.sleep(1.5)
    for receiver in receivers:
        receiver.stop()
    for channel, sent in fed.items():
        played = list(datagrams.read(lab.directory / f'{channel.name}.played'))
        assert [len(one) for one in played] == [len(one) for one in sent], f'{channel.name}: sizes and boundaries'
        assert played == sent, f'{channel.name}: contents'
        assert lab.topology.receivers[0].losses()[channel.group]['lost_original'] > 0, 'something was lost on the way'
        assert headend.channels()[channel.name]['packets_sent'] == COUNT


system.run(each_kind_of_channel_arrives_as_sent)
