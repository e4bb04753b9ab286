#!/usr/bin/python3
"""Repeaters that grant tunnels, to receivers and to each other: what comes through them is compared with what was fed, with loss on
every link; and a loop of them."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts'))
# pylint: disable=wrong-import-position
from lab import system
from lab.network import call, wait_until
from lab.programs import LINECAST
from lab.repeaters import RepeaterChain, group_of, hop_address, start_receiver, start_repeater
from lab.topology import SMART_PORT
from chain import FILM, NEWS, Feed, lose_below, plays_on, stop_all, wait_for_hop
from players import cut

BUFFERED = ('--buffer-ms', '2000')
GRANTED = '\ntunnels: {limit: 20, limit_per_address: 10, rate: 200M}\n'


def lose_tunnelled(namespace, interface, percent, source, to):
    """Of what a hop sends by tunnel (its port is the hop's), as it comes in."""
    namespace.run('nft', '-f', '-', stdin=f'''table netdev tunnelled {{ chain ingress {{
        type filter hook ingress device "{interface}" priority -1;
        ip saddr {source} ip daddr {to} udp sport {SMART_PORT} numgen random mod 100 < {percent} drop; }}; }}''')


def start_tunnelled(lab, channel, hop, number, out, *more):
    """A receiver behind a hop that multicast does not get to: it asks the hop for a tunnel."""
    return start_receiver(lab, channel, hop, number, out, '--repeater', hop_address(hop), *more)


def wait_for_tunnel(receiver, channel):
    wait_until(lambda: receiver.check_running() and receiver.channels().get(channel.name, {'level': 0})['level'] == 1, 15,
               f'{receiver.name} does not get its tunnel')


def are_as_fed(files, feed):
    for file, channel in files.items():
        played, fed = file.read_bytes(), feed.bytes(channel)
        assert played == fed, f'{file.name} is not what was fed: {len(played)} of {len(fed)} bytes, {fed.endswith(played)=}'


def bit_exact_through_a_repeater_and_its_tunnels_with_loss_on_both_links(lab):
    channels = (NEWS, FILM)
    lab.start_headend(channels)
    repeater = start_repeater(lab, 1, channels, sections=GRANTED)
    wait_for_hop(repeater, *channels)
    lose_below(lab, 0, 5, channels)
    places = lab.topology.behind[1]
    for number in (1, 2):
        cut(places[number - 1])
        lose_tunnelled(places[number - 1], 'eth0', 5, hop_address(1), f'10.73.0.{10 + number}')
    places[2].lose('eth0', 5, [group_of(channel, 1) for channel in channels], SMART_PORT)
    files, receivers = {}, []
    for channel in channels:
        for number in (1, 2, 3):
            file = lab.directory / f'{channel.name}.{number}'
            files[file] = channel
            if number == 3:
                receivers.append(start_receiver(lab, channel, 1, number, file, *BUFFERED))
            else:
                receivers.append(start_tunnelled(lab, channel, 1, number, file, *BUFFERED))
                wait_for_tunnel(receivers[-1], channel)
    time.sleep(2.5)
    feed = Feed(lab, 12, *channels)
    time.sleep(4)
    call([str(LINECAST), 'reload', '--lineup', str(repeater.lineup)])  # they stand
    feed.wait(20)
    time.sleep(4)
    tunnels = repeater.tunnels()
    assert tunnels['in_all'] == 4 and tunnels['counters']['tunnels_granted'] == 4 and not tunnels['dropped'], tunnels
    stop_all(receivers)
    are_as_fed(files, feed)
    notes = []
    for name, row in repeater.channels().items():
        counters, sent = row['upstream']['counters'], row['packets_sent']
        assert counters['repaired'] > 20 and counters.get('unrecovered', 0) == 0, counters
        # Each packet once into each, what came late too; and what was lost behind the repeater as often as it was asked for.
        assert row['tunnel_packets'] == 2 * sent and 20 < row['tunnel_repairs'] < sent / 2, row
        assert 'tunnel_behind' not in row['dropped'], row
        notes.append(f'{name}: {sent} packets, {counters["repaired"]} of them repaired from above; {row["tunnel_packets"]} by tunnel, '
                     f'{row["tunnel_repairs"]} repairs by tunnel')
    # The repeater, and no one of the three behind it; a JOIN for a single one is not known for a total, and counts as another.
    assert (askers := lab.headend.channels()['news']['askers']) <= 2, askers
    wait_until(lambda: repeater.tunnels()['in_all'] == 0, 5, 'the tunnels are not left')
    return notes


def a_chain_by_tunnel_from_the_headend_to_the_receiver(lab):
    """Started from its end: a tunnel is granted before there is anything to be sent into it. The middle one holds no group key."""
    lab.write_lineup([NEWS])
    second = start_repeater(lab, 2, [NEWS], tunnel_from=hop_address(1), sections=GRANTED)
    first = start_repeater(lab, 1, [NEWS], tunnel_from=hop_address(0), without_key=True, sections=GRANTED)
    wait_until(lambda: first.tunnels()['in_all'] == 1, 10, 'the second repeater does not get its tunnel')
    lab.start_headend([NEWS], sections=GRANTED)
    wait_until(lambda: second.channels()['news']['hops'] == 2, 15, 'nothing comes through')
    cables = lab.topology.cables
    for hop, cable in enumerate(cables):
        cable.count('native', 'above', f'ip daddr {group_of(NEWS, hop)}')
        lose_tunnelled(cable, 'above', 5, hop_address(hop), f'10.{72 + hop}.0.50')
    places = lab.topology.behind[2]
    cut(places[0])
    lose_tunnelled(places[0], 'eth0', 5, hop_address(2), '10.74.0.11')
    files = {lab.directory / 'tunnelled': NEWS, lab.directory / 'native': NEWS}
    tunnelled, native = files
    receivers = [start_tunnelled(lab, NEWS, 2, 1, tunnelled, *BUFFERED), start_receiver(lab, NEWS, 2, 2, native, *BUFFERED)]
    wait_for_tunnel(receivers[0], NEWS)
    for receiver in receivers:  # or the first packet, where it is lost, is nothing that they miss
        wait_until(lambda receiver=receiver: 'the stream begins' in receiver.log.read_text(), 15, f'{receiver.name} hears no heartbeat')
    feed = Feed(lab, 20, NEWS)
    feed.wait(30)
    time.sleep(4)
    leases = [hop.tunnels()['tunnels'] for hop in (lab.headend, first, second)]
    assert [[lease['address'] for lease in of_hop] for of_hop in leases] == [['10.72.0.50'], ['10.73.0.50'], ['10.74.0.11']], leases
    stop_all(receivers)
    are_as_fed(files, feed)
    notes = []
    for hop, repeater in enumerate((first, second), 1):
        row = repeater.channels()['news']
        counters = row['upstream']['counters']
        assert counters['tunnel_grants'] >= 2 and counters['repaired'] > 20 and counters.get('unrecovered', 0) == 0, counters
        assert row['tunnel_packets'] == row['packets_sent'] and row['tunnel_repairs'] > 20, row
        notes.append(f'repeater {hop}: {counters["repaired"]} repaired from above, {row["tunnel_repairs"]} repairs sent below')
    assert all(cable.counted('native') == 0 for cable in cables), 'the groups were joined'
    # A headend that starts anew is followed through both of them.
    live = lab.directory / 'live'
    receiver = start_receiver(lab, NEWS, 2, 2, live)
    time.sleep(1)
    Feed(lab, 60, NEWS)
    plays_on(live, 8, 'nothing is played')
    lab.headend.process.kill()
    lab.headend.process.wait()
    lab.start_headend([NEWS], sections=GRANTED)
    plays_on(live, 30, 'it does not go on after the headend has started anew')
    receiver.stop()
    stop_all([second, first])
    wait_until(lambda: lab.headend.tunnels()['in_all'] == 0, 5, 'the tunnel is not left when the repeater stops')
    return notes


# A stream in TUNNEL_DATA, as if the hop above had sent it: SENDER_STATUS, and 200 packets.
INJECT = '''
import socket, struct, sys, time
source, to, to_port, group, port = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
def checksum(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
def packet(to, to_port, payload):
    udp = struct.pack('!HHHH', port, to_port, 8 + len(payload), 0) + payload
    ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 0, 0, 8, 17, 0, socket.inet_aton(source), socket.inet_aton(to))
    return ip[:10] + struct.pack('!H', checksum(ip)) + ip[12:] + udp
def send(payload):
    inner = packet(group, port, payload)
    raw.sendto(packet(to, to_port, struct.pack('!BBH', 0, 0xc5, 4 + len(inner)) + inner), (to, to_port))
send(struct.pack('!BBH4sIHHBBHQ', 0, 0x61, 28, socket.inet_aton(group), 0, 10, 1, 0, 0, 0, 1))
time.sleep(0.2)
for number in range(200):
    payload = bytes(188)
    send(struct.pack('!BBHHBB', 0, 0, 8 + len(payload), 1000 + number, 0, 0) + payload)
    time.sleep(0.005)
'''
UPWARD_PORT = 49152  # of the first channel


def a_loop_by_tunnel_multiplies_nothing_and_ends(lab):
    topology = lab.topology
    topology.network.veth(topology.switches[2], 'round', topology.switches[0], 'round')
    for switch in (topology.switches[2], topology.switches[0]):
        switch.run('ip', 'link', 'set', 'round', 'master', 'br0')
    lab.write_lineup([FILM])
    repeaters = [start_repeater(lab, 1, [FILM], above=2, tunnel_from=hop_address(2), sections=GRANTED),
                 start_repeater(lab, 2, [FILM], tunnel_from=hop_address(1), sections=GRANTED)]
    for repeater in repeaters:
        wait_until(lambda repeater=repeater: repeater.tunnels()['in_all'] == 1, 15, 'neither knows that it is a loop yet')
    topology.behind[2][0].run('/usr/bin/python3', '-c', INJECT, hop_address(2), '10.74.0.50', UPWARD_PORT, group_of(FILM, 2), SMART_PORT)

    def counters():
        return [repeater.channels()['film']['upstream']['counters'] for repeater in repeaters]

    time.sleep(1)  # the last has come round
    first, second = counters()
    assert second['passed_on'] > 100, (first, second)
    # Each of the 200 once, but for what comes when the loop has been noticed.
    for passed, of, came in ((first['passed_on'], first, 200), (second['passed_on'], second, first['passed_on'])):
        assert passed <= came <= passed + of.get('too_many_hops', 0), (first, second)
    wait_until(lambda: any(repeater.tunnels()['dropped'].get('tunnel_too_many_hops') for repeater in repeaters), 40,
               'the loop is not noticed', 0.5)
    assert any(repeater.tunnels()['in_all'] == 0 for repeater in repeaters), 'the tunnel goes on'
    time.sleep(4)
    sent = [repeater.show('lanes')[0]['transmitted'] for repeater in repeaters]
    time.sleep(3)
    now = [repeater.show('lanes')[0]['transmitted'] for repeater in repeaters]
    assert all(after - before < 20 for before, after in zip(sent, now)), f'something goes round: {sent}, {now}'
    stop_all(repeaters)


def where_the_lineup_has_no_tunnels_they_are_refused(lab):
    lab.start_headend([NEWS])
    repeater = start_repeater(lab, 1, [NEWS])
    wait_for_hop(repeater, NEWS)
    cut(lab.topology.behind[1][0])
    receiver = start_tunnelled(lab, NEWS, 1, 1, lab.directory / 'nothing')
    wait_until(lambda: receiver.channels().get('news', {}).get('tunnel_refused') == 1, 12, 'nobody refuses')
    assert repeater.tunnels()['dropped'] == {'tunnel_not_allowed': 1}, repeater.tunnels()
    receiver.stop()


system.run(bit_exact_through_a_repeater_and_its_tunnels_with_loss_on_both_links, a_chain_by_tunnel_from_the_headend_to_the_receiver,
           a_loop_by_tunnel_multiplies_nothing_and_ends, where_the_lineup_has_no_tunnels_they_are_refused,
           receivers=3, topology=RepeaterChain)
