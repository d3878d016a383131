"""The way to Discord: what a push to very many channels costs, and what it keeps."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
from discord.http import Ratelimit
from discord.ui import TextDisplay
from discord.utils import time_snowflake
from pydantic import SecretStr

from bot.model.rendering import Message
from bot.model.subscription import PlatformName, Target
from bot.platforms.base import Post
from bot.platforms.discord.client import DiscordPlatform
from bot.platforms.discord.finding import find_post
from bot.platforms.discord.forums import REQUIRES_TAG, Forum, Forums
from bot.platforms.discord.section import Discord
from bot.platforms.discord.traffic import FirstTurn
from bot.sandbox.discord.server import DiscordStandIn
from tests.clients import connected, discord_client

CHANNELS = 2000


def message(text: str) -> Message:
    """A message with one text."""
    return Message({"flags": 1 << 15, "components": [{"type": 10, "content": text}]}, len(text), 4000)


async def test_very_many_channels_do_not_make_each_other_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new channel's bucket is made without a look at the others, which are all looked at once in a minute."""
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    looks = 0
    look = Ratelimit.is_inactive

    def counted(bucket: Ratelimit) -> bool:
        nonlocal looks
        looks += 1
        return look(bucket)

    monkeypatch.setattr(Ratelimit, "is_inactive", counted)
    platform = DiscordPlatform(Discord(token=SecretStr("a.b.c")))
    http = platform.client.http
    buckets = [http.get_ratelimit(f"hash:{channel}") for channel in range(CHANNELS)]
    # Were it more, discord.py would look for itself somewhere else than where the bot holds it back.
    assert looks == 0
    for bucket in buckets[1:]:
        bucket._last_request -= 301
    now += 61
    http.get_ratelimit("hash:new")
    # Were it none, discord.py would never ask the bot's client to look.
    assert looks == CHANNELS + 1
    assert set(http._buckets) == {"hash:0", "hash:new"}


class Read(dict[str, Any]):
    """A component that notes when JSON is made of it."""

    def __init__(self, component: dict[str, Any], made: list[str]) -> None:
        super().__init__(component)
        self._made = made

    def items(self) -> Any:  # noqa: ANN401 - a type of the interpreter's own
        """Return what JSON is made of."""
        self._made.append(self["content"])
        return super().items()


@pytest.mark.parametrize(("flags", "tags"), [(REQUIRES_TAG, [5]), (1 << 15, [])])
async def test_only_a_forum_that_wants_a_tag_gets_one(flags: int, tags: list[int]) -> None:
    """The first one; another flag, such as that of no download of pictures, wants none."""
    client = Mock()
    told = {"type": 15, "guild_id": "2", "flags": flags, "available_tags": [{"id": "5"}, {"id": "6"}]}
    client.http.request = AsyncMock(return_value=told)
    forums = Forums(Mock(client=None))
    assert await forums.find(client, 1, FirstTurn(None), surely=True) == Forum(1, 2, tags)


@pytest.mark.parametrize(("earlier", "is_it"), [(30, True), (120, False)])
async def test_a_post_is_looked_for_by_a_clock_that_may_be_ahead(earlier: int, is_it: bool) -> None:
    """Discord gives the post its time; one of long before is another with the same title."""
    client, since = Mock(), dt.datetime(2024, 11, 4, 7, tzinfo=dt.UTC)
    number = str(time_snowflake(since - dt.timedelta(seconds=earlier)))
    post = {"id": number, "parent_id": "1", "owner_id": str(client.user.id), "name": "Un"}
    client.http.request = AsyncMock(side_effect=[{"threads": [post]}, {"threads": [], "has_more": False}])
    assert await find_post(client, Forum(1, 2, []), "Un", since, FirstTurn(None)) == (number if is_it else None)


async def test_a_long_title_names_a_post_by_its_beginning() -> None:
    """Discord takes no longer one."""
    async with DiscordStandIn() as standin:
        forum = standin.add_forum(standin.add_guild("Auditeurs"), "Épisodes")
        async with connected(discord_client(standin)) as platform:
            target = Target(PlatformName("discord"), str(forum.id))
            await platform.send(Post(target, "Récap " * 20, message("un"), nonce="1"))
    assert [post.name for post in forum.threads] == [("Récap " * 20)[:100]]


async def test_a_message_is_sent_as_it_was_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each channel gets its own. JSON is made of a message once, and no object of the library on the way."""
    written: list[str] = []
    built: list[str] = []
    build: Any = TextDisplay.to_component_dict

    def counted(display: Any) -> Any:  # noqa: ANN401 - discord.py's own types
        built.append(display.content)
        return build(display)

    monkeypatch.setattr(TextDisplay, "to_component_dict", counted)
    async with DiscordStandIn() as standin:
        guild = standin.add_guild("Auditeurs")
        channels = [standin.add_text(guild, f"salon-{number}") for number in range(3)]
        messages = [message("un"), message("deux")]
        for each in messages:
            each.body["components"][:] = [Read(part, written) for part in each.body["components"]]
        async with connected(discord_client(standin)) as platform:
            for channel in channels:
                for number, each in enumerate(messages):
                    target = Target(PlatformName("discord"), str(channel.id))
                    await platform.send(Post(target, "Le récap", each, nonce=f"{channel.id}/{number}"))
    said = [[each.components[0]["content"] for each in channel.messages] for channel in channels]
    assert said == [["un", "deux"]] * 3
    assert (written, built) == (["un", "deux"], [])
