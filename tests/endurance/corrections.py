"""The test of corrections: kills the program at random instants of a correction, amid every fault of the platforms.

python -m tests.endurance.corrections --kills 40 --targets 300
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bot.platforms.discord.render import SUPPRESS_NOTIFICATIONS
from bot.platforms.registry import load
from bot.runtime.app import opened
from bot.sandbox.discord.server import DiscordStandIn
from bot.sandbox.discord.world import Forum, Permission
from bot.sandbox.shared.faults import BAD_GATEWAY, Call, Fault, Flood, Match, Reset
from bot.sandbox.telegram.server import TelegramStandIn
from tests.endurance.crash import PATIENCE, SETTINGS, DemoWorld
from tests.running import as_process, at_work
from tests.world import read_discord, read_telegram

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.sandbox.discord.world import Channel
    from bot.sandbox.discord.world import Message as DiscordMessage
    from bot.sandbox.telegram.model import Chat
    from bot.sandbox.telegram.model import Message as TelegramMessage

LONGEST_LIFE = 1.5
"""Seconds from the first change of a life within which it is killed."""
HEAD = "---\nnumber: 1207\ntitle: {title}\ndate: 2024-11-04\n---\n"
SUBJECT = "\n## {name}\n\n{topics}\n\n{text}\n"
BEFORE = HEAD.format(title="Le récap") + "".join(
    SUBJECT.format(name=name, topics=topics, text=text)
    for name, topics, text in (
        ("Un", "#reste #plus #moins", "Ce sujet reste."),
        ("Deux", "#reste #plus", "ANCIEN texte."),
        ("Trois", "#moins", "ANCIEN sujet de trop."),
        ("Quatre", "#reste", "Celui-ci reste aussi."),
    )
)
AFTER = HEAD.format(title="Le bon récap") + "".join(
    SUBJECT.format(name=name, topics=topics, text=text)
    for name, topics, text in (
        ("Un", "#reste #plus #moins", "Ce sujet reste."),
        ("Deux", "#reste #plus", "Nouveau texte."),
        ("Quatre", "#reste", "Celui-ci reste aussi."),
        ("Cinq", "#plus", "Nouveau sujet."),
    )
)
CHOICES = [
    f'layout = "{layout}"\n' + (f'topics = ["{topic}"]\n' if topic else "")
    for layout in ("digest", "segments", "brief")
    for topic in ("", "plus", "moins", "reste")
]
"""Every layout, with all subjects, and with one message more, less, and as many as before."""
CHANGING = ("edit", "delete", "send", "PATCH", "DELETE", "POST /channels")
"""What the names of the requests begin with that change something."""
UNKNOWN = "SELECT platform, count(*) FROM deliveries WHERE corrects IS NOT NULL AND state = 'unknown' GROUP BY platform"
FAULTS = [
    *((action, False) for action in (Flood(0.5), Flood(0.2, everything=True), BAD_GATEWAY, Reset())),
    *((action, True) for action in (BAD_GATEWAY, Reset())),
]
"""What happens to a request, with whether it has its effect before."""
SPOILT = 0.02
"""The part of the changing requests that each of the faults meets."""
LAST_RETRY = 600.0
"""Seconds within which what failed often in a row is tried again."""


@dataclass
class Figures:
    """What came of it: places by their fate, and what must not be."""

    kills: int = 0
    faults: int = 0
    changes: int = 0
    right: int = 0
    left_aside: int = 0
    wrong: list[str] = field(default_factory=list)
    missing: int = 0
    unknown: int = 0
    twice: int = 0
    sounds: int = 0

    def __str__(self) -> str:
        return "\n".join(f"{name.replace('_', ' '):12} {value}" for name, value in vars(self).items())


def places(telegram: TelegramStandIn, discord: DiscordStandIn, targets: int) -> tuple[list[Chat], list[Channel], str]:
    """Chats and channels of every kind, and the part of the config that declares them."""
    guild, reader = discord.add_guild("Auditeurs"), discord.add_user("lectrice")
    text = discord.add_text(guild, "général")
    chats: list[Chat] = []
    channels: list[Channel] = []
    declared = ""
    for number in range(targets):
        choice, name = CHOICES[number % len(CHOICES)], f"p{number}"
        match number // 2 % 4:
            case 0:
                chats.append(telegram.add_private(name=name))
                channels.append(discord.add_text(guild, name))
            case 1:
                chats.append(telegram.add_group(name))
                channels.append(discord.add_announcement(guild, name))
            case 2:
                chats.append(telegram.add_supergroup(name, topics={7: "Récap"}))
                channels.append(discord.add_thread(text, name, reader))
            case _:
                chats.append(telegram.add_channel(name))
                channels.append(discord.add_forum(guild, name, ["récap"], tag_required=True))
        rich = "rich = true\n" if number % 5 == 0 else ""
        thread = "thread = 7\n" if chats[-1].is_forum else ""
        publish = "publish = true\n" if number // 2 % 4 == 1 else ""
        declared += f'\n[[channels]]\nplatform = "telegram"\nchat = {chats[-1].id}\n{thread}{rich}{choice}'
        declared += f'\n[[channels]]\nplatform = "discord"\nchat = {channels[-1].id}\n{publish}{choice}'
    return chats, channels, declared


@contextlib.asynccontextmanager
async def pushed(targets: int, episode: str) -> AsyncIterator[DemoWorld]:
    """A town of so many targets on each platform that have got this episode."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with TelegramStandIn() as telegram, DiscordStandIn() as discord:
            # A push of hundreds of channels would publish for hours.
            discord.limits.buckets.clear()
            chats, channels, declared = places(telegram, discord, targets)
            settings = SETTINGS.format(telegram=telegram, discord=discord, on_unknown="resend")
            (folder / "config.toml").write_text(settings + declared, encoding="utf-8")
            (folder / "content").mkdir()
            (folder / "content" / "1207.md").write_text(episode, encoding="utf-8")
            place = DemoWorld(telegram, discord, chats, channels, folder)
            with contextlib.chdir(folder):
                async with opened(load(place.config, {})) as app, at_work(app):
                    async with asyncio.timeout(PATIENCE):
                        while place.rows("SELECT state, 1 FROM broadcasts WHERE kind = 'push'").keys() != {"done"}:  # noqa: ASYNC110 - the program tells nobody
                            await asyncio.sleep(0.1)
                yield place


def on_telegram(chat: Chat) -> list[TelegramMessage]:
    """The bot's messages that stand there."""
    return [each for each in chat.history.values() if each.by_bot and not each.deleted]


def on_discord(channel: Channel) -> list[DiscordMessage]:
    """The bot's messages that stand there."""
    of = channel.threads if isinstance(channel, Forum) else [channel]
    return [message for each in of for message in each.messages]


def shown(place: DemoWorld) -> list[list[str]]:
    """What people see in each place, from top to bottom; a forum's posts with their titles."""
    telegram = [[read_telegram(each) for each in on_telegram(chat)] for chat in place.chats]
    discord = []
    for channel in place.channels:
        titles = [thread.name for thread in channel.threads] if isinstance(channel, Forum) else []
        discord.append([*titles, *(read_discord(each.components) for each in on_discord(channel))])
    return telegram + discord


def upset(place: DemoWorld) -> tuple[set[int], set[int]]:
    """Delete messages, take rights away, move groups and delete channels.

    Returns:
        The places that cannot be reached, and those that lack a message, by their number among all.
    """
    closed, gone = set(), set()
    for number, chat in enumerate(place.chats):
        if number % 11 == 3:
            place.telegram.kick(chat)
            closed.add(number)
        elif number % 13 == 2 and chat.type == "group":
            place.telegram.migrate(chat)
            closed.add(number)
        elif number % 7 == 1:
            on_telegram(chat)[0].deleted = True
            gone.add(number)
    for number, channel in enumerate(place.channels, len(place.chats)):
        if number % 11 == 3:
            place.discord.permit(channel, Permission.SEND_MESSAGES)
            closed.add(number)
        elif number % 13 == 2:
            place.discord.delete_channel(channel)
            closed.add(number)
        elif number % 7 == 1:
            on_discord(channel)[0].delete()
            gone.add(number)
    return closed, gone


def disturb(place: DemoWorld, luck: random.Random, figures: Figures) -> None:
    """Spoil some of the requests that change something, before or after their effect."""

    def is_met(call: Call) -> bool:
        met = call.route.startswith(CHANGING) and luck.random() < SPOILT
        figures.faults += met
        return met

    for standin in (place.telegram, place.discord):
        for action, after in FAULTS:
            standin.faults.add(Fault(action, Match(where=is_met), times=None, after=after))


def changes(place: DemoWorld) -> int:
    """The requests that change something, so far."""
    routes = [each.route for standin in (place.telegram, place.discord) for each in standin.traffic.requests]
    return sum(route.startswith(CHANGING) for route in routes)


async def correct(targets: int, kills: int, *, seed: int = 1207, longest_life: float = LONGEST_LIFE) -> Figures:
    """Correct an episode everywhere, and kill the program so often meanwhile."""
    figures, luck = Figures(), random.Random(seed)  # noqa: S311 - for instants, not for secrets
    async with pushed(targets, AFTER) as right:
        wanted = shown(right)
    is_over = "SELECT state, count(*) FROM broadcasts WHERE kind = 'correction' GROUP BY state"
    async with pushed(targets, BEFORE) as place:
        closed, gone = upset(place)
        rung = [*map(rings_on_telegram, place.chats), *map(rings_on_discord, place.channels)]
        (place.folder / "content" / "1207.md").write_text(AFTER, encoding="utf-8")
        async with opened(load(place.config, {})) as app:
            for connection in app.connections.values():
                await connection.platform.connect()
            await app.services.corrector.begin(1207)
        before = changes(place)
        disturb(place, luck, figures)
        while figures.kills < kills and place.rows(is_over).keys() != {"done"}:
            count = changes(place)
            async with as_process(place.config) as running:
                await place.until(lambda: changes(place) > count or place.rows(is_over).keys() == {"done"}, running)  # noqa: B023 - used at once
                await asyncio.sleep(luck.uniform(0, longest_life))
            figures.kills += 1
        async with as_process(place.config) as running:
            await place.until(lambda: place.rows(is_over).keys() == {"done"}, running, within=LAST_RETRY)
        figures.changes = changes(place) - before
        figures.unknown = sum(place.rows(UNKNOWN).values())
        judge(figures, shown(place), wanted, closed, gone)
        rings = [*map(rings_on_telegram, place.chats), *map(rings_on_discord, place.channels)]
        figures.sounds = sum(max(0, now - then) for now, then in zip(rings, rung, strict=True))
    return figures


def rings_on_telegram(chat: Chat) -> int:
    """The bot's messages there that rang."""
    return sum(not each.disable_notification for each in on_telegram(chat))


def rings_on_discord(channel: Channel) -> int:
    """The bot's messages there that rang."""
    return sum(not each.shown.flags & SUPPRESS_NOTIFICATIONS for each in on_discord(channel))


def judge(figures: Figures, found: list[list[str]], wanted: list[list[str]], closed: set[int], gone: set[int]) -> None:
    """Compare what stands in each place with what the file says."""
    for number, (texts, right) in enumerate(zip(found, wanted, strict=True)):
        figures.twice += len(texts) - len(set(texts))
        missing = len(right) - len([text for text in texts if text in right])
        if number in closed:
            figures.left_aside += 1
        elif any(text not in right for text in texts):
            figures.wrong.append(f"{number}: {texts} instead of {right}")
        else:
            figures.right += 1
            figures.missing += max(0, missing - (number in gone))


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=40)
    options.add_argument("--targets", type=int, default=300, help="on each platform")
    chosen = options.parse_args()
    print(asyncio.run(correct(chosen.targets, chosen.kills)))  # noqa: T201 - a script
