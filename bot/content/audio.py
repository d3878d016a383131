"""The recording of an episode, for chats that get the audio itself."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop
from bot.model.problems import reason_of

if TYPE_CHECKING:
    from bot.model.episode import Episode

LARGEST_AUDIO = 50 << 20
"""Bytes of a file that Telegram takes from a bot: "50 MB", each of 1,048,576 bytes, as in the published source of
its server (https://github.com/tdlib/telegram-bot-api, where "20 MB" are `20 << 20`). Your own server takes more."""
_MEGABYTE = 1 << 20
SMALLER = gettext_noop("Until then, chats that want the audio get the link; a file at 96 kbit/s holds an hour and more")
"""The cure of a recording that cannot come into a chat."""


class RecordingError(Exception):
    """A recording that cannot be brought into a chat; the text says why."""


@dataclass(frozen=True, slots=True)
class Recording:
    """The recording of an episode at its source, a path or an address, with the key of its upload."""

    source: str
    key: str


def recording(episode: Episode, folder: Path, performer: str) -> Recording | None:
    """Return the episode's recording: its file, else its address; None if it has neither.

    Raises:
        RecordingError: the file cannot be read, or is too large.
    """
    if episode.audio_file is None:
        source = version = episode.audio or ""
    else:
        path = folder / episode.audio_file
        try:
            status = path.stat()
        except OSError as error:
            told = _("the audio file {name} cannot be read ({reason})")
            raise RecordingError(told.format(name=episode.audio_file, reason=reason_of(error))) from error
        check_size(status.st_size)
        source, version = str(path), f"{path} {status.st_size} {status.st_mtime_ns}"
    if not source:
        return None
    # Because a platform shows what came with the file at first, a new title needs another upload.
    key = hashlib.sha256(f"{version}\n{episode.title}\n{performer}".encode()).hexdigest()
    return Recording(source, key)


def check_size(size: int) -> None:
    """Refuse a recording of more bytes than Telegram takes.

    Raises:
        RecordingError: it has more.
    """
    if told := too_large(size):
        raise RecordingError(told)


def too_large(size: int) -> str:
    """Return the sentence that so many bytes are more than Telegram takes; empty if they are not."""
    told = _("the audio is {size} MB large, and Telegram takes {limit} MB at most")
    is_more = size > LARGEST_AUDIO
    # Rounded up, else a file that is hardly too large would seem to fit.
    return told.format(size=math.ceil(size / _MEGABYTE), limit=LARGEST_AUDIO // _MEGABYTE) if is_more else ""
