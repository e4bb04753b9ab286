"""What Pktgen is to send to a headend in each step of a load test, and what the headend must then count.

A step sends whole rounds of its frames, so what each counter must rise by is known to the packet. Every step but the
first is the first, the feeds of all channels, with something else among them or at other ports.
"""

import ipaddress
import json
import random
import struct
from dataclasses import dataclass, field

from lab.frames import SERVICE_VLAN, VLAN, address, ethernet, group_mac, igmp, ipv4, mac, udp
from lab.network import call
from lab.programs import linecast

TS_PACKET = 188
TS_AT_MOST = 7  # a datagram
SEAMLESS = 16  # datagrams: so many continue the TS packets' continuity counters when they are sent again
WEIGHT_AT_MOST = 64  # in halves of the smallest cap
IGMP_PER_SECOND = 2000  # on an interface; fewer reports than the headend's allowance, more queries
REQUEST_FRAMES = 1024  # different ones, at least
FEED_PORT = 4000
GENERATOR_MAC = mac('02:00:00:00:00:01')
ALL_HOSTS, ALL_ROUTERS, V3_ROUTERS = '224.0.0.1', '224.0.0.2', '224.0.0.22'
QUERY, V2_REPORT, V2_LEAVE, V3_REPORT = 0x11, 0x16, 0x17, 0x22
REPLACEMENT, QUIET, CMAC_TRAILER = 0x81, 0x82, 32  # type 2 and its commands
UNKNOWN_GROUP = '239.255.255.254'


@dataclass
class Frames:
    """Frames of one kind that are sent equally often, and what each makes the headend count."""
    frames: list
    per_second: float
    counts: dict = field(default_factory=dict)  # counter: how often, when all of them are sent once


class Interface:
    def __init__(self, row, port_mac):
        own = ipaddress.IPv4Interface(row['address'])
        self.name, self.vlan, self.address, self.network = row['name'], row['vlan'], str(own.ip), own.network
        self.mac = mac(port_mac)
        self.tags = [row['vlan']] if row['vlan'] else []
        self.querier = row['querier']

    def hosts(self, count):
        """Other hosts' addresses on it: not more than there are, and at most `count`."""
        found = []
        for host in self.network.hosts():
            if str(host) != self.address:
                found.append(str(host))
            if len(found) == count:
                break
        return found

    def last_host(self):
        """A neighbour whose address is above ours, where there is one: as a querier it waits for ours."""
        last = self.network.broadcast_address - (1 if self.network.prefixlen < 31 else 0)
        return str(last if str(last) != self.address else last - 1)

    def frame(self, destination, packet):
        return ethernet(destination, GENERATOR_MAC, packet, *self.tags)

    def to_group(self, source, group, *datagram, **wrong):
        return self.frame(group_mac(group), udp(source, group, *datagram, **wrong))

    def to_us(self, source, *datagram, **wrong):
        return self.frame(self.mac, udp(source, self.address, *datagram, **wrong))


class Contents:
    """What `linecast check --json` and `linecast show ports --json` say, as a load test needs it."""

    def __init__(self, lineup, ports):
        macs = {port['name']: port['mac'] for port in ports}
        self.ports = [port['name'] for port in lineup['ports']]
        self.device = {port['name']: port['device'] for port in lineup['ports']}
        self.interfaces = {row['name']: Interface(row, macs[row['port']]) for row in lineup['interfaces']}
        self.port_of = {row['name']: row['port'] for row in lineup['interfaces']}
        self.channels = [channel for channel in lineup['channels'] if channel['enabled']]

    def on(self, port):
        return [interface for name, interface in self.interfaces.items() if self.port_of[name] == port]

    def sources(self, port):
        return [c for c in self.channels if self.port_of[c['source']['interface']] == port]

    def outputs(self, port):
        return [c for c in self.channels if self.port_of[c['output']['interface']] == port]


def read_contents(lineup):
    """Contents of a headend that runs with this lineup."""
    checked = json.loads(call([linecast(), 'check', '--offline', '--json', str(lineup)]))
    shown = json.loads(call([linecast(), 'show', 'ports', '--json', '--lineup', str(lineup)]))
    return Contents(checked['lineup'], shown['ports'])


def of_channel(channel, counter):
    return ('channel', channel['name'], counter)


# --- feeds ----------------------------------------------------------------------------------------------------------

def feed_payload(channel, number):
    """The datagram's payload, TS packets of one PID."""
    overhead = 12 if channel['source']['format'] == 'rtp' else 0
    count = min(TS_AT_MOST, (channel['max_payload'] - overhead) // TS_PACKET)
    pid = 0x100 + channel['number'] % 0x1E00
    body = b''.join(struct.pack('>BHB', 0x47, pid, 0x10 | (number * count + k) & 15).ljust(TS_PACKET, b'\xA5')
                    for k in range(count))
    if overhead:
        body = struct.pack('>BBHII', 0x80, 33, number & 0xFFFF, number * 900, channel['number']) + body
    return body


def feed_source(contents, channel):
    return channel['source']['ssm_source'] or contents.interfaces[channel['source']['interface']].hosts(1)[0]


def feed_frame(contents, channel, payload, **wrong):
    source = channel['source']
    interface = contents.interfaces[source['interface']]
    destination = interface.mac if source['address'] == interface.address else group_mac(source['address'])
    return interface.frame(destination, udp(feed_source(contents, channel), source['address'], FEED_PORT,
                                            source['port'], payload, **wrong))


def spread(groups):
    """The frames of all groups in one list, each group's evenly over its length."""
    placed = [((number + 0.5) / len(group), index, number) for index, group in enumerate(groups)
              for number in range(len(group))]
    return [groups[index][number] for _, index, number in sorted(placed)]


def feeds(contents, port, share):
    """A round of the feeds that come in by the port, each in proportion to its cap; None where there are none."""
    channels = contents.sources(port)
    if not channels:
        return None
    unit_bps = min(channel['bitrate_cap_bps'] for channel in channels) / 2
    groups, counts, frames_per_second = [], {}, 0.0
    for channel in channels:
        weight = min(WEIGHT_AT_MOST, int(channel['bitrate_cap_bps'] / unit_bps))
        groups.append([feed_frame(contents, channel, feed_payload(channel, number)) for number in range(SEAMLESS * weight)])
        payload_bits = 8 * len(feed_payload(channel, 0))
        frames_per_second += share * weight * unit_bps / payload_bits
        for counter in ('packets_in', 'packets_sent'):
            counts[of_channel(channel, counter)] = SEAMLESS * weight
    return Frames(spread(groups), frames_per_second, counts)


# --- what disturbs them ---------------------------------------------------------------------------------------------

def request(channel, number, noise):
    """A REPLACEMENT for a random few packets: genuine on a clear channel, forged without its key on another."""
    pairs = b''.join(struct.pack('>HH', noise.randrange(1 << 16), noise.randrange(1 << 16))
                     for _ in range(1 + number % 8))
    body = address(channel['output']['group']) + pairs
    if not channel['encrypted']:
        return struct.pack('>BBH', 0, REPLACEMENT, 4 + len(body)) + body
    trailer = struct.pack('>QH', number, 1) + noise.randbytes(6 + 16)
    return struct.pack('>BBH', 1, REPLACEMENT, 4 + len(body) + len(trailer)) + body + trailer


def requests(contents, port, per_second):
    channels = contents.outputs(port)
    if not channels:
        return None
    noise = random.Random(port)
    each = -(-REQUEST_FRAMES // len(channels))
    frames, counts = [], {}
    for number in range(each):
        for channel in channels:
            interface = contents.interfaces[channel['output']['interface']]
            hosts = interface.hosts(each)
            at = channel['output']['port']
            frames.append(interface.to_us(hosts[number % len(hosts)], at, at, request(channel, number, noise)))
            counts[of_channel(channel, 'requests')] = each
            if channel['encrypted']:
                counts[of_channel(channel, 'request_refused')] = each
    return Frames(frames, per_second, counts)


def igmp_messages(contents, port, per_second):
    """Queries of all versions and other hosts' reports, and both wrong, on each interface of the port."""
    interfaces = contents.on(port)
    groups, counts = [], {}
    for interface in interfaces:
        other, group = interface.last_host(), group_mac(ALL_HOSTS)
        joined = next((c['source']['address'] for c in contents.channels if c['source']['interface'] == interface.name
                       and c['source']['address'] != interface.address), UNKNOWN_GROUP)
        v1 = interface.frame(group, igmp(other, ALL_HOSTS, QUERY, bytes(4)))
        v2 = interface.frame(group, igmp(other, ALL_HOSTS, QUERY, bytes(4), code=100))
        v3_body = bytes(4) + b'\x02\x7d\0\0'
        v3 = interface.frame(group, igmp(other, ALL_HOSTS, QUERY, v3_body, code=100))
        report = address(joined)
        record = struct.pack('>HHBBH', 0, 1, 2, 0, 0) + report
        groups.append([
            v3, v2, v1, v3, v2, v1,
            interface.frame(group_mac(V3_ROUTERS), igmp(other, V3_ROUTERS, V3_REPORT, record)),
            interface.frame(group_mac(ALL_ROUTERS), igmp(other, ALL_ROUTERS, V2_LEAVE, address(UNKNOWN_GROUP))),
            interface.frame(group_mac(joined), igmp(other, joined, V2_REPORT, report)),
            interface.frame(group, igmp(other, ALL_HOSTS, QUERY, v3_body, code=100, wrong_sum=1)),
            interface.frame(group, igmp(other, ALL_HOSTS, QUERY, v3_body, code=100, ttl=2)),
            interface.frame(interface.mac, igmp(other, interface.address, V2_REPORT, report)),
            interface.frame(group, igmp(interface.address, ALL_HOSTS, QUERY, v3_body, code=100)),
        ])
        for counter, count in (('others_reports', 3), ('igmp_bad_checksum', 1), ('igmp_bad_ttl', 1)):
            counts['interface', interface.name, counter] = count
        for counter, count in (('igmp_queries_or_limited', 6), ('igmp_unicast', 1), ('igmp_own_address', 1)):
            counts['lane', '', counter] = counts.get(('lane', '', counter), 0) + count
    return Frames(spread(groups), min(per_second, IGMP_PER_SECOND * len(interfaces)), counts)


def garbage(contents, port, per_second):
    """A frame of each way to be wrong, on the port's first interface (and the first channels there)."""
    interface = contents.on(port)[0]
    source = interface.hosts(1)[0]
    good = (source, UNKNOWN_GROUP, FEED_PORT, 5000, b'\x47' + bytes(TS_PACKET - 1))
    outer = group_mac(UNKNOWN_GROUP)
    taken = {other.vlan for other in contents.on(port)}
    foreign = next(vlan for vlan in range(4094, 0, -1) if vlan not in taken)
    plain = udp(*good)

    def untagged(packet, *tags, **more):
        return ethernet(outer, GENERATOR_MAC, packet, *tags, **more)

    def tagged(packet, **more):
        return ethernet(outer, GENERATOR_MAC, packet, *interface.tags, **more)
    lane = {
        'frame_truncated': tagged(udp(*good, size=1400)),
        'vlan_stacked': untagged(plain, (SERVICE_VLAN, interface.vlan or foreign), (VLAN, foreign)),
        'vlan_unexpected': untagged(plain, foreign),
        'ethertype_unknown': tagged(b'\x60' + bytes(60), ether_type=0x86DD),
        'ip_version': tagged(udp(*good, version=6)),
        'ip_header': tagged(udp(*good, words=4)),
        'ip_checksum': tagged(udp(*good, sum=0x1234)),
        'ip_options': tagged(udp(*good, options=b'\x01\x01\x01\0')),
        'ip_source': tagged(udp('127.0.0.1', *good[1:])),
        'ip_protocol': tagged(ipv4(source, UNKNOWN_GROUP, 6, bytes(20))),
        'udp_length': tagged(udp(*good, udp_size=0xFFFF)),
        'udp_checksum': tagged(udp(*good, udp_sum=0x1234)),
        'no_flow': tagged(plain),
    }
    # A kernel socket, as af_packet is, puts fragments together or drops them before the headend sees them.
    if not contents.device[port].startswith('net_af_packet'):
        lane['ip_fragment'] = tagged(udp(*good, fragment=0x2000))
    frames, counts = list(lane.values()), {('lane', '', name): 1 for name in lane}
    for channel in contents.sources(port)[:1]:
        if channel['source']['format'] != 'opaque':
            frames.append(feed_frame(contents, channel, b'no transport stream'))
            counts[of_channel(channel, 'payload_format')] = 1
        frames.append(feed_frame(contents, channel, b''))
        counts[of_channel(channel, 'payload_size')] = 1
        counts[of_channel(channel, 'packets_in')] = len(frames) - len(lane)
    for channel in contents.outputs(port)[:1]:
        out, at = contents.interfaces[channel['output']['interface']], channel['output']['port']
        asks = address(UNKNOWN_GROUP) + bytes(4)
        holds = address(channel['output']['group']) + bytes(4)
        messages = {
            'smart_truncated': b'\1',
            'smart_size_mismatch': struct.pack('>BBH', 0, REPLACEMENT, 400) + asks,
            'smart_unknown_command': struct.pack('>BBH', 0, 0xBF, 12) + asks,
            'smart_bad_length': struct.pack('>BBH', 0, REPLACEMENT, 8) + asks[:4],
            'unknown_group': struct.pack('>BBH', 0, REPLACEMENT, 12) + asks,
            'message_ignored': struct.pack('>BBH', 0, QUIET, 12) + holds,
        }
        frames += [out.to_us(out.hosts(1)[0], at, at, message) for message in messages.values()]
        counts |= {('lane', '', name): 1 for name in messages}
    return Frames(frames, per_second, counts)


STEPS = {'ingest': None, 'requests': requests, 'igmp': igmp_messages, 'garbage': garbage}


# --- put together ---------------------------------------------------------------------------------------------------

class PortLoad:
    """What one port is sent in a step: whole rounds of its frames."""

    def __init__(self, feed, other, seconds):
        parts = [part for part in (feed, other) if part]
        times = [1] * len(parts)  # a round has each of them
        if len(parts) == 2:
            ratio = other.per_second / feed.per_second * len(feed.frames) / len(other.frames)
            times = [1, round(ratio)] if ratio >= 1 else [round(1 / ratio), 1]
        self.frames = spread([part.frames * n for part, n in zip(parts, times)])
        self.per_second = parts[0].per_second * len(self.frames) / (len(parts[0].frames) * times[0])
        self.rounds = max(1, round(seconds * self.per_second / len(self.frames)))
        self.counts = {}
        for part, n in zip(parts, times):
            for counter, count in part.counts.items():
                self.counts[counter] = self.counts.get(counter, 0) + count * n * self.rounds

    @property
    def total(self):
        return self.rounds * len(self.frames)


def loads_of(contents, step, share, flood, seconds):
    """{port's name: PortLoad} of a step."""
    found = {}
    for port in contents.ports:
        feed = feeds(contents, port, share)
        other = STEPS[step](contents, port, flood) if STEPS[step] else None
        if feed or other:
            found[port] = PortLoad(feed, other, seconds)
    return found


# Counters of which only the sum is known: what is added up, and what is taken off. A name alone is of the same row.
SUMS = {
    'others_reports': (['igmp_ignored', 'igmp_suppressed'], []),
    'request_refused': (['request_mac', 'request_trailer'], []),
    'igmp_queries_or_limited': ([('interface', 'igmp_queries'), 'igmp_rate_limited'],
                                [('interface', 'querier_general_sent')]),
}
# Of a genuine request that asks for anything.
REFUSALS = ('request_not_sent', 'request_too_old', 'request_repeated', 'request_over_budget', 'request_source_limit',
            'request_source_share')


def counter_rule(kind, name, counter, count):
    """That a counter of a row must rise by `count`; as a reference is (kind, row's name or None for all, counter)."""
    plus, minus = SUMS.get(counter, ([counter], []))

    def reference(entry):
        return [kind, name, entry] if isinstance(entry, str) else [entry[0], None, entry[1]]
    counters = [reference(entry) for entry in plus]
    what = ' '.join(part for part in (kind, name, ' + '.join(entry[2] for entry in counters)) if part)
    return {'what': what, 'counters': counters, 'less': [reference(entry) for entry in minus], 'equals': count}


def repairs_rule(channel, seconds):
    """That requests draw what the budget allows of repairs, and forged ones none."""
    bytes_per_second = channel['bitrate_cap_bps'] / 8 * channel['budget_percent'] / 100
    saved_up = 64 + bytes_per_second / (TS_AT_MOST * TS_PACKET)
    most = saved_up + bytes_per_second * (1.5 * seconds + 1) / (TS_AT_MOST * TS_PACKET)
    rule = counter_rule(*of_channel(channel, 'repairs_sent'), 0)
    if not channel['encrypted']:
        del rule['equals']
        rule['at_most'] = round(most)
    return rule


def rules_of(contents, step, loads, seconds):
    """What the step must show, and references to what it may: [{what, counters, less, equals | at_least | at_most}]."""
    totals = {}
    for load in loads.values():
        for counter, count in load.counts.items():
            totals[counter] = totals.get(counter, 0) + count
    rules = [counter_rule(*counter, count) for counter, count in totals.items()]
    for port in contents.ports:
        if port in loads:
            received = counter_rule('port', port, 'received', 0)
            del received['equals']
            rules.append(received | {'at_least': loads[port].total})
        rules += [counter_rule('port', port, counter, 0)
                  for counter in ('missed', 'receive_errors', 'no_buffer', 'transmit_errors')]
    if step != 'requests':
        return rules, []
    rules += [repairs_rule(channel, seconds) for channel in contents.channels]
    may_rise = [of_channel(channel, name) for channel in contents.channels if not channel['encrypted'] for name in REFUSALS]
    return rules, [*may_rise, ('lane', '', 'request_turn_full')]
