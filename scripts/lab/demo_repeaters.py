"""scripts/demo --topology repeaters: one live channel through routers and two repeaters, to six receivers that get it in different ways."""

from lab.capture import Capture
from lab.distribution import CUT, Broadcast, Distribution
from lab.media import Picture, sha256
from lab.network import Network
from lab.system import Lab
from lab.topology import Channel

CHANNELS = [(Channel('news', 1, 'udp://239.71.1.1:5000', '232.72.1.1', 20_000_000, 'aes-128-gcm'),
             Picture('testsrc2', 640, 360, 25, 330, 2_000_000))]
LOSS_PERCENT = 1  # on each link: seven are on the way to who is behind both repeaters
PICTURE_OF = 'native'


def run(arguments, screen, directory):
    """One entry: the channel, with what became of it at each receiver."""
    channel, _ = CHANNELS[0]
    fed = directory / f'{channel.name}.ts'
    with Network() as network:
        topology = Distribution(network, 6)
        broadcast = Broadcast(Lab(directory, topology), channel, fed)
        capture = Capture(topology.near, 'toheadend', arguments.pcap, 'udp or igmp') if arguments.pcap else None
        broadcast.start(arguments.loss)
        screen.say(f'headend, two routers and two repeaters are running; feeding live, {arguments.loss:g} % random loss on every link')

        def show(seconds):
            statistics = [found for watcher in broadcast.watchers.values() if watcher.program
                          for found in watcher.program.channels().values()]
            screen.live(f'  {min(seconds, arguments.seconds):3.0f} of {arguments.seconds} s   '
                        + '   '.join(f'{name} {sum(found[name] for found in statistics)}' for name in ('lost', 'repaired', 'unrecovered')))

        usage = []
        broadcast.run(arguments.seconds, show,
                      [(CUT - 0.03, lambda: usage.extend(hop.usage()['channels'][channel.name] for hop in broadcast.hops))])
        broadcast.stop_hops()
        if capture:
            capture.stop()
        return [{'channel': channel.name, 'fed_bytes': fed.stat().st_size, 'fed_sha256': sha256(fed),
                 'lost_on_links': broadcast.lost_on_links(), 'usage': usage, 'receivers': broadcast.rows()}]


def print_table(screen, report):
    screen.say('')
    screen.say(screen.colour('1', f'{"receiver":10} {"":40} {"reached by":32} {"lost":>6} {"repaired":>9} {"unrecovered":>12}  SHA-256'))
    for row in report[0]['receivers']:
        verdict = screen.colour('32', 'match') if row['sha256_match'] else screen.colour('31', 'DIFFERENT')
        of = {'all': '', 'tail': ' from when it came', 'head': ' until then'}[row['expected']]
        screen.say(f'{row["receiver"]:10} {row["what"]:40} {", ".join(row["reached"]):32} {row["lost"]:>6} {row["repaired"]:>9} '
                   f'{row["unrecovered"]:>12}  {verdict} {row["sha256"][:12]}{of}')
    screen.say('who watches, counted before the cut: ' + '; '.join(
        f'{hop} {usage["present"]}' + (f' ({usage["by_repeaters"]} behind repeaters)' if usage['by_repeaters'] else '')
        for hop, usage in zip(('headend', 'repeater 1', 'repeater 2'), report[0]['usage'])))
    screen.say('')


def verdict_of(report, loss):
    """What is not as it must be, in words."""
    faults = []
    for row in report[0]['receivers']:
        where = f'{report[0]["channel"]} at {row["receiver"]}'
        if not row['sha256_match']:
            faults.append(f'{where} is not what was fed in ({row["played_bytes"]} of {row["fed_bytes"]} bytes)')
        if row['unrecovered']:
            faults.append(f'{where} has {row["unrecovered"]} unrecovered packets')
        if row['receiver'] == 'cut' and row['reached'] != ['native', 'origin tunnel', 'native']:
            faults.append(f'{where} came by {", ".join(row["reached"])}')
    if (counted := [usage['present'] for usage in report[0]['usage']]) != [6, 4, 3]:
        faults.append(f'headend and repeaters count {counted} receivers, not 6, 4 and 3')
    faults += [f'the link to {name} lost nothing: the loss was not made'
               for name, lost in report[0]['lost_on_links'].items() if loss > 0 and lost == 0]
    return faults
