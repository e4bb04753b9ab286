"""Test channels: real H.264 and AAC in MPEG-TS at a constant rate, made by ffmpeg, and a picture taken out again."""

import hashlib
import subprocess
from dataclasses import dataclass
from random import Random

from lab.network import LabError

TS_PACKET = 188  # bytes


@dataclass(frozen=True)
class Picture:
    """What a test channel shows and sounds like."""
    pattern: str  # a video source of ffmpeg's
    width: int
    height: int
    frames_per_s: int
    tone_hz: int
    rate_bps: int  # of the whole transport stream, null packets included

    def encode(self, path, seconds, progress):
        """Writes `seconds` of it to the file; calls progress(share done) now and then."""
        video_bps = self.rate_bps * 85 // 100 - 128_000
        command = ['ffmpeg', '-nostdin', '-v', 'error', '-y', '-progress', 'pipe:1',
                   '-f', 'lavfi', '-i', f'{self.pattern}=s={self.width}x{self.height}:r={self.frames_per_s}',
                   '-f', 'lavfi', '-i', f'sine=f={self.tone_hz}:r=48000',
                   '-t', str(seconds), '-pix_fmt', 'yuv420p',
                   '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', str(self.frames_per_s),
                   '-b:v', str(video_bps), '-maxrate', str(video_bps), '-bufsize', str(video_bps // 2),
                   '-x264-params', 'nal-hrd=cbr:force-cfr=1', '-c:a', 'aac', '-b:a', '128k',
                   '-f', 'mpegts', '-muxrate', str(self.rate_bps), '-pcr_period', '20', str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as ffmpeg:
            for line in ffmpeg.stdout:
                name, _, value = line.strip().partition('=')
                if name == 'out_time_us' and value.lstrip('-').isdigit():
                    progress(min(1.0, max(0.0, int(value) / 1e6 / seconds)))
            errors = ffmpeg.stderr.read()
        if ffmpeg.returncode != 0:
            raise LabError(f'ffmpeg could not encode {path}: {errors.strip()}')


def take_picture(transport_stream, png, at_s):
    """Decodes one picture of the file and writes it as PNG."""
    command = ['ffmpeg', '-nostdin', '-v', 'error', '-y', '-ss', str(at_s), '-i', str(transport_stream),
               '-frames:v', '1', '-update', '1', str(png)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not png.is_file() or png.stat().st_size == 0:
        raise LabError(f'no picture could be decoded from {transport_stream}: {done.stderr.strip()}')


def sha256(path):
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def write_noise(path, seconds, rate_bps, seed=1):
    """A transport stream without pictures: random payload on one PID, a PCR every 20 ms. Quick, where nobody watches."""
    random = Random(seed)
    packets = round(seconds * rate_bps / 8 / TS_PACKET)
    every = max(1, round(0.02 * rate_bps / 8 / TS_PACKET))
    with open(path, 'wb') as file:
        for number in range(packets):
            header = bytes([0x47, 0x01, 0x00])
            if number % every == 0:
                ticks = round(number * TS_PACKET * 8 / rate_bps * 27_000_000)
                pcr = (ticks // 300 << 15 | 0x7E00 | ticks % 300).to_bytes(6, 'big')
                header += bytes([0x30 | number & 15, 7, 0x10]) + pcr
            else:
                header += bytes([0x10 | number & 15])
            file.write(header + random.randbytes(TS_PACKET - len(header)))
