#!/usr/bin/python3
"""Receivers tell the headend what goes wrong, and `linecast show` says which receiver has which fault, and nothing of those that have
none."""

import dataclasses
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts'))
# pylint: disable=wrong-import-position
from lab import system
from lab.media import write_noise
from lab.network import call, wait_until
from lab.programs import LINECAST
from lab.topology import SMART_PORT, Channel

NEWS = Channel('news', 1, 'udp://239.71.1.1:5000', '239.72.1.1', 2_300_000, 'aes-128-gcm')
POOR = dataclasses.replace(NEWS, repair_budget_percent=0)
FILM = Channel('film', 2, 'udp://239.71.1.2:5000', '239.72.1.2', 2_300_000, None)
SECONDS = 30
HARDLY_TIME_TO_ASK = ('--buffer-ms', '10')  # at 5 and 7 ms


def start_feeds(lab, *channels):
    feeds = []
    for channel in channels:
        path = lab.directory / f'{channel.name}.ts'
        write_noise(path, SECONDS, 2_000_000)
        feeds.append((path, channel))
    return lab.start_feed(*feeds)


def rows_of(channel):
    """{(receiver id or address, fault): row} of a channel as it is shown."""
    return {(row['receiver'] or row['address'], row['fault']): row for row in channel['receivers']}


def rows(lab, channel):
    return rows_of(lab.headend.channels()[channel.name])


def cut_off(namespace, channel):
    namespace.run('nft', '-f', '-', stdin=f'''table netdev cut {{ chain ingress {{
        type filter hook ingress device "eth0" priority -2; ip daddr {channel.group} udp dport {SMART_PORT} drop; }}; }}''')


def says(receiver, text):
    return text in receiver.log.read_text()


def each_receiver_is_shown_with_its_own_fault(lab):
    lab.write_lineup([NEWS])
    other = lab.directory / 'other.key'
    call([str(LINECAST), 'key', 'new', 'group', str(other)])
    lossy, lossier, cut, good, wrong = lab.topology.receivers
    lossy.lose('eth0', 20, [NEWS.group], SMART_PORT)
    lossier.lose('eth0', 40, [NEWS.group], SMART_PORT)
    lab.start_headend([NEWS])
    receivers = [lab.start_receiver(NEWS, lab.directory / f'{number}.played', '--receiver-id', f'{number}{number}',
                                    *(HARDLY_TIME_TO_ASK if number < 3 else ()), number=number,
                                    key=other if number == 5 else None) for number in range(1, 6)]
    time.sleep(1)
    feeder = start_feeds(lab, NEWS)
    wait_until(lambda: {('11', 'unrecovered'), ('22', 'unrecovered')} <= set(rows(lab, NEWS)), 10,
               'the receivers that lose packets are not shown', 0.2)
    for number in (1, 2):
        row = rows(lab, NEWS)[f'{number}{number}', 'unrecovered']
        assert row['address'] == f'10.72.0.{10 + number}', row
        assert row['count'] > 0 and row['reports'] > 0 and row['first_sequence'] > 0, row

    # Who gets nothing any more has opened nothing of the last window, and is heard all the same.
    cut_off(cut, NEWS)
    wait_until(lambda: ('33', 'nothing_received') in rows(lab, NEWS), 10, 'the receiver that is cut off is not shown', 0.2)
    assert not feeder.done(), 'it is shown while the others go on'
    wait_until(lambda: says(receivers[2], f'nothing has come to {NEWS.group}:{SMART_PORT} for 5 s'), 10, 'it says nothing itself')
    assert not says(receivers[3], 'nothing has come'), 'the good receiver is good'
    channel = lab.headend.channels()['news']  # all of one moment
    shown = rows_of(channel)
    assert {receiver for receiver, _ in shown} == {'11', '22', '33'}, f'others are shown: {shown}'
    assert receivers[3].channels()['news']['unrecovered'] == 0, 'the good receiver is good'
    assert channel['complaining'] == 3, channel
    for fault, count in channel['reported'].items():
        assert count == sum(row['count'] for (_, name), row in shown.items() if name == fault) > 0, channel
    assert channel['reports_unlisted'] == channel['receivers_evicted'] == 0, channel
    assert channel['error_reports'] + channel['problem_reports'] == sum(row['reports'] for row in shown.values()), channel
    # The clocks of headend and receivers are of different kinds, and never run quite alike.
    assert channel['joins'] >= 3 and 'report_echo' not in channel['dropped'], channel
    # The one with another key is not among those who ask, and four may ask at once.
    assert channel['askers'] == 4 and channel['round_trip_ms'] >= 1 and channel['quiet'] == 0, channel
    # The receiver with another key of the same id finds no hearing.
    wait_until(lambda: lab.headend.drops().get('request_mac', 0) > 0, 10, 'the wrong key is not counted', 0.2)
    assert not any(receiver == '55' for receiver, _ in rows(lab, NEWS))

    lineup = ('--lineup', str(lab.directory / 'lineup.yaml'))
    lines = call([str(LINECAST), 'show', 'reports', *lineup]).splitlines()
    assert any(line.split()[:4] == ['news', '22', '10.72.0.12', 'unrecovered'] for line in lines), lines
    heard = [row['last_heard_s'] for row in lab.headend.show('reports')]
    assert heard == sorted(heard) and len(heard) >= 3, heard
    table = call([str(LINECAST), 'show', 'channels', *lineup]).splitlines()
    assert dict(zip(table[0].split(), table[1].split()))['complaining'] == '3', table
    for receiver in receivers:
        receiver.stop()
    return [f'{receiver}: {name} {row["count"]}' for (receiver, name), row in shown.items()]


def receivers_of_a_clear_channel_are_told_apart_by_address(lab):
    for namespace in lab.topology.receivers[:2]:
        namespace.lose('eth0', 40, [FILM.group], SMART_PORT)
    lab.start_headend([FILM])
    receivers = [lab.start_receiver(FILM, lab.directory / f'{number}.played', *HARDLY_TIME_TO_ASK, number=number)
                 for number in (1, 2)]
    time.sleep(1)
    start_feeds(lab, FILM)
    wait_until(lambda: {('10.72.0.11', 'unrecovered'), ('10.72.0.12', 'unrecovered')} <= set(rows(lab, FILM)), 10,
               'the receivers are not shown', 0.2)
    assert all(row['receiver'] is None for row in rows(lab, FILM).values())
    for receiver in receivers:
        receiver.stop()


def a_receiver_tells_a_budget_that_is_used_up_from_requests_that_get_lost(lab):
    lossy, cut = lab.topology.receivers[:2]
    for namespace in (lossy, cut):
        namespace.lose('eth0', 40, [POOR.group], SMART_PORT)
    lab.start_headend([POOR])
    cut.run('nft', '-f', '-', stdin=f"""table ip unasked {{ chain output {{
        type filter hook output priority 0; udp dport {SMART_PORT} drop; }}; }}""")
    unheard = lab.start_receiver(POOR, lab.directory / 'unheard.played', number=2)
    time.sleep(1)
    start_feeds(lab, POOR)
    wait_until(lambda: says(unheard, f'is UDP port {SMART_PORT} towards'), 20, 'requests that get lost are not told')
    assert not says(unheard, 'QUIET')
    heard = lab.start_receiver(POOR, lab.directory / 'heard.played', number=1)
    wait_until(lambda: says(heard, 'only QUIET: is the repair budget of 10.72.0.1 used up'), 20, 'the budget is not told')
    assert lab.headend.drops()['request_over_budget'] > 0
    assert not says(heard, f'is UDP port {SMART_PORT} towards')
    for receiver in (unheard, heard):
        receiver.stop()
        assert receiver.log.read_text().count('no repair has come') == 1, 'once a minute at most'


system.run(each_receiver_is_shown_with_its_own_fault, receivers_of_a_clear_channel_are_told_apart_by_address,
           a_receiver_tells_a_budget_that_is_used_up_from_requests_that_get_lost, receivers=5)
