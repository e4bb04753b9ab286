"""What passes an interface, captured with tcpdump into a file of its own format."""

import subprocess
import sys

from lab.network import LabError, stop, wait_until

FILE_HEADER_SIZE, FRAME_HEADER_SIZE = 24, 16  # bytes
MAGIC = 0xa1b2c3d4


class Capture:
    """Runs from now on; expression: which frames, in tcpdump's own words. The file can be read after stop()."""

    def __init__(self, namespace, interface, path, expression='', snap_bytes=None):
        self.path = path
        path.unlink(missing_ok=True)
        self.process = namespace.start(
            'tcpdump', '-B', '16384', '-i', interface, '-w', path, '-Z', 'root', '-U', '--immediate-mode',
            *(['-s', snap_bytes] if snap_bytes else []), *([expression] if expression else []),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: path.exists() and path.stat().st_size >= FILE_HEADER_SIZE, 5, 'tcpdump does not begin')

    def stop(self):
        if (status := stop(self.process)) != 0:
            raise LabError(f'tcpdump ended with status {status}')

    def frames(self):
        """Each as far as it was captured."""
        data, at = self.path.read_bytes(), FILE_HEADER_SIZE
        if int.from_bytes(data[:4], sys.byteorder) != MAGIC:
            raise LabError(f'{self.path} is no capture')
        while at + FRAME_HEADER_SIZE <= len(data):
            length = int.from_bytes(data[at + 8:at + 12], sys.byteorder)
            at += FRAME_HEADER_SIZE + length
            yield data[at - length:at]
