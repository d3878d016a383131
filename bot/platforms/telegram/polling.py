"""Long polling: updates as Telegram sends them, each read on its own, and no more at once than memory allows."""

import asyncio
import contextlib
import json
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn
from urllib.parse import urlsplit

from telegram import Update
from telegram.error import TelegramError, TimedOut
from telegram.ext import Application

from bot.model.facts import Rival, Tell, Unreadable, WebhookRemoved
from bot.model.i18n import gettext as _
from bot.model.rendering import as_json
from bot.platforms.base import SendError, UnauthorisedError
from bot.platforms.telegram import NAME
from bot.platforms.telegram.errors import RivalError, WebhookError, translate
from bot.platforms.telegram.request import ApiSender, ForeignError

log = logging.getLogger(__name__)

POLL_TIMEOUT = 30
"""Seconds a long poll stays open at Telegram when there is nothing new."""
POLL_GRACE = 5.0
"""Seconds that a poll's answer may take beyond `POLL_TIMEOUT`, and that stopping waits for a Telegram that is away."""
CONFIRMED_WITHIN = 1.0
"""Seconds in which Telegram must hear at the end which updates were taken; else it sends them again."""
LONGEST_PAUSE = 30.0
"""Seconds between polls of a Telegram that does not answer."""
BATCH = 100
"""Updates in one answer: the most that Telegram gives."""
CERTAIN = 2
"""Polls ended by another program after which that is no single try of somebody."""
QUIET = 120.0
"""Seconds without such an end after which the other program is gone: twice the longest pause and a poll, and more."""
MOST_AT_ONCE = 1000
"""Updates that are handled at once. Further ones wait at Telegram, which keeps them for a day."""
KINDS = (
    *(Update.MESSAGE, Update.CHANNEL_POST, Update.CALLBACK_QUERY, Update.INLINE_QUERY, Update.MY_CHAT_MEMBER),
    Update.GUEST_MESSAGE,
)
"""The kinds of update that the bot asks for."""

_TYPES: Mapping[str, type] = {
    "id": str,
    "message_id": int,
    "message_thread_id": int,
    "migrate_to_chat_id": int,
    "text": str,
    "guest_query_id": str,
    "data": str,
    "query": str,
    "offset": str,
}
"""Fields of an update or its message that the handlers use and the library takes as they are."""
_OWNERS = ("chat", "from", "sender_chat")
"""Fields that hold somebody with a numeric id."""
_NOBODY: Mapping[str, object] = {"id": 0}
"""An absent owner, of which nothing is asked."""
_UPDATE_ID = re.compile(rb'"update_id"\s*:\s*(\d{1,18})\b')


class UnreadableError(Exception):
    """An update, or an answer full of them, that the bot cannot read."""


class Polling:
    """The stream of updates of one bot, each of which gets a task of its own.

    An update that cannot be read is skipped; else Telegram would send it again for ever, and nobody's next one would be
    heard. The log has the first one of each kind, and `tell` hears of it. `on_heard` gets the reason
    why a poll failed, or an empty one.
    """

    def __init__(
        self,
        requests: ApiSender,
        application: Application[Any, Any, Any, Any, Any, Any],
        *,
        tell: Tell,
        on_heard: Callable[[str], None],
    ) -> None:
        self.underway: set[asyncio.Task[None]] = set()
        self.taken = 0
        """The updates that were handled since the start."""
        self._requests = requests
        self._application = application
        self._tell = tell
        self._on_heard = on_heard
        self._is_heard = False
        self._offset = 0
        self._batch = BATCH
        self._room = asyncio.Semaphore(MOST_AT_ONCE)
        self._skipped: set[str] = set()
        self._ended, self._ended_at = 0, float("-inf")

    async def run(self) -> NoReturn:
        """Take updates until cancelled; poll again after a pause while Telegram does not answer.

        Raises:
            SendError: Telegram refuses the token.
        """
        failures = 0
        self._is_heard = False
        while True:
            try:
                if not self._is_heard:
                    # Because a forgotten webhook would receive all updates, none stays.
                    await self._requests.fetch("deleteWebhook", as_json({}))
                await self._poll()
            except TelegramError as error:
                reason = translate(error)
                # Because two programs that poll at once end each other's polls, a poll that was ended was heard.
                self._is_heard = self._is_heard and isinstance(reason, RivalError)
                await self._after_failure(reason)
                # Because the admins and the log hear of a rival once a day, each poll that it ends is no news.
                level = logging.INFO if isinstance(error, TimedOut) or self.has_rival else logging.WARNING
                log.log(level, "Telegram polling: %s", reason)
                pause = min(LONGEST_PAUSE, 2.0**failures)
                await asyncio.sleep(max(pause, reason.retry_after))
                # Because endless doubling grows beyond what a float can hold, the exponent has a bound.
                failures = min(failures + 1, 10)
            else:
                self._is_heard = True
                if not self.has_rival:
                    failures = 0
                    self._on_heard("")

    @property
    def has_rival(self) -> bool:
        """Whether another program polls with the same token: several polls were ended lately."""
        return self._ended >= CERTAIN and time.monotonic() - self._ended_at <= QUIET

    async def _after_failure(self, reason: SendError) -> None:
        """Tell that commands are not heard, and of another program that receives in place of this one.

        Raises:
            UnauthorisedError: Telegram refuses the token.
        """
        match reason:
            case RivalError():
                now = time.monotonic()
                self._ended = self._ended + 1 if now - self._ended_at <= QUIET else 1
                self._ended_at = now
                if self.has_rival:
                    self._on_heard(_("another program receives with the same token"))
                    await self._tell(Rival(NAME))
                return
            case WebhookError():
                host = ""
                # An address that cannot be read is told without its host.
                with contextlib.suppress(TelegramError, LookupError, TypeError, ValueError):
                    # Because the rest of the address may hold a secret, only its host is told.
                    host = urlsplit((await self._application.bot.get_webhook_info()).url).hostname or ""
                await self._tell(WebhookRemoved(NAME, host))
        self._on_heard(str(reason))
        if isinstance(reason, UnauthorisedError):
            raise reason from None

    async def finish(self, within: float) -> None:
        """Wait for the updates that are handled now, and cancel those that take longer than so many seconds."""
        if self.underway:
            _done, late = await asyncio.wait(self.underway, timeout=within)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def confirm(self) -> None:
        """Tell Telegram which updates were taken; else it sends the last ones again."""
        if self._offset:
            with contextlib.suppress(TelegramError, TimeoutError):
                async with asyncio.timeout(CONFIRMED_WITHIN):
                    await self._requests.fetch("getUpdates", as_json({"offset": self._offset, "timeout": 0}))

    async def _poll(self) -> None:
        """Take the updates of one answer.

        Raises:
            TelegramError: the poll failed, or no update in the answer has a number by which to go on.
        """
        # Because a long poll shows only at its end that it works, the first one is short.
        timeout = POLL_TIMEOUT if self._is_heard else 0
        wanted = {"offset": self._offset, "limit": self._batch, "timeout": timeout, "allowed_updates": KINDS}
        answer = await self._requests.fetch("getUpdates", as_json(wanted))
        try:
            updates = _updates_in(answer)
        except UnreadableError as error:
            await self._skip("update", error)
            if self._batch > 1:
                # Because the update at fault has to be alone in its answer, the next answer holds one.
                self._batch = 1
            elif (number := _UPDATE_ID.search(answer)) is not None:
                self._offset = int(number[1]) + 1
            else:
                raise TelegramError("an update cannot be read and has no number") from None
            return
        self._batch = BATCH
        before = self._offset
        for update in updates:
            await self._take(update)
        if updates and self._offset == before:
            raise TelegramError("no update has a number")

    async def _take(self, raw: object) -> None:
        """Have an update handled, and count it as taken."""
        try:
            update = self._read(raw)
        except UnreadableError as error:
            kind = next((key for key in KINDS if isinstance(raw, dict) and key in raw), "update")
            await self._skip(kind, error)
        else:
            await self._room.acquire()
            task = asyncio.create_task(self._application.process_update(update), name="telegram update")
            self.underway.add(task)
            self.taken += 1
            task.add_done_callback(self._after)
        match raw:
            case {"update_id": int(number)}:
                self._offset = number + 1

    def _read(self, raw: object) -> Update:
        try:
            for part in _parts_of(raw):
                _check(part)
            update = Update.de_json(raw, self._application.bot)  # type: ignore[arg-type] # anything else fails in it
        except UnreadableError:
            raise
        except Exception as error:
            # Because other errors may repeat people's words, only one of the library's signatures is told in full.
            reason = str(error) if isinstance(error, TypeError) else type(error).__name__
            raise UnreadableError(reason) from error
        return update

    def _after(self, task: asyncio.Task[None]) -> None:
        self.underway.discard(task)
        self._room.release()

    async def _skip(self, kind: str, error: UnreadableError) -> None:
        if kind not in self._skipped:
            self._skipped.add(kind)
            log.warning("Telegram sent a %s that cannot be read and is skipped: %s", kind, error)
            await self._tell(Unreadable(NAME, kind))


def _updates_in(answer: bytes) -> Sequence[object]:
    """Return the updates of an answer, unread.

    Raises:
        TelegramError: the answer is none of Telegram's.
        UnreadableError: the answer is whole, but deeper or longer than Python reads.
    """
    try:
        parsed = json.loads(answer.decode("utf-8", "replace"))
    except json.JSONDecodeError:
        parsed = None
    except (RecursionError, ValueError) as error:
        raise UnreadableError(type(error).__name__) from None
    match parsed:
        case {"ok": True, "result": list(updates)}:
            return updates
    raise ForeignError(answer)


def _parts_of(raw: object) -> Iterator[Mapping[str, object]]:
    """Yield the content of the update and the message in the content."""
    for kind in KINDS:
        match raw:
            case {**content} if isinstance(part := content.get(kind), dict):
                yield part
                if isinstance(message := part.get("message"), dict):
                    yield message


def _check(part: Mapping[str, object]) -> None:
    """Raise UnreadableError unless the fields that the handlers use are of their types."""
    for key, kind in _TYPES.items():
        if not isinstance(part.get(key), kind | None):
            raise UnreadableError(f"{key} is no {kind.__name__}")
    for key in _OWNERS:
        match part.get(key, _NOBODY):
            case {"id": int(number), **more} if number is not True and isinstance(
                more.get("language_code"), str | None
            ):
                continue
        raise UnreadableError(f"{key} is nobody")
