#!/usr/bin/python3
"""Machines that can't run a headend: each fault is told with the command that mends it, and nothing is touched. Then the
command is run as it stands in the message, and the headend starts.

A headend's message ends with its command, behind the last colon.
"""

import ctypes
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts'))
# pylint: disable=wrong-import-position
from lab import system
from lab.media import sha256, write_noise
from lab.network import call, die_with_parent, stop, wait_until
from lab.programs import LINECAST
from lab.topology import Channel

NEWS = Channel('news', 1, 'udp://239.71.1.1:5000', '239.72.1.1', 6_000_000, 'aes-128-gcm')
HUGEPAGES = '/sys/kernel/mm/hugepages/hugepages-2048kB'
NR_HUGEPAGES = '/proc/sys/vm/nr_hugepages'
NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all']
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000
libc = ctypes.CDLL(None, use_errno=True)


def own_mounts():
    """In a child: a mount namespace whose mounts nobody else sees. unshare(1) can't make it so in a plain chroot."""
    die_with_parent()
    here = os.open('/', os.O_RDONLY | os.O_DIRECTORY)
    os.chdir('/')
    os.chroot('/proc')
    for _ in range(64):  # out of the chroot, if it is one: its root is no mount, and only mounts can be made private
        os.chdir('..')
    os.chroot('.')
    os.fchdir(here)
    if libc.unshare(CLONE_NEWNS) != 0 or libc.mount(None, b'/', None, MS_REC | MS_PRIVATE, None) != 0:
        raise OSError(ctypes.get_errno(), 'no mount namespace')
    os.chroot('.')


class Machine:
    """The headend's namespace with mounts of its own."""

    def __init__(self, lab, channels=(NEWS,)):
        self.lab = lab
        self.lineup = lab.write_lineup(channels)
        self.control = lab.directory / 'control.sock'
        network = lab.topology.headend.network
        self.holder = subprocess.Popen(['sleep', '300'], preexec_fn=own_mounts, start_new_session=True)
        network.processes.append(self.holder)
        self.outside = {'up0': lab.topology.switch, 'src0': lab.topology.source}
        for interface, namespace in self.outside.items():
            namespace.count('sent', interface, '')

    def command(self, *command):
        return self.lab.topology.headend.command('nsenter', f'--target={self.holder.pid}', '--mount', '--root', '--',
                                                 *command)

    def run(self, shell):
        return call(self.command('sh', '-ec', shell))

    def refuses(self, *words, program=(LINECAST,)):
        """The message's command, once the headend has ended with status 1 and all the words, and touched nothing."""
        done = subprocess.run(self.command(*program, 'headend', '--lineup', self.lineup), capture_output=True, text=True,
                              timeout=30, check=False)
        assert done.returncode == 1, f'status {done.returncode}: {done.stderr}'
        assert done.stderr.startswith('linecast: error: ') and done.stderr.count('\n') == 1, f'one line: {done.stderr}'
        for word in words:
            assert word in done.stderr, f'nothing of "{word}" in: {done.stderr}'
        assert not self.control.exists(), 'no control socket is left'
        for interface, namespace in self.outside.items():
            assert namespace.counted('sent') == 0, f'nothing was sent to {interface}'
        return done.stderr.strip().rpartition(': ')[2]

    def starts(self, program=(LINECAST,)):
        """The headend runs, answers, sends, and ends cleanly."""
        log = self.lab.directory / 'headend.log'
        with open(log, 'wb') as output:
            process = self.lab.topology.headend.start('nsenter', f'--target={self.holder.pid}', '--mount', '--root', '--',
                                                      *program, 'headend', '--lineup', self.lineup,
                                                      stdin=subprocess.DEVNULL, stderr=output)
        wait_until(lambda: 'running' in log.read_text() or process.poll() is not None, 20, 'the headend does not start')
        assert process.poll() is None, log.read_text()
        call([str(LINECAST), 'show', 'channels', '--control', str(self.control)])
        wait_until(lambda: self.outside['up0'].counted('sent') > 0, 5, 'it sends nothing')
        assert stop(process) == 0, log.read_text()
        assert not self.control.exists()

    def pretend(self, path, text):
        """The file has this text, to all in here."""
        stand_in = self.lab.directory / path.strip('/').replace('/', '-')
        stand_in.write_text(text)
        self.run(f'mount --bind {stand_in} {path}')
        return stand_in


def pretend_hugepages(machine, total, free):
    """Returns the files with their numbers. EAL takes its memory from the real ones all the same."""
    stand_in = machine.lab.directory / 'hugepages'
    shutil.copytree(HUGEPAGES, stand_in, copy_function=lambda source, to: Path(to).write_text(Path(source).read_text()))
    (stand_in / 'free_hugepages').write_text(f'{free}\n')
    (stand_in / 'resv_hugepages').write_text('0\n')
    machine.run(f'mount --bind {stand_in} {HUGEPAGES}')
    return machine.pretend(NR_HUGEPAGES, f'{total}\n'), stand_in / 'free_hugepages'


def too_few_hugepages_are_told_with_how_many_to_reserve(lab):
    machine = Machine(lab)
    total_file, free_file = pretend_hugepages(machine, total=30, free=7)
    cure = machine.refuses('too few hugepages', '14 MiB are free', 'reserve', 'more pages of 2 MiB')
    machine.run(cure)
    total = int(total_file.read_text())
    assert 30 + 32 - 7 <= total < 200, f'more than EAL alone takes, and all that is missing: {total}'
    free_file.write_text(f'{7 + total - 30 - 1}\n')
    total_file.write_text('30\n')
    assert machine.refuses('reserve 1 more pages of 2 MiB') == f'echo 31 > {NR_HUGEPAGES}', 'not one page too many'
    free_file.write_text(f'{7 + total - 30}\n')  # as the kernel counts once it has reserved them
    machine.starts()


def pretend_memory(machine, **kilobytes):
    """/proc/meminfo with these of its lines changed."""
    lines = [line.split(':') for line in Path('/proc/meminfo').read_text().splitlines()]
    machine.pretend('/proc/meminfo', ''.join(
        f'{name}: {kilobytes[name]} kB\n' if name in kilobytes else f'{name}:{rest}\n' for name, rest in lines))


def hugepages_are_counted_as_the_kernel_counts_them(lab):
    machine = Machine(lab)
    _, free_file = pretend_hugepages(machine, total=600, free=600)
    (free_file.parent / 'resv_hugepages').write_text('590\n')
    machine.refuses('too few hugepages', '20 MiB are free')  # the rest is promised to others
    pretend_memory(machine, Hugepagesize=1 << 20, MemAvailable=8 << 20)  # in kB: pages of 1 GiB, of which 8 fit
    cure = machine.refuses('reserve 1 more pages of 1024 MiB')
    assert cure == f'echo 601 > {NR_HUGEPAGES}', cure


def more_memory_than_the_machine_has_is_not_to_be_reserved(lab):
    machine = Machine(lab)
    pretend_hugepages(machine, total=7, free=7)
    pretend_memory(machine, MemAvailable=20480)
    cure = machine.refuses('too few hugepages', 'only 20 MiB are left', 'bitrate_cap', 'window_ms')
    assert cure == 'linecast check', cure
    shown = machine.run(f'{LINECAST} check {machine.lineup}')
    assert 'MiB of hugepages' in shown, shown


def unmount_hugetlbfs(machine):
    machine.run('while read -r _ directory type _; do [ "$type" != hugetlbfs ] || umount "$directory"; done < /proc/mounts')


def without_hugetlbfs_the_command_that_mounts_it_is_told(lab):
    machine = Machine(lab)
    unmount_hugetlbfs(machine)
    cure = machine.refuses('no hugetlbfs is mounted', 'mount -t hugetlbfs')
    machine.run(cure)
    machine.starts()


def a_hugetlbfs_that_is_read_only_is_told_so(lab):
    machine = Machine(lab)
    unmount_hugetlbfs(machine)
    machine.run('mount -t hugetlbfs -o ro nodev /dev/hugepages')  # a new one: the machine's is read-only for all, or for none
    cure = machine.refuses('/dev/hugepages is mounted read-only')
    machine.run(cure)
    machine.starts()


def an_ordinary_user_is_told_what_root_has_to_allow(lab):
    machine = Machine(lab)
    unmount_hugetlbfs(machine)
    machine.run('mount -t hugetlbfs nodev /dev/hugepages')  # a new one, whose owner may change
    program = lab.directory / 'linecast'
    shutil.copy(LINECAST, program)  # the build's own may be where others can't go, and keeps no capabilities
    lab.directory.chmod(0o755)
    user = (*NOBODY, program)
    done = subprocess.run(machine.command(*user, 'headend', '--lineup', machine.lineup), capture_output=True, text=True,
                          timeout=30, check=False)
    for key in ('news.key', 'signing.key'):
        assert f'{key}: may not be read by this user' in done.stderr, done.stderr
        assert f'chown "$USER" {lab.directory / key}' in done.stderr, done.stderr
        shutil.chown(lab.directory / key, 65534)
    assert done.returncode == 2, f'status {done.returncode}'
    mend = machine.refuses('state/lock: cannot be opened: Permission denied', 'chown', program=user)
    machine.run(f'USER=nobody; {mend}')
    mend = machine.refuses('control.sock: can\'t listen there: Permission denied', 'chown', program=user)
    machine.run(f'USER=nobody; {mend}')
    machine.run(machine.refuses('port in: this user may not open network interface in0', 'setcap', program=user))
    machine.run(machine.refuses('/dev/hugepages may not be written by this user', 'chown', program=user))
    machine.starts(user)


def a_full_or_read_only_disk_is_told_so(lab):
    machine = Machine(lab)
    whole = machine.lineup.read_text()
    small = lab.directory / 'small'
    small.mkdir()
    machine.run(f'mount -t tmpfs -o size=4k,mode=700 tmpfs {small}; head -c 4096 /dev/zero > {small}/all')
    machine.lineup.write_text(whole.replace('state: state', 'state: small'))
    cure = machine.refuses('start-number.new: cannot be written: No space left on device', 'Make room')
    assert str(small) in machine.run(cure), cure
    machine.run(f'rm {small}/lock {small}/start-number*; touch {small}/more; mount -o remount,nr_inodes=3 {small}')
    machine.lineup.write_text(whole.replace('control: control.sock', 'control: small/control.sock'))
    cure = machine.refuses("control.sock: can't listen there: No space left on device", 'Make room')
    assert '100%' in machine.run(cure), cure
    machine.run(f'rm {small}/more {small}/all; mount -o remount,ro,nr_inodes=100 {small}')
    cure = machine.refuses("control.sock: can't listen there: Read-only file system", 'remount,rw')
    machine.run(cure)
    machine.lineup.write_text(whole.replace('state: state', 'state: small'))
    machine.starts()


def second(lab, *changes):
    """Starts the first's lineup, changed, beside it; returns what it says."""
    path = lab.directory / 'second.yaml'
    text = (lab.directory / 'lineup.yaml').read_text()
    for what, by in changes:
        assert what in text, what
        text = text.replace(what, by)
    path.write_text(text)
    done = subprocess.run(lab.topology.headend.command(LINECAST, 'headend', '--lineup', path), capture_output=True, text=True,
                          timeout=30, check=False)
    assert done.returncode == 1, f'status {done.returncode}: {done.stderr}'
    return done.stderr


def a_second_headend_is_refused_and_the_first_goes_on(lab):
    feed, played = lab.directory / 'feed.ts', lab.directory / 'played.ts'
    write_noise(feed, 4, 2_000_000)
    (lab.directory / 'other').mkdir(mode=0o700)
    receiver = lab.start_receiver(NEWS, played, '--buffer-ms', '300')
    headend = lab.start_headend([NEWS])
    time.sleep(1)
    feeder = lab.start_feed((feed, NEWS))
    own_state = ('state: state', 'state: other')
    own_control = ('control: control.sock', 'control: other/control.sock')
    # nsenter becomes the headend, so that the process started is the one to be named.
    holder = f'is in use by process {headend.process.pid} ({LINECAST} headend --lineup {headend.lineup}). '
    for where, changes in ((f'state directory {lab.directory}/state', ()),
                           (f'control socket {lab.directory}/control.sock', (own_state,)),
                           ('port in: network interface in0', (own_state, own_control)),
                           ('port in: network interface in0', (own_state, own_control, ('name: lab', 'name: other'),
                                                               ('net_af_packet0', 'net_pcap0')))):
        said = second(lab, *changes)
        assert said.startswith(f'linecast: error: {where} {holder}'), said
        assert said.endswith(f'stop that one: kill {headend.process.pid}\n'), said
    assert not (lab.directory / 'other/control.sock').exists()
    wait_until(feeder.done, 15, 'the feed does not end', 0.2)
    time.sleep(1)
    receiver.stop()
    assert sha256(feed) == sha256(played), 'bit-exact'
    assert receiver.channels()['news']['restarts'] == 0, receiver.channels()
    call(['sh', '-c', said.strip().rpartition(': ')[2]])
    assert headend.process.wait(10) == 0, 'the first ends cleanly'
    lab.start_headend([NEWS])


system.run(too_few_hugepages_are_told_with_how_many_to_reserve, hugepages_are_counted_as_the_kernel_counts_them,
           more_memory_than_the_machine_has_is_not_to_be_reserved, without_hugetlbfs_the_command_that_mounts_it_is_told,
           a_hugetlbfs_that_is_read_only_is_told_so, an_ordinary_user_is_told_what_root_has_to_allow,
           a_full_or_read_only_disk_is_told_so, a_second_headend_is_refused_and_the_first_goes_on)
