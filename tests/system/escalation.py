#!/usr/bin/python3
"""SIMPLE in linecast-receive: native multicast that is cut, a tunnel from a far end of the tests' own (far_end.py) in its place, through
NAT too, and the way back. What is played is compared with what was fed."""

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts'))
# pylint: disable=wrong-import-position
from lab import system
from lab.capture import Capture
from lab.network import wait_until
from lab.programs import Program
from lab.topology import SMART_PORT
from players import CHANNEL, IS_TUNNEL_DATA, PER_SECOND, Player, behind_nat, cut, feed, restore, times, without_hole

FAR_END_SCRIPT = Path(__file__).with_name('far_end.py')
FAR_END, OTHER_FAR_END, NOBODY = '10.72.0.11', '10.72.0.31', '10.72.0.99'
TUNNELLED_WITHIN_S = 8  # wanted are 4; the rest is for a busy machine


class FarEnd(Program):
    def __init__(self, lab, name, address, *arguments):
        super().__init__(lab.topology.receivers[0], name, lab.directory, '/usr/bin/python3', FAR_END_SCRIPT, '--address', address,
                         '--group', CHANNEL.group, '--channel', CHANNEL.name, '--key', lab.directory / f'{CHANNEL.name}.key',
                         *arguments)
        wait_until(lambda: self.check_running() and 'ready' in self.log.read_text(), 10, 'the far end does not begin')

    def counts(self):
        self.stop()
        return json.loads(self.output.read_text())


def a_tunnel_takes_the_place_of_native_multicast_and_back(lab):
    lab.start_headend([CHANNEL])
    lab.topology.receivers[0].run('ip', 'address', 'add', f'{OTHER_FAR_END}/24', 'dev', 'eth0')
    far_end = FarEnd(lab, 'far_end', FAR_END)
    without_repairs = FarEnd(lab, 'without_repairs', OTHER_FAR_END, '--no-repairs')
    whole = Player(lab, 2, '--buffer-ms', '2000', '--repeater', FAR_END)
    holed = Player(lab, 3, '--buffer-ms', '2000', '--repeater', OTHER_FAR_END)
    players = [whole, holed]
    pcap = lab.directory / 'whole.pcap'
    capture = Capture(whole.namespace, 'eth0', pcap, f'udp port {SMART_PORT}', snap_bytes=128)
    time.sleep(1.5)
    sender, sent = feed(lab, 34)
    time.sleep(3)
    cut_at = [cut(player.namespace) for player in players][0]
    for player in players:
        player.wait_for_level(1, 15)
    time.sleep(4)
    restored_at = time.time()
    for player in players:
        restore(player.namespace)
    for player in players:
        player.wait_for_level(0, 20)
    down_at = time.time()
    assert sender.wait(40) == 0, 'the sender failed'
    time.sleep(3)
    for player in players:
        player.program.stop()
    capture.stop()

    assert whole.played() == sent, 'what the tunnel had to make up for is repaired by it; each packet is played once'
    first, lost = without_hole(sent, holed.played())
    counted = holed.statistics()
    assert lost > 0 and counted['unrecovered'] == lost, f'{lost} are missing: {counted}'
    for player in players:
        counted = player.statistics()
        assert counted['climbed'] == counted['came_down'] == 1 and counted['way'] == 'native multicast', counted
        assert counted['tunnel_data'] > 0 and counted['tunnel_leaves'] >= 1, counted
        assert counted['problem_reports'] >= 2 and counted['bad_tag'] == 0, counted
    counted = whole.statistics()
    assert counted['unrecovered'] == 0 and counted['repaired'] > 2 * PER_SECOND, counted

    tunnelled = times(pcap, f'src {FAR_END} and {IS_TUNNEL_DATA}')
    assert tunnelled and tunnelled[0] - cut_at < TUNNELLED_WITHIN_S, f'{tunnelled[:1]}, cut at {cut_at}'
    assert tunnelled[-1] < down_at + 1, 'the tunnel is left'
    counts = far_end.counts()
    assert counts['repairs'] >= counted['repaired'], counts
    for counts in counts, without_repairs.counts():
        assert counts['leaves'] >= 1 and counts.get('bad_trailer', 0) == 0, counts
        assert counts.get('expired', 0) == counts.get('malformed', 0) == 0, counts
    return [f'cut to first tunnelled packet: {tunnelled[0] - cut_at:.2f} s',
            f'restored to native again: {down_at - restored_at:.1f} s, 0 packets lost',
            f'played whole where the far end repairs; else without {lost} packets from packet {first} on, as it reports']


def through_nat_past_who_is_silent_and_who_refuses(lab):
    number = behind_nat(lab)
    lab.start_headend([CHANNEL])
    lab.topology.receivers[0].run('ip', 'address', 'add', f'{OTHER_FAR_END}/24', 'dev', 'eth0')
    # Cookies that are good for less than the 15 s after which a lease is renewed.
    far_end = FarEnd(lab, 'far_end', FAR_END, '--cookie-s', '3')
    refusing = FarEnd(lab, 'refusing', OTHER_FAR_END, '--refuse', '2')
    sender, sent = feed(lab, 35)
    player = Player(lab, number, '--buffer-ms', '1000', '--repeater', NOBODY, '--repeater', OTHER_FAR_END, '--origin', FAR_END)
    player.wait_for_level(3, 25)
    assert sender.wait(60) == 0, 'the sender failed'
    time.sleep(2)
    player.program.stop()
    played = player.played()
    assert len(played) > 18 * PER_SECOND and played == sent[-len(played):], f'{len(played)} of {len(sent)}'
    counted = player.statistics()
    assert counted['way'] == f'tunnel from {FAR_END}:{SMART_PORT}' and counted['climbed'] == 1, counted
    assert counted['tunnel_refused'] == 1 and counted['tunnel_expired'] == counted['unrecovered'] == 0, counted
    assert counted['tunnel_grants'] >= 2 and counted['tunnel_challenges'] >= 3, counted
    grants, refused = far_end.counts(), refusing.counts()
    assert refused['challenges'] >= 1 and not refused['grants'], refused
    assert grants.get('bad_trailer', 0) == grants.get('expired', 0) == 0 and grants['leaves'] >= 1, grants
    assert {grant['address'] for grant in grants['grants']} == {'10.72.0.12'}, 'the address of the NAT'
    log = player.program.log.read_text()
    assert f'now by tunnel from {FAR_END}:{SMART_PORT}, no longer by native multicast: nothing valid' in log, log
    return [f'{len(played)} packets in a row, {counted["tunnel_grants"]} grants']


system.run(a_tunnel_takes_the_place_of_native_multicast_and_back, through_nat_past_who_is_silent_and_who_refuses, receivers=3)
