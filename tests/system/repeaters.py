#!/usr/bin/python3
"""Repeaters: what goes through them arrives bit for bit, losses on the way to one are asked for once, whatever many are below, and
losses below never reach the headend."""

import dataclasses
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts'))
# pylint: disable=wrong-import-position
from lab import system
from lab.capture import Capture
from lab.media import sha256
from lab.network import call, wait_until
from lab.programs import LINECAST, Program
from lab.repeaters import RepeaterChain, group_of, hop_address, repeater_address, start_receiver, start_repeater
from lab.topology import SMART_PORT
from chain import FILM, NEWS, Feed, lose_below, plays_on, stop_all, wait_for_hop
from players import IS_TUNNEL_DATA, cut, restore, times

# What is sent in so long as it takes to notice a cut is kept, and may be sent again at once.
LONG_NEWS, LONG_FILM = (dataclasses.replace(channel, window_ms=8000, repair_budget_percent=400) for channel in (NEWS, FILM))
TUNNELLED_WITHIN_S = 8  # wanted are 4; the rest is for a busy machine
IS_REQUEST = f'udp dport {SMART_PORT} @th,72,8 0x81'  # REPLACEMENT


def bit_exact_through_two_repeaters_with_loss_on_every_link(lab):
    channels = (NEWS, FILM)
    lab.start_headend(channels)
    repeaters = [start_repeater(lab, hop, channels) for hop in (1, 2)]
    for hop in (0, 1):
        lose_below(lab, hop, 5, channels)
    for repeater in repeaters:
        wait_for_hop(repeater, *channels)
    received = {}
    for hop in (0, 1, 2):
        for number, namespace in enumerate(lab.topology.behind[hop], 1):
            namespace.lose('eth0', 5, [group_of(channel, hop) for channel in channels], SMART_PORT)
            for channel in channels:
                file = lab.directory / f'{channel.name}.{hop}.{number}'
                received[file] = (channel, start_receiver(lab, channel, hop, number, file, '--buffer-ms', '2000'))
    time.sleep(2.5)
    feed = Feed(lab, 12, *channels)
    feed.wait(20)
    time.sleep(4)
    stop_all(program for _, program in received.values())
    for file, (channel, _) in received.items():
        assert sha256(file) == sha256(feed.files[channel]), f'{file.name} is not what was fed'
    notes = []
    for hop, repeater in enumerate(repeaters, 1):
        for name, row in repeater.channels().items():
            assert row['hops'] == hop, row
            counters = row['upstream']['counters']
            assert counters['repaired'] > 20 and counters.get('unrecovered', 0) == 0, counters
            assert row['requests'] > 0 and row['repairs_sent'] > 20, row
            notes.append(f'repeater {hop}, {name}: {counters["repaired"]} repaired from above, {row["repairs_sent"]} repairs sent below')
    assert not any(name in repeater.drops() for repeater in repeaters for name in ('request_mac', 'no_way_up'))
    stop_all(reversed(repeaters))
    return notes


def what_many_below_miss_is_asked_for_once(lab):
    lab.start_headend([NEWS])
    repeater = start_repeater(lab, 1, [NEWS])
    wait_for_hop(repeater, NEWS)
    lose_below(lab, 0, 10, [NEWS])
    cable = lab.topology.cables[0]
    cable.count('requests', 'below', f'ip daddr {hop_address(0)} {IS_REQUEST}')
    files = {lab.directory / f'{n}.{k}': n for n in (1, 2, 3) for k in range(4)}
    programs = [start_receiver(lab, NEWS, 1, number, file, '--buffer-ms', '1500') for file, number in files.items()]
    time.sleep(2.5)
    feed = Feed(lab, 8, NEWS)
    feed.wait(15)
    time.sleep(3)
    stop_all(programs)
    for file in files:
        assert sha256(file) == sha256(feed.files[NEWS]), f'{file.name} is not what was fed'
    above, row = lab.headend.channels()['news'], repeater.channels()['news']
    lost = cable.losses()[NEWS.group]
    asked = row['upstream']['counters']['sequences_requested']
    assert asked <= 2 * (lost['lost_original'] + lost['lost_repair']) + 10, (asked, lost)
    assert above['requested_sequences'] <= asked, (above, asked)
    # Of all that are behind it; a JOIN of the repeater for a single one is not known for a total, and counts as another.
    assert above['askers'] <= 2, above
    assert row['upstream']['counters']['missing_below'] > 0, row
    return [f'{lost["lost_original"]} lost before the repeater, {len(files)} receivers behind it: it asked for {asked} sequences in '
            f'{cable.counted("requests")} requests']


def what_is_lost_below_never_reaches_the_headend(lab):
    lab.start_headend([NEWS])
    repeater = start_repeater(lab, 1, [NEWS])
    wait_for_hop(repeater, NEWS)
    files = {}
    for number, namespace in enumerate(lab.topology.behind[1], 1):
        namespace.lose('eth0', 10, [group_of(NEWS, 1)], SMART_PORT)
        file = lab.directory / f'{number}.played'
        files[file] = start_receiver(lab, NEWS, 1, number, file, '--buffer-ms', '1500')
    time.sleep(2.5)
    feed = Feed(lab, 6, NEWS)
    feed.wait(15)
    time.sleep(3)
    stop_all(files.values())
    for file in files:
        assert sha256(file) == sha256(feed.files[NEWS]), f'{file.name} is not what was fed'
    assert lab.headend.channels()['news']['requests'] == 0
    assert repeater.channels()['news']['repairs_sent'] > 0


def a_new_key_epoch_goes_through(lab):
    lab.start_headend([NEWS])
    repeater = start_repeater(lab, 1, [NEWS])
    wait_for_hop(repeater, NEWS)
    file = lab.directory / 'played'
    receiver = start_receiver(lab, NEWS, 1, 1, file, '--buffer-ms', '1500')
    time.sleep(2)
    feed = Feed(lab, 16, NEWS)
    time.sleep(1)
    call([str(LINECAST), 'rekey', 'news', '--lineup', str(lab.headend.lineup)])
    wait_until(lambda: lab.headend.channels()['news']['epoch'] == 2, 14, 'the headend does not change its key', 0.2)
    feed.wait(20)
    time.sleep(2.5)
    assert repeater.channels()['news']['epoch'] == 2
    assert 'bad_tag' not in repeater.channels()['news']['upstream']['counters']
    receiver.stop()
    assert sha256(file) == sha256(feed.files[NEWS])


def restarts_of_headend_and_repeater_are_followed(lab):
    channels = (NEWS, FILM)
    lab.start_headend(channels)
    repeater = start_repeater(lab, 1, channels)
    wait_for_hop(repeater, *channels)
    files = {channel: lab.directory / f'{channel.name}.played' for channel in channels}
    receivers = [start_receiver(lab, channel, 1, 1, file) for channel, file in files.items()]
    time.sleep(1.5)
    Feed(lab, 60, *channels)
    for channel, file in files.items():
        plays_on(file, 5, f'{channel.name} does not begin')
    lab.headend.stop()
    lab.start_headend(channels)
    for channel, file in files.items():
        plays_on(file, 8, f'{channel.name} does not go on after the headend has started anew')
    repeater.stop()
    assert lab.headend.channels()['news']['leaves'] == 1
    repeater = start_repeater(lab, 1, channels)
    for channel, file in files.items():
        plays_on(file, 8, f'{channel.name} does not go on after the repeater has started anew')
    repeater.process.kill()
    repeater.process.wait()
    repeater = start_repeater(lab, 1, channels)
    for channel, file in files.items():
        plays_on(file, 8, f'{channel.name} does not go on after the repeater was killed')
    stop_all(receivers)
    repeater.stop()


def a_repeater_without_the_group_key_passes_on_what_it_cannot_read(lab):
    lab.start_headend([NEWS])
    repeater = start_repeater(lab, 1, [NEWS], without_key=True)
    wait_for_hop(repeater, NEWS)
    lose_below(lab, 0, 5, [NEWS])
    lab.topology.behind[1][0].lose('eth0', 5, [group_of(NEWS, 1)], SMART_PORT)
    file = lab.directory / 'played'
    receiver = start_receiver(lab, NEWS, 1, 1, file, '--buffer-ms', '1500')
    time.sleep(2)
    feed = Feed(lab, 14, NEWS)
    time.sleep(1)
    call([str(LINECAST), 'rekey', 'news', '--lineup', str(lab.headend.lineup)])
    feed.wait(20)
    time.sleep(2.5)
    assert lab.headend.channels()['news']['epoch'] == 2
    row = repeater.channels()['news']
    assert row['upstream']['counters']['repaired'] > 20 and row['repairs_sent'] > 20, row
    receiver.stop()
    assert sha256(file) == sha256(feed.files[NEWS])


def a_stream_comes_by_tunnel_where_no_multicast_does(lab):
    lab.start_headend([NEWS])
    place, address = lab.topology.behind[0][0], '10.72.0.11'
    far_end = Program(place, 'far_end', lab.directory, '/usr/bin/python3', Path(__file__).with_name('far_end.py'), '--address', address,
                      '--group', NEWS.group, '--channel', NEWS.name, '--key', lab.directory / 'news.key')
    wait_until(lambda: far_end.check_running() and 'ready' in far_end.log.read_text(), 10, 'the far end does not begin')
    cable = lab.topology.cables[0]
    cable.count('native', 'above', f'ip daddr {NEWS.group}')
    cable.lose('above', 5, ['10.72.0.50'], 49152)  # TUNNEL_DATA counts among what is neither original nor repair
    repeater = start_repeater(lab, 1, [NEWS], tunnel_from=address)
    wait_for_hop(repeater, NEWS)
    file = lab.directory / 'played'
    receiver = start_receiver(lab, NEWS, 1, 1, file, '--buffer-ms', '1500')
    time.sleep(2)
    feed = Feed(lab, 20, NEWS)
    feed.wait(30)
    time.sleep(2.5)
    receiver.stop()
    assert sha256(file) == sha256(feed.files[NEWS])
    counters = repeater.channels()['news']['upstream']['counters']
    assert counters['tunnel_grants'] >= 2 and counters['repaired'] > 20, counters
    assert cable.counted('native') == 0, 'the group was joined'
    repeater.stop()
    far_end.stop()
    counts = json.loads(far_end.output.read_text())
    assert counts['leaves'] >= 1 and counts['bad_trailer'] == 0 and counts['repairs'] > 20, counts


def upstream_of(repeater, channel):
    return repeater.channels()[channel.name]['upstream']


def a_tunnel_takes_the_place_of_a_cut_stream_and_nothing_is_lost_on_the_way_back(lab):
    channels = (LONG_NEWS, LONG_FILM)
    headend = lab.start_headend(channels, sections='\ntunnels: {}\n')
    repeater = start_repeater(lab, 1, channels, tunnel='auto')
    wait_for_hop(repeater, *channels)
    cable = lab.topology.cables[0]
    pcap = lab.directory / 'cut.pcap'
    capture = Capture(cable, 'above', pcap, f'udp port {SMART_PORT}', snap_bytes=128)
    received = {}
    for channel in channels:
        for number in (1, 2):
            file = lab.directory / f'{channel.name}.{number}'
            received[file] = (channel, start_receiver(lab, channel, 1, number, file, '--buffer-ms', '10000'))
    time.sleep(2)
    feed = Feed(lab, 36, *channels)
    time.sleep(3)
    assert all(upstream_of(repeater, channel)['by'] == 'multicast' for channel in channels)
    cut_at = cut(cable, 'above')
    for channel in channels:
        wait_until(lambda channel=channel: upstream_of(repeater, channel)['by'] == 'tunnel', 15, f'{channel.name} is not tunnelled', 0.1)
    time.sleep(3)
    before = {channel: upstream_of(repeater, channel)['counters'] for channel in channels}
    restored_at = time.time()
    restore(cable)
    for channel in channels:
        wait_until(lambda channel=channel: upstream_of(repeater, channel)['by'] == 'multicast', 20, f'{channel.name} does not come back',
                   0.1)
    down_at = time.time()
    wait_until(lambda: headend.tunnels()['in_all'] == 0, 5, 'a tunnel is not left')
    feed.wait(40)
    time.sleep(11)
    after = {channel: upstream_of(repeater, channel)['counters'] for channel in channels}
    stop_all(program for _, program in received.values())
    capture.stop()
    for file, (channel, program) in received.items():
        assert sha256(file) == sha256(feed.files[channel]), f'{file.name} is not what was fed: {program.channels()}'
    for channel in channels:
        row, counters = repeater.channels()[channel.name], after[channel]
        assert counters['climbed'] == counters['came_down'] == 1 and counters.get('unrecovered', 0) == 0, counters
        assert counters.get('sequences_requested', 0) == before[channel].get('sequences_requested', 0), 'lost on the way back'
        assert counters['duplicates'] > 500, f'both ways at once: {counters}'
        assert counters['passed_on'] == row['packets_sent'] == headend.channels()[channel.name]['packets_sent'], (row, counters)
        faults = {report['fault'] for report in headend.channels()[channel.name]['receivers']}
        assert faults == {'climbed', 'came_down'}, faults
    tunnelled = times(pcap, f'src {hop_address(0)} and {IS_TUNNEL_DATA}')
    assert tunnelled and tunnelled[0] - cut_at < TUNNELLED_WITHIN_S, f'{tunnelled[:1]}, cut at {cut_at}'
    return [f'cut to first tunnelled packet: {tunnelled[0] - cut_at:.2f} s',
            f'restored to native again: {down_at - restored_at:.1f} s, 0 packets lost, {after[LONG_NEWS]["duplicates"]} came twice and went '
            'on once']


def a_headend_that_moves_is_followed(lab):
    second = '239.72.1.11'
    headend = lab.start_headend([NEWS])
    repeater = start_repeater(lab, 1, [NEWS])
    wait_for_hop(repeater, NEWS)
    cable = lab.topology.cables[0]
    cable.count('old', 'above', f'ip daddr {NEWS.group}')
    file = lab.directory / 'played'
    receiver = start_receiver(lab, NEWS, 1, 1, file, '--buffer-ms', '1500')
    time.sleep(2)
    feed = Feed(lab, 26, NEWS)
    time.sleep(2)
    call([str(LINECAST), 'move', 'news', '--to', second, '--overlap', '6', '--lineup', str(headend.lineup)])

    def source():
        return repeater.channels()['news']['source']

    wait_until(lambda: source() == f'{second}:{SMART_PORT}', 10, 'the new group is not used')
    # The lineup says the old group still: that is no reason to go back.
    call([str(LINECAST), 'reload', '--lineup', str(repeater.lineup)])
    wait_until(lambda: 'moving' not in headend.channels()['news'], 12, 'the move does not end')
    time.sleep(4)
    counted = cable.counted('old')
    # Nor is it one to begin anew that it says the new one.
    text = repeater.lineup.read_text()
    repeater.lineup.write_text(text.replace(f'group: {NEWS.group}', f'group: {second}'))
    told = call([str(LINECAST), 'reload', '--lineup', str(repeater.lineup)])
    assert 'restarted' not in told, told
    feed.wait(30)
    time.sleep(2.5)
    receiver.stop()
    assert sha256(file) == sha256(feed.files[NEWS])
    assert counted > 500 and cable.counted('old') == counted, 'the old group is left'
    row = repeater.channels()['news']
    counters = row['upstream']['counters']
    assert row['source'] == f'{second}:{SMART_PORT}', row
    assert counters['moves'] == counters['move_accepted'] == 1 and counters['duplicates'] > 500, counters
    assert counters.get('unrecovered', 0) == counters.get('lost', 0) == 0, counters
    assert counters['passed_on'] == headend.channels()['news']['packets_sent'], counters
    joined = [group['group'] for interface in repeater.show('igmp') for group in interface['groups']]
    assert second in joined and NEWS.group not in joined, joined


def counted(hop, channel):
    row = hop.usage()['channels'][channel.name]
    return row['present'], row['by_repeaters'], row['repeaters']


def wait_counted(hop, channel, *expected):
    wait_until(lambda: counted(hop, channel) == expected, 20, f'{hop.name} does not count {expected} on {channel.name}', 0.3)


# A JOIN that echoes what it hears, as a receiver's does.
CLAIM_A_MILLION = '''
import socket, struct, sys
group, port, own = sys.argv[1], int(sys.argv[2]), sys.argv[3]
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind((group, port))
udp.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + socket.inet_aton(own))
udp.settimeout(10)
while (heard := udp.recvfrom(2048))[0][1] != 0x61:
    pass
status, hop = heard
body = socket.inet_aton(group) + socket.inet_aton(own) + status[8:12] + struct.pack('!III', 0, 9, 1_000_000)
udp.sendto(struct.pack('!BBH', 0, 0x42, 4 + len(body)) + body, hop)
'''


def who_watches_behind_a_chain_is_counted_once_at_each_hop(lab):
    channels = (NEWS, FILM)
    headend = lab.start_headend(channels)
    first = start_repeater(lab, 1, channels, sections=f'usage: {{repeaters: [{repeater_address(2)}]}}\n')
    second = start_repeater(lab, 2, channels)
    for repeater in (first, second):
        wait_for_hop(repeater, *channels)
    Feed(lab, 60, *channels)
    receivers = [start_receiver(lab, NEWS, hop, number, lab.directory / f'{hop}.{number}')
                 for hop, number in ((0, 1), (1, 1), (1, 2), (2, 1), (2, 2), (2, 3))]
    receivers.append(start_receiver(lab, FILM, 2, 1, lab.directory / 'film'))
    wait_counted(second, NEWS, 3, 0, 0)
    wait_counted(first, NEWS, 5, 3, 1)
    # The headend does not know the first one for a repeater until its lineup says so.
    wait_counted(headend, NEWS, 2, 0, 0)
    wait_until(lambda: headend.usage()['counters']['not_a_repeater'] > 0, 10, 'the report for many is not counted by its name', 0.3)
    lab.write_lineup(channels, sections=f'\nusage: {{repeaters: [{repeater_address(1)}]}}\n')
    said = call([str(LINECAST), 'reload', '--lineup', str(headend.lineup)])
    assert f'adjusted   usage.repeaters none -> {repeater_address(1)}/32' in said and '2 unchanged' in said, said
    receivers.append(start_receiver(lab, NEWS, 1, 3, lab.directory / '1.3'))
    wait_counted(headend, NEWS, 7, 6, 1)
    wait_counted(first, FILM, 1, 1, 1)
    # Nobody else is believed to have a million behind it.
    before = headend.usage()['counters']['not_a_repeater'], headend.usage()['channels']['film']['present']
    lab.topology.receivers[1].run('/usr/bin/python3', '-c', CLAIM_A_MILLION, FILM.group, SMART_PORT, '10.72.0.12')

    def claimed():
        return headend.usage()['counters']['not_a_repeater'], headend.usage()['channels']['film']['present']
    wait_until(lambda: claimed() == (before[0] + 1, before[1] + 1), 10, 'a million is not counted as one')
    receivers.pop(3).stop()
    wait_counted(second, NEWS, 2, 0, 0)
    wait_counted(headend, NEWS, 6, 5, 1)
    stop_all(receivers)
    wait_counted(headend, NEWS, 0, 0, 1)
    shown = headend.usage()['channels']['news']
    assert shown['peak'] == 7 and shown['joins'] == 3 and shown['leaves'] == 2, shown
    stop_all([second, first])


INJECT = '''
import random, socket, struct, sys, time
source, group, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
raw.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 8)
def send(payload):
    udp = struct.pack('!HHHH', port, port, 8 + len(payload), 0) + payload
    ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 0, 0, 8, 17, 0, socket.inet_aton(source), socket.inet_aton(group))
    raw.sendto(ip + udp, (group, port))
status = struct.pack('!BBH4sIHHBBHQ', 0, 0x61, 28, socket.inet_aton(group), 0, 10, 1, 0, 0, 0, 1)
send(status)
time.sleep(0.2)
for number in range(200):
    payload = bytes(188)
    send(struct.pack('!BBHHBB', 0, 0, 8 + len(payload), 1000 + number, 0, 0) + payload)
    time.sleep(0.005)
'''


def a_loop_of_repeaters_multiplies_nothing_and_ends(lab):
    topology = lab.topology
    # What the second repeater sends comes to the first.
    topology.network.veth(topology.switches[2], 'round', topology.switches[0], 'round')
    for switch in (topology.switches[2], topology.switches[0]):
        switch.run('ip', 'link', 'set', 'round', 'master', 'br0')
        switch.run('bridge', 'link', 'set', 'dev', 'round', 'mcast_router', '2')
    lab.write_lineup([FILM])
    repeaters = [start_repeater(lab, 1, [FILM], above=2), start_repeater(lab, 2, [FILM])]
    time.sleep(1)

    def inject():
        topology.behind[2][0].run('/usr/bin/python3', '-c', INJECT, hop_address(2), group_of(FILM, 2), SMART_PORT)

    inject()

    def counters():
        return [repeater.channels()['film']['upstream']['counters'] for repeater in repeaters]

    time.sleep(1)  # the last has come round
    first, second = counters()
    # Each of the 200 once; but what comes when the loop has been noticed is dropped under that name.
    for passed, of, came in ((first['passed_on'], first, 200), (second['passed_on'], second, first['passed_on'])):
        assert passed <= came <= passed + of.get('too_many_hops', 0), (first, second)
    assert first['duplicates'] + first.get('too_many_hops', 0) >= second['passed_on'] > 100, (first, second)
    wait_until(lambda: any(repeater.channels()['film']['hops'] == 9 for repeater in repeaters), 30, 'the loop is not noticed', 0.5)
    sent = [repeater.show('lanes')[0]['transmitted'] for repeater in repeaters]
    time.sleep(3)
    now = [repeater.show('lanes')[0]['transmitted'] for repeater in repeaters]
    assert all(after - before < 20 for before, after in zip(sent, now)), f'something goes round: {sent}, {now}'
    stop_all(repeaters)


system.run(bit_exact_through_two_repeaters_with_loss_on_every_link, what_many_below_miss_is_asked_for_once,
           what_is_lost_below_never_reaches_the_headend, a_new_key_epoch_goes_through,
           restarts_of_headend_and_repeater_are_followed, a_repeater_without_the_group_key_passes_on_what_it_cannot_read,
           a_stream_comes_by_tunnel_where_no_multicast_does,
           a_tunnel_takes_the_place_of_a_cut_stream_and_nothing_is_lost_on_the_way_back,
           a_headend_that_moves_is_followed,
           who_watches_behind_a_chain_is_counted_once_at_each_hop,
           a_loop_of_repeaters_multiplies_nothing_and_ends, receivers=3, topology=RepeaterChain)
