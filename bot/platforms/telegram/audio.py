"""Recordings on Telegram: a message of its own before the recap, and the upload of the file, streamed from the disk."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import io
import re
import tempfile
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any, Protocol, TypeAlias
from urllib.parse import urlsplit

from telegram.error import TelegramError

from bot.content.audio import RecordingError, check_size
from bot.content.links import Web, WebError
from bot.model.document import Document
from bot.model.i18n import gettext as _
from bot.model.problems import reason_of
from bot.model.rendering import JsonObject, Message, Rendering, Upload
from bot.platforms.base import SendError, StaleFileError, UploadRefusedError
from bot.platforms.telegram.errors import translate_kind
from bot.platforms.telegram.mp3 import duration_of
from bot.platforms.telegram.request import ForeignError, Form

MOST_TRIES = 3
"""Attempts to get a recording from the web before the recap comes with the link."""
LARGEST_COVER = 200 * 1000
"""Bytes of a thumbnail, by the Bot API; its sides are 320 pixels at most."""


_Files: TypeAlias = dict[str, tuple[str, IO[bytes]]]


class Draw(Protocol):
    """A renderer of this platform."""

    def __call__(self, document: Document, *, silent: bool) -> Rendering:
        """Return the document as messages."""


def with_audio(document: Document, draw: Draw, *, silent: bool) -> Rendering:
    """Return the document as messages, after one with its recording or picture if it has one. Only the first rings."""
    body: JsonObject
    if document.attachment is not None:
        picture, instead = document.attachment, document
        upload, body = Upload(picture.source, picture.key, is_picture=True), {"caption": picture.alt}
    elif document.audio is not None:
        audio, instead = document.audio, document.audio.otherwise
        upload, body = Upload(audio.source, audio.key), {"title": audio.title, "performer": audio.performer}
    else:
        return draw(document, silent=silent)
    text, otherwise = draw(document, silent=True), draw(instead, silent=silent)
    body = {**body, "disable_notification": silent}
    first = Message(body, 0, 0, fallback=otherwise.messages, upload=upload)
    return dataclasses.replace(text, messages=(first, *text.messages))


def translate_audio(error: TelegramError) -> SendError:
    """Return the core's error after a recording was sent: the fallback is for a chat that takes no such message."""
    meaning = translate_kind(error)
    is_too_large = isinstance(error, ForeignError) and error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    if is_too_large or error.message.startswith(str(HTTPStatus.REQUEST_ENTITY_TOO_LARGE.value)):
        return UploadRefusedError(str(meaning))
    if re.search("file identifier|file_id", error.message, re.IGNORECASE):
        return StaleFileError(str(meaning))
    return meaning


@contextlib.asynccontextmanager
async def opened(upload: Upload, web: Callable[[], Web]) -> AsyncIterator[IO[bytes]]:
    """Open the file at its source; a recording on the web is kept in a temporary file meanwhile.

    Raises:
        UploadRefusedError: it cannot be had, kept or read, or is too large.
    """
    source = upload.source
    if upload.is_picture:
        yield io.BytesIO(upload.held)
        return
    is_on_web = source.startswith(("http://", "https://"))
    try:
        with tempfile.TemporaryFile() if is_on_web else await asyncio.to_thread(_open, source) as file:
            if is_on_web:
                await _download(source, file, web)
            yield file
    except RecordingError as error:
        raise UploadRefusedError(str(error)) from error
    except (WebError, OSError) as error:
        told = _("the audio file {name} cannot be read ({reason})")
        if is_on_web:
            told = _("the audio at {address} cannot be had ({reason})")
        reason = str(error) if isinstance(error, WebError) else reason_of(error)
        raise UploadRefusedError(told.format(name=Path(source).name, address=source, reason=reason)) from error


def _open(path: str) -> IO[bytes]:
    check_size(Path(path).stat().st_size)
    return Path(path).open("rb")


async def _download(address: str, file: IO[bytes], web: Callable[[], Web]) -> None:
    for attempt in range(1, MOST_TRIES + 1):
        try:
            async with web() as session:
                file.seek(0)
                file.truncate()
                await session.save(address, file, check_size)
        except WebError:
            if attempt == MOST_TRIES:
                raise
            await asyncio.sleep(attempt)
        else:
            return


def form_of(ids: JsonObject, message: Message, file: IO[bytes], upload: Upload) -> Form:
    """Return the form of a message with its file; a recording's with its length and the picture beside it."""
    if upload.is_picture:
        return Form({**ids, **message.body}, {"photo": ("figures.png", file)})
    fields, files = _recorded(message, file, upload.source)
    return Form({**ids, **fields}, files)


def media_form_of(ids: JsonObject, message: Message, file: IO[bytes], upload: Upload) -> Form:
    """Return the form that puts a recording in the place of another one."""
    fields, files = _recorded(message, file, upload.source)
    attached = {name: f"attach://{name}" for name in files if name != "audio"}
    return Form({**ids, "media": as_media(fields | attached, "attach://audio")}, files)


def as_media(fields: JsonObject, file: str) -> JsonObject:
    """Return the fields of a sent recording as those of one that takes another's place, which makes no sound."""
    return {"type": "audio", "media": file, **{key: fields[key] for key in fields if key != "disable_notification"}}


def _recorded(message: Message, file: IO[bytes], source: str) -> tuple[dict[str, Any], _Files]:
    """Return the fields of a recording with its length, and its files: the picture beside it comes along."""
    seconds = duration_of(file)
    fields = {**message.body, **({"duration": seconds} if seconds else {})}
    files = {"audio": (Path(urlsplit(source).path).name or "audio.mp3", file)}
    if (cover := _cover_of(source)) is not None:
        files["thumbnail"] = "cover.jpg", cover
    return fields, files


def _cover_of(source: str) -> IO[bytes] | None:
    """Return the picture beside a recording; None without one that Telegram takes."""
    picture = Path(source).with_suffix(".jpg")
    with contextlib.suppress(OSError):
        if "://" not in source and picture.stat().st_size <= LARGEST_COVER:
            return io.BytesIO(picture.read_bytes())
    return None
