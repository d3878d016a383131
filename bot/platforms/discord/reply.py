"""The answer to one interaction: in time, in its place, and visible to the right people."""

import asyncio
import contextlib
import dataclasses
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial
from typing import Any, TypeVar

import discord
from discord import app_commands
from discord.http import Route

from bot.commands import AnswerFile, Obstacle, Request
from bot.model.rendering import JsonObject, Message, Rendering
from bot.model.subscription import Target
from bot.platforms.base import Rank, Sender, SendError, SendRequest, TargetClosedError, UnknownOutcomeError
from bot.platforms.discord import NAME
from bot.platforms.discord.errors import ALREADY_ANSWERED, reaching, reading, translate
from bot.platforms.discord.finding import find_message
from bot.platforms.discord.traffic import FirstTurn

log = logging.getLogger(__name__)

PATIENCE = 1.5
"""Seconds that an answer may take before the bot asks Discord for more time."""
FIRST_ANSWER_WITHIN = 3.0
"""Seconds within which a first answer must have reached Discord."""
WORTH = 20.0
"""Seconds for which a person waits for an answer."""
LONGEST_REQUEST = 10.0
"""Seconds to wait for Discord's answer to one request."""
MOST_TRIES = 3
"""Attempts to send a follow-up that does not arrive and gets no answer."""
MOST_FOLLOW_UPS = 5
"""Messages after the first answer that Discord takes where the bot is a guest."""

NOBODY = {"parse": ()}
"""The allowed mentions with which no content alerts people."""
EPHEMERAL = 1 << 6
FILE = 13
"""Discord's number of the component that is a file."""
CALLBACK = "/interactions/{webhook_id}/{webhook_token}/callback"
WEBHOOK = "/webhooks/{webhook_id}/{webhook_token}"

ResponseType = discord.InteractionResponseType

T = TypeVar("T")


async def complete(
    client: discord.Client, interaction: discord.Interaction, choices: Iterable[app_commands.Choice[str]]
) -> None:
    """Answer with the choices of an autocompletion, through `client` as a `Reply` does.

    Raises:
        discord.DiscordException: Discord has not taken them.
    """
    kind = ResponseType.autocomplete_result
    # Because discord.py does not see this answer, it would give another one.
    interaction.response._response_type = kind  # noqa: SLF001 - nothing public says so
    route = Route("POST", CALLBACK, webhook_id=interaction.id, webhook_token=interaction.token)
    await client.http.request(
        route, json={"type": kind.value, "data": {"choices": [each.to_dict() for each in choices]}}
    )


class Reply:
    """The reply to a command or a press. All people in the place see a `shared` reply, else only the person does.

    The reply goes through `client` and not through that of the gateway, which may end at any moment.
    """

    def __init__(
        self,
        interaction: discord.Interaction,
        client: discord.Client,
        sender: Sender,
        request: Request,
        *,
        shared: bool,
    ) -> None:
        self._interaction = interaction
        self._client = client
        self._sender = sender
        # A command may name another channel as its target; the answer stays in its own.
        self._target = Target(NAME, str(interaction.channel_id or 0))
        self._is_guest = request.obstacle is Obstacle.GUEST
        self._is_private = request.is_private
        # Because each person has a line of their own in the channel, one does not wait for the answers to another.
        self.line = self._target._replace(chat=f"{self._target.chat}/{interaction.user.id}")
        # Because nobody else reads along in a private chat, an answer there stays.
        self._alone = 0 if request.is_private else EPHEMERAL
        self._flags = 0 if shared else self._alone
        self._opening = asyncio.Lock()
        self._is_begun = False
        self._is_open = False
        self._acknowledged: ResponseType | None = None
        self._is_shown = False

    async def in_time(self, answering: Coroutine[Any, Any, T]) -> T:
        """Return the result of the answering, and ask Discord for more time if that takes longer than `PATIENCE`."""
        task = asyncio.create_task(answering)
        try:
            done, _still = await asyncio.wait({task}, timeout=PATIENCE)
            if not done:
                # Because a message to the person may be replaced, no sign shows there that the bot thinks.
                await self._acknowledge(silently=self._is_theirs)
            return await task
        finally:
            if task.cancel():
                await asyncio.wait({task})

    async def stay_silent(self) -> None:
        """Acknowledge the interaction and show nothing, because Discord shows an error where nothing comes."""
        is_press = self._interaction.type is discord.InteractionType.component
        await self._acknowledge(silently=is_press)
        if not is_press:
            with contextlib.suppress(SendError):
                await self._request(partial(self._ask, "DELETE", f"{WEBHOOK}/messages/@original"), Rank.UNCOUNTED)

    async def say_at_once(self, rendering: Rendering) -> None:
        """Show the person one message as the first answer, which Discord keeps out of its limits."""
        self._flags = self._alone
        with contextlib.suppress(SendError):
            first = partial(self._open, rendering.messages[0], in_place=False)
            await self._request(first, Rank.EXEMPT, FIRST_ANSWER_WITHIN)

    async def send(
        self, rendering: Rendering, *, replaces: bool = False, private: bool = False, file: AnswerFile | None = None
    ) -> None:
        """Send the answer; with `replaces`, in the place of the message whose button was pressed.

        Only a message to this person is replaced, because others see the same push or shared answer, and only by a
        single message. A `private` answer is not shared, unless the bot asked for more time for a shared one. A `file`
        comes with the last message.

        Raises:
            SendError: Discord did not take the answer.
        """
        if private and self._acknowledged is not ResponseType.deferred_channel_message:
            self._flags = self._alone
        in_place = replaces and self._is_theirs and len(rendering.messages) == 1
        async with self._sender.in_order(self.line):
            for position, message in enumerate(rendering.messages):
                with_it = file if position + 1 == len(rendering.messages) else None
                first = partial(self._open, message, in_place=in_place, file=with_it)
                if position > 0 or self._is_shown or not await self._request(first):
                    await self._follow_up(message, with_it)
                self._is_shown = True

    def fitted(self, rendering: Rendering, more: Callable[[], Rendering]) -> Rendering:
        """Return the messages that Discord takes in this place, with `more` as the last if others are left out."""
        # Because a press on a message to this person may be acknowledged silently, all messages may be follow-ups.
        most = MOST_FOLLOW_UPS + (not self._is_theirs)
        if not self._is_guest or len(rendering.messages) <= most:
            return rendering
        return dataclasses.replace(rendering, messages=(*rendering.messages[: most - 1], more().messages[0]))

    @property
    def _is_theirs(self) -> bool:
        """Whether the message with the button is for the person that pressed the button, and for nobody else."""
        message = self._interaction.message
        if message is None:
            return False
        asked = message.interaction_metadata
        return (
            self._is_private
            or message.flags.ephemeral
            or (asked is not None and asked.user.id == self._interaction.user.id)
        )

    async def _acknowledge(self, *, silently: bool) -> None:
        # Because Discord keeps first answers out of its limits, this waits for no pause. An obstacle is no news here,
        # because the answer meets it too.
        with contextlib.suppress(SendError):
            await self._request(partial(self._defer, silently), Rank.EXEMPT, FIRST_ANSWER_WITHIN)

    async def _request(
        self, call: Callable[[], Awaitable[T]], rank: Rank = Rank.ANSWER, worth: float = 0.0, *, hold: bool = False
    ) -> T:
        worth = worth or WORTH

        async def attempt(_leave: Callable[[], bool]) -> T:
            with reaching(self._client):
                async with asyncio.timeout(min(worth, LONGEST_REQUEST)):
                    return await call()

        return await self._sender.send(SendRequest(self.line, attempt, rank, worth, hold=hold))

    async def _defer(self, silently: bool) -> None:
        async with self._opening:
            if self._is_begun:
                return
            kind = ResponseType.deferred_message_update if silently else ResponseType.deferred_channel_message
            # Because Discord's answer may be lost, this is noted before.
            self._acknowledged = kind
            await self._respond(kind, {"flags": self._flags})
            self._is_open = True

    async def _open(self, message: Message, *, in_place: bool, file: AnswerFile | None = None) -> bool:
        """Show the first message.

        Returns:
            False if Discord takes the message as a follow-up only.
        """
        async with self._opening:
            if not self._is_open:
                self._is_begun = True
                kind = ResponseType.message_update if in_place else ResponseType.channel_message
                is_told = await self._respond(kind, self._body(message, file), file)
                self._is_open = True
                if is_told:
                    return True
                # This message, or the acknowledgement before, had arrived although Discord's answer was lost.
            is_original = in_place or self._acknowledged is not ResponseType.deferred_message_update
            if is_original:
                await self._ask("PATCH", f"{WEBHOOK}/messages/@original", self._body(message, file), file=file)
            return is_original

    async def _respond(self, kind: ResponseType, data: JsonObject, file: AnswerFile | None = None) -> bool:
        """Send the first answer, and return False if Discord has one already."""
        try:
            await self._ask("POST", CALLBACK, {"type": kind.value, "data": data}, self._interaction.id, file)
        except discord.HTTPException as error:
            if error.code != ALREADY_ANSWERED:
                raise
            return False
        return True

    async def _ask(
        self,
        method: str,
        path: str,
        body: JsonObject | None = None,
        owner: int = 0,
        file: AnswerFile | None = None,
    ) -> None:
        asked = self._interaction
        route = Route(method, path, webhook_id=owner or asked.application_id, webhook_token=asked.token)
        sent: dict[str, Any] = {} if body is None else {"json": body}
        if file is not None:
            part = {"name": "files[0]", "value": file.content, "filename": file.name, "content_type": "text/markdown"}
            sent = {"form": [{"name": "payload_json", "value": json.dumps(body)}, part]}
        # Without a body, discord.py would send "null", which Discord cannot read.
        await self._client.http.request(route, **sent)

    def _body(self, message: Message, file: AnswerFile | None) -> JsonObject:
        flags = message.body["flags"] | self._flags
        body = {**message.body, "flags": flags, "allowed_mentions": NOBODY}
        if file is not None:
            # In such messages a file shows where a component names it.
            shown = {"type": FILE, "file": {"url": f"attachment://{file.name}"}}
            body |= {"components": [*body["components"], shown], "attachments": [{"id": 0, "filename": file.name}]}
        return body

    async def _follow_up(self, message: Message, file: AnswerFile | None) -> None:
        """Send a message after the first one.

        Discord drops no second follow-up and lists none to the person alone. A message that may have arrived and cannot
        be found is not sent again, because a missing message is better than a double one.
        """
        can_look = not self._flags and not self._is_guest
        for _ in range(MOST_TRIES if can_look else 1):
            try:
                ask = partial(self._ask, "POST", WEBHOOK, self._body(message, file), file=file)
                return await self._request(ask, hold=True)
            except UnknownOutcomeError as error:
                log.info("A message of an answer in %s may have arrived: %s", self._target, error)
            if can_look and await self._has_arrived(message):
                return None
        return None

    async def _has_arrived(self, message: Message) -> bool:
        channel_id, since = int(self._target.chat), self._interaction.created_at

        async def look(leave: Callable[[], bool]) -> bool:
            with reaching(self._client), reading():
                try:
                    return await find_message(self._client, channel_id, message, since, FirstTurn(leave)) is not None
                except discord.Forbidden as error:
                    if not isinstance(translate(error), TargetClosedError):
                        raise
                    return True

        return await self._sender.send(SendRequest(self.line, look, Rank.ANSWER, WORTH, leaves=True))
