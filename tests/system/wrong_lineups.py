#!/usr/bin/python3
"""Lineups and arguments that can't work: each is refused, by name and place, with what to do about it."""

import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts'))
# pylint: disable=wrong-import-position
from lab import system
from lab.programs import LINECAST
from lab.topology import Channel

NEWS = Channel('news', 1, 'udp://239.71.1.1:5000', '239.72.1.1', 6_000_000, 'aes-128-gcm')
FILM = Channel('film', 2, 'udp://239.71.1.2:5000', '239.72.1.2', 6_000_000, 'aes-256-gcm')


def linecast(lab, *arguments):
    """In the headend's namespace, where its interfaces are."""
    return subprocess.run(lab.topology.headend.command(LINECAST, *arguments), capture_output=True, text=True, timeout=30,
                          check=False)


def headend_refuses(lab, lineup, status, *words):
    """A headend of this lineup ends with the status, naming all the words."""
    done = linecast(lab, 'headend', '--lineup', lineup)
    assert done.returncode == status, f'status {done.returncode}: {done.stderr}'
    for word in words:
        assert word in done.stderr, f'nothing of "{word}" in: {done.stderr}'
    assert 'headend lab running' not in done.stderr, done.stderr


def check_names_every_fault_at_its_line(lab):
    path = lab.write_lineup([NEWS, FILM])
    assert linecast(lab, 'check', path).returncode == 0
    wrong = path.read_text()
    for what, by in (('group: 239.72.1.1', 'group: 10.72.1.1'),       # no group
                     ('name: film', 'name: news'),                    # twice
                     ('bitrate_cap: 6000000\n    key: news.key', 'bitrate_cap: fast\n    key: news.key'),
                     ('key: film.key', 'key: lost.key'),              # no such file
                     ('interface: out\n      group: 239.72.1.2', 'interface: outt\n      group: 239.72.1.2'),
                     ('idle_sleep_us:', 'idle_sleep_ms:')):           # unknown
        assert what in wrong, what
        wrong = wrong.replace(what, by)
    path.write_text(wrong)
    done = linecast(lab, 'check', path)
    assert done.returncode == 2, f'status {done.returncode}'
    lines = wrong.splitlines()
    printed = done.stdout + done.stderr
    for word in ('10.72.1.1', 'fast', 'lost.key', 'outt', 'idle_sleep_ms'):
        number = next(n for n, line in enumerate(lines, 1) if word in line)
        assert re.search(rf'lineup\.yaml:{number}:\d+: error: .*{re.escape(word)}', printed), f'{word}: {printed}'
    second = [n for n, line in enumerate(lines, 1) if 'name: news' in line][1]
    assert re.search(rf'lineup\.yaml:{second}:\d+: error: ', printed), f'the second name: {printed}'
    headend_refuses(lab, path, 2, 'lost.key')


def a_key_that_others_can_read_is_refused(lab):
    path = lab.write_lineup([NEWS])
    (lab.directory / 'news.key').chmod(0o644)
    done = linecast(lab, 'check', path)
    assert done.returncode == 2 and 'chmod 600' in done.stdout + done.stderr, done.stdout + done.stderr


def a_port_that_is_not_there_is_named(lab):
    path = lab.write_lineup([NEWS])
    path.write_text(path.read_text().replace('iface=out0', 'iface=none0'))
    headend_refuses(lab, path, 2, 'none0')


def wrong_usage_ends_with_two(lab):
    for arguments in ([], ['nonsense'], ['headend'], ['check'], ['headend', '--lineup', '/nonexistent.yaml']):
        done = linecast(lab, *arguments)
        assert done.returncode == 2 and done.stderr, f'{arguments}: status {done.returncode}'
    for arguments, words in ((['show', 'channels'], '--lineup FILE or --control SOCKET'),
                             (['rekey', 'news'], '--lineup FILE or --control SOCKET'),
                             (['show', 'channels', '--lineup', '/nonexistent.yaml'], 'No such file or directory')):
        done = linecast(lab, *arguments)
        assert done.returncode == 2 and words in done.stderr, f'{arguments}: status {done.returncode}: {done.stderr}'
    done = linecast(lab, 'show', 'channels', '--control', '/nonexistent.sock')
    assert done.returncode == 1 and 'no headend answers' in done.stderr, done.stderr


system.run(check_names_every_fault_at_its_line, a_key_that_others_can_read_is_refused, a_port_that_is_not_there_is_named,
           wrong_usage_ends_with_two)
