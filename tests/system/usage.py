#!/usr/bin/python3
"""Records of who watched agree with what receivers did, and are written once each, also where receivers and headend are killed, the
database is locked or the disk full, and reports are made up."""

import contextlib
import json
import signal
import sqlite3
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'scripts'), str(ROOT / 'tests/vectors')]
# pylint: disable=wrong-import-position
import smart
from lab import datagrams, system
from lab.media import write_noise
from lab.network import call, wait_until
from lab.programs import LINECAST, Headend
from lab.topology import HEADEND_OUT, SMART_PORT, Channel

NEWS = Channel('news', 1, 'udp://239.71.1.1:5000', '239.72.1.1', 1_000_000, 'aes-128-gcm')
FILM = Channel('film', 2, 'udp://239.71.1.2:5000', '239.72.1.2', 1_000_000, None)
SECONDS = 60
CLOSE_S = 3  # to which times in records agree with what was done


def write_lineup(lab, *channels, usage=''):
    lineup = lab.write_lineup(channels)
    lineup.write_text(lineup.read_text() + f'\nusage: {{{usage}}}\n')
    return lineup


def start_headend(lab, *channels, usage=''):
    lineup = write_lineup(lab, *channels, usage=usage)
    lab.headend = Headend(lab.topology.headend, lab.directory, lineup)
    lab.headend.wait_ready()


def start_feeds(lab, *channels):
    feeds = []
    for channel in channels:
        path = lab.directory / f'{channel.name}.ts'
        write_noise(path, SECONDS, 500_000)
        feeds.append((path, channel))
    return lab.start_feed(*feeds)


def start_receiver(lab, channel, number, receiver_id=None):
    return lab.start_receiver(channel, lab.directory / f'{number}.{receiver_id}.played',
                              *(['--receiver-id', receiver_id] if receiver_id else []), number=number)


def show(lab):
    return json.loads(call([str(LINECAST), 'show', 'usage', '--json', '--lineup', str(lab.headend.lineup)]))


def channels(lab):
    return {channel['name']: channel for channel in show(lab)['channels']}


def wait_for(lab, condition, what, timeout_s=15):
    wait_until(lambda: condition(show(lab)), timeout_s, what, 0.2)


def wait_present(lab, **present):
    wait_until(lambda: all(channels(lab)[name]['present'] == count for name, count in present.items()), 15,
               f'not present: {present}', 0.2)


def all_delivered(shown, records):
    return shown['journal']['acknowledged'] == records and all(sink['delivered'] >= records and sink['waiting'] == 0
                                                                for sink in shown['sinks'])


def records(lab):
    """[row] of the database, with the columns' names of JSON lines, after a check that those have the same."""
    directory = lab.directory / 'state/usage'
    with contextlib.closing(sqlite3.connect(directory / 'usage.sqlite')) as database:
        database.row_factory = sqlite3.Row
        rows = [dict(row) for row in database.execute('SELECT * FROM usage ORDER BY record')]
    lines = [json.loads(line) for line in (directory / 'usage.jsonl').read_text().splitlines()]
    for row in rows:
        row['record'], row['repeater'] = str(row['record']), bool(row['repeater'])
        row['from'], row['to'] = row.pop('began_at'), row.pop('ended_at')
    assert rows == lines, f'the database and the lines differ:\n{rows}\n{lines}'
    parts = [(row['session'], row['part']) for row in rows]
    assert len(parts) == len(set(parts)), f'not once each: {parts}'
    return rows


def seconds(text):
    return datetime.strptime(text, '%Y-%m-%dT%H:%M:%S.%fZ').replace(tzinfo=timezone.utc).timestamp()


def check_record(row, channel, address, began, ended, how, receiver=None):
    assert row['channel'] == channel.name and row['channel_id'] == smart.channel_id(channel.name).hex(), row
    assert row['address'] == address and row['reached'] == 'native' and row['ended'] == how, row
    assert row['receiver'] == (f'{int(receiver, 16):016x}' if receiver else None), row
    assert row['reported_address'] == (None if receiver else address), row
    assert row['receivers'] == 1 and not row['repeater'] and row['part'] == 1, row
    assert abs(seconds(row['from']) - began) < CLOSE_S and abs(seconds(row['to']) - ended) < CLOSE_S, (row, began, ended)
    watched = seconds(row['to']) - seconds(row['from'])
    assert abs(row['watched_ms'] / 1000 - watched) < 0.1, row


def runs_on_a_lanes_core(task, lane):
    status = dict(line.split(':\t', 1) for line in (task / 'status').read_text().splitlines() if ':\t' in line)
    return int(status['Cpus_allowed'].replace(',', ''), 16) >> lane & 1


def kill(program):
    program.process.kill()
    assert program.process.wait() == -signal.SIGKILL


def visits_are_written_once_whoever_is_killed(lab):
    start_headend(lab, NEWS, FILM)
    start_feeds(lab, NEWS, FILM)
    time.sleep(1)
    began = time.time()
    leaves, stays, killed = (start_receiver(lab, NEWS, number, f'{number}{number}') for number in (1, 2, 3))
    clear = start_receiver(lab, FILM, 4)
    wait_present(lab, news=3, film=1)
    lane = lab.headend.show('lanes')[0]['lcore']
    tasks = list(Path(f'/proc/{lab.headend.process.pid}/task').iterdir())
    assert len(tasks) >= 4 and sum(runs_on_a_lanes_core(task, lane) for task in tasks) == 1, 'the lane has its core to itself'
    kill(killed)  # and is thought to be there for three refresh intervals: tests/unit/usage/usage_table_test.cc
    time.sleep(2)
    left = time.time()
    leaves.stop()
    wait_for(lab, lambda shown: all_delivered(shown, 1), 'the visit that ended is not written')
    news = channels(lab)['news']
    assert (news['present'], news['peak'], news['joins'], news['leaves']) == (2, 3, 3, 1), news
    assert news['one_by_one'] == 2 and news['standard_error'] == news['expiries'] == 0, news
    kill(lab.headend)
    rows = records(lab)
    assert len(rows) == 1, rows
    check_record(rows[0], NEWS, '10.72.0.11', began, left, 'left', '11')

    # Those that are still there say so to the new one, which knows of nothing before itself.
    start_headend(lab, NEWS, FILM)
    again = time.time()
    wait_present(lab, news=1, film=1)
    vanishes = start_receiver(lab, NEWS, 3, '34')
    wait_present(lab, news=2)
    vanished = time.time()
    kill(vanishes)
    time.sleep(2)
    ended = time.time()
    stays.stop()
    clear.stop()
    wait_for(lab, lambda shown: all_delivered(shown, 2), 'the visits that ended are not written')
    time.sleep(1)
    lab.headend.stop()
    rows = records(lab)
    assert len(rows) == 4, rows
    told = {row['receiver'][-2:] if row['receiver'] else None: row for row in rows}
    check_record(told['22'], NEWS, '10.72.0.12', again, ended, 'left', '22')
    check_record(told[None], FILM, '10.72.0.14', again, ended, 'left')
    # Up to its last report, whatever came after that.
    check_record(told['34'], NEWS, '10.72.0.13', vanished, vanished, 'stopped', '34')
    assert len({row['session'].split('-')[0] for row in rows}) == 2, rows
    assert (lab.directory / 'state/usage').stat().st_mode & 0o777 == 0o700
    assert not (lab.directory / 'state/usage/usage.sqlite').stat().st_mode & 0o007


def watches_on(receiver, name):
    """That it plays, and has lost nothing."""
    statistics = receiver.channels()[name]
    assert statistics['unrecovered'] == 0, statistics
    before = receiver.channels()[name]['time']
    wait_until(lambda: receiver.channels()[name]['time'] > before, 10, 'the receiver tells nothing more', 0.2)


def one_visit(lab, number):
    """A visit to FILM, from the first report to the LEAVE."""
    before = channels(lab)['film']
    receiver = start_receiver(lab, FILM, number)
    wait_until(lambda: channels(lab)['film']['joins'] == before['joins'] + 1, 15, 'it is not heard', 0.2)
    receiver.stop()
    wait_until(lambda: channels(lab)['film']['leaves'] == before['leaves'] + 1, 15, 'its LEAVE is not heard', 0.2)


def says(lab, text):
    return text in lab.headend.log.read_text(errors='replace')


def a_locked_database_holds_up_nothing_else(lab):
    start_headend(lab, FILM)
    start_feeds(lab, FILM)
    watcher = start_receiver(lab, FILM, 1)
    wait_present(lab, film=1)
    one_visit(lab, 2)
    wait_for(lab, lambda shown: all_delivered(shown, 1), 'the first visit is not written')
    with contextlib.closing(sqlite3.connect(lab.directory / 'state/usage/usage.sqlite', isolation_level=None)) as other:
        other.execute('BEGIN IMMEDIATE')
        one_visit(lab, 2)

        def waits(shown):
            json_lines, database = shown['sinks']
            return json_lines['delivered'] == 2 and database['waiting'] == 1 and database['failing_s'] is not None
        wait_for(lab, waits, 'the record does not wait for the database')
        assert 'in use by process' in show(lab)['sinks'][1]['last_error'], show(lab)
        wait_until(lambda: says(lab, 'usage records wait, as sqlite fails'), 5, 'the log does not say so')
        shown = call([str(LINECAST), 'show', 'usage', '--lineup', str(lab.headend.lineup)])
        assert 'sqlite fails for' in shown and 'film' in shown, shown
        watches_on(watcher, 'film')
        other.execute('ROLLBACK')
    wait_for(lab, lambda shown: all_delivered(shown, 2), 'the database has not caught up', 30)
    wait_until(lambda: says(lab, 'usage records are written again to sqlite'), 5, 'the log does not say so')
    watches_on(watcher, 'film')
    watcher.stop()
    lab.headend.stop()
    assert len(records(lab)) == 3


def a_full_disk_holds_up_nothing_else(lab):
    """That of the sinks; what the journal does then is in tests/unit/usage/usage_store_test.cc."""
    directory = lab.directory / 'state/usage'
    directory.mkdir(parents=True)
    call(['mount', '-t', 'tmpfs', '-o', 'size=2m,mode=700', 'linecast-usage', str(directory)])
    try:
        start_headend(lab, FILM)
        start_feeds(lab, FILM)
        watcher = start_receiver(lab, FILM, 1)
        wait_present(lab, film=1)
        one_visit(lab, 2)
        wait_for(lab, lambda shown: all_delivered(shown, 1), 'the first visit is not written')
        filler = directory / 'filler'
        with contextlib.suppress(OSError), open(filler, 'wb', buffering=0) as file:
            while True:
                file.write(bytes(4096))
        one_visit(lab, 2)

        def says_why(sink):
            return sink['waiting'] == 1 and 'full' in sink['last_error'] or 'No space left' in sink['last_error']
        wait_for(lab, lambda shown: all(sink['failing_s'] is not None and says_why(sink) for sink in shown['sinks']),
                 'nothing is said of the full disk')
        watches_on(watcher, 'film')
        filler.unlink()
        wait_for(lab, lambda shown: all_delivered(shown, 2), 'what waited is not written', 30)
        watches_on(watcher, 'film')
        watcher.stop()
        lab.headend.stop()
        assert len(records(lab)) == 3
    finally:
        if lab.headend is not None and lab.headend.process.poll() is None:
            kill(lab.headend)
        call(['umount', str(directory)])


def made_up_reports_count_under_their_names(lab):
    """Thousands of receivers from one address, whose maker holds the group key."""
    start_headend(lab, NEWS, usage='per_address: 50')
    start_feeds(lab, NEWS)
    watcher = start_receiver(lab, NEWS, 1, '11')
    wait_present(lab, news=1)
    fields = dict(line.split(': ', 1) for line in (lab.directory / 'news.key').read_text().splitlines())
    key_id = int(fields['id'])
    up = smart.up_key(bytes.fromhex(fields['key']), key_id, smart.channel_id('news'))
    opened = lab.headend.channels()['news']['next_sequence'] - 1
    made_up = 3000
    path = lab.directory / 'made-up'
    datagrams.write(path, [smart.usage_report(0x02, NEWS.group, '10.72.0.12', None, smart.CmacTrailer(
        1, smart.receiver_key(up, receiver), receiver, key_id, opened))[0] for receiver in range(1000, 1000 + made_up)])
    lab.topology.receivers[1].run(sys.executable, datagrams.__file__, 'send', path, HEADEND_OUT, SMART_PORT, '10.72.0.12', 2000)
    wait_for(lab, lambda shown: shown['counters']['crowded_address'] > 0, 'the crowd is not counted')
    shown = show(lab)
    taken = shown['counters']['reports']
    assert channels(lab)['news']['present'] == 1 + 50, shown
    assert made_up / 2 < taken <= made_up + 1, shown
    assert shown['counters']['crowded_address'] == taken - 51, shown
    table = call([str(LINECAST), 'show', 'usage', '--lineup', str(lab.headend.lineup)])
    assert f'crowded_address: {taken - 51}' in table, table
    watches_on(watcher, 'news')
    watcher.stop()
    lab.headend.stop()
    ends = [row['ended'] for row in records(lab)]
    assert sorted(ends) == ['left'] + 50 * ['stopped'], ends


def a_reload_leaves_accounts_as_they_are(lab):
    start_headend(lab, FILM)
    start_feeds(lab, FILM)
    watcher = start_receiver(lab, FILM, 1)
    wait_present(lab, film=1)
    # It begins anew, in another slot, and its receivers report again.
    lineup = write_lineup(lab, NEWS, FILM)
    lineup.write_text(lineup.read_text().replace(f'group: {FILM.group}', f'group: {FILM.group}\n      ttl: 9'))
    assert 'restarted' in call([str(LINECAST), 'reload', '--lineup', str(lineup)])
    wait_for(lab, lambda shown: shown['counters']['reports'] >= 2, 'the receiver does not report again')
    assert (channels(lab)['film']['present'], channels(lab)['film']['joins']) == (1, 1), channels(lab)
    assert channels(lab)['news']['running'] and channels(lab)['news']['present'] == 0, channels(lab)
    write_lineup(lab, NEWS)
    call([str(LINECAST), 'reload', '--lineup', str(lineup)])
    assert not channels(lab)['film']['running'], channels(lab)
    watcher.stop()
    lab.headend.stop()
    assert [row['ended'] for row in records(lab)] == ['stopped']


system.run(visits_are_written_once_whoever_is_killed, a_locked_database_holds_up_nothing_else,
           a_full_disk_holds_up_nothing_else, made_up_reports_count_under_their_names,
           a_reload_leaves_accounts_as_they_are, receivers=4)
