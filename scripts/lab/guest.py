"""A throw-away virtual machine with emulated PCI network cards behind an IOMMU, for DPDK's PCI drivers where no card is.

The guest runs Debian's kernel and sees this machine's file system read-only below a scratch overlay: whatever is
installed or built here runs there, and nothing it writes is kept. All cards are on one Ethernet hub: each sees every frame.
"""

import fcntl
import gzip
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from lab.network import LabError, call, die_with_parent, skip_without_namespaces, wait_until
from lab.topology import SOURCE_ADDRESS

ROOT = Path(__file__).resolve().parents[2]
KERNEL = ROOT / 'build/guest-kernel'  # a Debian package, unpacked
MODELS = ('e1000e', 'e1000', 'vmxnet3', 'virtio-net-pci')
FIRST_SLOT = 0x10
MARK = 'nic-vm: '  # begins a line of the guest's console that is for us

# The first program in the guest: mounts the host's files and goes on with GUEST below.
INIT = '''\
#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc; $b mount -t sysfs sysfs /sys; $b mount -t devtmpfs dev /dev
for module in /modules/*; do $b insmod $module; done
$b mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=262144 hostroot /low
$b mount -t tmpfs -o size=90% tmpfs /up; $b mkdir /up/upper /up/work
$b mount -t overlay -o lowerdir=/low,upperdir=/up/upper,workdir=/up/work overlay /new
for directory in proc sys dev; do $b mount --move /$directory /new/$directory; done
$b cp /guest /new/guest
exec $b chroot /new /bin/bash /guest
'''

GUEST = '''\
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t tmpfs tmpfs /run
mkdir -p /dev/hugepages /dev/pts /dev/shm /lib/modules
mount -t hugetlbfs hugetlbfs /dev/hugepages; mount -t devpts devpts /dev/pts; mount -t tmpfs tmpfs /dev/shm
[ -e /lib/modules/{version} ] || ln -s {modules} /lib/modules/{version}
ip link set lo up
cd {directory}
{command}
echo "{mark}status $?"
echo o > /proc/sysrq-trigger; sleep 30
'''


def pci_address(card):
    """Where card N (0, 1, ...) is in the guest."""
    return f'0000:00:{FIRST_SLOT + card:02x}.0'


def set_link(card, up):
    """In the guest: puts the cable of a card in, or pulls it."""
    print(f'{MARK}link {card} {"on" if up else "off"}', flush=True)


def interface_of(card):
    """In the guest: the kernel's name of a card's interface; None where it has none in our namespace."""
    return next((path.name for path in Path(f'/sys/bus/pci/devices/{pci_address(card)}').glob('net/*')), None)


def bind_to_vfio(card):
    """In the guest: gives a card to DPDK, as dpdk-devbind.py does, which takes 10 s for each there."""
    device = Path('/sys/bus/pci/devices', pci_address(card))
    (device / 'driver_override').write_text('vfio-pci')
    if (device / 'driver').exists():
        (device / 'driver/unbind').write_text(device.name)
    Path('/sys/bus/pci/drivers_probe').write_text(device.name)


class OneWire:
    """What stands in for lab.topology.Topology: the same namespaces, joined by the hub once they have their cards."""

    def __init__(self, network, _receivers):
        self.headend = network.namespace('headend')
        self.source = network.namespace('source')
        self.receivers = [network.namespace('receiver1')]

    def plug_in(self, source_card, receiver_card):
        """Gives source and receiver a card of the kernel's each; it comes back by itself when the namespace goes."""
        for card, namespace, name, address in ((source_card, self.source, 'src0', SOURCE_ADDRESS),
                                               (receiver_card, self.receivers[0], 'eth0', '10.72.0.11')):
            wait_until(lambda card=card: interface_of(card), 5, f'the kernel does not show card {card}')
            call(['ip', 'link', 'set', interface_of(card), 'name', name, 'netns', namespace.path.name])
            namespace.run('ip', 'link', 'set', name, 'up')
            namespace.address(name, f'{address}/24')
            wait_until(lambda namespace=namespace, name=name: 'LOWER_UP' in namespace.run('ip', 'link', 'show', name),
                       10, f'{name} has no link')


def run(cards, command, timeout_s, memory_mib=2048, processors=2):
    """Boots a guest with cards of these models, runs the command in it and prints its output; returns its exit status."""
    for tool in ('qemu-system-x86_64', 'busybox', 'cpio', 'modprobe', 'depmod'):
        if shutil.which(tool) is None:
            raise LabError(f'{tool} is missing: run scripts/setup test')
    modules = _kernel()
    with tempfile.TemporaryDirectory(prefix='linecast-guest-') as directory:
        script = GUEST.format(version=modules.name, modules=shlex.quote(str(modules)), mark=MARK,
                              directory=shlex.quote(os.getcwd()), command=shlex.join(map(str, command)))
        initrd = _initrd(Path(directory), modules, script)
        return _boot(cards, initrd, modules, timeout_s, memory_mib, processors)


def run_test(script, in_guest, cards, timeout_s, processors=2):
    """A system test that runs itself in a guest: there it calls in_guest(). Does not return."""
    if sys.argv[1:] == ['guest']:
        in_guest()
        sys.exit(0)
    skip_without_namespaces()
    try:
        command = ['/usr/bin/python3', '-B', Path(script).resolve(), 'guest']
        sys.exit(run(cards, command, timeout_s, processors=processors))
    except LabError as error:
        print(f'not ok 1 - a guest with emulated cards\n#   {error}')
        sys.exit(1)


def _kernel():
    """The directory of the kernel's modules; fetches and unpacks Debian's package where that was not done before."""
    ready = KERNEL / 'ready'
    KERNEL.parent.mkdir(exist_ok=True)
    with open(KERNEL.with_suffix('.lock'), 'wb') as lock:  # several tests may run at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            shutil.rmtree(KERNEL, ignore_errors=True)
            KERNEL.mkdir()
            _download()
            package, = KERNEL.glob('*.deb')
            call(['dpkg', '-x', str(package), str(KERNEL / 'root')])
            package.unlink()
            modules, = (KERNEL / 'root/lib/modules').iterdir()
            call(['depmod', '-b', str(KERNEL / 'root'), modules.name])
            ready.touch()
    modules, = (KERNEL / 'root/lib/modules').iterdir()
    return modules


def _download():
    """The kernel that linux-image-amd64 stands for; apt's lists are fetched where they are missing."""
    for last in (False, True):
        try:
            depends = call(['apt-cache', 'depends', 'linux-image-amd64'])
            package, = {line.split()[-1] for line in depends.splitlines() if 'Depends: linux-image-' in line}
            subprocess.run(['apt-get', 'download', '-q', package], cwd=KERNEL, check=True, capture_output=True, text=True)
            return
        except (LabError, ValueError, subprocess.CalledProcessError) as error:
            if last:
                reason = getattr(error, 'stderr', None) or error
                raise LabError(f'no kernel for the guest: apt-get cannot download linux-image-amd64: {reason}') from error
        call(['apt-get', '-q', 'update'])


def _initrd(directory, modules, script):
    tree = directory / 'initrd'
    for name in ('bin', 'modules', 'proc', 'sys', 'dev', 'low', 'up', 'new'):
        (tree / name).mkdir(parents=True)
    shutil.copy(shutil.which('busybox'), tree / 'bin/busybox')
    needed = call(['modprobe', '-d', str(KERNEL / 'root'), '-S', modules.name, '-D', '-a', 'virtio_pci', '9pnet_virtio',
                   '9p', 'overlay'])
    paths = [line.split()[1] for line in needed.splitlines() if line.startswith('insmod ')]
    for number, path in enumerate(dict.fromkeys(paths)):
        shutil.copy(path, tree / 'modules' / f'{number:03}-{Path(path).name}')
    (tree / 'init').write_text(INIT)
    (tree / 'init').chmod(0o755)
    (tree / 'guest').write_text(script)
    names = '\n'.join(str(path.relative_to(tree)) for path in sorted(tree.rglob('*')))
    packed = subprocess.run(['cpio', '-o', '-H', 'newc', '--quiet'], cwd=tree, input=names.encode(), capture_output=True,
                            check=True).stdout
    initrd = directory / 'initrd.gz'
    initrd.write_bytes(gzip.compress(packed, 1))
    return initrd


def _boot(cards, initrd, modules, timeout_s, memory_mib, processors):
    devices = []
    for number, model in enumerate(cards):
        devices += ['-netdev', f'hubport,hubid=1,id=port{number}',
                    '-device', f'{model},id=card{number},netdev=port{number},romfile=,mac=52:54:00:12:34:{number:02x},'
                               f'bus=pcie.0,addr={FIRST_SLOT + number:#x}']
    read_end, write_end = os.pipe()
    command = ['qemu-system-x86_64', '-M', 'q35,kernel-irqchip=split', '-accel', 'tcg,thread=multi',
               '-cpu', 'max', '-smp', str(processors), '-m', str(memory_mib), '-nodefaults', '-display', 'none', '-no-reboot',
               '-serial', f'file:/dev/fd/{write_end}', '-monitor', 'stdio',
               '-kernel', KERNEL / f'root/boot/vmlinuz-{modules.name}', '-initrd', initrd,
               '-append', 'console=ttyS0 quiet loglevel=1 intel_iommu=on iommu=pt panic=-1 net.ifnames=0',
               '-device', 'intel-iommu,intremap=on,caching-mode=on',
               '-fsdev', 'local,id=root,path=/,security_model=none,readonly=on,multidevs=remap',
               '-device', 'virtio-9p-pci,fsdev=root,mount_tag=hostroot,bus=pcie.0,addr=0x8', *devices]
    with tempfile.TemporaryFile('w+', errors='replace') as errors:
        qemu = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors,
                                pass_fds=[write_end], start_new_session=True, preexec_fn=die_with_parent)
        os.close(write_end)
        timer = threading.Timer(timeout_s, qemu.kill)
        timer.start()
        try:
            status = _converse(read_end, qemu.stdin)
        finally:
            timer.cancel()
            qemu.kill()
            qemu.wait()
        errors.seek(0)
        if status is None:
            raise LabError(f'the guest reported no status within {timeout_s} s, or it ended: {errors.read().strip()}')
    return status


def _converse(console, monitor):
    """Prints what the guest prints and does what it asks for, until it ends; returns its status, None without one."""
    status = None
    with open(console, encoding='utf-8', errors='replace') as lines:
        for line in lines:
            line = line.rstrip('\r\n')
            words = line.removeprefix(MARK).split()
            if not line.startswith(MARK):
                print(line, flush=True)
            elif words[0] == 'status':
                return int(words[1])
            elif words[0] == 'link':
                monitor.write(f'set_link card{int(words[1])} {"on" if words[2] == "on" else "off"}\n'.encode())
                monitor.flush()
    return status
