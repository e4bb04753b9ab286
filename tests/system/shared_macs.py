#!/usr/bin/python3
"""32 groups share each MAC address, so cards and switches can't tell them apart: no channel gets another's packets."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts'))
# pylint: disable=wrong-import-position
from lab import datagrams, system
from lab.media import sha256, write_noise
from lab.network import wait_until
from lab.topology import SOURCE_ADDRESS, Channel

# 01:00:5e:47:01:01 in, and 01:00:5e:48:01:01 out: both channels on the same MAC addresses and ports.
NEWS = Channel('news', 1, 'udp://239.71.1.1:5000', '239.72.1.1', 6_000_000, None)
FILM = Channel('film', 2, 'udp://239.199.1.1:5000', '239.200.1.1', 6_000_000, None)
OTHERS = [group for first in range(224, 240) for group in (f'{first}.71.1.1', f'{first}.199.1.1')
          if group not in (NEWS.source[6:-5], FILM.source[6:-5])]
EACH = 50
TS = b'\x47\x01\x00\x10' + bytes(184)


def channels_that_share_a_mac_address_get_their_own_packets_only(lab):
    assert len(OTHERS) == 30
    feeds, receivers = [], []
    for channel in (NEWS, FILM):
        feed = lab.directory / f'{channel.name}.ts'
        write_noise(feed, 3, 2_000_000, seed=channel.number)
        feeds.append((feed, channel))
        receivers.append(lab.start_receiver(channel, feed.with_suffix('.played'), '--buffer-ms', '300', source=None))
    headend = lab.start_headend([NEWS, FILM])
    time.sleep(1)
    assert 'no_flow' not in headend.drops(), headend.drops()
    foreign = lab.directory / 'foreign'
    datagrams.write(foreign, [TS] * EACH)
    feeder = lab.start_feed(*feeds)
    time.sleep(0.5)
    senders = [lab.topology.source.start('/usr/bin/python3', datagrams.__file__, 'send', foreign, group, 5000,
                                         SOURCE_ADDRESS, 50) for group in OTHERS]
    wait_until(feeder.done, 15, 'the feed does not end', 0.2)
    for sender in senders:
        assert sender.wait(10) == 0, 'a sender failed'
    wait_until(lambda: headend.drops().get('no_flow') == EACH * len(OTHERS), 3,
               'what is sent to groups of the same MAC address is not counted')
    time.sleep(0.5)
    for receiver in receivers:
        receiver.stop()
    for feed, channel in feeds:
        assert headend.channels()[channel.name]['bytes_in'] == feed.stat().st_size, headend.channels()
        assert sha256(feed) == sha256(feed.with_suffix('.played')), f'{channel.name}: bit-exact'


system.run(channels_that_share_a_mac_address_get_their_own_packets_only)
