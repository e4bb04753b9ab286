#!/usr/bin/python3
"""Repairs by unicast: who is listed gets its own, who is not has them sent to the group, and both play all."""

import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts'))
# pylint: disable=wrong-import-position
from lab import datagrams, system
from lab.network import wait_until
from lab.topology import SMART_PORT, SOURCE_ADDRESS, Channel

LISTED = '10.72.0.11'  # receiver 1's address, not that of receiver 2
COUNT = 1600
PER_SECOND = 400


class UnicastChannel(Channel):
    def lineup(self):
        return super().lineup() + f'''\
    retransmit:
      to: auto
      unicast_prefixes: [{LISTED}]
'''


CHANNEL = UnicastChannel('news', 1, 'udp://239.71.3.1:5000', '239.72.3.1', 10_000_000, 'aes-128-gcm')


def repairs_go_by_unicast_to_who_is_listed_only(lab):
    noise = random.Random(1)
    sent = [b'\x47\x01\x00\x10' + noise.randbytes(184) for _ in range(COUNT)]
    datagrams.write(lab.directory / 'fed', sent)
    script = Path(datagrams.__file__)
    receivers = []
    for number, namespace in enumerate(lab.topology.receivers, 1):
        played = lab.directory / f'played{number}'
        namespace.start('/usr/bin/python3', script, 'collect', played, 6000)
        wait_until(played.exists, 5, 'the collector does not begin')
        receivers.append(lab.start_receiver(CHANNEL, 'udp://127.0.0.1:6000', '--buffer-ms', '500', number=number))
        namespace.lose('eth0', 5, [CHANNEL.group], SMART_PORT)
    headend = lab.start_headend([CHANNEL])
    time.sleep(1.5)
    sender = lab.topology.source.start('/usr/bin/python3', script, 'send', lab.directory / 'fed',
                                       *CHANNEL.source.removeprefix('udp://').split(':'), SOURCE_ADDRESS, PER_SECOND)
    assert sender.wait(COUNT / PER_SECOND + 20) == 0, 'the sender failed'
    time.sleep(1.5)
    for receiver in receivers:
        receiver.stop()
    counters = headend.channels()[CHANNEL.name]
    for number, namespace in enumerate(lab.topology.receivers, 1):
        assert list(datagrams.read(lab.directory / f'played{number}')) == sent, f'receiver {number}'
        assert namespace.losses()[CHANNEL.group]['lost_original'] > 0, 'something was lost on the way'
    by_unicast, repairs = counters['repairs_unicast'], counters['repairs_sent']
    assert by_unicast > 0, counters
    assert repairs > by_unicast, counters  # receiver 2's
    assert counters['quiets_sent'] > 0, counters
    assert counters['joins'] >= 2, counters
    return [f'{repairs} repairs, {by_unicast} of them by unicast']


system.run(repairs_go_by_unicast_to_who_is_listed_only, receivers=2)
