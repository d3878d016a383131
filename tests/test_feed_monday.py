"""A team that has only its feed: in the demo's time-lapse, its Monday goes out with one press."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import re
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from bot import cli as command_line
from bot.model.i18n import Language
from bot.platforms.registry import load
from bot.runtime.app import opened
from bot.sandbox.demo.demo import Demo
from bot.sandbox.demo.world import Person
from tests.podcast import feed, item, podcast
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
[content]
folder = "{folder}/content"
[storage]
url = "sqlite:///{folder}/recap.db"
[discord]
token = "MTA5NzQ0.GhJkLm.abcdef"
admins = [1]
[[schedules]]
name = "monday"
cron = "0 8 * * *"
approval = "one"
[feed]
url = "{feed}"
"""


async def test_the_monday_of_a_team_that_has_only_its_feed(tmp_path: Path) -> None:
    """The feed's episode is drafted, told, rehearsed and pushed; the show's own folder stays as it was."""
    (tmp_path / "content").mkdir()
    async with podcast() as host:
        host.text = feed(item(1207, dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)))
        file = tmp_path / "config.toml"
        file.write_text(CONFIG.format(folder=tmp_path, feed=host.feed), encoding="utf-8")
        async with Demo(load(file, {}), Language.FRENCH) as demo:
            world, direct = demo.world, demo.world.discord_place("discord-direct")
            # The feed is read at a low priority, which beside other tests takes long.
            await until(lambda: "Nouvel épisode dans le flux" in texts(demo, "discord-direct"), within=120.0)
            assert await demo.next_push() is None
            await until(lambda: any("approve" in json.dumps(each.components) for each in direct.channel.messages))
            card = next(each for each in direct.channel.messages if "approve" in json.dumps(each.components))
            button = re.search(r'"([^"]*approve[^"]*)"', json.dumps(card.components))
            assert button is not None
            await world.discord.press(card, button[1], world.discord_people[Person.ADMIN])
            for place in ("discord-announcements", "telegram-channel", "telegram-private"):
                await until(lambda place=place: "Netflix laisse partager" in texts(demo, place))  # type: ignore[misc]
    assert list((tmp_path / "content").iterdir()) == []


def texts(demo: Demo, key: str) -> str:
    """All that stands in a place."""
    world = demo.world
    if key.startswith("discord"):
        return " ".join(each.text for each in world.discord_messages(world.discord_place(key)))
    return " ".join(each.text for each in world.telegram_place(key).messages)


async def test_a_preview_shows_what_the_feed_adds(tmp_path: Path) -> None:
    """As a push would send it, also while the feed is away."""
    (tmp_path / "content").mkdir()
    text = "---\nnumber: 1207\ntitle: Le lundi\ndate: 2024-11-04\n---\n\n## Un\n\nDu texte.\n"
    (tmp_path / "content" / "1207.md").write_text(text, encoding="utf-8")
    file = tmp_path / "config.toml"
    async with podcast() as host:
        file.write_text(CONFIG.format(folder=tmp_path, feed=host.feed), encoding="utf-8")
        async with opened(load(file, {})) as app:
            await app.feed.look()
    command = ["preview", "1207", "--platform", "discord", "--json", "--config", str(file)]
    # In a thread, because a command has a loop of its own.
    result = await asyncio.to_thread(CliRunner().invoke, command_line.cli, command)
    assert "https://show.example/1207.mp3" in result.stdout
