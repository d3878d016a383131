"""Bad configurations: each is refused at its place, with its reason and its cure, all mistakes in one go."""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import subprocess
import sys
import tomllib
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import Config
from bot.config.exposure import exposed_secrets
from bot.config.toml import LISTS, _message
from bot.model.i18n import Language, speaking
from bot.model.problems import InvalidInputError
from bot.platforms.registry import load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.model.problems import Problem

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0"
TELEGRAM = f'[telegram]\ntoken = "{TOKEN}"\n'
DISCORD = '[discord]\ntoken = "MTA5NzQ0.GhJkLm.abcdef"\n'
MONDAY = '[[schedules]]\nname = "monday"\ncron = "0 8 * * mon"\n'
FRIDAY = '[[schedules]]\nname = "friday"\ncron = "0 8 * * fri"\n'
TELEGRAM_CHANNEL = TELEGRAM + '[[channels]]\nplatform = "telegram"\n'
DISCORD_CHANNEL = DISCORD + '[[channels]]\nplatform = "discord"\n'
EXAMPLE = TELEGRAM_CHANNEL + 'chat = "@example"\n'
SAME_CHANNEL = '[[channels]]\nplatform = "telegram"\nchat = "@Example"\n'


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    """Where a test may write its config file."""
    return tmp_path / "config.toml"


def problems(path: Path | None, environ: Mapping[str, str] | None = None) -> tuple[Problem, ...]:
    """What the file and the variables are refused for."""
    with pytest.raises(InvalidInputError) as caught:
        load(path, environ or {})
    return caught.value.problems


def refused(path: Path, environ: Mapping[str, str] | None = None) -> list[str]:
    """Everything that the file and the variables are refused for, in words."""
    try:
        load(path, environ or {})
    except InvalidInputError as error:
        return [str(problem) for problem in error.problems]
    return []


ROWS = pytest.mark.parametrize(
    ("text", "key", "reason", "cure"),
    [
        # Names of sections and keys
        ('[telegrm]\ntoken = ""', "telegrm", "there is no such section", "Did you mean telegram?"),
        ("[weather]", "weather", "there is no such section", "The sections are show, content"),
        ("rate = 3", "rate", "there is no such section", "Put it below [telegram] or [discord]"),
        ("_cli_parse_args = true", "_cli_parse_args", "there is no such section", "The sections are"),
        ('[show]\nlang = "fr"', "show.lang", "there is no such key", "Did you mean language?"),
        ("[show]\nxyz = 1", "show.xyz", "there is no such key", "The keys here are name, language, timezone"),
        (EXAMPLE + "topic = []", "channels[1].topic", "there is no such key", "Did you mean topics?"),
        # Kinds of value
        ("show = 1", "show", "must be a section", "Write [show] on a line of its own"),
        ("schedules = 1", "schedules", "must be a list", "Write [[schedules]] on a line of its own"),
        ('schedules = ["monday"]', "schedules[1]", "must be a section", "Write [[schedules]]"),
        ("topics = []", "topics", "must be a section", "Write [topics] on a line of its own"),
        ("[show]\nname = 1", "show.name", "must be text", 'name = "Le récap du lundi"'),
        ('[show]\nname = "  "', "show.name", "must not be empty", 'name = "Le récap du lundi"'),
        ('[show]\nlanguage = "de"', "show.language", "must be 'fr' or 'en'", 'language = "fr"'),
        ('[show]\ntimezone = "Paris"', "show.timezone", "no such time zone", 'perhaps "Europe/Paris"'),
        ('[show]\ntimezone = "UTC+1"', "show.timezone", "no such time zone", 'a city, as in "Europe/Paris"'),
        ('[show]\ntimezone = "GMT+2"', "show.timezone", "no such time zone", 'a city, as in "Europe/Paris"'),
        ('[show]\ntimezone = "Europe"', "show.timezone", "no such time zone", "a region and a city"),
        ("[show]\ntimezone = 1", "show.timezone", "must be text", '"Europe/Paris"'),
        ("[content]\nfolder = 1", "content.folder", "must be text", 'folder = "content"'),
        ('[delivery]\non_unknown = "drop"', "delivery.on_unknown", "'resend' or 'hold'", 'on_unknown = "resend"'),
        # Storage
        ('[storage]\nurl = "mysql://a:b@c/d"', "storage.url", "only be on SQLite or PostgreSQL", "sqlite:///recap.db"),
        ('[storage]\nurl = "postgresql://a:b@c"', "storage.url", "no address of a PostgreSQL", "postgresql://recap"),
        ('[storage]\nurl = "postgresql://a:b/c@d/e"', "storage.url", "no address of a PostgreSQL", "%40 %3A %2F"),
        (
            '[storage]\nurl = "postgres://a@b:1,c:2/d"',
            "storage.url",
            "no address of a PostgreSQL",
            "?host=one:5432&host",
        ),
        (
            '[storage]\nurl = "sqlite:///a"\nurl_file = "u"',
            "storage.url_file",
            "the address is given twice",
            "Keep url or url_file",
        ),
        ('[storage]\nurl_file = "none"', "storage.url_file", "No such file", "the file's path here"),
        ('[storage]\nurl = "recap.db"', "storage.url", "no address of an SQLite file", "sqlite:///recap.db"),
        ('[storage]\nurl = "sqlite:///"', "storage.url", "no address of an SQLite file", "sqlite:///recap.db"),
        ('[storage]\nurl = "sqlite:///:memory:"', "storage.url", "forgets who got the recap", "sqlite:///recap.db"),
        ('[storage]\nurl = "sqlite:///a?b"', "storage.url", "a question mark", "sqlite:///recap.db"),
        # Topics
        ('[topics]\ntiktok = "bytedance"', "topics.tiktok", "must be a list", 'tiktok = ["tik tok"]'),
        ('[topics]\ntiktok = ["!"]', "topics.tiktok[1]", "needs a letter or a digit", "Write words"),
        ('[topics]\n"#" = ["a"]', "topics.#", "needs a letter or a digit", "Write words"),
        ("[topics]\ntiktok = [1]", "topics.tiktok[1]", "must be text", 'tiktok = ["tik tok"]'),
        ('[topics]\na = ["x", "B!"]\nb = []', "topics.a[2]", "is a topic itself", "Take the alias out"),
        ('[topics]\na = ["Élan"]\nb = ["elan"]', "topics.b[1]", "already belongs to a", "with one of the two"),
        # Platforms
        ("[telegram]\nrate = 30", "telegram.token", "the token is missing", "@BotFather"),
        ('[discord]\ntoken = ""', "discord.token", "the token is missing", "to leave Discord out, put a #"),
        ("[telegram]\ntoken = 5", "telegram.token", "must be text", "@BotFather"),
        ('[telegram]\ntoken = "12:ab"', "telegram.token", "no Telegram token", "Copy the whole token"),
        ('[discord]\ntoken = "Bot abc"', "discord.token", "no Discord token", "without the word Bot"),
        (TELEGRAM + 'token_file = "t"', "telegram.token_file", "the token is given twice", "token or token_file"),
        ('[telegram]\ntoken_file = "none"', "telegram.token_file", "No such file", "@BotFather"),
        ('[telegram]\ntoken_file = "."', "telegram.token_file", "Is a directory", "@BotFather"),
        ("[telegram]\ntoken_file = 5", "telegram.token_file", "must be text", "@BotFather"),
        (TELEGRAM + "rate = 0", "telegram.rate", "at least 1", "rate = 30"),
        (TELEGRAM + "rate = 1001", "telegram.rate", "at most 1000", "rate = 30"),
        (TELEGRAM + "rate = 31", "telegram.rate", "at most 30 messages a second", "add allow_paid_broadcast = true"),
        (TELEGRAM + "allow_paid_broadcast = 5", "telegram.allow_paid_broadcast", "true or false", "false"),
        (DISCORD + "rate = 51", "discord.rate", "at most 50", "rate = 45"),
        (DISCORD + 'rate = "fast"', "discord.rate", "a whole number", "rate = 45"),
        (DISCORD + "rate = 4.5", "discord.rate", "a whole number", "rate = 45"),
        (DISCORD + "rate = true", "discord.rate", "a whole number", "rate = 45"),
        (TELEGRAM + "admins = 5", "telegram.admins", "must be a list", "admins = [123456789]"),
        (TELEGRAM + "admins = [1, -5]", "telegram.admins[2]", "at least 1", "admins = [123456789]"),
        (TELEGRAM + 'api_url = "telegram"', "telegram.api_url", "no address of the right kind", "https:// or http://"),
        (TELEGRAM + 'api_url = "http://a:b"', "telegram.api_url", "no address of the right kind", "https://"),
        (
            DISCORD + 'gateway_url = "https://a"',
            "discord.gateway_url",
            "no address of the right kind",
            "wss:// or ws://",
        ),
        (DISCORD + 'api_url = "https://a?b=c"', "discord.api_url", "neither a token nor a password", "/api/v10"),
        (TELEGRAM + f'api_url = "https://a/bot{TOKEN}"', "telegram.api_url", "neither a token nor", '.telegram.org"'),
        (TELEGRAM + 'api_url = "https://a/bot"', "telegram.api_url", "the bot adds /bot", '"https://api.telegram.org"'),
        # Schedules
        ("schedules = []", "schedules", "would push nothing", "Take this line out"),
        ('[[schedules]]\ncron = "0 8 * * mon"', "schedules[1].name", "is missing", 'name = "monday"'),
        ('[[schedules]]\nname = "a"', "schedules[1].cron", "is missing", 'cron = "0 8 * * mon"'),
        (MONDAY + FRIDAY.replace("friday", "Friday"), "schedules[2].name", "small letters", '"weekly-recap"'),
        (MONDAY.replace("monday", "m" * 33), "schedules[1].name", "at most 32 characters", '"monday"'),
        (MONDAY + MONDAY, "schedules[2].name", "another schedule has this name", "Give each schedule its own"),
        (
            'schedules = [1, {name = "monday", cron = "0 8 * * mon"}]',
            "schedules[1]",
            "must be a section",
            "Write [[schedules]]",
        ),
        (MONDAY.replace("* mon", "* 1"), "schedules[1].cron", "Tuesday to others", 'Write "0 8 * * mon"'),
        (MONDAY.replace("0 8", "0 25"), "schedules[1].cron", "hour is out of range", "0 to 23"),
        (MONDAY + 'timezone = "Mars"', "schedules[1].timezone", "no such time zone", "a region and a city"),
        (MONDAY + "max_lateness = 90", "schedules[1].max_lateness", "a number with its unit", '"90m"'),
        (MONDAY + 'max_age = "0d"', "schedules[1].max_age", "more than nothing", '"6d"'),
        (MONDAY + 'max_age = "4000d"', "schedules[1].max_age", "at most 3650 days", '"6d"'),
        # Channels
        ('[[channels]]\nplatform = "discord"\nchat = 5', "channels[1].platform", "switched off", "Add a [discord]"),
        ('[[channels]]\nplatform = "x"\nchat = 5', "channels[1].platform", "'telegram' or 'discord'", "shows"),
        (EXAMPLE.replace('"telegram"', '"x"'), "channels[1].platform", "'telegram' or 'discord'", '"telegram"'),
        ("[[channels]]\nchat = 5", "channels[1].platform", "is missing", "config.example.toml shows"),
        (TELEGRAM + "[[channels]]\nchat = 5", "channels[1].platform", "is missing", 'platform = "telegram"'),
        (TELEGRAM_CHANNEL, "channels[1].chat", "is missing", 'chat = "@example"'),
        (TELEGRAM_CHANNEL + 'chat = "example"', "channels[1].chat", "no Telegram chat", '"@name"'),
        (TELEGRAM_CHANNEL + 'chat = "https://t.me/example"', "channels[1].chat", "no Telegram chat", '"@name"'),
        (TELEGRAM_CHANNEL + "chat = 0", "channels[1].chat", "no Telegram chat", "-1001234567890"),
        (TELEGRAM_CHANNEL + "chat = true", "channels[1].chat", "no Telegram chat", "-1001234567890"),
        (DISCORD_CHANNEL + 'chat = "@example"', "channels[1].chat", "no Discord channel", "1234567890"),
        (DISCORD_CHANNEL + "chat = -5", "channels[1].chat", "no Discord channel", "1234567890"),
        (DISCORD_CHANNEL + "chat = 9223372036854775808", "channels[1].chat", "no Discord channel", "1234567890"),
        (DISCORD_CHANNEL + "chat = 5\nthread = 7", "channels[1].thread", "threads are Telegram's", "as chat"),
        (EXAMPLE + "thread = 1", "channels[1].thread", "the general topic", "Leave it out"),
        (EXAMPLE + "thread = 0", "channels[1].thread", "at least 1", "thread = 7"),
        (EXAMPLE + "publish = true", "channels[1].publish", "only Discord's announcement channels", "Take this line"),
        (EXAMPLE + 'mention = "role:5"', "channels[1].mention", "roles are Discord's", "Take this line out"),
        *(
            (
                DISCORD_CHANNEL + f"chat = 5\nmention = {value}",
                "channels[1].mention",
                "no role to mention",
                "role:1234567890",
            )
            for value in ('"@everyone"', '"5"', '"role:"', '"role:-5"', '"role:5 @here"', '"role:99999999999999999999"')
        ),
        (EXAMPLE + 'audio = "mp3"', "channels[1].audio", "'link' or 'file'", 'audio = "link"'),
        (
            DISCORD_CHANNEL + "chat = 5\nrich = true",
            "channels[1].rich",
            "rich messages are Telegram's",
            "Take this line",
        ),
        (EXAMPLE + 'topics = ["#"]', "channels[1].topics[1]", "needs a letter or a digit", "Write words"),
        (EXAMPLE + 'layout = "long"', "channels[1].layout", "'digest', 'segments' or 'brief'", 'layout = "digest"'),
        (EXAMPLE + 'silent = "maybe"', "channels[1].silent", "true or false", "silent = false"),
        (EXAMPLE + 'schedule = "tuesday"', "channels[1].schedule", "no schedule of this name", 'schedule = "monday"'),
        (
            MONDAY + FRIDAY.replace("friday", "Friday") + EXAMPLE + 'schedule = "friday"',
            "schedules[2].name",
            "small letters",
            '"weekly-recap"',
        ),
        (MONDAY.replace('"monday"', "5") + EXAMPLE, "schedules[1].name", "must be text", 'name = "monday"'),
        (MONDAY + FRIDAY + EXAMPLE, "channels[1].schedule", "several schedules", '"monday" or schedule = "friday"'),
        (EXAMPLE + SAME_CHANNEL, "channels[2]", "twice with the same schedule", "Keep one"),
        (
            TELEGRAM + "admins = [5]\n" + MONDAY + 'rehearsal = "evening"',
            "schedules[1].rehearsal",
            "a number with its unit",
            '"6h"',
        ),
        (TELEGRAM + MONDAY + 'rehearsal = "14h"', "schedules[1].rehearsal", "nobody would see", 'rehearsal = ""'),
        (TELEGRAM + MONDAY + 'approval = "two"', "schedules[1].approval", "'none' or 'one'", 'approval = "none"'),
        (TELEGRAM + MONDAY + 'approval = "one"', "schedules[1].approval", "nobody could approve", 'approval = "none"'),
        (TELEGRAM + '[feed]\nurl = "feeds.example.org/1"', "feed.url", "https://", "https://feeds.example.org/1"),
        (TELEGRAM + '[feed]\nurl = "ftp://example.org/1"', "feed.url", "not of the web", "https://"),
        (TELEGRAM + '[feed]\nurl = "https://me:pw@example.org/1"', "feed.url", "neither a token nor", "example.org"),
        (
            TELEGRAM + '[[staff]]\nplatform = "discord"\nchat = 5',
            "staff[1].platform",
            "switched off",
            "Add a [discord] section",
        ),
        (TELEGRAM + '[[staff]]\nplatform = "telegram"\nchat = "x"', "staff[1].chat", "no Telegram chat", '"@name"'),
        (
            TELEGRAM + '[[staff]]\nplatform = "telegram"\nchat = 5\nsilent = true',
            "staff[1].silent",
            "no such key",
            "keys here",
        ),
        *(
            (f'{TELEGRAM}[metrics]\nlisten = "{text}"', "metrics.listen", "no address to listen at", '"127.0.0.1:9464"')
            for text in (
                "9464",
                "localhost",
                "127.0.0.1:0",
                "127.0.0.1:65536",
                "http://localhost:9464",
                "[::1:9464",
                "a..b:9464",
            )
        ),
    ],
)


@ROWS
def test_a_mistake_is_told_with_its_place_reason_and_cure(
    config_file: Path, text: str, key: str, reason: str, cure: str
) -> None:
    """One mistake, one problem: nothing that follows from it is told as well."""
    config_file.write_text(text, "utf-8")
    (problem,) = problems(config_file)
    assert (problem.path, problem.key) == (config_file, key)
    assert reason in problem.message
    assert cure in problem.cure


LITERAL = re.compile(r"""(?P<key>[a-z_]+) = (?P<value>\[[^\]]*\]|"[^"]*"|-?[\w.]+)|(?P<text>"[^"]+")""")


@ROWS
def test_each_value_that_a_cure_names_is_taken(config_file: Path, text: str, key: str, reason: str, cure: str) -> None:
    """Written where the cure says, this mistake is told no more, and no other one of the same key."""
    del cure
    config_file.write_text(text, "utf-8")
    (problem,) = problems(config_file)
    section, *rest = re.split(r"[.\[\]]+", key.rstrip("]"))
    number = int(rest.pop(0)) - 1 if len(rest) > 1 and rest[0].isdecimal() else None
    for literal in LITERAL.finditer(problem.cure if rest else ""):
        table = tomllib.loads(text)
        entry = table[section] if number is None else table[section][number]
        name = literal["key"] or rest[0]
        if name == "#":
            # The key itself is wrong here, and a value beside it would not mend it.
            continue
        value = tomllib.loads(f"x = {literal['value'] or literal['text']}")["x"]
        entry[name] = [value] if isinstance(entry.get(name), list) and not isinstance(value, list) else value
        said = refused(config_file, {f"RECAP_{section}": json.dumps(table[section])})
        assert not any(reason in each or f".{name}:" in each for each in said), literal


def test_all_mistakes_are_told_in_one_go_from_top_to_bottom(config_file: Path) -> None:
    """A mistake in one place hides none in another, not even between values that refer to each other."""
    config_file.write_text(
        '[show]\ntimezone = "Mars"\nlanguage = "de"\n'
        f'{TELEGRAM}rate = 0\ntoken_file = "x"\n{MONDAY.replace("* mon", "* 1")}'
        '[[channels]]\nplatform = "discord"\nchat = 5\nschedule = "x"\n'
        '[[channels]]\nplatform = "telegram"\nchat = "example"\nthread = 1\n',
        "utf-8",
    )
    found = [(problem.line, problem.key) for problem in problems(config_file)]
    assert found == [
        (2, "show.timezone"),
        (3, "show.language"),
        (6, "telegram.rate"),
        (7, "telegram.token_file"),
        (10, "schedules[1].cron"),
        (12, "channels[1].platform"),
        (14, "channels[1].schedule"),
        (17, "channels[2].chat"),
        (18, "channels[2].thread"),
    ]


def test_two_mistakes_of_a_kind_are_two_problems(config_file: Path) -> None:
    """And a name that is missing twice is not a name that is there twice."""
    text = '[topics]\ntiktok = []\n"Tik Tok" = ["bytedance"]\n' + 2 * '[[schedules]]\ncron = "0 8 * * mon"\n'
    config_file.write_text(text, "utf-8")
    found = [(problem.key, problem.message) for problem in problems(config_file)]
    assert found == [
        ("topics.tiktok", "this topic stands here twice"),
        ("topics.Tik Tok", "this topic stands here twice"),
        ("schedules[1].name", "this key is missing"),
        ("schedules[2].name", "this key is missing"),
    ]


def test_a_missing_key_is_told_at_its_sections_line(config_file: Path) -> None:
    """The line that is to be looked at, even among several entries."""
    config_file.write_text(f"# a comment\n{MONDAY}\n  [[ schedules ]]\nname = 'friday'\n", "utf-8")
    (problem,) = problems(config_file)
    assert (problem.line, problem.key) == (6, "schedules[2].cron")
    assert str(problem).startswith(f"{config_file}:6: schedules[2].cron: this key is missing. Write for example ")


@pytest.mark.parametrize(
    ("environ", "key", "reason", "cure"),
    [
        ({"RECAP_SHOW__LANGUAGE": "de"}, "RECAP_SHOW__LANGUAGE", "'fr' or 'en'", "RECAP_SHOW__LANGUAGE=fr"),
        ({"RECAP_TELEGRAM__RATE": "30"}, "RECAP_TELEGRAM__TOKEN", "the token is missing", "@BotFather"),
        ({"RECAP_SHOW__LANG": "en"}, "RECAP_SHOW__LANG", "no such key", "Did you mean RECAP_SHOW__LANGUAGE?"),
        ({"RECAP_TELEGRAM_TOKEN": TOKEN}, "RECAP_TELEGRAM_TOKEN", "no such variable", "mean RECAP_TELEGRAM__TOKEN"),
        ({"RECAP_TELEGRM__TOKEN": TOKEN}, "RECAP_TELEGRM__TOKEN", "no such variable", "mean RECAP_TELEGRAM__TOKEN"),
        ({"RECAP_WEATHER__SKY": "1"}, "RECAP_WEATHER__SKY", "no such variable", "two underscores"),
        ({"RECAP_TELEGRAM__TOKEN": "12:ab"}, "RECAP_TELEGRAM__TOKEN", "no Telegram token", "Copy the whole token"),
        ({"RECAP_TELEGRAM__TOKEN_FILE": "no"}, "RECAP_TELEGRAM__TOKEN_FILE", "No such file", "@BotFather"),
        ({"RECAP_TOPICS__TIKTOK": "x"}, "RECAP_TOPICS__TIKTOK", "must be a list", 'RECAP_TOPICS__TIKTOK=["tik tok"]'),
        ({"RECAP_SHOW__NAME__X": "1"}, "RECAP_SHOW__NAME__X", "must be text", "RECAP_SHOW__NAME=Le récap du lundi"),
        ({"RECAP_SHOW": "x"}, "RECAP_SHOW", "must be a section", "Write [show]"),
        ({"RECAP_CHANNELS": "[5]"}, "RECAP_CHANNELS[1]", "must be a section", "[[channels]]"),
        ({"RECAP_SCHEDULES": "[]"}, "RECAP_SCHEDULES", "would push nothing", "Take this line out"),
    ],
)
@pytest.mark.parametrize("with_file", [True, False])
def test_a_mistake_of_the_environment_names_its_variable(
    config_file: Path, *, with_file: bool, environ: Mapping[str, str], key: str, reason: str, cure: str
) -> None:
    """The file is not blamed, whether there is one or not."""
    config_file.write_text('[show]\nname = "A"\n', "utf-8")
    (problem,) = problems(config_file if with_file else None, environ)
    assert (problem.path, problem.key, problem.line) == (Path("environment"), key, None)
    assert str(problem).startswith(f"environment: {key}: ")
    assert reason in problem.message
    assert cure in problem.cure


def test_a_variable_mends_the_files_mistake(config_file: Path) -> None:
    """What is overridden is not looked at."""
    config_file.write_text('[show]\nlanguage = "de"\n', "utf-8")
    assert load(config_file, {"RECAP_SHOW__LANGUAGE": "en"}).show.language == "en"


class TestTheFileItself:
    """What can be wrong before there is a value to look at."""

    def test_a_missing_file(self, config_file: Path) -> None:
        """Says how to make one."""
        (problem,) = problems(config_file)
        assert (problem.path, problem.message) == (config_file, "there is no such file")
        assert "Copy config.example.toml to config.toml" in problem.cure

    def test_a_folder(self, tmp_path: Path) -> None:
        """Is no file."""
        (problem,) = problems(tmp_path)
        assert problem.message == "this is a folder"

    def test_a_file_that_cannot_be_opened(self, config_file: Path) -> None:
        """The system's reason is passed on."""
        config_file.symlink_to(config_file)
        (problem,) = problems(config_file)
        assert "the file cannot be read (Too many levels of symbolic links)" in problem.message

    def test_text_that_is_not_utf_8(self, config_file: Path) -> None:
        """Names the line of the first such character."""
        config_file.write_bytes('[show]\nname = "Récap"\n'.encode("latin-1"))
        (problem,) = problems(config_file)
        assert (problem.line, problem.message) == (2, "this is not UTF-8 text")

    def test_a_file_from_windows_is_fine(self, config_file: Path) -> None:
        """With its mark at the beginning and its line ends; lines are counted alike."""
        config_file.write_bytes('\ufeff[show]\r\nname = "A"\r\n'.encode())
        assert load(config_file, {}).show.name == "A"
        config_file.write_bytes("\ufeff[show]\r\nname = 1\r\n".encode())
        (problem,) = problems(config_file)
        assert problem.line == 2
        config_file.write_bytes(f"{EXAMPLE}silent = True\n".replace("\n", "\r\n").encode())
        (problem,) = problems(config_file)
        assert (problem.line, problem.cure) == (6, "Write true or false, in small letters")

    @pytest.mark.parametrize(
        ("text", "line", "message", "cure"),
        [
            ("[show]\nname =\n", 2, "this is not TOML from column 7 on: invalid value", "Write text between quotation"),
            ("[show]\nname\n", 2, "from column 5 on: expected '='", "Write text between quotation marks"),
            ("[show]\nname = Le récap\n", 2, "invalid value", 'Put a quotation mark (") before and after the value'),
            ("[show]\nname = “Le récap”\n", 2, "invalid value", 'Write straight quotation marks (")'),
            ("[show]\nname = «\u00a0Le récap\u00a0»\n", 2, "invalid value", 'Write straight quotation marks (")'),
            ("[show]\nname = \u2018Le récap\u2019\n", 2, "invalid value", 'Write straight quotation marks (")'),
            ('[show]\nname\u00a0= "Le récap"\n', 2, "expected '='", "Write a simple space in place of the no-break"),
            ('[show]\n\u00a0name = "Le récap"\n', 2, "invalid statement", "Write a simple space in place"),
            (
                "[show]\nname = 'a\n",
                2,
                "this is not TOML: unterminated string",
                "End the value with a quotation mark (')",
            ),
            ('[show]\nname = "Le "récap""\n', 2, "after a statement", "Write ' at both ends of the value"),
            ('[show]\nname: "a"\n', 2, "expected '='", "Write = in place of the colon"),
            ('[show]\nname = "a",\n', 2, "after a statement", "Take away the comma or semicolon at its end"),
            (
                '[content]\nfolder = "C:\\\\Users\\lea"\n'.replace("\\\\", "\\"),
                2,
                "hex value",
                "Write / in place of each",
            ),
            ("[topics]\ntiktok = [a, b]\n", 2, "invalid value", 'Put a quotation mark (") before and after each'),
            (
                "[topics]\ntiktok = [\n  “tik tok”,\n  “bytedance”\n]\n",
                3,
                "invalid value",
                'Write straight quotation marks (") in place of the typed ones, and on line 4 too',
            ),
            (
                '[topics]\nréseaux sociaux = ["rs"]\n',
                2,
                "expected '='",
                'Put a quotation mark (") before and after the name',
            ),
            ('[show]\nname == "a"\n', 2, "invalid value", "Write one = in place of two"),
            ('[show]\n// un mot\nname = "a"\n', 2, "invalid statement", "Begin a comment with # in place of //"),
            ('[show]\nname = "a" // un mot\n', 2, "after a statement", "Begin a comment with # in place of //"),
            ("[show\n", 1, "expected ']'", "End the header with ]"),
            ("[[channels]\n", 1, "expected ']]'", "End the header with ]]"),
            ('[show]\nname = "a"\nname = "b"\n', 3, "the key name stands twice in its section", "Keep one of the two"),
            (
                f"{TELEGRAM}\n{TELEGRAM}",
                4,
                "the section [telegram] stands here again, after line 1",
                "Keep one of the two",
            ),
            (
                "[channels]\nchat = 1\n[channels]\nchat = 2\n",
                3,
                "the section [channels] stands here again, after line 1",
                "Write [[channels]], with two brackets, on lines 1 and 3",
            ),
            (
                TELEGRAM + '# [discord]\n# Its token.\ntoken = "a"\n',
                5,
                "the key token stands twice in its section",
                "Take away the # before [discord] on line 3 too",
            ),
            (
                f'{EXAMPLE}\n#[[channels]]\nplatform = "telegram"\nchat = "@other"\n',
                8,
                "the key platform stands twice in its section",
                "Take away the # before [[channels]] on line 7 too",
            ),
            (
                "[show]\n<<<<<<< HEAD\nname = 'a'\n=======\nname = 'b'\n>>>>>>> b\n",
                2,
                "git has left two versions of some lines here",
                "Keep one of each two versions",
            ),
            ("{\\rtf1\\ansi\n[show]\n}", 1, "this is formatted text (RTF), not plain text", "Save it from its program"),
        ],
    )
    def test_what_is_not_toml(self, config_file: Path, text: str, line: int, message: str, cure: str) -> None:
        """Names line and column, and the change that makes it TOML; done as it says, this mistake is gone."""
        config_file.write_text(text, "utf-8")
        (problem,) = problems(config_file)
        assert problem.line == line
        assert message in problem.message
        assert cure in problem.cure
        if problem.change is not None:
            config_file.write_text(problem.change.applied(text) or "", "utf-8")
            assert not any(each.startswith(f"{config_file}:{line}: {message}") for each in refused(config_file))

    def test_one_slip_in_several_lines_is_told_once(self, config_file: Path) -> None:
        """With the other lines, and the cure mends them all."""
        text = f"{TELEGRAM}[[channels]]\nplatform = “telegram”\nchat = “@example”\nsilent = True\n"
        config_file.write_text(text, "utf-8")
        (problem,) = problems(config_file)
        assert problem.cure == 'Write straight quotation marks (") in place of the typed ones, and on line 5 too'
        assert problem.change is not None
        config_file.write_text(problem.change.applied(text) or "", "utf-8")
        (problem,) = problems(config_file)
        assert (problem.line, problem.cure) == (6, "Write true or false, in small letters")

    @pytest.mark.parametrize(
        ("text", "line", "header"),
        [
            ('[storage]\nurl = "sqlite:///a.db"\n# [discord]\ntoken = "a.b.c"\n', 4, "[discord]"),
            (f'{TELEGRAM}#[[channels]]\nplatform = "telegram"\nchat = "@example"\n', 4, "[[channels]]"),
            (f'{TELEGRAM}# [[schedules]]\nname = "friday"\ncron = "0 8 * * fri"\n', 4, "[[schedules]]"),
        ],
    )
    def test_keys_below_a_header_that_is_switched_off(
        self, config_file: Path, text: str, line: int, header: str
    ) -> None:
        """Are told once, with the header that is to be switched on; then the config is in order."""
        config_file.write_text(text, "utf-8")
        (problem,) = problems(config_file)
        assert problem.line == line
        assert problem.message == f"this key belongs to {header}, whose line is switched off"
        assert problem.cure == f"Take away the # before {header} on line 3 too"
        assert problem.change is not None
        config_file.write_text(problem.change.applied(text) or "", "utf-8")
        load(config_file, {})


def test_each_reason_of_the_reader_of_toml_is_said_in_the_teams_language() -> None:
    """Each that this Python's reader can give. One of tomorrow is left out, because it would be English."""
    reader = ast.parse(inspect.getsource(sys.modules[tomllib.loads.__module__]))
    calls = [each for each in ast.walk(reader) if isinstance(each, ast.Call)]
    errors = [each for each in calls if ast.unparse(each.func) in {"suffixed_err", "TOMLDecodeError"}]
    texts = [each for error in errors for each in error.args if isinstance(each, ast.Constant | ast.JoinedStr)]
    quoted = repr("'")
    reasons = [
        "".join(getattr(part, "value", "") if isinstance(part, ast.Constant) else quoted for part in parts)
        for parts in (getattr(text, "values", [text]) for text in texts)
    ]
    told = [reason for reason in reasons if not reason.startswith(("Cannot ", quoted))]
    assert len(told) > 10
    with speaking(lambda: Language.FRENCH):
        assert [reason for reason in told if "\N{NO-BREAK SPACE}: " not in _message("5", reason)] == []
        assert _message("5", "A reason of tomorrow") == "ce n’est pas du TOML à partir de la colonne 5"


def test_the_sections_with_two_brackets_are_those_of_the_settings() -> None:
    """The reader of TOML, which knows no settings, names them itself."""
    fields = Config.model_fields
    assert {name for name, field in fields.items() if get_origin(field.annotation) is tuple} == LISTS


class TestTokenFiles:
    """A token file holds the token and nothing else."""

    @pytest.mark.parametrize(
        ("content", "reason"), [(b" \n", "the file is empty"), (b"\xff\xfe", "the file is not UTF-8 text")]
    )
    def test_a_file_without_a_token_is_refused(self, config_file: Path, content: bytes, reason: str) -> None:
        """Once, at the key that names it."""
        (config_file.parent / "secret").write_bytes(content)
        config_file.write_text('[discord]\ntoken_file = "secret"\n', "utf-8")
        (problem,) = problems(config_file)
        assert (problem.key, problem.message) == ("discord.token_file", reason)
        assert "discord.com/developers" in problem.cure

    def test_a_file_with_something_else_is_refused_as_a_token(self, config_file: Path) -> None:
        """As if it stood in the config."""
        (config_file.parent / "secret").write_text("TOKEN=1", "utf-8")
        config_file.write_text('[telegram]\ntoken_file = "secret"\n', "utf-8")
        (problem,) = problems(config_file)
        assert "this is no Telegram token" in problem.message


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file for all the examples of a property."""
    return tmp_path_factory.mktemp("config") / "config.toml"


TEXT = (Path(__file__).parent.parent / "config.example.toml").read_text("utf-8")


@given(st.integers(0, len(TEXT)), st.integers(0, 40), st.text('[]"#=\n@x1', max_size=5))
def test_a_slip_of_the_keyboard_is_told_with_a_line(scratch: Path, start: int, length: int, typed: str) -> None:
    """Whatever is cut from or typed into the example, the answer is a configuration or problems to be found by line."""
    scratch.write_text(TEXT[:start] + typed + TEXT[start + length :], "utf-8")
    try:
        load(scratch, {"RECAP_TELEGRAM__TOKEN": TOKEN})
    except InvalidInputError as error:
        located = [problem.line is not None or problem.path == Path("environment") for problem in error.problems]
    else:
        located = [True]
    assert all(located)


def test_brackets_in_brackets_end_in_a_sentence(tmp_path: Path) -> None:
    """A thousand deep, where the library for TOML gives up without a word of its own."""
    (path := tmp_path / "config.toml").write_text(f"x = {'[' * 1000}{']' * 1000}")
    with pytest.raises(InvalidInputError, match="brackets stand in brackets too often"):
        load(path, {})


TOKENS = st.from_regex(
    r"[1-9]\d{8,9}:AA[\w-]{33}", fullmatch=True, alphabet=st.characters(codec="ascii")
) | st.from_regex(
    r"M[A-Za-z0-9]{20}[0-9]{3}\.G[\w-]{5}\.[\w-]{15}[0-9][\w-]{20}",
    fullmatch=True,
    alphabet=st.characters(codec="ascii"),
)
ANYWHERE = """
{0}
{0} = 1
"{0}" = 1
"Bot {0}" = 1
"{0}" = ["a"]
"{0}" = ["#"]
x = {{ "{0}" = 1, "{0}" = 2 }}
token."{0}" = 1
token = ["{0}"]
token_file = "{0}"
name = ["{0}"]
timezone = "{0}"
language = "{0}"
url = "{0}"
on_unknown = "{0}"
rate = "{0}"
admins = ["{0}"]
api_url = "{0}"
api_url = "https://localhost/bot{0}"
gateway_url = "{0}"
name = "{0}"
cron = "{0}"
cron = "0 8 * * {0}"
cron = "{0} 8 * * 1"
max_age = "{0}"
platform = "{0}"
chat = "{0}"
thread = "{0}"
layout = "{0}"
schedule = "{0}"
""".strip().splitlines()
SECTIONS = ["", *(f"[{name}]\n" for name in ("show", "storage", "topics", "telegram", "discord", "delivery"))]
SECTIONS += [MONDAY + "[[schedules]]\n", MONDAY + MONDAY, TELEGRAM_CHANNEL, EXAMPLE, MONDAY + FRIDAY + EXAMPLE]
PLACES = [section + line for section in SECTIONS for line in ANYWHERE]
PLACES += [
    '"{0}" = 1\n"{0}" = 2',
    "['{0}']\n['{0}']",
    "['{0}'.x]\n['{0}'.x]",
    '[topics]\n"{0}" = ["a"]\nb = ["a"]',
    '[topics]\n"#{0}" = ["{0}"]\n"{0}" = []',
    f'[[schedules]]\nname = "{{0}}"\n{EXAMPLE}schedule = "x"',
]
VARIABLES = [
    ("RECAP_{0}", "1"),
    ("RECAP_TELEGRAM_{0}", "1"),
    ("RECAP_TELEGRAM__{0}", "1"),
    ("RECAP_TOPICS__{0}", "1"),
    ("RECAP_{0}__TOKEN", "1"),
    ("RECAP_TELEGRAM", '{{"{0}": 1, "token": "x"}}'),
    ("RECAP_TOPICS", '{{"{0}": 1}}'),
    ("RECAP_TOPICS", "{0}"),
    ("RECAP_SCHEDULES", '[{{"{0}": 1}}]'),
    ("RECAP_SHOW__LANGUAGE", "{0}"),
]


@given(TOKENS, st.sampled_from(PLACES) | st.sampled_from(VARIABLES))
def test_a_token_never_comes_out_of_a_refused_config(scratch: Path, token: str, place: str | tuple[str, str]) -> None:
    """Anywhere in the file or the environment, as a value, as a key or as the name of a variable."""
    file, variables = (place, {}) if isinstance(place, str) else ("", {place[0].format(token): place[1].format(token)})
    scratch.write_text(file.format(token), "utf-8")
    try:
        load(scratch, variables)
    except InvalidInputError as error:
        told = "".join(traceback.format_exception(error)) + repr(error.problems)
        secret = token.replace(":", ".").rpartition(".")[2]
        assert secret.casefold() not in told.casefold()


def test_a_key_that_may_be_a_token_is_told_by_its_line_and_section(config_file: Path) -> None:
    """So that the team finds it."""
    config_file.write_text(f'[telegram]\ntoken = "{TOKEN}"\n"{TOKEN}" = 1\n', "utf-8")
    (problem,) = problems(config_file)
    assert (problem.line, problem.key) == (3, "telegram.[hidden]")


@pytest.mark.parametrize(
    ("rights", "hearer"),
    [
        (0o600, None),
        (0o400, None),
        (0o711, None),
        (0o640, "its group"),
        (0o620, "its group"),
        (0o644, "every account"),
        (0o602, "every account"),
    ],
)
@pytest.mark.parametrize("is_own", [True, False])
def test_a_file_with_a_secret_that_others_may_read_or_change_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rights: int, hearer: str | None, is_own: bool
) -> None:
    """The config, and the files of tokens and passwords; the cure, followed, ends the warning and leaves the file."""
    config_file, token_file, address = tmp_path / "my config.toml", tmp_path / "secret", tmp_path / "address"
    token_file.write_text("MTA5NzQ0.GhJkLm.abcdef")
    address.write_text("postgresql://recap:geheim@db/recap")
    config_file.write_text(TELEGRAM + '[discord]\ntoken_file = "secret"\n[storage]\nurl_file = "address"\n')
    for file in (config_file, token_file, address):
        file.chmod(rights)
    if not is_own:
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        # The group is the bot's way to the file.
        hearer = None if hearer == "its group" else hearer
    settings = load(config_file, {})
    found = exposed_secrets(config_file, settings)
    assert [problem.path for problem in found] == ([config_file, address, token_file] if hearer else [])
    for problem in found:
        assert str(hearer) in problem.message
        subprocess.run(problem.cure.split("`")[1], shell=True, check=True)  # noqa: S602 - as a person would
        assert problem.path.stat().st_mode & 0o777 == (0o600 if is_own else 0o640)
    assert exposed_secrets(config_file, settings) == []


@pytest.mark.parametrize("value", ["[" * 5000, '{"a":' * 5000, "[" * 5000 + "]" * 5000, f"[{'9' * 5000}]"])
@pytest.mark.parametrize("name", ["RECAP_TOPICS", "RECAP_SCHEDULES", "RECAP_TELEGRAM", "RECAP_DISCORD__ADMINS"])
def test_a_variable_whose_json_is_too_deep_is_told_like_one_that_is_no_json(name: str, value: str) -> None:
    """As in the file, where brackets in brackets are told too."""
    told = problems(None, {name: value, "RECAP_DISCORD__TOKEN": "MTA5NzQ0.GhJkLm.abcdef"})
    assert {(problem.path, problem.key) for problem in told} == {(Path("environment"), name)}
    assert len("".join(map(str, told))) < 1000


def test_a_config_without_a_token_may_be_read_by_everybody(config_file: Path) -> None:
    """The token comes from the environment."""
    config_file.write_text("[telegram]\nrate = 30\n")
    config_file.chmod(0o644)
    assert exposed_secrets(config_file, load(config_file, {"RECAP_TELEGRAM__TOKEN": TOKEN})) == []


def test_a_secret_that_docker_shows_a_container_needs_no_mending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Docker mounts it read-only for all accounts of the container, which has none but the bot's."""
    monkeypatch.setattr("bot.config.exposure.CONTAINER_SECRETS", tmp_path)
    (secret := tmp_path / "telegram").write_text(TOKEN)
    secret.chmod(0o444)
    assert exposed_secrets(None, load(None, {"RECAP_TELEGRAM__TOKEN_FILE": str(secret)})) == []
