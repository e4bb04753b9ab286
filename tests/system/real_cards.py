#!/usr/bin/python3
"""The headend on PCI cards through vfio-pci with DPDK's own drivers, in a guest with emulated cards (scripts/nic-vm)."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'scripts'))
# pylint: disable=wrong-import-position
from lab import datagrams, guest, programs, system
from lab.media import sha256, write_noise
from lab.network import LabError, call, wait_until
from lab.programs import LINECAST, Headend, Receiver
from lab.topology import HEADEND_IN, HEADEND_OUT, SMART_PORT, SOURCE_ADDRESS, Channel, lineup

# All are on one hub, so the headend's input sees its own output, and only filters keep it away.
MODELS = ['e1000e', 'e1000e', 'vmxnet3', 'vmxnet3', 'e1000e', 'e1000e']
SOURCE_CARD, RECEIVER_CARD = 4, 5  # with the kernel's driver
HUGEPAGES = 256
TIMEOUT_S = 420

# The 82574L filters groups by 12 bits of the MAC address: its last byte and the upper half of the one before.
NEWS = Channel('news', 1, 'udp://239.71.1.21:5000', '239.72.1.31', 4_000_000, 'aes-128-gcm')
FILM = Channel('film', 2, 'rtp://239.71.1.22:5004', '239.72.1.32', 4_000_000, 'aes-256-gcm', format='rtp')
NOT_JOINED = '239.71.1.23'
SAME_BITS = '239.71.2.21'  # as NEWS
STRAYS = 40
# FILM goes out on a VLAN.
VLAN, VLAN_HEADEND, VLAN_RECEIVER = 20, '10.73.0.1', '10.73.0.11'


def write_lineup(lab, channels, cards, name='lab'):
    """A headend of this name on these cards, in and out."""
    programs.new_keys(lab.directory, {channel.name: channel.cipher for channel in channels})
    (lab.directory / f'{name}.state').mkdir(exist_ok=True)
    text = lineup(channels, sorted(os.sched_getaffinity(0))[:2],
                  devices=[guest.pci_address(card) for card in cards])
    for old, new in (('name: lab', f'name: {name}'), ('state: state', f'state: {name}.state'),
                     ('control: control.sock', f'control: {name}.sock'),
                     ('idle_sleep_us: 50', 'idle_sleep_us: 1000'),  # two emulated cores do all
                     (f'{HEADEND_OUT}/24\n', f'{HEADEND_OUT}/24\n    vlans: [{{id: {VLAN}, name: tagged, '
                                             f'address: {VLAN_HEADEND}/24}}]\n')):
        assert old in text, old
        text = text.replace(old, new)
    text = text.replace(f'interface: out\n      group: {FILM.group}', f'interface: tagged\n      group: {FILM.group}')
    path = lab.directory / f'{name}.yaml'
    path.write_text(text)
    return path


def linecast(*arguments):
    return subprocess.run([LINECAST, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


def show(what, path):
    return json.loads(call([str(LINECAST), 'show', what, '--json', '--lineup', str(path)]))[what]


def start_headend(lab, path):
    headend = Headend(lab.topology.headend, lab.directory, path)
    headend.wait_ready(60)
    return headend


# --- the tests ------------------------------------------------------------------------------------------------------

def a_card_of_the_kernel_is_refused_with_the_command_that_binds_it(lab):
    path = write_lineup(lab, [NEWS], (0, 1))
    interface = guest.interface_of(0)
    done = linecast('headend', '--lineup', path)
    assert done.returncode == 2, f'status {done.returncode}: {done.stderr}'
    command = re.search(r'lab\.yaml:\d+:\d+: error: card 0000:00:10\.0 is with the kernel\'s driver e1000e '
                        rf'\(interface {interface}\): bind it to vfio-pci: (.*)\n', done.stderr)
    assert command, done.stderr
    assert guest.interface_of(0) == interface, 'nothing was touched'
    call(['sh', '-c', command[1]])
    done = linecast('check', path)
    assert done.returncode == 0, done.stderr


def intel_82574l_cards_carry_channels_bit_exact(lab):
    return main_job(lab, (0, 1), 'net_e1000_em', 'exact')


def vmxnet3_cards_carry_channels_bit_exact(lab):
    return main_job(lab, (2, 3), 'net_vmxnet3', 'all multicast')


def main_job(lab, cards, driver, group_filter):
    lab.topology.plug_in(SOURCE_CARD, RECEIVER_CARD)
    path = write_lineup(lab, [NEWS, FILM], cards)
    headend = start_headend(lab, path)
    wait_until(lambda: all(port['link'] == 'up' for port in show('ports', path)), 15, 'the links do not come up')
    ports = show('ports', path)
    assert [port['driver'] for port in ports] == [driver, driver], ports
    assert [port['group_filter'] for port in ports] == [group_filter, group_filter], ports

    assert [(port['vlan_insert'], port['multi_segment']) for port in ports] == [('card', 'card')] * 2, ports

    receiver = lab.topology.receivers[0]
    receiver.lose('eth0', 5, [NEWS.group], SMART_PORT)
    receiver.run('ip', 'link', 'add', 'link', 'eth0', 'name', 'tagged', 'type', 'vlan', 'id', VLAN)
    receiver.run('ip', 'link', 'set', 'tagged', 'up')
    receiver.address('tagged', f'{VLAN_RECEIVER}/24', multicast_route=False)
    feeds, receivers, notes = [], [], []
    for channel, interface, source in ((NEWS, 'eth0', HEADEND_OUT), (FILM, 'tagged', VLAN_HEADEND)):
        feed = lab.directory / f'{channel.name}.ts'
        write_noise(feed, 4, 1_000_000, seed=channel.number)
        feeds.append((feed, channel))
        receivers.append(Receiver(
            receiver, f'receive-{channel.name}', lab.directory, '--channel', channel.name, '--group',
            f'{channel.group}:{SMART_PORT}', '--source', source, '--interface', interface, '--key',
            lab.directory / f'{channel.name}.key', '--trust', lab.directory / 'signing.key.pub', '--out',
            feed.with_suffix('.played'), '--buffer-ms', '2000'))
    time.sleep(1)
    feeder = lab.start_feed(*feeds)
    wait_until(feeder.done, 60, 'the feed does not end', 0.2)
    time.sleep(2.5)
    # The reports of the VLAN's receiver come in with a tag, which the card takes off.
    assert show('channels', path)[1]['joins'] > 0, show('lanes', path)
    for one in receivers:
        one.stop()
    for feed, channel in feeds:
        fed, played = sha256(feed), sha256(feed.with_suffix('.played'))
        notes.append(f'{driver}: {channel.name} fed {fed}, played {played}')
        assert fed == played, notes[-1]
    lost = receiver.losses()[NEWS.group]['lost_original']
    assert lost > 0, 'nothing was lost on the way'
    notes.append(f'{driver}: {lost} packets of {NEWS.name} lost and repaired, {FILM.name} on VLAN {VLAN}')
    notes += strays_are_kept_out(lab, path, group_filter)
    headend.stop()
    return notes


def strays_are_kept_out(lab, path, group_filter):
    """What was not joined: an exact filter does not let it past the card, and software takes none of it for a channel."""
    file = lab.directory / 'strays'
    datagrams.write(file, [b'\x47' + bytes(187)] * STRAYS)

    def counts():
        """Frames that the card let past, datagrams that software knew no channel for, and those that it took."""
        return (show('ports', path)[0]['received'],
                sum(lane.get('dropped', {}).get('no_flow', 0) for lane in show('lanes', path)),
                sum(channel['packets_in'] for channel in show('channels', path)))

    notes, before = [], counts()
    for group, kept_out in ((NOT_JOINED, group_filter == 'exact'), (SAME_BITS, False)):
        lab.topology.source.run('/usr/bin/python3', datagrams.__file__, 'send', file, group, 5000, SOURCE_ADDRESS, 200)
        time.sleep(0.5)
        after = counts()
        received, dropped, taken = (new - old for new, old in zip(after, before))
        before = after
        notes.append(f'{group_filter} filter: of {STRAYS} datagrams to {group}, card and software dropped all; '
                     f'{received} frames came past the card')
        assert taken == 0, f'{taken} of them were taken for a channel'
        if kept_out:
            assert received < STRAYS / 4 and dropped == 0, notes[-1]  # ARP comes past the card
        else:
            assert received >= STRAYS and dropped >= STRAYS, notes[-1]
    return notes


def a_card_in_use_is_refused_with_the_command_that_frees_it(lab):
    first_path, second_path = (write_lineup(lab, [NEWS], (0, 1), name) for name in ('first', 'second'))
    first = start_headend(lab, first_path)
    done = linecast('headend', '--lineup', second_path)
    assert done.returncode == 1 and 'DPDK' not in done.stderr, f'status {done.returncode}: {done.stderr}'
    command = re.search(rf'port in: card {guest.pci_address(0)} is in use by process (\d+) \(.*{first_path}\)\. '
                        r'Stop it: (kill \1)\n', done.stderr)
    assert command, done.stderr
    first.check_running()
    assert show('ports', first_path)[0]['driver'] == 'net_e1000_em'
    call(['sh', '-c', command[2]])
    assert first.process.wait(20) == 0
    start_headend(lab, second_path).stop()


def intel_82574l_cards_come_back(lab):
    card_comes_back(lab, (0, 1))


def vmxnet3_cards_come_back(lab):
    card_comes_back(lab, (2, 3))


def card_comes_back(lab, cards):
    """The input's cable is pulled and put in again, and its card reset: it is announced, joins again and receives."""
    lab.topology.plug_in(SOURCE_CARD, RECEIVER_CARD)
    path = write_lineup(lab, [NEWS], cards)
    headend = start_headend(lab, path)
    capture = lab.directory / 'capture'
    with open(capture, 'wb') as output, open(lab.directory / 'tcpdump.log', 'wb') as log:
        lab.topology.source.start('tcpdump', '-n', '-v', '-l', '-i', 'src0', 'arp or igmp', stdout=output, stderr=log)
    wait_until(lambda: 'listening' in (lab.directory / 'tcpdump.log').read_text(), 20, 'tcpdump does not begin')
    file = lab.directory / 'datagrams'
    datagrams.write(file, [b'\x47' + bytes(187)] * STRAYS)
    group, port = NEWS.source.removeprefix('udp://').split(':')

    def receives():
        before = show('channels', path)[0]['packets_in']
        lab.topology.source.run('/usr/bin/python3', datagrams.__file__, 'send', file, group, port, SOURCE_ADDRESS, 200)
        wait_until(lambda: show('channels', path)[0]['packets_in'] == before + STRAYS, 10, 'datagrams are missing')

    def wait_announced(since, what):
        def seen():
            said = capture.read_text(errors='replace')[since:]
            return (re.search(rf'who-has {HEADEND_IN} .*tell {HEADEND_IN}|Announcement {HEADEND_IN}', said)
                    and re.search(rf'igmp v3 report.*gaddr {group} (to|is)_ex', said))
        try:
            wait_until(seen, 10, f'neither announced nor joined after {what}')
        except LabError as error:
            raise LabError(f'{error}: {show("ports", path)[0]}; seen: {capture.read_text(errors="replace")}') from error

    def wait_link(state, link_changes):
        """Not only there to see, but noticed by the headend, which looks once a second."""
        def noticed():
            port = show('ports', path)[0]
            return port['link'] == state and port['link_changes'] == link_changes
        wait_until(noticed, 15, f'the link is not {state}')

    wait_until(lambda: show('ports', path)[0]['link'] == 'up', 15, 'the link does not come up')
    receives()
    changes = show('ports', path)[0]['link_changes']
    guest.set_link(cards[0], False)
    wait_link('down', changes + 1)
    seen = capture.stat().st_size
    guest.set_link(cards[0], True)
    wait_link('up', changes + 2)
    wait_announced(seen, 'the link came up')
    receives()
    seen = capture.stat().st_size
    call([str(LINECAST), 'reset', 'in', '--lineup', str(path)])
    wait_until(lambda: show('ports', path)[0]['resets'] == 1, 15, 'the card is not reset')
    wait_until(lambda: show('ports', path)[0]['link'] == 'up', 15, 'the link does not come up after the reset')
    wait_announced(seen, 'the reset')
    receives()
    headend.stop()


def in_guest():
    Path('/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages').write_text(str(HUGEPAGES))
    for module in ('e1000e', 'vfio-pci'):
        call(['modprobe', module])
    for card in (1, 2, 3):
        guest.bind_to_vfio(card)
    system.run(a_card_of_the_kernel_is_refused_with_the_command_that_binds_it,
               a_card_in_use_is_refused_with_the_command_that_frees_it, intel_82574l_cards_carry_channels_bit_exact,
               vmxnet3_cards_carry_channels_bit_exact, intel_82574l_cards_come_back, vmxnet3_cards_come_back,
               topology=guest.OneWire)


if __name__ == '__main__':
    guest.run_test(__file__, in_guest, MODELS, TIMEOUT_S)
