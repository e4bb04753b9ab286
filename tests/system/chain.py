"""For the tests of repeaters: two channels, their feed, and what happens to them in a chain (lab.repeaters)."""

from lab.media import write_noise
from lab.network import wait_until
from lab.repeaters import group_of
from lab.topology import SMART_PORT, Channel

NEWS = Channel('news', 1, 'udp://239.71.1.1:5000', '239.72.1.1', 2_500_000, 'aes-128-gcm')
FILM = Channel('film', 2, 'udp://239.71.1.2:5000', '239.72.1.2', 2_500_000, None)
RATE_BPS = 2_000_000


class Feed:
    def __init__(self, lab, seconds, *channels):
        self.files = {}
        for channel in channels:
            self.files[channel] = lab.directory / f'{channel.name}.ts'
            write_noise(self.files[channel], seconds, RATE_BPS, seed=channel.number)
        self.feeder = lab.start_feed(*((file, channel) for channel, file in self.files.items()))

    def wait(self, seconds):
        wait_until(self.feeder.done, seconds, 'the feed does not end', 0.2)

    def bytes(self, channel):
        return self.files[channel].read_bytes()


def lose_below(lab, hop, percent, channels):
    """On the way from a hop to the repeater behind it."""
    lab.topology.cables[hop].lose('above', percent, [group_of(channel, hop) for channel in channels], SMART_PORT)


def hears(repeater, channel):
    """Whether it has something to pass on, and says so to those below."""
    return repeater.channels()[channel.name]['hops'] is not None


def wait_for_hop(repeater, *channels):
    for channel in channels:
        wait_until(lambda channel=channel: hears(repeater, channel), 5, f'{repeater.name} hears nothing of {channel.name}')


def stop_all(programs):
    for program in programs:
        program.stop()


def plays_on(file, seconds, what):
    size = file.stat().st_size
    wait_until(lambda: file.stat().st_size > size + RATE_BPS // 8, seconds, what, 0.1)
