#!/usr/bin/python3
"""The appliance as other people's tools see it: ping and arping are answered, tcpdump and tshark find its IGMP flawless."""

import re
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts'))
# pylint: disable=wrong-import-position
from lab import system
from lab.capture import Capture
from lab.network import call, wait_until
from lab.topology import HEADEND_IN, HEADEND_OUT, SOURCE_ADDRESS, Channel, SwitchedInput

NEWS = Channel('news', 1, 'udp://239.71.1.1:5000', '239.72.1.1', 6_000_000, None)
FILM = Channel('film', 2, 'udp://239.71.1.2:5000', '239.72.1.2', 6_000_000, None, source_specific=True)
NOBODY = '10.71.0.77'
SEND_TO_CLOSED_PORT = '''
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
    sender.settimeout(2)
    sender.connect((sys.argv[1], 9))
    sender.send(b'to nobody')
    try:
        sender.recv(1)
    except ConnectionRefusedError:
        print('refused')
'''


def arping(namespace, interface, address):
    """The MAC addresses of the answers."""
    done = subprocess.run(namespace.command('arping', '-I', interface, '-c', 1, '-w', '1', address),
                          capture_output=True, text=True, check=False)
    return re.findall(r'reply from \S+ \[([0-9A-F:]+)\]', done.stdout)


def arping_is_answered_on_each_port_and_for_its_own_address_only(lab):
    headend = lab.start_headend([NEWS])
    macs = {port['name']: port['mac'].upper() for port in headend.show('ports')}
    topology = lab.topology
    assert arping(topology.source, 'src0', HEADEND_IN) == [macs['in']]
    assert arping(topology.receivers[0], 'eth0', HEADEND_OUT) == [macs['out']]
    assert not arping(topology.source, 'src0', NOBODY), "answered for another's address"
    assert not arping(topology.source, 'src0', HEADEND_OUT), "answered for another port's address"


def ping_is_answered_with_its_payload(lab):
    lab.start_headend([NEWS])
    for namespace, address in ((lab.topology.source, HEADEND_IN), (lab.topology.receivers[0], HEADEND_OUT)):
        for size in (0, 56, 1472):  # bytes of payload; the last makes a packet of the whole MTU
            printed = namespace.run('ping', '-n', '-c', 3, '-i', '0.2', '-W', '1', '-s', size, '-p', 'c0ffee17', '-M', 'do',
                                    address)
            # ping compares each payload with what it sent.
            assert '3 received, 0% packet loss' in printed and 'wrong' not in printed, printed
            assert printed.count('DUP') == 0, printed
    done = subprocess.run(lab.topology.source.command('ping', '-n', '-c', 1, '-W', '1', HEADEND_OUT),
                          capture_output=True, text=True, check=False)
    assert done.returncode != 0, f"answered for another port's address: {done.stdout}"


def a_datagram_to_a_closed_port_is_refused(lab):
    headend = lab.start_headend([NEWS])
    # The kernel matches the ICMP message to the socket by the headers that it quotes.
    printed = lab.topology.source.run('/usr/bin/python3', '-c', SEND_TO_CLOSED_PORT, HEADEND_IN)
    assert printed.strip() == 'refused', f'{printed}; {headend.drops()}'


def capture_igmp(lab, version):
    """The path of what the headend says to the switch from its start to its end, answers to queries included."""
    lab.topology.set_igmp_version(version)
    capture = Capture(lab.topology.input_switch, 'toheadend', lab.directory / 'igmp.pcap', f'igmp and src {HEADEND_IN}')
    lab.topology.headend.count('queries', 'in0', 'ip daddr 224.0.0.1')
    headend = lab.start_headend([NEWS, FILM], {'igmp': version})
    before = lab.topology.headend.counted('queries')
    wait_until(lambda: lab.topology.headend.counted('queries') > before, 3, 'the switch does not query')
    time.sleep(0.6)  # the response time of the switch's queries, and a bit
    headend.stop()
    wait_until(lambda: not lab.topology.joined(), 2, 'the headend does not leave')
    capture.stop()
    return capture.path


def tools_agree(path, messages):
    """messages: {(what tcpdump calls it, destination address, destination MAC)}, which must be all that there are."""
    lines = call(['tcpdump', '-r', str(path), '-nn', '-e', '-t', '-vvv']).replace('\n    ', ' ').splitlines()
    found = set()
    for line in lines:
        match = re.fullmatch(
            r'\S+ > (\S+), ethertype IPv4 \(0x0800\), length \d+: \(tos 0xc0, ttl 1, id \d+, offset 0, '
            rf'flags \[(?:none|DF)\], proto IGMP \(2\), length \d+, options \(RA\)\) {HEADEND_IN} > (\S+): igmp (.*)', line)
        assert match, f'tcpdump says: {line}'
        assert 'bad' not in line and 'invalid' not in line and '[|' not in line, f'tcpdump says: {line}'
        records = re.findall(r'\[gaddr [^]]*\]', match[3]) or [match[3]]
        found |= {(record, match[2], match[1]) for record in records}
    assert found == messages, f'tcpdump says: {found ^ messages}'

    fields = ['ip.ttl', 'ip.dsfield.dscp', 'ip.opt.type', 'ip.opt.ra', 'ip.checksum.status', 'igmp.checksum.status',
              '_ws.malformed', '_ws.expert.severity']
    shown = call(['tshark', '-n', '-r', str(path), '-o', 'ip.check_checksum:TRUE', '-T', 'fields',
                  *(part for field in fields for part in ('-e', field))]).splitlines()
    assert len(shown) == len(lines)
    for row in shown:
        values = dict(zip(fields, row.split('\t')))
        assert values == {'ip.ttl': '1', 'ip.dsfield.dscp': '48', 'ip.opt.type': '148', 'ip.opt.ra': '0',
                          'ip.checksum.status': '1', 'igmp.checksum.status': '1', '_ws.malformed': '',
                          '_ws.expert.severity': ''}, f'tshark says: {values}'


def tcpdump_and_tshark_find_igmpv2_flawless(lab):
    tools_agree(capture_igmp(lab, 2), {
        ('v2 report 239.71.1.1', '239.71.1.1', '01:00:5e:47:01:01'),
        ('v2 report 239.71.1.2', '239.71.1.2', '01:00:5e:47:01:02'),
        ('leave 239.71.1.1', '224.0.0.2', '01:00:5e:00:00:02'),
        ('leave 239.71.1.2', '224.0.0.2', '01:00:5e:00:00:02')})


def tcpdump_and_tshark_find_igmpv3_flawless(lab):
    tools_agree(capture_igmp(lab, 3), {
        (f'[gaddr {group}]', '224.0.0.22', '01:00:5e:00:00:16') for group in (
            '239.71.1.1 to_ex { }', '239.71.1.1 is_ex { }', '239.71.1.1 to_in { }',
            f'239.71.1.2 allow {{ {SOURCE_ADDRESS} }}', f'239.71.1.2 is_in {{ {SOURCE_ADDRESS} }}',
            f'239.71.1.2 block {{ {SOURCE_ADDRESS} }}')})


system.run(arping_is_answered_on_each_port_and_for_its_own_address_only, ping_is_answered_with_its_payload,
           a_datagram_to_a_closed_port_is_refused, tcpdump_and_tshark_find_igmpv2_flawless,
           tcpdump_and_tshark_find_igmpv3_flawless, topology=SwitchedInput)
