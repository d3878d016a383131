"""A Discord of one's own: REST API and gateway on the loopback interface, for discord.py as it is.

    async with DiscordStandIn() as discord:
        guild = discord.add_guild("Recap fans")
        news = discord.add_announcement(guild, "news")
        …  # run the bot with discord.token, discord.api_url and discord.gateway_url
        await discord.wait_for(lambda: news.messages)

It keeps what the bot sends and lets people use the bot's commands and buttons. It refuses what the real Discord
refuses, with the same errors, and fails on demand (`faults`, `limits`, `drop_gateway`). The real one is richer: nobody
speaks, and there is no category, no role but the bot's, no modal or poll, no message that people write, and of embeds
only number and size are checked.
"""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, TypeVar

from aiohttp import WSCloseCode, web

from bot.sandbox.discord.account import Account
from bot.sandbox.discord.channels import Channels
from bot.sandbox.discord.commands import Commands
from bot.sandbox.discord.gateway import HEARTBEAT_SECONDS, Gateway, Op
from bot.sandbox.discord.interactions import PATIENCE, Interaction, Interactions, Kind
from bot.sandbox.discord.limits import Limits
from bot.sandbox.discord.people import (
    autocomplete_data,
    check_is_there,
    command_data,
    offered_to,
    press_data,
    select_data,
)
from bot.sandbox.discord.rest import MAX_BODY, PREFIX, Rest
from bot.sandbox.discord.world import (
    BOT,
    MEMBER,
    Channel,
    ChannelType,
    Forum,
    GroupConversation,
    Permission,
    Tag,
    Thread,
    Voice,
    World,
)
from bot.sandbox.shared.changes import Changes
from bot.sandbox.shared.webserver import HOST, WebServer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot.sandbox.discord.messages import Message
    from bot.sandbox.discord.world import DirectChannel, Guild, Json, User

T = TypeVar("T")
AnyChannel = TypeVar("AnyChannel", bound=Channel)


class DiscordStandIn(WebServer):
    """One Discord with one bot in it, known by its `token`; its world stays as it is when it stops.

    `shards` is how many shards it recommends, `heartbeat` the seconds between heartbeats. Ids, messages, deadlines and
    limits go by `clock`, the request log by `monotonic`. `faults` spoils answers, `limits` holds the bot to its rate,
    `traffic` keeps and measures the requests, `gateway` shows who is connected.
    """

    def __init__(
        self,
        *,
        token: str = "stand-in",  # noqa: S107 - opens nothing but this stand-in
        shards: int = 1,
        heartbeat: float = HEARTBEAT_SECONDS,
        port: int = 0,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.token = token
        self.changes = Changes()
        self.world = World(clock)
        self.limits = Limits(lambda: clock().timestamp())
        self._account = Account(self.world, shards, lambda: self.gateway_url)
        self.gateway = Gateway(self._account, token, self.changes, heartbeat)
        self._commands = Commands(self.world)
        self._interactions = Interactions(self.world, self.changes)
        self._channels = Channels(self.world, self.gateway)
        self._rest = Rest(token, self.changes, monotonic, self.limits)
        self.faults, self.traffic = self._rest.faults, self._rest.traffic
        self.port = port

    async def start(self) -> None:
        """Listen, and tell the gateway where."""
        await super().start()
        self.gateway.url = self.gateway_url

    def _application(self) -> web.Application:
        app = web.Application(client_max_size=MAX_BODY)
        parts = (self._account, self._channels, self._commands, self._interactions)
        self._rest.serve(app, (route for part in parts for route in part.routes()))
        app.router.add_get("/", self.gateway.serve)
        app.on_shutdown.append(self._close_gateway)
        return app

    @property
    def api_url(self) -> str:
        """The address in place of https://discord.com/api/v10. Known once it was started, and kept from then on."""
        return f"http://{HOST}:{self.port}{PREFIX}"

    @property
    def gateway_url(self) -> str:
        """The address in place of wss://gateway.discord.gg."""
        return f"ws://{HOST}:{self.port}"

    async def wait_for(self, condition: Callable[[], T], within: float = PATIENCE) -> T:
        """The condition's value as soon as it is true; it is looked at whenever anything changes here.

        Raises:
            TimeoutError: it was not true within so many seconds.
        """
        return await self.changes.until(condition, within)

    # The world

    def add_user(self, name: str, *, locale: str = "fr", accepts_dms: bool = True, has_app: bool = False) -> User:
        """A person, in no server yet; one who `has_app` installed the bot for themselves."""
        return self.world.add_user(name, locale=locale, accepts_dms=accepts_dms, has_app=has_app)

    def add_guild(self, name: str, permissions: Permission = BOT, *, bot_is_in: bool = True) -> Guild:
        """A server that the bot is in with these permissions, or one that it has nothing to do with."""
        guild = self.world.add_guild(name, permissions, bot_is_in=bot_is_in)
        if bot_is_in:
            self._tell(guild, "GUILD_CREATE", guild.wire_created())
        return guild

    def add_member(self, guild: Guild, user: User, permissions: Permission = MEMBER) -> None:
        """Let a person into a server, or change what they may do there."""
        guild.members[user] = permissions

    def add_text(self, guild: Guild, name: str) -> Channel:
        """A text channel."""
        return self._add(Channel(self.world.ids.next(), name, ChannelType.TEXT, guild))

    def add_voice(self, guild: Guild, name: str) -> Voice:
        """A voice channel, with the text chat that each of them has."""
        return self._add(Voice(self.world.ids.next(), name, ChannelType.VOICE, guild))

    def add_announcement(self, guild: Guild, name: str) -> Channel:
        """An announcement channel, whose messages can be published."""
        return self._add(Channel(self.world.ids.next(), name, ChannelType.ANNOUNCEMENT, guild))

    def add_forum(self, guild: Guild, name: str, tags: Sequence[str] = (), *, tag_required: bool = False) -> Forum:
        """A forum with tags of these names."""
        ids = self.world.ids
        named = tuple(Tag(ids.next(), tag) for tag in tags)
        forum = Forum(ids.next(), name, ChannelType.FORUM, guild, tags=named, tag_required=tag_required)
        return self._add(forum)

    def add_thread(
        self, parent: Channel, name: str, owner: User, *, archived: bool = False, locked: bool = False
    ) -> Thread:
        """A thread that a person opened."""
        if parent.guild is None:
            raise ValueError("There are no threads in private conversations.")
        kind = ChannelType.ANNOUNCEMENT_THREAD if parent.type is ChannelType.ANNOUNCEMENT else ChannelType.PUBLIC_THREAD
        thread = Thread(self.world.ids.next(), name, kind, parent.guild, parent=parent, owner=owner)
        thread.archived, thread.locked = archived, locked
        return self._add(thread)

    def change_thread(self, thread: Thread, *, archived: bool = False, locked: bool = False) -> None:
        """Archive, lock or open a thread."""
        thread.archived, thread.locked = archived, locked
        self._tell_of(thread, "UPDATE")

    def direct(self, user: User) -> DirectChannel:
        """The private conversation of the bot and a person."""
        return self.world.direct(user)

    def add_group(self, name: str, *people: User) -> GroupConversation:
        """A private conversation of several people, in which no bot can be."""
        group = GroupConversation(self.world.ids.next(), name, ChannelType.GROUP_DM, None, recipients=people)
        return self._add(group)

    def permit(self, channel: Channel, permissions: Permission) -> None:
        """Say what the bot may do in a channel, whatever it may do in the rest of the server.

        Raises:
            ValueError: the channel is a thread.
        """
        if isinstance(channel, Thread):
            # A kind of channel is a value of the world, not a type of Python's.
            raise ValueError("What the bot may do in a thread is said of the channel that it hangs on.")  # noqa: TRY004
        channel.permissions = permissions
        self._tell_of(channel, "UPDATE")

    def delete_channel(self, channel: Channel) -> None:
        """Delete a channel or thread, with the threads that hang on it."""
        self.world.remove_channel(channel)
        self._tell_of(channel, "DELETE")

    def remove_guild(self, guild: Guild, *, unavailable: bool = False) -> None:
        """Throw the bot out of a server, or let an outage begin there."""
        guild.unavailable, guild.bot_is_in = unavailable, unavailable
        self._tell(guild, "GUILD_DELETE", {"id": str(guild.id), **({"unavailable": True} if unavailable else {})})

    def restore_guild(self, guild: Guild) -> None:
        """Let the bot into a server again, or end the outage there."""
        available = {"unavailable": False} if guild.unavailable else {}
        guild.unavailable, guild.bot_is_in = False, True
        self._tell(guild, "GUILD_CREATE", guild.wire_created() | available)

    # The gateway's moods

    async def drop_gateway(self, code: int | None = None) -> None:
        """End all gateway connections: with a close code, or without a word. Sessions can be resumed."""
        await self.gateway.drop(code)

    def ask_to_reconnect(self) -> None:
        """Ask every client to connect anew and resume."""
        self.gateway.tell(Op.RECONNECT)

    def invalidate_sessions(self, *, resumable: bool = False) -> None:
        """Tell every client that its session is invalid, for good unless it is resumable."""
        self.gateway.tell(Op.INVALID_SESSION, resumable)
        if not resumable:
            self.gateway.forget_sessions()

    # People

    async def slash(self, user: User, channel: Channel, command: str, **options: object) -> Interaction:
        """A person sends a slash command, once the bot has registered some and is there to get it.

        Raises:
            NotOfferedError: Discord would not offer them this command here, or not with these options.
            TimeoutError: the bot did not come.
        """
        data = command_data(await self._offered(user, channel), command, user, channel, options)
        return await self._happen(Kind.COMMAND, user, channel, data)

    async def autocomplete(
        self, user: User, channel: Channel, command: str, option: str, typed: str, **options: object
    ) -> Interaction:
        """A person has typed so much of an option.

        Raises:
            NotOfferedError: the command is not offered to them here, or the option completes nothing.
            TimeoutError: the bot did not come.
        """
        offered = await self._offered(user, channel)
        data = autocomplete_data(offered, command, user, channel, options, option=option, typed=typed)
        return await self._happen(Kind.AUTOCOMPLETE, user, channel, data)

    def offered(self, user: User, channel: Channel) -> list[Json]:
        """The commands that the person finds in a channel now.

        Raises:
            NotOfferedError: they are not there themselves.
        """
        check_is_there(user, channel)
        guild_id = channel.guild.id if channel.guild is not None else None
        return offered_to(self._commands.offered(guild_id), user, channel)

    def interactions(self, channel: Channel) -> list[Interaction]:
        """What people did with the bot in a channel, in order."""
        return self._interactions.of(channel)

    async def press(self, message: Message, custom_id: str, user: User) -> Interaction:
        """A person presses a button.

        Raises:
            NotOfferedError: the message has no such button that can be pressed.
            TimeoutError: the bot did not come.
        """
        return await self._happen(Kind.COMPONENT, user, message.channel, press_data(message, custom_id), message)

    async def select(self, message: Message, custom_id: str, user: User, values: list[str]) -> Interaction:
        """A person chooses from a menu.

        Raises:
            NotOfferedError: the message has no such menu, or it does not take these values.
            TimeoutError: the bot did not come.
        """
        data = select_data(message, custom_id, values)
        return await self._happen(Kind.COMPONENT, user, message.channel, data, message)

    async def _offered(self, user: User, channel: Channel) -> list[Json]:
        check_is_there(user, channel)
        guild_id = channel.guild.id if channel.guild is not None else None
        return await self.wait_for(lambda: self._commands.offered(guild_id))

    async def _happen(
        self, kind: Kind, user: User, channel: Channel, data: Json, source: Message | None = None
    ) -> Interaction:
        check_is_there(user, channel)
        guild_id = channel.guild.id if channel.guild is not None else None
        await self.wait_for(lambda: self.gateway.reaches(guild_id))
        interaction = self._interactions.open(kind, user, channel, data, source)
        self.gateway.event("INTERACTION_CREATE", self._interactions.wire(interaction), guild_id, needs=0)
        self.changes.notify()
        return interaction

    def _add(self, channel: AnyChannel) -> AnyChannel:
        self.world.add_channel(channel)
        self._tell_of(channel, "CREATE")
        return channel

    def _tell_of(self, channel: Channel, what: str) -> None:
        if channel.guild is not None and channel.guild.bot_is_in:
            kind = "THREAD" if isinstance(channel, Thread) else "CHANNEL"
            self._tell(channel.guild, f"{kind}_{what}", channel.wire())

    def _tell(self, guild: Guild, event: str, data: Json) -> None:
        self.gateway.event(event, data, guild.id)
        self.changes.notify()

    async def _close_gateway(self, _app: web.Application) -> None:
        await self.gateway.drop(WSCloseCode.GOING_AWAY)
