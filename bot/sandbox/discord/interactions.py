"""Interactions of people with the bot, and the bot's answers: slash commands, autocompletion and buttons.

The first answer must come within three seconds; a deferral, which shows the person that the bot is thinking, is one.
Afterwards the interaction's token is valid for fifteen minutes.
"""

from __future__ import annotations

import datetime as dt
import enum
import secrets
from dataclasses import dataclass, field, replace

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
from bot.sandbox.discord.messages import Content, Flag, Pings, pings
from bot.sandbox.discord.people import Install, context_of, owners
from bot.sandbox.discord.rest import Ask, Route
from bot.sandbox.discord.rules import SETTABLE_BY_ANSWER, SETTABLE_BY_EDIT, compose
from bot.sandbox.discord.world import Channel, Message, User, World
from bot.sandbox.shared.changes import PATIENCE, Changes
from bot.sandbox.shared.webserver import Json

FIRST_ANSWER_WITHIN = dt.timedelta(seconds=3)
TOKEN_VALID_FOR = dt.timedelta(minutes=15)
ATTACHMENT_SIZE_LIMIT = 10 * 1024 * 1024
MAX_FOLLOW_UPS = 5
"""Messages after the first answer where only the person installed the app."""


class Kind(enum.IntEnum):
    """Kinds of interaction, with Discord's numbers."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4


class Callback(enum.IntEnum):
    """Kinds of first answer, with Discord's numbers."""

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
    """One interaction and its answers.

    `source` is the message of the pressed button. `callback` is the kind of the first answer, `original` the message
    that the first answer is or promises, `followups` the messages after that, and `choices` the suggestions. Waiting
    raises TimeoutError after `within` seconds.
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
    def ephemeral(self) -> bool:
        """Whether only the person can see the first answer."""
        return self.original is not None and self.original.ephemeral

    @property
    def messages(self) -> list[Message]:
        """All answers in order, without a deferral that is still empty."""
        first = [self.original] if self.original is not None and Flag.LOADING not in self.original.flags else []
        return [*first, *self.followups]

    async def answered(self, within: float = PATIENCE) -> None:
        """Wait for the first answer of any kind."""
        await self.changes.until(lambda: self.callback is not None, within)

    async def reply(self, number: int = 1, within: float = PATIENCE) -> Message:
        """Return the answer of that number, counted without deferrals."""
        await self.changes.until(lambda: len(self.messages) >= number, within)
        return self.messages[number - 1]

    async def suggestions(self, within: float = PATIENCE) -> list[Json]:
        """Return the choices that the bot suggests."""
        await self.changes.until(lambda: self.choices is not None, within)
        return self.choices or []


class Interactions:
    """All interactions, and the methods of the API to answer them."""

    def __init__(self, world: World, changes: Changes) -> None:
        self._world = world
        self._changes = changes
        self._all: dict[str, Interaction] = {}

    def routes(self) -> list[Route]:
        """Return the methods."""
        webhook = "/webhooks/{application_id}/{interaction_token}"
        return [
            Route("POST", "/interactions/{interaction_id}/{interaction_token}/callback", self._answer, open=True),
            Route("POST", webhook, self._follow_up, open=True),
            Route("PATCH", webhook + "/messages/{message_id}", self._edit, open=True),
            Route("DELETE", webhook + "/messages/@original", self._delete_original, open=True),
        ]

    def open(self, kind: Kind, user: User, channel: Channel, data: Json, source: Message | None = None) -> Interaction:
        """Add an interaction."""
        ids, token = self._world.ids, secrets.token_urlsafe(32)
        interaction = Interaction(
            ids.next(), token, kind, user, channel, data, self._world.clock(), self._changes, source
        )
        self._all[token] = interaction
        return interaction

    def of(self, channel: Channel) -> list[Interaction]:
        """Return the interactions in a channel, in order."""
        return [interaction for interaction in self._all.values() if interaction.channel is channel]

    def wire(self, interaction: Interaction) -> Json:
        """Return the data of INTERACTION_CREATE."""
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
        return _callback_response(interaction) if ask.query.get("with_response") in {"1", "true"} else None

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
                # Of the flags of a deferral, Discord heeds only EPHEMERAL.
                asked = form.get("flags") or 0
                flags = Flag.LOADING | (Flag(asked) & Flag.EPHEMERAL)
                interaction.original = self._add(interaction, Content(flags=flags), Pings(), ask)
            case Callback.DEFERRED_UPDATE:
                interaction.original = interaction.source
            case Callback.UPDATE:
                interaction.original = interaction.source
                if interaction.source is not None:
                    self._revise(interaction.source, form, ask)

    def _follow_up(self, ask: Ask) -> Json:
        interaction = self._interaction(ask)
        if interaction.original is not None and Flag.LOADING in interaction.original.flags:
            self._revise(interaction.original, ask.form, ask)
            return interaction.original.wire()
        brought = Install.GUILD not in owners(interaction.user, interaction.channel)
        if brought and len(interaction.followups) >= MAX_FOLLOW_UPS:
            raise ApiError(TOO_MANY_FOLLOW_UPS)
        message = self._message(interaction, ask, ask.form)
        interaction.followups.append(message)
        return message.wire()

    def _edit(self, ask: Ask) -> Json:
        message = self._find(self._interaction(ask), ask.path["message_id"])
        self._revise(message, ask.form, ask)
        return message.wire()

    def _delete_original(self, ask: Ask) -> None:
        self._find(self._interaction(ask), "@original").delete()

    def _interaction(self, ask: Ask) -> Interaction:
        interaction = self._all.get(ask.path["interaction_token"])
        ours = ask.id("application_id") == self._world.application_id
        if not ours or interaction is None or interaction.callback is None:
            raise ApiError(UNKNOWN_WEBHOOK)
        if self._world.clock() - interaction.at > TOKEN_VALID_FOR:
            raise ApiError(INVALID_WEBHOOK_TOKEN)
        return interaction

    def _find(self, interaction: Interaction, reference: str) -> Message:
        candidates = [*([interaction.original] if interaction.original else []), *interaction.followups]
        for message in candidates:
            is_meant = str(message.id) == reference or (reference == "@original" and message is interaction.original)
            if is_meant and not message.deleted:
                return message
        raise ApiError(UNKNOWN_MESSAGE)

    def _message(self, interaction: Interaction, ask: Ask, form: Json) -> Message:
        content = compose(form, settable=SETTABLE_BY_ANSWER, files=[name for name, _data in ask.files])
        return self._add(interaction, content, pings(content.said, form.get("allowed_mentions")), ask)

    def _add(self, interaction: Interaction, content: Content, alerted: Pings, ask: Ask) -> Message:
        """Add a message of the bot; an ephemeral one stays out of the channel."""
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
            files=[self._world.keep_file(name, data) for name, data in ask.files],
        )
        if not message.ephemeral:
            interaction.channel.messages.append(message)
        return message

    def _revise(self, message: Message, form: Json, ask: Ask) -> None:
        before, message.request = message.shown, ask.number
        promised = replace(before, flags=before.flags & ~Flag.LOADING)
        names = [*(name for name, _data in ask.files), *(file.name for file in message.files)]
        shown = compose(form, settable=SETTABLE_BY_EDIT, before=promised, files=names)
        message.files += [self._world.keep_file(name, data) for name, data in ask.files]
        if Flag.LOADING in before.flags:
            message.fulfil(shown, form.get("allowed_mentions"))
        else:
            message.revise(shown, form.get("allowed_mentions"), self._world.clock())


def _wire_owners(interaction: Interaction) -> Json:
    found = owners(interaction.user, interaction.channel)
    return {str(int(install)): str(owner) for install, owner in found.items()}


def _metadata(interaction: Interaction) -> Json:
    """Return a message's metadata about the interaction that the message answers."""
    wire: Json = {
        "id": str(interaction.id),
        "type": int(interaction.kind),
        "user": interaction.user.wire(),
        "authorizing_integration_owners": _wire_owners(interaction),
    }
    if interaction.original is not None:
        wire["original_response_message_id"] = str(interaction.original.id)
    if interaction.source is not None:
        wire["interacted_message_id"] = str(interaction.source.id)
    return wire


def _callback_response(interaction: Interaction) -> Json:
    original = interaction.original
    wire: Json = {"id": str(interaction.id), "type": int(interaction.kind)}
    if original is None:
        return {"interaction": wire}
    wire |= {
        "response_message_id": str(original.id),
        "response_message_loading": Flag.LOADING in original.flags,
        "response_message_ephemeral": original.ephemeral,
    }
    resource = {"type": int(interaction.callback or Callback.MESSAGE), "message": original.wire()}
    return {"interaction": wire, "resource": resource}
