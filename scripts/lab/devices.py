"""scripts/bench devices: the headend beside DPDK's own testpmd, on the same virtual devices."""

import json
import random
import shutil
import struct
import tempfile
import time
from pathlib import Path

from lab.network import Network, wait_until
from lab.programs import Headend, Program, new_keys
from lab.reliability import lose
from lab.topology import HEADEND_IN, HEADEND_OUT, SMART_PORT, SOURCE_ADDRESS

CHANNELS = 64
CAP_BPS = 1_000_000_000  # 1024 kept frames a channel at 10 ms, 65,536 in all
FEED_PORT = 5000
FRAMES = 1000
TS_PACKETS = 7
SENT_BYTES = 1390  # a sealed frame of seven TS packets
# A feed that never ends, from a file that the driver holds in memory.
IN_DEVICE = 'net_pcap0,rx_pcap={directory}/feed.pcap,infinite_rx=1'
NULL_DEVICE = 'net_null1,no-rx=1'
XDP_DEVICE = 'net_af_xdp1,iface=out0'


def group(channel):
    return f'239.10.0.{channel}'


def checksum(data):
    total = sum(struct.unpack(f'>{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def address(text):
    return bytes(map(int, text.split('.')))


def write_feed(path):
    """Frames of all channels in random order, as Ethernet in pcap."""
    draw = random.Random(1)
    with open(path, 'wb') as file:
        file.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for _ in range(FRAMES):
            to = address(group(draw.randrange(CHANNELS)))
            payload = b''.join(b'\x47\x01\x00\x10' + draw.randbytes(184) for _ in range(TS_PACKETS))
            udp = struct.pack('>HHHH', FEED_PORT, FEED_PORT, 8 + len(payload), 0) + payload
            head = struct.pack('>BBHHHBBH', 0x45, 0, 20 + len(udp), 0, 0, 16, 17, 0) + address(SOURCE_ADDRESS) + to
            head = head[:10] + struct.pack('>H', checksum(head)) + head[12:]
            frame = b'\x01\x00\x5e' + bytes([to[1] & 0x7f, to[2], to[3]]) + b'\x02\0\0\0\0\x01\x08\x00' + head + udp
            file.write(struct.pack('<IIII', 0, 0, len(frame), len(frame)) + frame)


def channel_rows(encrypted, output='out'):
    """The lineup's, of all channels that the feed has."""
    return ''.join(f'''
  - name: c{i}
    number: {i + 1}
    source: {{interface: in, address: {group(i)}, port: {FEED_PORT}}}
    output: {{interface: {output}, group: 239.20.0.{i}, port: {SMART_PORT}}}
    bitrate_cap: {CAP_BPS}
    retransmit: {{window_ms: 10}}
    {"key: bench.key" if encrypted else "clear: true"}''' for i in range(CHANNELS))


def write_lineup(directory, device, encrypted):
    new_keys(directory, {'bench': 'aes-128-gcm'})
    (directory / 'state').mkdir(exist_ok=True)
    path = directory / 'lineup.yaml'
    path.write_text(f'''\
headend: {{name: bench, sender_id: 1, state: state, signing_key: signing.key, control: control.sock}}
lanes: {{main_lcore: 0, lcores: [1]}}
ports:
  - {{name: in, device: "{IN_DEVICE.format(directory=directory)}", address: {HEADEND_IN}/24}}
  - {{name: out, device: "{device}", address: {HEADEND_OUT}/24}}
channels:{channel_rows(encrypted)}
''')
    return path


def busiest_thread(process, seconds, count):
    """What `count` says rises by in so many seconds, and the processor time of the thread that took most of it."""
    def spent():
        return {task.name: int((task / 'schedstat').read_text().split()[0])
                for task in Path(f'/proc/{process.pid}/task').iterdir()}
    counted, before = count(), spent()
    time.sleep(seconds)
    more, after = count() - counted, spent()
    return {'packets_per_cpu_second': more / max((after[task] - before.get(task, 0)) / 1e9 for task in after)}


def headend(namespace, directory, device, encrypted, seconds, count=None):
    program = Headend(namespace, directory, write_lineup(directory, device, encrypted))
    program.wait_ready()
    found = busiest_thread(program.process, seconds, count or program.transmitted)
    program.stop()
    return found


def testpmd(namespace, directory, devices, mode, seconds, count=None, frame_bytes=SENT_BYTES):
    """count: of the packets sent; without, testpmd's own."""
    before = count() if count else 0
    program = Program(
        namespace, 'testpmd', directory, 'dpdk-testpmd', '-l', '0,1', '--in-memory', '--no-pci', '--file-prefix', f'bench{id(directory)}',
        *(part for device in devices for part in ('--vdev', device)), '--', f'--forward-mode={mode}', '--nb-cores=1',
        '--stats-period=1', f'--txpkts={frame_bytes}')

    def transmitted():
        values = [line.split()[1] for line in program.output.read_text(errors='replace').splitlines() if 'TX-packets:' in line]
        return max(map(int, values), default=0)

    wait_until(lambda: program.check_running() and (count or transmitted)() > before, 20, 'testpmd sends nothing')
    if count is None:  # its statistics come once a second: from one to another
        def whole_seconds():
            seen = transmitted()
            wait_until(lambda: transmitted() > seen, 5, 'testpmd stands still', 0.002)
            return transmitted()
        whole_seconds()
        found = busiest_thread(program.process, round(seconds) - 0.2, whole_seconds)
    else:
        found = busiest_thread(program.process, seconds, count)
    program.process.terminate()
    program.process.wait()
    return found


def arrived(far):
    """Frames at the far end of the veth pair."""
    return json.loads(far.run('ip', '-j', '-s', 'link', 'show', 'eth0'))[0]['stats64']['rx']['packets']


def forwarding(seconds):
    """A clear lane, and testpmd's macswap, from a feed in memory to a port that takes everything."""
    with tempfile.TemporaryDirectory(prefix='linecast-bench-') as name, Network() as network:
        directory = Path(name)
        write_feed(directory / 'feed.pcap')
        namespace = network.namespace('headend')
        devices = (IN_DEVICE.format(directory=directory), NULL_DEVICE)
        return {'device/lane_clear': headend(namespace, directory, NULL_DEVICE, False, seconds),
                'device/macswap': testpmd(namespace, directory, devices, 'macswap', seconds)}


def sending(seconds):
    """An encrypted lane, and testpmd's txonly, by AF_XDP to the other end of a veth pair."""
    with tempfile.TemporaryDirectory(prefix='linecast-bench-') as name, Network() as network:
        directory = Path(name)
        write_feed(directory / 'feed.pcap')
        namespace, far = network.namespace('headend'), network.namespace('far')
        network.veth(namespace, 'out0', far, 'eth0')
        lose(far, 90)
        return {'device/lane_af_xdp': headend(namespace, directory, XDP_DEVICE, True, seconds, lambda: arrived(far)),
                'device/txonly_af_xdp': testpmd(namespace, directory, (XDP_DEVICE,), 'txonly', seconds, lambda: arrived(far))}


def add_arguments(parser):
    parser.add_argument('--rounds', type=int, default=5, metavar='N', help='of each, one after the other (5)')
    parser.add_argument('--seconds', type=float, default=3, metavar='S', help='that each round of each takes (3)')


def measure(report, rounds, seconds):
    print(f'bench: the headend and testpmd on the same virtual devices, {CHANNELS} channels, 65,536 kept frames, 1316-byte payloads; '
          f'medians of {rounds} rounds in which each has its turn', flush=True)
    rows = {}
    for number in range(rounds):
        for kind in (forwarding, sending):
            for what, found in kind(seconds).items():
                rows.setdefault(what, []).append(found)
        print(f'  round {number + 1} of {rounds}', flush=True)
    for what, found in rows.items():
        report.add_runs(what, found)
    print()
    for what, text in (('device/lane_clear', 'a lane that does not encrypt, from net_pcap to net_null, packets a second'),
                       ('device/macswap', 'testpmd macswap, the same'),
                       ('device/lane_af_xdp', 'a lane that encrypts, from net_pcap to net_af_xdp on veth'),
                       ('device/txonly_af_xdp', 'testpmd txonly on net_af_xdp on veth')):
        report.check(text, report.figures[what]['packets_per_cpu_second'], shown='{:,.0f}')
    report.ratio('device/lane_clear', 'device/macswap', 0.5, counter='packets_per_cpu_second',
                 what='a lane that does not encrypt / testpmd macswap')
    report.ratio('device/lane_af_xdp', 'device/txonly_af_xdp', 0.9, counter='packets_per_cpu_second',
                 what='a lane that encrypts / testpmd txonly, on net_af_xdp')


def missing():
    """What the machine lacks for this."""
    return '' if shutil.which('dpdk-testpmd') else 'dpdk-testpmd is not there: run scripts/setup bench'
