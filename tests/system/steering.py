#!/usr/bin/python3
"""Two lanes: each channel's feed comes to its lane by the card's rules, or by software, in a guest (scripts/nic-vm)."""

import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'scripts'))
# pylint: disable=wrong-import-position
from lab import guest, programs, system
from lab.media import sha256, write_noise
from lab.network import LabError, call, wait_until
from lab.topology import HEADEND_IN, SMART_PORT, SOURCE_ADDRESS, Channel, lineup

MODELS = ['vmxnet3', 'e1000e', 'e1000e', 'e1000e']
SOURCE_CARD, RECEIVER_CARD = 2, 3  # with the kernel's driver
HUGEPAGES = 256
TIMEOUT_S = 420
PROCESSORS = [0, 1, 2]  # main lcore, and two lanes
RECEIVER_ADDRESS = '10.72.0.11'

CHANNELS = [Channel('news', 1, 'udp://239.71.1.21:5000', '239.72.1.31', 4_000_000, None),
            Channel('film', 2, f'udp://{HEADEND_IN}:5001', '239.72.1.32', 4_000_000, None),
            Channel('talk', 3, 'udp://239.71.1.23:5000', '239.72.1.33', 4_000_000, None),
            Channel('play', 4, 'udp://239.71.1.24:5000', '239.72.1.34', 4_000_000, None, source_specific=True)]
LANES = {'news': 0, 'film': 1, 'talk': 0, 'play': 1}


def start_headend(lab, devices):
    programs.new_keys(lab.directory, {})
    (lab.directory / 'state').mkdir()
    path = lab.directory / 'lineup.yaml'
    path.write_text(lineup(CHANNELS, PROCESSORS, devices=devices).replace('idle_sleep_us: 50', 'idle_sleep_us: 1000'))
    lab.headend = programs.Headend(lab.topology.headend, lab.directory, path)
    lab.headend.wait_ready(60)


def carry_all(lab, driver, steering):
    """All channels must come out bit-exact. Returns {channel: datagrams} and how many frames lanes handed over."""
    wait_until(lambda: all(port['link'] == 'up' for port in lab.headend.show('ports')), 15, 'the links do not come up')
    port = lab.headend.show('ports')[0]
    assert (port['driver'], port['receive_queues'], port['steering']) == (driver, 2, steering), port
    assert {name: row['lane'] for name, row in lab.headend.channels().items()} == LANES
    # Only what rules can be about is to be counted: no ARP, and no report that the receiver's kernel sends (twice).
    lab.topology.source.run('ip', 'neighbour', 'replace', HEADEND_IN, 'lladdr', port['mac'], 'nud', 'permanent',
                            'dev', 'src0')
    feeds = [(lab.directory / f'{channel.name}.ts', channel) for channel in CHANNELS]
    receivers = []
    for feed, channel in feeds:
        write_noise(feed, 2, 1_000_000, seed=channel.number)
        receivers.append(lab.start_receiver(channel, feed.with_suffix('.played'), '--buffer-ms', '2000'))
    time.sleep(4)

    def handed_over():
        return sum(lane['handed_over'] for lane in lab.headend.show('lanes'))

    before = handed_over()
    feeder = lab.start_feed(*feeds)
    wait_until(feeder.done, 60, 'the feed does not end', 0.2)
    count = handed_over() - before
    try:
        wait_until(lambda: all(sha256(feed) == sha256(feed.with_suffix('.played')) for feed, _ in feeds), 15,
                   'not all channels come out as they were fed', 0.5)
    except LabError as error:
        raise LabError(f'{error}: {lab.headend.show("channels")}, {lab.headend.show("lanes")}') from error
    datagrams = {name: row['packets_in'] for name, row in lab.headend.channels().items()}
    for receiver in receivers:
        receiver.stop()
    lab.headend.stop()
    return datagrams, count


# --- the tests ------------------------------------------------------------------------------------------------------

class Taps:
    """The ports' own kernel interfaces are source and receiver, so all are in the headend's namespace."""

    def __init__(self, headend):
        self.headend = self.source = headend
        self.receivers = [headend]

    def plug_in(self):
        # A tap has its port's MAC address at first, and no headend answers what bears its own.
        for name, mac, address in (('src0', '02:00:00:00:00:01', SOURCE_ADDRESS),
                                   ('eth0', '02:00:00:00:00:02', RECEIVER_ADDRESS)):
            self.headend.run('ip', 'link', 'set', name, 'address', mac)
            self.headend.address(name, f'{address}/24', multicast_route=name == 'src0')


def taps_bring_each_channel_to_its_lane(lab):
    """net_tap's rules are carried out by the kernel's cls_flower."""
    lab.topology = Taps(lab.topology.headend)
    start_headend(lab, ('net_tap0,iface=src0', 'net_tap1,iface=eth0'))
    lab.topology.plug_in()
    datagrams, count = carry_all(lab, 'net_tap', 'card')
    assert count == 0, f'{count} of {datagrams} came to another lane'
    return [f'net_tap: {datagrams}, none handed over']


def cards_without_rules_leave_it_to_software(lab):
    """All comes to the first queue."""
    lab.topology.plug_in(SOURCE_CARD, RECEIVER_CARD)
    start_headend(lab, [guest.pci_address(card) for card in (0, 1)])
    datagrams, count = carry_all(lab, 'net_vmxnet3', 'software')
    assert count >= sum(datagrams[name] for name, lane in LANES.items() if lane == 1), f'{count} of {datagrams}'
    return [f'net_vmxnet3: {datagrams}, {count} handed over']


def what_the_kernel_spreads_over_queues_finds_its_lane(lab):
    """The kernel brings flows to either queue of net_af_packet, and requests too."""
    topology = lab.topology
    for namespace, name, port, address in ((topology.source, 'src0', 'in0', SOURCE_ADDRESS),
                                           (topology.receivers[0], 'eth0', 'out0', RECEIVER_ADDRESS)):
        namespace.network.veth(namespace, name, topology.headend, port)
        namespace.feeds_dpdk(name)
        namespace.address(name, f'{address}/24')
    topology.receivers[0].lose('eth0', 10, [channel.group for channel in CHANNELS], SMART_PORT)
    start_headend(lab, ('net_af_packet0,iface=in0,qpairs=2', 'net_af_packet1,iface=out0,qpairs=2'))
    datagrams, count = carry_all(lab, 'net_af_packet', 'software')
    lost = {group: row['lost_original'] for group, row in topology.receivers[0].losses().items()}
    assert all(lost.values()), f'nothing was lost on the way: {lost}'
    return [f'net_af_packet: {datagrams}, {count} handed over, {sum(lost.values())} packets lost and repaired']


def in_guest():
    Path('/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages').write_text(str(HUGEPAGES))
    for module in ('tun', 'e1000e', 'vfio-pci'):
        call(['modprobe', module])
    for card in (0, 1):
        guest.bind_to_vfio(card)
    system.run(taps_bring_each_channel_to_its_lane, cards_without_rules_leave_it_to_software,
               what_the_kernel_spreads_over_queues_finds_its_lane, topology=guest.OneWire)


if __name__ == '__main__':
    guest.run_test(__file__, in_guest, MODELS, TIMEOUT_S, processors=len(PROCESSORS))
