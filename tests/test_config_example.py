"""The example is the manual of the configuration: it must say what the code does."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.config import (
    Channel,
    ContentFolder,
    DeliveryRules,
    FeedSource,
    Metrics,
    Network,
    Reports,
    Schedule,
    Show,
    Staff,
    Storage,
)
from bot.model.subscription import PlatformName
from bot.platforms.discord.section import Discord
from bot.platforms.registry import load
from bot.platforms.telegram.section import Telegram

if TYPE_CHECKING:
    from pydantic import BaseModel

EXAMPLES = ("config.example.toml", "config.exemple.toml")
TELEGRAM_TOKEN = {"RECAP_TELEGRAM__TOKEN": "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0"}
# Of two ways to say one thing, such as token and token_file, the environment's replaces both.
TOKENS = TELEGRAM_TOKEN | {
    "RECAP_DISCORD__TOKEN": "MTA5NzQ0.GhJkLm.abcdef",
    "RECAP_STORAGE__URL": "sqlite:///recap.db",
}

# `#key = value` is a setting that is off; prose has a space after its mark.
SWITCHED_OFF = re.compile(r"^#(?=\[|[a-z_]+ = )", re.MULTILINE)


@pytest.fixture(params=EXAMPLES)
def example(request: pytest.FixtureRequest) -> Path:
    """The example, in each of its languages."""
    return Path(__file__).parent.parent / str(request.param)


@pytest.fixture
def everything_on(tmp_path: Path, example: Path) -> Path:
    """The example with every line that is off switched on."""
    file = tmp_path / "config.toml"
    file.write_text(SWITCHED_OFF.sub("", example.read_text("utf-8")), "utf-8")
    return file


@pytest.mark.parametrize("given", ["in the file", "in the environment"])
def test_a_copy_with_one_token_is_enough_to_begin(tmp_path: Path, example: Path, given: str) -> None:
    """Telegram is on, pushes are on Mondays, and nobody is written to who did not ask."""
    copy = tmp_path / "config.toml"
    shutil.copy(example, copy)
    if given == "in the file":
        (token,) = TELEGRAM_TOKEN.values()
        copy.write_text(copy.read_text("utf-8").replace('token = ""', f'token = "{token}"', 1), "utf-8")
    config = load(copy, {} if given == "in the file" else TELEGRAM_TOKEN)
    assert list(config.platforms) == ["telegram"]
    assert [schedule.name for schedule in config.schedules] == ["monday"]
    assert config.channels == ()


def test_what_is_on_holds_without_it_too(tmp_path: Path, example: Path) -> None:
    """The example's values are the defaults: a team may delete any line it does not care for."""
    copy = tmp_path / "config.toml"
    shutil.copy(example, copy)
    empty = tmp_path / "empty.toml"
    empty.touch()
    shown, default = (load(file, TELEGRAM_TOKEN).model_dump(exclude={"topics"}) for file in (copy, empty))
    assert shown == default


def test_what_is_off_shows_the_defaults_too(everything_on: Path, tmp_path: Path) -> None:
    """Switching a line on changes nothing, needed keys and examples of one's own aside."""
    empty = tmp_path / "empty.toml"
    empty.touch()
    shown, default = load(everything_on, TOKENS), load(empty, TOKENS)
    discord = PlatformName("discord")
    assert shown.platforms[discord] == default.platforms[discord]
    assert shown.schedules == default.schedules
    for channel in shown.channels:
        optional = {name for name, field in Channel.model_fields.items() if not field.is_required()} - {"thread"}
        plain = Channel(platform=channel.platform, chat=channel.chat, schedule=channel.schedule)
        assert channel.model_dump(include=optional) == plain.model_dump(include=optional)


@pytest.mark.parametrize(
    "model",
    [
        Show,
        ContentFolder,
        Storage,
        Telegram,
        Discord,
        Schedule,
        Channel,
        Staff,
        FeedSource,
        DeliveryRules,
        Network,
        Metrics,
        Reports,
    ],
)
def test_every_key_of_a_section_stands_in_the_example(everything_on: Path, model: type[BaseModel]) -> None:
    """In the section's table, or in one of its entries where there may be several."""
    tables = tomllib.loads(everything_on.read_text("utf-8"))
    name = {"ContentFolder": "content", "FeedSource": "feed", "DeliveryRules": "delivery"}.get(
        model.__name__, model.__name__.lower()
    )
    entries = tables.get(f"{name}s", tables.get(name))
    entries = entries if isinstance(entries, list) else [entries]
    assert {key for entry in entries for key in entry} == set(model.model_fields)


def test_every_section_stands_in_the_example(everything_on: Path) -> None:
    """Under its name."""
    assert set(tomllib.loads(everything_on.read_text("utf-8"))) == set(type(load(None, {})).model_fields)


def test_every_key_has_its_comment(example: Path) -> None:
    """Above it, alone or together with the key that comes before."""
    lines = SWITCHED_OFF.sub("", example.read_text("utf-8")).splitlines()
    keys = [number for number, line in enumerate(lines) if re.match(r"[a-z_]+ = ", line)]
    bare = [lines[number] for number in keys if not lines[number - 1].startswith("# ") and number - 1 not in keys]
    assert [line for line in bare if not line.startswith("platform = ")] == []


def test_the_examples_differ_in_their_comments_alone() -> None:
    """Each setting, on or off, stands in both on a line of the same order."""
    folder = Path(__file__).parent.parent
    texts = [(folder / name).read_text("utf-8") for name in EXAMPLES]
    english, french = ([line for line in text.splitlines() if not re.match(r"# |#$", line)] for text in texts)
    assert english == french
