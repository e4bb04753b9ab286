#!/usr/bin/python3
"""A channel that moves to another group while it is received: receivers follow and play every bit, announcements that are none move
nobody, and the old group is silent in the end."""

import hashlib
import json
import socket
import struct
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts'))
# pylint: disable=wrong-import-position
from lab import system
from lab.media import write_noise
from lab.network import wait_until
from lab.programs import LINECAST
from lab.topology import HEADEND_OUT, SMART_PORT, Channel

NEWS = Channel('news', 1, 'udp://239.71.4.1:5000', '239.72.4.1', 8_000_000, 'aes-128-gcm')
OPEN = Channel('open', 2, 'udp://239.71.4.2:5000', '239.72.4.2', 8_000_000, None)
SECOND, THIRD, OPEN_SECOND = '239.72.4.11', '239.72.4.12', '239.72.4.13'
RATE_BPS = 2_000_000
OVERLAP_S = 6

# Sends one SMART packet (hex) to a group in an IPv4 packet of any source: SOURCE GROUP PORT HEX
SEND_AS = '''
import socket, struct, sys
source, group, port, packet = sys.argv[1], sys.argv[2], int(sys.argv[3]), bytes.fromhex(sys.argv[4])
udp = struct.pack('!HHHH', port, port, 8 + len(packet), 0) + packet
head = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(udp), 1, 0, 4, 17, 0) + socket.inet_aton(source) + socket.inet_aton(group)
with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sender:
    sender.sendto(head + udp, (group, 0))
'''


def linecast(lab, *arguments):
    """(exit code, standard output, standard error)"""
    done = subprocess.run([LINECAST, *map(str, arguments), '--lineup', lab.headend.lineup], capture_output=True, text=True,
                          timeout=20, check=False)
    return done.returncode, done.stdout, done.stderr


def move(lab, channel, group):
    status, said, why = linecast(lab, 'move', channel.name, '--to', group, '--overlap', OVERLAP_S, '--json')
    assert status == 0, why
    assert json.loads(said)['to'] == f'{group}:{SMART_PORT}', said
    moving = lab.headend.channels()[channel.name]['moving']
    assert moving['to'] == f'{group}:{SMART_PORT}' and not moving['sent_to_both'], moving


def wait_for_the_end(lab, channel):
    wait_until(lambda: 'moving' not in lab.headend.channels()[channel.name], OVERLAP_S + 8, 'the move does not end')


def count_group(lab, group):
    lab.topology.switch.count(f'to_{group.replace(".", "_")}', 'up0', f'ip daddr {group}')


def counted(lab, group):
    return lab.topology.switch.counted(f'to_{group.replace(".", "_")}')


def is_silent(lab, group):
    before = counted(lab, group)
    time.sleep(1.5)  # heartbeats come each second where nothing is fed
    return before > 100 and counted(lab, group) == before


def group_of(receiver, channel):
    return receiver.channels()[channel.name]['group']


def wait_for_group(receiver, channel, group):
    wait_until(lambda: receiver.check_running() and group_of(receiver, channel) == f'{group}:{SMART_PORT}', 10,
               f'the receiver does not go over to {group}', 0.2)


def play_on(lab, loss_percent):
    """Two moves of one channel with receivers that were there before, and one that comes in the middle of the first."""
    seconds = 34
    feed = lab.directory / 'feed.ts'
    write_noise(feed, seconds, RATE_BPS)
    headend = lab.start_headend([NEWS, OPEN])
    for group in (NEWS.group, SECOND, THIRD):
        count_group(lab, group)
    if loss_percent:
        for receiver in lab.topology.receivers:
            receiver.lose('eth0', loss_percent, [NEWS.group, SECOND, THIRD], SMART_PORT)
    outs = [lab.directory / f'{number}.played' for number in (1, 2)]
    first = lab.start_receiver(NEWS, outs[0], source=None)
    time.sleep(1.5)
    feeder = lab.start_feed((feed, NEWS))
    time.sleep(2)

    move(lab, NEWS, SECOND)
    status, _, why = linecast(lab, 'move', NEWS.name, '--to', THIRD)
    assert status == 1 and 'on its way' in why, why
    status, said, _ = linecast(lab, 'reload')
    assert status == 2, said
    wait_until(lambda: headend.channels()['news']['moving']['sent_to_both'], 5, 'nothing goes to both')
    late = lab.start_receiver(NEWS, outs[1], number=2)  # of the headend alone, at the group that it has always had
    wait_for_the_end(lab, NEWS)
    for receiver in (first, late):
        wait_for_group(receiver, NEWS, SECOND)
    assert is_silent(lab, NEWS.group)
    _, shown, _ = linecast(lab, 'show', 'channels')
    assert SECOND in shown and 'sent to both' not in shown, shown

    # The file still has the first group; now it has a third.
    lab.write_lineup([replace(NEWS, group=THIRD), OPEN])
    status, said, why = linecast(lab, 'reload', '--json')
    assert status == 0, said + why
    assert {c['name']: c['change'] for c in json.loads(said)['channels']} == {'news': 'moved', 'open': 'unchanged'}, said
    wait_for_the_end(lab, NEWS)
    for receiver in (first, late):
        wait_for_group(receiver, NEWS, THIRD)
    assert is_silent(lab, SECOND)
    wait_until(feeder.done, seconds + 10, 'the feed does not end', 0.2)
    time.sleep(2)
    for receiver in (first, late):
        receiver.stop()

    whole = feed.read_bytes()
    assert outs[0].read_bytes() == whole, first.channels()
    assert len(outs[1].read_bytes()) > len(whole) / 2 and whole.endswith(outs[1].read_bytes()), late.channels()
    notes = []
    for name, receiver in (('from the start', first), ('from the overlap', late)):
        counts = receiver.channels()['news']
        assert counts['unrecovered'] == 0 and counts['moves'] == 2 and counts['moves_failed'] == 0, counts
        assert (counts['lost'] > 0) == (loss_percent > 0), counts
        notes.append(f'{name}: {counts["played_packets"]} packets, {counts["lost"]} lost, all played')
    drops = headend.drops()
    assert not drops.keys() - {'no_flow', 'request_repeated'}, drops
    return notes


def every_packet_is_played_through_two_moves(lab):
    return play_on(lab, 0)


def and_where_one_packet_in_fifty_is_lost(lab):
    return play_on(lab, 2)


def signed(key, start_number, count, old, new):
    """An ADDR_RANGE_CHANGE as docs/protocol.md has it."""
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    body = socket.inet_aton(old) + socket.inet_aton(new) + struct.pack('!HHQ', SMART_PORT, 0, 1)
    packet = struct.pack('!BBH', 1, 1 << 6 | 1, 4 + len(body) + 80) + body
    packet += struct.pack('!Q', start_number) + hashlib.sha256(public).digest()[:2] + count.to_bytes(6, 'big')
    return packet + key.sign(packet)


def announcements_that_are_none_move_nobody(lab):
    headend = lab.start_headend([NEWS, OPEN])
    start_number = int((lab.directory / 'state/start-number').read_text())
    fields = dict(line.split(': ', 1) for line in (lab.directory / 'signing.key').read_text().splitlines() if ': ' in line)
    genuine = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(fields['key']))
    sealed = lab.start_receiver(NEWS, lab.directory / 'news.played', source=None)
    clear = lab.start_receiver(OPEN, lab.directory / 'open.played', source=None)
    wait_until(lambda: all(c.channels() and list(c.channels().values())[0]['sender_status'] for c in (sealed, clear)), 10,
               'nothing comes')

    def send(channel, packet, source=HEADEND_OUT):
        lab.topology.receivers[1].run('/usr/bin/python3', '-c', SEND_AS, source, channel.group, SMART_PORT, packet.hex())

    # The test's own maker of them is right: what is not forged is believed, and given up as nothing comes there.
    good = signed(genuine, start_number, 5, NEWS.group, SECOND)
    bad = good[:10] + bytes([good[10] ^ 1]) + good[11:]
    send(NEWS, signed(Ed25519PrivateKey.generate(), start_number, 5, NEWS.group, SECOND))
    send(NEWS, bad)
    send(NEWS, signed(genuine, start_number - 1, 5, NEWS.group, SECOND))
    send(NEWS, good, '10.72.0.12')
    send(NEWS, signed(genuine, start_number, 5, OPEN.group, SECOND))
    send(NEWS, struct.pack('!BBH', 0, 1 << 6 | 1, 12) + socket.inet_aton(NEWS.group) + socket.inet_aton(SECOND))
    send(OPEN, struct.pack('!BBH', 0, 1 << 6 | 1, 12) + socket.inet_aton(OPEN.group) + socket.inet_aton(SECOND))
    wait_until(lambda: sealed.channels()['news']['move_malformed'] and clear.channels()['open']['move_ignored'], 5,
               'they do not come')
    counts = sealed.channels()['news']
    assert counts['move_accepted'] == 0, counts
    expected = {'move_untrusted': 1, 'move_bad_signature': 1, 'move_stranger': 2, 'move_wrong_group': 1, 'move_malformed': 1}
    assert {name: counts[name] for name in expected} == expected, counts
    send(NEWS, good)
    send(NEWS, signed(genuine, start_number, 4, NEWS.group, THIRD))
    wait_until(lambda: sealed.channels()['news']['move_old'] == 1, 5, 'a replay is not seen')
    assert sealed.channels()['news']['move_accepted'] == 1
    wait_until(lambda: sealed.channels()['news']['moves_failed'] == 1, 15, 'a group that nothing comes to is not given up')
    wait_until(lambda: any(r['fault'] == 'move_failed' for c in headend.channels().values() for r in c.get('receivers', [])), 15,
               'the headend does not hear of it')
    assert group_of(sealed, NEWS) == f'{NEWS.group}:{SMART_PORT}'
    for receiver in (sealed, clear):
        receiver.stop()


def clear_channels_follow_where_they_are_told_to(lab):
    seconds = 16
    feed = lab.directory / 'feed.ts'
    write_noise(feed, seconds, RATE_BPS)
    lab.start_headend([NEWS, OPEN])
    count_group(lab, OPEN.group)
    outs = [lab.directory / f'{number}.played' for number in (1, 2)]
    follows = lab.start_receiver(OPEN, outs[0], '--follow-moves')
    stays = lab.start_receiver(OPEN, outs[1], number=2)
    time.sleep(1.5)
    feeder = lab.start_feed((feed, OPEN))
    time.sleep(1)
    status, said, why = linecast(lab, 'move', OPEN.name, '--to', OPEN_SECOND, '--overlap', OVERLAP_S)
    assert status == 0 and '--follow-moves' in said and f'group: {OPEN_SECOND}' in said, said + why
    wait_for_the_end(lab, OPEN)
    assert is_silent(lab, OPEN.group)
    wait_until(feeder.done, seconds + 10, 'the feed does not end', 0.2)
    time.sleep(2)
    for receiver in (follows, stays):
        receiver.stop()
    assert outs[0].read_bytes() == feed.read_bytes(), follows.channels()
    counts = stays.channels()['open']
    assert counts['move_ignored'] > 50 and counts['group'] == f'{OPEN.group}:{SMART_PORT}', counts
    assert len(outs[1].read_bytes()) < len(feed.read_bytes()), 'the old group ended'


def what_cannot_be_is_refused(lab):
    lab.start_headend([NEWS, OPEN])
    for status, to, words in ((1, OPEN.group, 'channel open'), (1, NEWS.group, 'already'),
                              (1, '239.128.0.7', 'MAC'), (2, '10.1.1.1', '10.1.1.1'), (2, f'{SECOND}:0', 'port')):
        got, _, why = linecast(lab, 'move', NEWS.name, '--to', to)
        assert got == status and words in why, (to, got, why)
    got, _, why = linecast(lab, 'move', 'noos', '--to', SECOND)
    assert got == 1 and 'news' in why, why
    got, _, why = linecast(lab, 'move', NEWS.name, '--to', SECOND, '--overlap', 1)
    assert got == 2, why
    # Two that change places go on as new streams: neither could be told from the other meanwhile.
    lab.write_lineup([replace(NEWS, group=OPEN.group), replace(OPEN, group=NEWS.group)])
    got, said, why = linecast(lab, 'reload', '--json')
    assert got == 0, said + why
    assert {c['change'] for c in json.loads(said)['channels']} == {'restarted'}, said


system.run(every_packet_is_played_through_two_moves, and_where_one_packet_in_fifty_is_lost, announcements_that_are_none_move_nobody,
           clear_channels_follow_where_they_are_told_to, what_cannot_be_is_refused, receivers=2)
