"""What people do with a bot on Discord, and how it answers: slash commands, autocompletion, buttons and menus.

The first answer must come within three seconds; it may be a deferral, which shows the person that the bot is thinking.
After it the interaction's token is good for messages for fifteen minutes.
"""

from __future__ import annotations

import datetime as dt
import enum
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bot.sandbox.discord.commands import check_choices
from bot.sandbox.discord.errors import (
    ALREADY_ANSWERED,
    INVALID_WEBHOOK_TOKEN,
    TOO_MANY_FOLLOW_UPS,
    UNKNOWN_INTERACTION,
    UNKNOWN_MESSAGE,
    UNKNOWN_WEBHOOK,
    ApiError,
    FormErrors,
)
from bot.sandbox.discord.installs import Install, context_of, owners
from bot.sandbox.discord.messages import Content, Flag, Message, Pings, attach, pings
from bot.sandbox.discord.rest import Ask, Route
from bot.sandbox.discord.rules import SETTABLE_BY_ANSWER, SETTABLE_BY_EDIT, compose

if TYPE_CHECKING:
    from bot.sandbox.discord.world import Channel, Json, User, World
    from bot.sandbox.shared.changes import Changes

FIRST_ANSWER_WITHIN = dt.timedelta(seconds=3)
TOKEN_VALID_FOR = dt.timedelta(minutes=15)
ATTACHMENT_SIZE_LIMIT = 10 * 1024 * 1024
MAX_FOLLOW_UPS = 5
"""Messages after the first answer where only the person brought the app."""
PATIENCE = 5.0
"""Seconds for which waiting for an answer goes on unless it is told otherwise."""


class Kind(enum.IntEnum):
    """Discord's numbers for what people do."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4


class Callback(enum.IntEnum):
    """Discord's numbers for first answers."""

    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    CHOICES = 8


_ALLOWED = {
    Kind.COMMAND: (Callback.MESSAGE, Callback.DEFERRED_MESSAGE),
    Kind.COMPONENT: (Callback.MESSAGE, Callback.DEFERRED_MESSAGE, Callback.DEFERRED_UPDATE, Callback.UPDATE),
    Kind.AUTOCOMPLETE: (Callback.CHOICES,),
}


@dataclass(eq=False)
class Interaction:
    """One thing that a person did, and what came of it.

    `source` is the message of the component that was used. `callback` is the first answer's kind, `original` the
    message that it is or promises, `followups` those after it, and `choices` what was suggested.
    """

    id: int
    token: str = field(repr=False)
    kind: Kind
    user: User
    channel: Channel
    data: Json
    at: dt.datetime
    changes: Changes = field(repr=False)
    source: Message | None = None
    callback: Callback | None = None
    original: Message | None = None
    followups: list[Message] = field(default_factory=list)
    choices: list[Json] | None = None

    @property
    def deferred(self) -> bool:
        """Whether the bot asked for more time."""
        return self.callback in {Callback.DEFERRED_MESSAGE, Callback.DEFERRED_UPDATE}

    @property
    def ephemeral(self) -> bool:
        """Whether only the person can see the answer."""
        return self.original is not None and self.original.ephemeral

    @property
    def messages(self) -> list[Message]:
        """All answers that say something, in order."""
        first = [self.original] if self.original is not None and Flag.LOADING not in self.original.flags else []
        return [*first, *self.followups]

    async def answered(self, within: float = PATIENCE) -> None:
        """Wait for the first answer, whatever its kind.

        Raises:
            TimeoutError: there was none within so many seconds.
        """
        await self.changes.until(lambda: self.callback is not None, within)

    async def reply(self, number: int = 1, within: float = PATIENCE) -> Message:
        """The first answer that says something, or the one of that number.

        Raises:
            TimeoutError: there was none within so many seconds.
        """
        await self.changes.until(lambda: len(self.messages) >= number, within)
        return self.messages[number - 1]

    async def suggestions(self, within: float = PATIENCE) -> list[Json]:
        """The choices that the bot suggests.

        Raises:
            TimeoutError: there were none within so many seconds.
        """
        await self.changes.until(lambda: self.choices is not None, within)
        return self.choices or []


class Interactions:
    """All interactions, and the API's methods to answer them."""

    def __init__(self, world: World, changes: Changes) -> None:
        self._world = world
        self._changes = changes
        self._all: dict[str, Interaction] = {}

    def routes(self) -> list[Route]:
        """The methods."""
        webhook = "/webhooks/{application_id}/{interaction_token}"
        message = webhook + "/messages/{message_id}"
        return [
            Route("POST", "/interactions/{interaction_id}/{interaction_token}/callback", self._answer, open=True),
            Route("POST", webhook, self._follow_up, open=True),
            Route("GET", message, self._get, open=True),
            Route("PATCH", message, self._edit, open=True),
            Route("DELETE", message, self._delete, open=True),
        ]

    def open(self, kind: Kind, user: User, channel: Channel, data: Json, source: Message | None = None) -> Interaction:
        """Note what a person does."""
        ids, token = self._world.ids, secrets.token_urlsafe(32)
        interaction = Interaction(
            ids.next(), token, kind, user, channel, data, self._world.clock(), self._changes, source
        )
        self._all[token] = interaction
        return interaction

    def of(self, channel: Channel) -> list[Interaction]:
        """What people did in a channel, in order."""
        return [interaction for interaction in self._all.values() if interaction.channel is channel]

    def wire(self, interaction: Interaction) -> Json:
        """What the INTERACTION_CREATE event holds."""
        channel, user = interaction.channel, interaction.user
        wire: Json = {
            "id": str(interaction.id),
            "application_id": str(self._world.application_id),
            "type": int(interaction.kind),
            "token": interaction.token,
            "version": 1,
            "data": interaction.data,
            "channel_id": str(channel.id),
            "channel": channel.wire(),
            "app_permissions": str(int(channel.bot_permissions)),
            "locale": user.locale,
            "entitlements": [],
            "attachment_size_limit": ATTACHMENT_SIZE_LIMIT,
            "context": int(context_of(channel)),
            "authorizing_integration_owners": _wire_owners(interaction),
        }
        if interaction.source is not None:
            wire["message"] = interaction.source.wire()
        guild = channel.guild
        if guild is None:
            return wire | {"user": user.wire()}
        permissions = str(int(guild.members[user].effective))
        return wire | {
            "guild_id": str(guild.id),
            "guild": {"id": str(guild.id), "locale": "fr", "features": []},
            "guild_locale": "fr",
            "member": guild.member(user) | {"permissions": permissions},
            "channel": channel.wire() | {"permissions": permissions},
        }

    def _answer(self, ask: Ask) -> Json | None:
        interaction = self._all.get(ask.path["interaction_token"])
        if interaction is None or interaction.id != ask.id("interaction_id"):
            raise ApiError(UNKNOWN_INTERACTION)
        if interaction.callback is not None:
            raise ApiError(ALREADY_ANSWERED)
        if self._world.clock() - interaction.at > FIRST_ANSWER_WITHIN:
            raise ApiError(UNKNOWN_INTERACTION)
        errors = FormErrors()
        allowed = _ALLOWED[interaction.kind]
        if ask.form.get("type") not in allowed:
            errors.choices(("type",), [int(callback) for callback in allowed])
            errors.raise_if_any()
        callback = Callback(ask.form["type"])
        data = ask.form.get("data")
        try:
            self._act(interaction, callback, ask, data if isinstance(data, dict) else {})
        except ApiError as error:
            raise error.under("data") from None
        interaction.callback = callback
        return _callback_response(interaction) if _is_true(ask.query.get("with_response")) else None

    def _act(self, interaction: Interaction, callback: Callback, ask: Ask, form: Json) -> None:
        match callback:
            case Callback.CHOICES:
                errors = FormErrors()
                choices = check_choices(errors, ("choices",), form.get("choices"))
                errors.raise_if_any()
                interaction.choices = choices
            case Callback.MESSAGE:
                interaction.original = self._message(interaction, ask, form)
            case Callback.DEFERRED_MESSAGE:
                # Whatever else the deferral asks for, only whether it is ephemeral is heeded.
                asked = form.get("flags") or 0
                flags = Flag.LOADING | (Flag(asked) & Flag.EPHEMERAL)
                interaction.original = self._add(interaction, Content(flags=flags), Pings(), ask)
            case Callback.DEFERRED_UPDATE:
                interaction.original = interaction.source
            case Callback.UPDATE:
                interaction.original = interaction.source
                if interaction.source is not None:
                    self._revise(interaction.source, ask, form)

    def _follow_up(self, ask: Ask) -> Json:
        interaction = self._interaction(ask)
        if interaction.original is not None and Flag.LOADING in interaction.original.flags:
            self._revise(interaction.original, ask, ask.form)
            return interaction.original.wire()
        brought = Install.GUILD not in owners(interaction.user, interaction.channel)
        if brought and len(interaction.followups) >= MAX_FOLLOW_UPS:
            raise ApiError(TOO_MANY_FOLLOW_UPS)
        message = self._message(interaction, ask, ask.form)
        interaction.followups.append(message)
        return message.wire()

    def _get(self, ask: Ask) -> Json:
        return self._find(self._interaction(ask), ask).wire()

    def _edit(self, ask: Ask) -> Json:
        message = self._find(self._interaction(ask), ask)
        self._revise(message, ask, ask.form)
        return message.wire()

    def _delete(self, ask: Ask) -> None:
        interaction = self._interaction(ask)
        message = self._find(interaction, ask)
        message.deleted = True
        if message in message.channel.messages:
            message.channel.messages.remove(message)
        if message in interaction.followups:
            interaction.followups.remove(message)

    def _interaction(self, ask: Ask) -> Interaction:
        interaction = self._all.get(ask.path["interaction_token"])
        ours = ask.id("application_id") == self._world.application_id
        if not ours or interaction is None or interaction.callback is None:
            raise ApiError(UNKNOWN_WEBHOOK)
        if self._world.clock() - interaction.at > TOKEN_VALID_FOR:
            raise ApiError(INVALID_WEBHOOK_TOKEN)
        return interaction

    def _find(self, interaction: Interaction, ask: Ask) -> Message:
        if ask.path["message_id"] == "@original":
            found = interaction.original
        else:
            wanted = ask.id("message_id")
            candidates = [*([interaction.original] if interaction.original else []), *interaction.followups]
            found = next((message for message in candidates if message.id == wanted), None)
        if found is None or found.deleted:
            raise ApiError(UNKNOWN_MESSAGE)
        return found

    def _message(self, interaction: Interaction, ask: Ask, form: Json) -> Message:
        content = compose(form, attach(self._world.ids, ask.files), settable=SETTABLE_BY_ANSWER)
        return self._add(interaction, content, pings(content.said, form.get("allowed_mentions")), ask)

    def _add(self, interaction: Interaction, content: Content, alerted: Pings, ask: Ask) -> Message:
        """A new message of the bot; one that only the person can see stays out of the channel."""
        message = Message(
            self._world.ids.next(),
            interaction.channel,
            self._world.bot,
            content,
            alerted,
            self._world.clock(),
            ask.number,
            interaction=interaction.id,
            asked=_metadata(interaction),
        )
        if not message.ephemeral:
            interaction.channel.messages.append(message)
        return message

    def _revise(self, message: Message, ask: Ask, form: Json) -> None:
        files, before = attach(self._world.ids, ask.files), message.shown
        promised = replace(before, flags=before.flags & ~Flag.LOADING)
        shown = compose(form, files, settable=SETTABLE_BY_EDIT, before=promised)
        if Flag.LOADING in before.flags:
            message.fulfil(shown, form.get("allowed_mentions"))
        else:
            message.revise(shown, form.get("allowed_mentions"), self._world.clock())


def _wire_owners(interaction: Interaction) -> Json:
    found = owners(interaction.user, interaction.channel)
    return {str(int(install)): str(owner) for install, owner in found.items()}


def _metadata(interaction: Interaction) -> Json:
    """What a message tells about what it answers."""
    told: Json = {
        "id": str(interaction.id),
        "type": int(interaction.kind),
        "user": interaction.user.wire(),
        "authorizing_integration_owners": _wire_owners(interaction),
    }
    if interaction.original is not None:
        told["original_response_message_id"] = str(interaction.original.id)
    if interaction.source is not None:
        told["interacted_message_id"] = str(interaction.source.id)
    return told


def _is_true(query: str | None) -> bool:
    return query in {"1", "true"}


def _callback_response(interaction: Interaction) -> Json:
    original = interaction.original
    told: Json = {"id": str(interaction.id), "type": int(interaction.kind)}
    if original is None:
        return {"interaction": told}
    told |= {
        "response_message_id": str(original.id),
        "response_message_loading": Flag.LOADING in original.flags,
        "response_message_ephemeral": original.ephemeral,
    }
    resource = {"type": int(interaction.callback or Callback.MESSAGE), "message": original.wire()}
    return {"interaction": told, "resource": resource}
