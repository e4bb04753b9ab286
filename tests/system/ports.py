#!/usr/bin/python3
"""Ports that are set up anew under a running stream: what they could not send is repaired, and groups are joined again."""

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts'))
# pylint: disable=wrong-import-position
from lab import system
from lab.media import sha256, write_noise
from lab.network import LabError, call, wait_until
from lab.programs import LINECAST
from lab.topology import Channel

NEWS = Channel('news', 1, 'udp://239.71.1.1:5000', '239.72.1.1', 6_000_000, 'aes-128-gcm')


def shown(lab):
    return json.loads(call([str(LINECAST), 'show', 'ports', '--json', '--lineup', str(lab.directory / 'lineup.yaml')]))


def port(lab, name):
    return next(row for row in shown(lab)['ports'] if row['name'] == name)


def reset(lab, name):
    call([str(LINECAST), 'reset', name, '--lineup', str(lab.directory / 'lineup.yaml')])
    wait_until(lambda: port(lab, name)['resets'] == 1, 5, f'port {name} is not reset')


def a_reset_of_the_output_costs_nothing(lab):
    feed, played = lab.directory / 'feed.ts', lab.directory / 'played.ts'
    write_noise(feed, 5, 2_000_000)
    receiver = lab.start_receiver(NEWS, played, '--buffer-ms', '1000')
    lab.start_headend([NEWS])
    time.sleep(1)
    feeder = lab.start_feed((feed, NEWS))
    time.sleep(2)
    reset(lab, 'out')
    wait_until(feeder.done, 15, 'the feed does not end', 0.2)
    time.sleep(1.5)
    receiver.stop()
    assert sha256(feed) == sha256(played), 'bit-exact'
    try:
        call([str(LINECAST), 'reset', 'nowhere', '--lineup', str(lab.directory / 'lineup.yaml')])
        raise AssertionError('a port that is not there')
    except LabError as error:
        assert 'there is no port "nowhere"' in str(error), error


def a_reset_of_the_input_joins_again(lab):
    feed, played = lab.directory / 'feed.ts', lab.directory / 'played.ts'
    write_noise(feed, 5, 2_000_000)
    receiver = lab.start_receiver(NEWS, played, '--buffer-ms', '300')
    lab.start_headend([NEWS])
    time.sleep(3)  # the reports of the start are all sent
    reports = next(row for row in shown(lab)['interfaces'] if row['name'] == 'in')['counters']['igmp_reports_sent']
    feeder = lab.start_feed((feed, NEWS))
    time.sleep(1)
    reset(lab, 'in')
    wait_until(feeder.done, 15, 'the feed does not end', 0.2)
    time.sleep(1.5)
    receiver.stop()
    counters = next(row for row in shown(lab)['interfaces'] if row['name'] == 'in')['counters']
    assert counters['igmp_reports_sent'] > reports, f'reported again: {counters}'
    assert feed.read_bytes().endswith(played.read_bytes()[-100_000:]), 'to the end of the feed'
    assert played.stat().st_size > 0.8 * feed.stat().st_size, 'but for what came during the reset'


system.run(a_reset_of_the_output_costs_nothing, a_reset_of_the_input_joins_again)
