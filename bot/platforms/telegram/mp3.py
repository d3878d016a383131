"""The length of an MP3, of which Telegram shows none unless it is told."""

from __future__ import annotations

import os
from typing import IO

SYNC = 0xFF
"""The byte that begins each frame."""
HEAD = 4096
"""Bytes behind the tags in which the first frame begins."""

# ISO 11172-3 and 13818-3, layer III: thousands of bits a second, and samples a second.
_BIT_RATES = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def duration_of(file: IO[bytes]) -> int:
    """Return the length of the recording in whole seconds; 0 if the file does not tell it as an MP3 does.

    The file stands at its beginning afterwards.
    """
    size = os.fstat(file.fileno()).st_size
    file.seek(0)
    start = file.read(10)
    begin = 0
    if start.startswith(b"ID3") and len(start) == 10:  # noqa: PLR2004 - the head of ID3v2
        begin = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(start[6:], (21, 14, 7, 0), strict=True))
    file.seek(begin)
    head = file.read(HEAD)
    file.seek(0)
    for at in range(len(head) - 4):
        if head[at] == SYNC and (seconds := _seconds(head[at:], size - begin - at)):
            return round(seconds)
    return 0


def _seconds(frame: bytes, size: int) -> float:
    """Return the seconds of all frames from this one on; 0 for bytes that begin no frame."""
    version, layer = frame[1] >> 3 & 3, frame[1] >> 1 & 3
    bits, samples = frame[2] >> 4, frame[2] >> 2 & 3
    if frame[1] & 0xE0 != 0xE0 or version == 1 or layer != 1 or bits in {0, 15} or samples == 3:  # noqa: PLR2004 - reserved
        return 0.0
    is_first = version == 3  # noqa: PLR2004 - MPEG 1
    per_second, per_frame = _SAMPLE_RATES[version][samples], 1152 if is_first else 576
    is_mono = frame[3] >> 6 == 3  # noqa: PLR2004 - one channel
    side = (17 if is_mono else 32) if is_first else (9 if is_mono else 17)
    # A frame without sound tells the number of the others where their rate of bits varies.
    tag = frame[4 + side : 16 + side]
    if tag[:4] in {b"Xing", b"Info"} and tag[7] & 1:
        return int.from_bytes(tag[8:12]) * per_frame / per_second
    return size * 8 / (_BIT_RATES[1 if is_first else 2][bits] * 1000)
