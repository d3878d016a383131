"""Methods of the API for channels, messages, forum posts and private conversations."""

import datetime as dt
from typing import Any

from bot.sandbox.discord.errors import (
    ALREADY_PUBLISHED,
    CANNOT_DM,
    INVALID_RECIPIENT,
    MISSING_ACCESS,
    MISSING_PERMISSIONS,
    NO_SHARED_GUILD,
    NOT_A_TEXT_CHANNEL,
    TAG_REQUIRED,
    THREAD_ARCHIVED,
    THREAD_LOCKED,
    TOO_MANY_EDITS_OF_OLD,
    TOO_MANY_EDITS_OF_PUBLISHED,
    TOO_MANY_PINNED,
    UNKNOWN_CHANNEL,
    UNKNOWN_GUILD,
    UNKNOWN_MESSAGE,
    UNKNOWN_TAG,
    WRONG_CHANNEL_TYPE,
    ApiError,
    FormErrors,
)
from bot.sandbox.discord.gateway import Gateway
from bot.sandbox.discord.limits import EDITS_OF_OLD, EDITS_OF_PUBLISHED, OLD, Limits
from bot.sandbox.discord.messages import Content, pings
from bot.sandbox.discord.rest import Ask, Route
from bot.sandbox.discord.rules import SETTABLE_BY_BOT, SETTABLE_BY_EDIT, compose
from bot.sandbox.discord.world import (
    PINNED,
    Channel,
    ChannelType,
    DirectChannel,
    Forum,
    GroupConversation,
    Message,
    Permission,
    Tag,
    Thread,
    World,
    threads_of,
)
from bot.sandbox.shared.webserver import Json

NONCE_MEMORY = dt.timedelta(minutes=5)
"""Duration of a nonce; Discord's documentation says "a few minutes"."""
MOST_MESSAGES = 100
"""Messages in one answer; the default is fifty."""
MOST_THREADS = 100
MAX_THREAD_NAME = 100
MAX_TAGS = 5


class Channels:
    """Methods of the API for channels and messages."""

    def __init__(self, world: World, gateway: Gateway, limits: Limits) -> None:
        self._world = world
        self._limits = limits
        self._gateway = gateway
        self._nonces: dict[str, Message] = {}

    def routes(self) -> list[Route]:
        """Return the methods."""
        channel, messages = "/channels/{channel_id}", "/channels/{channel_id}/messages"
        message = messages + "/{message_id}"
        return [
            Route("GET", channel, self._get_channel),
            Route("PATCH", channel, self._change_thread),
            Route("DELETE", channel, self._delete_thread),
            Route("POST", messages, self._send),
            Route("GET", messages, self._history),
            Route("PATCH", message, self._edit),
            Route("DELETE", message, self._delete),
            Route("POST", message + "/crosspost", self._publish),
            Route("PUT", messages + "/pins/{message_id}", self._pin),
            Route("DELETE", messages + "/pins/{message_id}", self._unpin),
            Route("POST", channel + "/threads", self._open_post, status=201),
            Route("GET", channel + "/threads/archived/public", self._archived_threads),
            Route("GET", "/guilds/{guild_id}/threads/active", self._active_threads),
            Route("POST", "/users/@me/channels", self._open_direct),
        ]

    def _get_channel(self, ask: Ask) -> Json:
        return self._channel(ask).wire()

    def _send(self, ask: Ask) -> Json:
        channel = self._channel(ask)
        self._check_may_write(channel)
        known = self._sent_before(ask.form)
        if known is not None:
            if known.deleted:
                raise ApiError(UNKNOWN_MESSAGE)
            return known.wire()
        content = compose(ask.form, settable=SETTABLE_BY_BOT, files=[name for name, _data in ask.files])
        if isinstance(channel, Thread) and channel.archived:
            channel.archived = False
            self._gateway.event("THREAD_UPDATE", channel.wire())
        message = self._add(channel, content, ask, ask.form)
        if message.nonce is not None and ask.form.get("enforce_nonce"):
            self._nonces[str(message.nonce)] = message
        return message.wire()

    def _sent_before(self, form: Json) -> Message | None:
        """Return the message of the same nonce in any channel, because nonces belong to their author."""
        if form.get("nonce") is None or not form.get("enforce_nonce"):
            return None
        message = self._nonces.get(str(form["nonce"]))
        if message is None or self._world.clock() - message.sent_at > NONCE_MEMORY:
            return None
        return message

    def _history(self, ask: Ask) -> list[Json]:
        channel = self._readable(ask)
        before, after = int(ask.query.get("before", 1 << 63)), int(ask.query.get("after", 0))
        found = [message for message in reversed(channel.messages) if after < message.id < before]
        limit = _limit(ask, MOST_MESSAGES)
        # With `after`, the oldest of them come, and still the newest of these first.
        return [message.wire() for message in (found[-limit:] if after else found[:limit])]

    def _archived_threads(self, ask: Ask) -> Json:
        before = ask.query.get("before", "~")
        archived = [thread for thread in reversed(threads_of(self._readable(ask))) if thread.archived]
        threads = [each for each in archived if each.wire()["thread_metadata"]["archive_timestamp"] < before]
        limit = _limit(ask, MOST_THREADS)
        return {
            "threads": [thread.wire() for thread in threads[:limit]],
            "members": [],
            "has_more": len(threads) > limit,
        }

    def _active_threads(self, ask: Ask) -> Json:
        guild = self._world.guilds.get(ask.id("guild_id"))
        if guild is None or not guild.bot_is_in:
            raise ApiError(UNKNOWN_GUILD)
        threads = [channel for channel in guild.channels if isinstance(channel, Thread) and not channel.archived]
        seen = [thread for thread in threads if Permission.VIEW_CHANNEL in thread.bot_permissions]
        return {"threads": [thread.wire() for thread in seen], "members": []}

    def _readable(self, ask: Ask) -> Channel:
        channel = self._channel(ask)
        if not isinstance(channel, DirectChannel) and Permission.READ_MESSAGE_HISTORY not in channel.bot_permissions:
            raise ApiError(MISSING_PERMISSIONS)
        return channel

    def _edit(self, ask: Ask) -> Json:
        channel = self._channel(ask)
        message = self._message(channel, ask)
        if isinstance(channel, Thread) and channel.archived:
            raise ApiError(THREAD_ARCHIVED)
        for holds, name, refusal in (
            (message.published, EDITS_OF_PUBLISHED, TOO_MANY_EDITS_OF_PUBLISHED),
            (self._world.clock() - message.sent_at >= OLD, EDITS_OF_OLD, TOO_MANY_EDITS_OF_OLD),
        ):
            if holds and (seconds := self._limits.wait(name, str(channel.id))):
                raise ApiError(refusal, retry_after=seconds)
        shown = compose(ask.form, settable=SETTABLE_BY_EDIT, before=message.shown)
        message.revise(shown, ask.form.get("allowed_mentions"), self._world.clock())
        message.request = ask.number
        return message.wire()

    def _delete(self, ask: Ask) -> None:
        self._message(self._channel(ask), ask).delete()

    def _change_thread(self, ask: Ask) -> Json:
        if "flags" in ask.form:
            return self._flag_thread(ask)
        channel = self._channel(ask)
        is_own = isinstance(channel, Thread) and channel.owner is self._world.bot
        may = is_own or Permission.MANAGE_THREADS in channel.bot_permissions
        if not isinstance(channel, Thread) or (channel.locked and not may) or ("name" in ask.form and not may):
            raise ApiError(MISSING_PERMISSIONS)
        if channel.archived and ask.form.get("archived") is not False:
            raise ApiError(THREAD_ARCHIVED)
        errors = FormErrors()
        channel.name = errors.text(("name",), ask.form.get("name", channel.name), low=1, high=MAX_THREAD_NAME)
        errors.raise_if_any()
        channel.archived = bool(ask.form.get("archived", channel.archived))
        self._gateway.event("THREAD_UPDATE", channel.wire())
        return channel.wire()

    def _flag_thread(self, ask: Ask) -> Json:
        thread = self._managed(ask)
        if thread.archived:
            raise ApiError(THREAD_ARCHIVED)
        is_pinned = bool(ask.form["flags"] & PINNED)
        if is_pinned and any(each.pinned for each in threads_of(thread.parent) if each is not thread):
            raise ApiError(TOO_MANY_PINNED)
        thread.pinned = is_pinned
        self._gateway.event("THREAD_UPDATE", thread.wire())
        return thread.wire()

    def _managed(self, ask: Ask) -> Thread:
        channel = self._channel(ask)
        if not isinstance(channel, Thread) or Permission.MANAGE_THREADS not in channel.bot_permissions:
            raise ApiError(MISSING_PERMISSIONS)
        return channel

    def _delete_thread(self, ask: Ask) -> Json:
        channel = self._managed(ask)
        for message in channel.messages:
            message.delete()
        self._world.remove_channel(channel)
        self._gateway.event("THREAD_DELETE", channel.wire())
        return channel.wire()

    def _publish(self, ask: Ask) -> Json:
        channel = self._channel(ask)
        if channel.type is not ChannelType.ANNOUNCEMENT:
            raise ApiError(WRONG_CHANNEL_TYPE)
        self._check_may_write(channel)
        message = self._message(channel, ask)
        if message.published:
            raise ApiError(ALREADY_PUBLISHED)
        message.publish()
        return message.wire()

    def _pin(self, ask: Ask) -> None:
        self._to_pin(ask).pinned = True

    def _unpin(self, ask: Ask) -> None:
        self._to_pin(ask).pinned = False

    def _to_pin(self, ask: Ask) -> Message:
        channel = self._channel(ask)
        if channel.guild is not None and Permission.PIN_MESSAGES not in channel.bot_permissions:
            raise ApiError(MISSING_PERMISSIONS)
        return self._message(channel, ask)

    def _open_post(self, ask: Ask) -> Json:
        forum = self._channel(ask)
        if not isinstance(forum, Forum):
            raise ApiError(WRONG_CHANNEL_TYPE)
        if Permission.SEND_MESSAGES not in forum.bot_permissions:
            raise ApiError(MISSING_PERMISSIONS)
        errors = FormErrors()
        name = errors.text(("name",), ask.form.get("name"), low=1, high=MAX_THREAD_NAME)
        form = errors.mapping(("message",), ask.form.get("message"))
        wanted = errors.items(("applied_tags",), ask.form.get("applied_tags"), high=MAX_TAGS)
        errors.raise_if_any()
        tags = _tags(forum, wanted)
        try:
            content = compose(form, settable=SETTABLE_BY_BOT)
        except ApiError as error:
            raise error.under("message") from None
        # A post and its first message share their id.
        thread_id = self._world.ids.next()
        kind = ChannelType.PUBLIC_THREAD
        thread = Thread(thread_id, name, kind, forum.guild, parent=forum, owner=self._world.bot, tags=tags)
        message = self._add(thread, content, ask, form | {"nonce": None}, message_id=thread_id)
        self._world.add_channel(thread)
        self._gateway.event("THREAD_CREATE", thread.wire() | {"newly_created": True})
        return thread.wire() | {"message": message.wire()}

    def _open_direct(self, ask: Ask) -> Json:
        recipient = str(ask.form.get("recipient_id"))
        user = self._world.users.get(int(recipient)) if recipient.isdecimal() else None
        if user is None or user.bot:
            raise ApiError(INVALID_RECIPIENT)
        return self._world.direct(user).wire()

    def _channel(self, ask: Ask) -> Channel:
        """Return the channel of the request.

        Raises:
            ApiError: the channel does not exist, or the bot cannot see it.
        """
        channel = self._world.channels.get(ask.id("channel_id"))
        if channel is None:
            raise ApiError(UNKNOWN_CHANNEL)
        if isinstance(channel, GroupConversation):
            raise ApiError(MISSING_ACCESS)
        guild = channel.guild
        if guild is not None and not (guild.bot_is_in and Permission.VIEW_CHANNEL in channel.bot_permissions):
            raise ApiError(MISSING_ACCESS)
        return channel

    def _check_may_write(self, channel: Channel) -> None:
        if isinstance(channel, Forum):
            raise ApiError(NOT_A_TEXT_CHANNEL)
        if isinstance(channel, DirectChannel):
            self._check_may_write_to(channel)
            return
        needed = Permission.SEND_MESSAGES_IN_THREADS if isinstance(channel, Thread) else Permission.SEND_MESSAGES
        if needed not in channel.bot_permissions:
            raise ApiError(MISSING_PERMISSIONS)
        if isinstance(channel, Thread) and channel.locked and Permission.MANAGE_THREADS not in channel.bot_permissions:
            raise ApiError(THREAD_ARCHIVED if channel.archived else THREAD_LOCKED)

    def _check_may_write_to(self, channel: DirectChannel) -> None:
        if not channel.recipient.accepts_dms:
            raise ApiError(CANNOT_DM)
        if not self._world.shares_guild(channel.recipient):
            raise ApiError(NO_SHARED_GUILD)

    def _message(self, channel: Channel, ask: Ask) -> Message:
        wanted = ask.id("message_id")
        for message in reversed(channel.messages):
            if message.id == wanted:
                return message
        raise ApiError(UNKNOWN_MESSAGE)

    def _add(
        self, channel: Channel, content: Content, ask: Ask, form: Json, *, message_id: int | None = None
    ) -> Message:
        message = Message(
            message_id or self._world.ids.next(),
            channel,
            self._world.bot,
            content,
            pings(content.said, form.get("allowed_mentions")),
            self._world.clock(),
            ask.number,
            nonce=form.get("nonce"),
        )
        channel.messages.append(message)
        return message


def _limit(ask: Ask, most: int) -> int:
    return min(int(ask.query.get("limit", 50)), most)


def _tags(forum: Forum, wanted: list[Any]) -> tuple[Tag, ...]:
    tags = {str(tag.id): tag for tag in forum.tags}
    if any(str(tag) not in tags for tag in wanted):
        raise ApiError(UNKNOWN_TAG)
    if forum.tag_required and not wanted:
        raise ApiError(TAG_REQUIRED)
    return tuple(tags[str(tag)] for tag in wanted)
