"""Stand-in of Discord: REST API and gateway on the loopback interface, for the unmodified discord.py.

    async with DiscordStandIn() as discord:
        guild = discord.add_guild("Recap fans")
        news = discord.add_announcement(guild, "news")
        …  # run the bot with discord.token, discord.api_url and discord.gateway_url
        await discord.wait_for(lambda: news.messages)

The stand-in keeps the bot's messages and lets people use the bot's commands and buttons. It refuses what the real
Discord refuses, with the same errors, and fails on demand (`faults`, `limits`, `drop_gateway`). The stand-in has no
messages by people, no categories, and no embeds, menus, modals or polls.
"""

import datetime as dt
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from aiohttp import WSCloseCode, web

from bot.sandbox.discord.account import Account
from bot.sandbox.discord.channels import Channels
from bot.sandbox.discord.commands import Commands
from bot.sandbox.discord.gateway import Gateway
from bot.sandbox.discord.interactions import Interaction, Interactions, Kind
from bot.sandbox.discord.limits import Limits
from bot.sandbox.discord.people import autocomplete_data, check_is_there, command_data, offered_to, press_data
from bot.sandbox.discord.rest import PREFIX, Rest
from bot.sandbox.discord.world import (
    BOT,
    MEMBER,
    Channel,
    ChannelType,
    DirectChannel,
    Forum,
    GroupConversation,
    Guild,
    Message,
    Permission,
    Role,
    Tag,
    Thread,
    User,
    World,
)
from bot.sandbox.shared.changes import Changes
from bot.sandbox.shared.webserver import HOST, Json, WebServer

AnyChannel = TypeVar("AnyChannel", bound=Channel)


class DiscordStandIn(WebServer):
    """Discord with one bot, which logs in with `token`; the world outlives a `stop`.

    Ids, messages, deadlines and limits go by `clock`, the request log by `monotonic`. `faults` spoils answers, `limits`
    are the rate limits, `traffic` logs and measures the requests, `gateway` has the sessions.
    """

    def __init__(
        self,
        *,
        token: str = "stand-in",  # noqa: S107 - opens nothing but this stand-in
        port: int = 0,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.token = token
        self.changes = Changes()
        self.wait_for = self.changes.until
        self.world = World(clock)
        self.limits = Limits(lambda: clock().timestamp())
        self._account = Account(self.world, lambda: self.gateway_url)
        self.gateway = Gateway(self._account.welcome, token, self.changes)
        self._commands = Commands(self.world)
        self._interactions = Interactions(self.world, self.changes)
        self._channels = Channels(self.world, self.gateway, self.limits)
        self._rest = Rest(token, self.changes, monotonic, self.limits)
        self.faults, self.traffic = self._rest.pipeline.faults, self._rest.pipeline.traffic
        self.port = port

    async def start(self) -> None:
        """Listen, and give the gateway its address."""
        await super().start()
        self.gateway.url = self.gateway_url
        self.world.address = f"http://{HOST}:{self.port}"

    def _application(self) -> web.Application:
        app = web.Application()
        parts = (self._account, self._channels, self._commands, self._interactions)
        self._rest.serve(app, (route for part in parts for route in part.routes()))
        app.router.add_get("/", self.gateway.serve)
        app.router.add_get(r"/attachments/{id:\d+}/{name}", self._serve_file)
        app.on_shutdown.append(self._close_gateway)
        return app

    async def _serve_file(self, request: web.Request) -> web.Response:
        found = self.world.files.get(int(request.match_info["id"]))
        return web.Response(status=404) if found is None else web.Response(body=found.data)

    @property
    def api_url(self) -> str:
        """The address in place of https://discord.com/api/v10, constant after the first start."""
        return f"http://{HOST}:{self.port}{PREFIX}"

    @property
    def gateway_url(self) -> str:
        """The address in place of wss://gateway.discord.gg."""
        return f"ws://{HOST}:{self.port}"

    # The world

    def add_user(self, name: str, *, locale: str = "fr", accepts_dms: bool = True, has_app: bool = False) -> User:
        """Add a person in no server; with `has_app` the person installed the bot."""
        user = User(self.world.ids.next(), name, locale=locale, accepts_dms=accepts_dms, has_app=has_app)
        self.world.users[user.id] = user
        return user

    def add_guild(self, name: str, permissions: Permission = BOT, *, bot_is_in: bool = True) -> Guild:
        """Add a server, where the bot has these permissions if `bot_is_in`."""
        world = self.world
        guild = Guild(world.ids.next(), name, world.bot, world.ids.next(), permissions, bot_is_in=bot_is_in)
        world.guilds[guild.id] = guild
        if bot_is_in:
            self._tell("GUILD_CREATE", guild.wire_created())
        return guild

    def add_role(self, guild: Guild, name: str, *, mentionable: bool = False) -> Role:
        """Add a role to a server."""
        guild.roles.append(Role(self.world.ids.next(), name, mentionable))
        return guild.roles[-1]

    def add_member(self, guild: Guild, user: User, permissions: Permission = MEMBER) -> None:
        """Add a person to a server, or change a member's permissions."""
        guild.members[user] = permissions

    def add_text(self, guild: Guild, name: str) -> Channel:
        """Add a text channel."""
        return self._add(Channel(self.world.ids.next(), name, ChannelType.TEXT, guild))

    def add_voice(self, guild: Guild, name: str) -> Channel:
        """Add a voice channel with its text chat."""
        return self._add(Channel(self.world.ids.next(), name, ChannelType.VOICE, guild))

    def add_announcement(self, guild: Guild, name: str) -> Channel:
        """Add an announcement channel, whose messages the bot can publish."""
        return self._add(Channel(self.world.ids.next(), name, ChannelType.ANNOUNCEMENT, guild))

    def add_forum(self, guild: Guild, name: str, tags: Sequence[str] = (), *, tag_required: bool = False) -> Forum:
        """Add a forum with tags of these names."""
        ids = self.world.ids
        named = tuple(Tag(ids.next(), tag) for tag in tags)
        forum = Forum(ids.next(), name, ChannelType.FORUM, guild, tags=named, tag_required=tag_required)
        return self._add(forum)

    def add_thread(
        self, parent: Channel, name: str, owner: User, *, archived: bool = False, locked: bool = False
    ) -> Thread:
        """Add a thread that a person opened."""
        if parent.guild is None:
            raise ValueError("There are no threads in private conversations.")
        kind = ChannelType.ANNOUNCEMENT_THREAD if parent.type is ChannelType.ANNOUNCEMENT else ChannelType.PUBLIC_THREAD
        thread = Thread(self.world.ids.next(), name, kind, parent.guild, parent=parent, owner=owner)
        thread.archived, thread.locked = archived, locked
        return self._add(thread)

    def change_thread(self, thread: Thread, *, archived: bool = False, locked: bool = False) -> None:
        """Archive, lock or reopen a thread."""
        thread.archived, thread.locked = archived, locked
        self._tell_of(thread, "UPDATE")

    def direct(self, user: User) -> DirectChannel:
        """Return the private conversation of the bot and a person."""
        return self.world.direct(user)

    def add_group(self, name: str, *people: User) -> GroupConversation:
        """Add a private conversation of several people, of which no bot can be a member."""
        group = GroupConversation(self.world.ids.next(), name, ChannelType.GROUP_DM, None, recipients=people)
        return self._add(group)

    def permit(self, channel: Channel, permissions: Permission) -> None:
        """Set the bot's permissions in a channel and its threads, in place of those in the server."""
        channel.permissions = permissions
        self._tell_of(channel, "UPDATE")

    def delete_channel(self, channel: Channel) -> None:
        """Delete a channel with its threads, or a thread."""
        self.world.remove_channel(channel)
        self._tell_of(channel, "DELETE")

    def remove_guild(self, guild: Guild, *, unavailable: bool = False) -> None:
        """Remove the bot from a server, or begin an outage there."""
        guild.unavailable, guild.bot_is_in = unavailable, unavailable
        self._tell("GUILD_DELETE", {"id": str(guild.id), **({"unavailable": True} if unavailable else {})})

    def restore_guild(self, guild: Guild) -> None:
        """Add the bot to a server again, or end the outage there."""
        available = {"unavailable": False} if guild.unavailable else {}
        guild.unavailable, guild.bot_is_in = False, True
        self._tell("GUILD_CREATE", guild.wire_created() | available)

    async def drop_gateway(self, code: int | None = None) -> None:
        """End all gateway connections with a close code, or without a close frame; the sessions stay resumable."""
        await self.gateway.drop(code)

    # People

    async def slash(self, user: User, channel: Channel, command: str, /, **options: object) -> Interaction:
        """Send a slash command as a person, once the bot has registered commands and is connected.

        Raises:
            NotOfferedError: the app does not offer the person this command here, or not with these options.
            TimeoutError: the bot did not connect.
        """
        data = command_data(await self._offered(user, channel), command, user, channel, options)
        return await self._happen(Kind.COMMAND, user, channel, data)

    async def autocomplete(
        self, user: User, channel: Channel, command: str, option: str, typed: str, **options: object
    ) -> Interaction:
        """Type the beginning of an option as a person.

        Raises:
            NotOfferedError: the app does not offer the person this command here, or does not complete the option.
            TimeoutError: the bot did not connect.
        """
        offered = await self._offered(user, channel)
        data = autocomplete_data(offered, command, user, channel, options, option=option, typed=typed)
        return await self._happen(Kind.AUTOCOMPLETE, user, channel, data)

    def offered(self, user: User, channel: Channel) -> list[Json]:
        """Return the commands that the app offers to the person in a channel now.

        Raises:
            NotOfferedError: the person is not in the channel.
        """
        check_is_there(user, channel)
        return offered_to(self._commands.registered, user, channel)

    def interactions(self, channel: Channel) -> list[Interaction]:
        """Return the interactions in a channel, in order."""
        return self._interactions.of(channel)

    async def press(self, message: Message, custom_id: str, user: User) -> Interaction:
        """Press a button as a person.

        Raises:
            NotOfferedError: the message has no such button, the button is disabled, or the message was deleted.
            TimeoutError: the bot did not connect.
        """
        return await self._happen(Kind.COMPONENT, user, message.channel, press_data(message, custom_id), message)

    async def _offered(self, user: User, channel: Channel) -> list[Json]:
        check_is_there(user, channel)
        return await self.wait_for(lambda: self._commands.registered)

    async def _happen(
        self, kind: Kind, user: User, channel: Channel, data: Json, source: Message | None = None
    ) -> Interaction:
        check_is_there(user, channel)
        await self.wait_for(lambda: self.gateway.online)
        interaction = self._interactions.open(kind, user, channel, data, source)
        self.gateway.event("INTERACTION_CREATE", self._interactions.wire(interaction))
        self.changes.notify()
        return interaction

    def _add(self, channel: AnyChannel) -> AnyChannel:
        self.world.add_channel(channel)
        self._tell_of(channel, "CREATE")
        return channel

    def _tell_of(self, channel: Channel, what: str) -> None:
        if channel.guild is not None and channel.guild.bot_is_in:
            kind = "THREAD" if isinstance(channel, Thread) else "CHANNEL"
            self._tell(f"{kind}_{what}", channel.wire())

    def _tell(self, event: str, data: Json) -> None:
        self.gateway.event(event, data)
        self.changes.notify()

    async def _close_gateway(self, _app: web.Application) -> None:
        await self.gateway.drop(WSCloseCode.GOING_AWAY)
