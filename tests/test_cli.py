"""The admin's commands: what they print, what they refuse, and how they end."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.main import get_group
from typer.testing import CliRunner, Result

from bot import cli as command_line
from bot.cli import console
from bot.model.problems import ExpectedError, InvalidInputError
from bot.runtime import YOUNG
from bot.storage.clock import utc_now
from bot.storage.ledger import Ledger
from bot.storage.lock import DeliveryLock
from tests.world import CONTENT

TOKEN = "123456789:AAEloopbackloopbackloopbackloopback"
DISCORD_TOKEN = "MTA5NzQ0.GhJkLm.abcdef"

Recap = Callable[..., Result]
Ended = Callable[..., tuple[int, str, str]]

EPISODE = """---
number: 1
title: Un
date: 2024-11-04
---

## Un sujet {#un}

#tiktok

Du texte.
"""


@pytest.fixture
def recap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recap:
    """The command, in an empty folder and without anybody's environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("RECAP_CONFIG", "RECAP_LOG", "RECAP_LOG_FORMAT"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> Result:
        return CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"}).invoke(command_line.cli, list(arguments))

    return run


@pytest.fixture
def ended(recap: Recap, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ended:
    """The whole program, where the command is: its exit code, and what it printed on both outputs."""
    del recap

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["recap", *arguments])
        with pytest.raises(SystemExit) as end:
            command_line.main()
        assert isinstance(end.value.code, int)
        return end.value.code, *capsys.readouterr()

    return run


def shown(*arguments: str) -> str:
    """Return what a command prints on a screen, without the colours."""
    output = CliRunner(env={"FORCE_COLOR": "1", "NO_COLOR": "1"}).invoke(command_line.cli, list(arguments)).stdout
    return re.sub(r"\x1b\[[\d;]*m", "", output)


def column(table: str, index: int) -> str:
    """All that a column of a printed table holds, one cell after another."""
    return "".join(line.split("│")[index + 1].strip() for line in table.splitlines() if line.startswith("│"))


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """A content folder with the real episodes."""
    return Path(shutil.copytree(CONTENT, tmp_path / "content"))


def write_config(folder: Path, text: str = "") -> None:
    """A config with Telegram switched on and whatever else."""
    (path := folder / "config.toml").write_text(f'[telegram]\ntoken = "{TOKEN}"\n{text}', encoding="utf-8")
    path.chmod(0o600)


def test_the_list_of_commands_says_of_each_what_its_own_help_says() -> None:
    """The list is read from a table, so that it loads no command; the command has its help in its own file."""
    listed = get_group(command_line.cli).commands
    assert list(listed) == list(command_line.COMMANDS)
    for name, command in listed.items():
        with command.make_context(name, ["--help"], resilient_parsing=True) as context:
            assert context.command.help == command.help


def test_a_start_is_not_held_up_by_looks_for_garbage(ended: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nearly all that a start makes stays, so that the collector looks for garbage less often from the first line."""
    asked = list[int]()
    monkeypatch.setattr(gc, "set_threshold", asked.append)
    assert ended("--help")[0] == 0
    assert asked == [YOUNG]


def test_a_misspelt_command_is_told_the_right_one(recap: Recap) -> None:
    """The table knows the names, loaded or not."""
    assert "Did you mean check?" in recap("chekc").stderr


APP = {"aiohttp", "alembic", "apscheduler", "discord", "sqlalchemy", "telegram", "watchfiles"}
NOTES_AND_FEEDS = {"bot.notes.draft", "bot.notes.reading", "feedparser"}
TABLES_AND_BARS = {"rich.progress", "rich.table"}


@pytest.mark.usefixtures("content")
@pytest.mark.parametrize(
    ("arguments", "unneeded"),
    [
        ("--help", APP | NOTES_AND_FEEDS | {"asyncio", "babel", "bot.config", "bot.cli.console", "pydantic", "rich"}),
        ("run", NOTES_AND_FEEDS | {"bot.cli.check", "bot.cli.send", "bot.sandbox"}),
        ("healthy", APP | NOTES_AND_FEEDS | TABLES_AND_BARS | {"markdown_it", "yaml"}),
        ("list --json", APP | NOTES_AND_FEEDS | TABLES_AND_BARS),
        ("preview --json", APP | NOTES_AND_FEEDS | TABLES_AND_BARS | {"bot.sandbox"}),
        ("check", NOTES_AND_FEEDS | TABLES_AND_BARS | {"aiohttp", "discord", "telegram", "watchfiles"}),
    ],
)
def test_a_command_loads_only_what_it_needs(tmp_path: Path, arguments: str, unneeded: set[str]) -> None:
    """Nobody waits for the libraries of another command; another bot seems to run here, and has no database."""
    write_config(tmp_path)
    other = DeliveryLock(tmp_path / "recap.db")
    assert other.acquire()
    ended = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-X", "importtime", "-m", "bot", *arguments.split()],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    other.release()
    assert ended.returncode == (1 if arguments in {"run", "healthy"} else 0)
    loaded = set(re.findall(r"^import time:.*\| +(\S+)$", ended.stderr, re.MULTILINE))
    assert "typer" in loaded
    assert loaded & unneeded == set()


@pytest.mark.usefixtures("content")
def test_list_as_json_has_the_promised_shape(recap: Recap) -> None:
    """An array of episodes with number, title, date, status and segments, the newest first."""
    episodes = json.loads(recap("list", "--json").stdout)
    assert [episode["number"] for episode in episodes] == [1207, 1206, 1205]
    assert set(episodes[0]) == {"number", "title", "date", "status", "segments"}
    assert episodes[0]["date"] == "2024-11-04"
    assert [segment["slug"] for segment in episodes[0]["segments"]] == [
        "netflix",
        "telegram",
        "spotify",
        "amour-ouf",
        "clover",
    ]
    assert set(episodes[0]["segments"][0]) == {"slug", "title", "topics", "sources"}
    assert episodes[0]["segments"][0]["sources"][0]["url"].startswith("https://www.netflix.com/tudum/")


@pytest.mark.parametrize("columns", [200, 60, 40])
def test_what_is_listed_is_never_cut(
    recap: Recap, content: Path, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    """Targets and slugs are there to be copied: a narrow screen folds them, and what is piped is a line for each."""
    # Because rich reads COLUMNS when the console is made, setting the variable here would come too late.
    monkeypatch.setattr(console.out(), "_width", columns)
    write_config(content.parent)
    target = "telegram:-1001234567890123:1234567"
    assert recap("subscriptions", "add", target).exit_code == 0
    slug = "un-sujet-dont-le-nom-est-bien-plus-long-qu-un-mot"
    (content / "1.md").write_text(EPISODE.replace("{#un}", f"{{#{slug}}}"), encoding="utf-8")
    assert column(shown("subscriptions", "list"), 0) == target
    assert slug in column(shown("list"), 3)
    for arguments, wanted in (("subscriptions list", target), ("list", slug)):
        piped = CliRunner().invoke(command_line.cli, arguments.split()).stdout
        assert [line for line in piped.splitlines() if f" {wanted} " in line]
        assert "…" not in piped


@pytest.mark.usefixtures("content")
def test_preview_shows_every_subject_on_both_platforms(recap: Recap) -> None:
    """Without a config and without a token, the newest episode as both platforms would get it."""
    result = recap("preview")
    assert result.exit_code == 0
    assert "telegram 1/2" in result.stdout
    assert "discord 1/2" in result.stdout
    assert re.search(r"\d+ of 4096 characters", result.stdout)


@pytest.mark.usefixtures("content")
def test_preview_of_a_topic_shows_that_topic_alone(recap: Recap) -> None:
    """Exactly the messages' bodies, for programs to look at."""
    bodies = json.loads(recap("preview", "1207", "--topic", "Netflix", "--platform", "telegram", "--json").stdout)
    text = bodies["telegram"][0]["text"]
    assert "Netflix Moments" in text
    assert "projet Clover" not in text


@pytest.mark.usefixtures("content")
def test_preview_writes_a_page_of_its_own(recap: Recap, tmp_path: Path) -> None:
    """The same messages as on the screen, of the platform, the topic and the layout that were asked for."""
    choices = ("1207", "--topic", "Netflix", "--platform", "telegram", "--layout", "segments")
    assert recap("preview", *choices, "--html", "page.html").exit_code == 0
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    content = json.loads(text.partition('id="content">')[2].partition("</script>")[0])
    (shown,) = content["platforms"]
    bodies = json.loads(recap("preview", *choices, "--json").stdout)
    assert (shown["platform"], [message["body"] for message in shown["messages"]]) == ("telegram", bodies["telegram"])
    assert all(0 < message["used"] <= message["limit"] == 4096 for message in shown["messages"])


@pytest.mark.usefixtures("content")
def test_a_page_that_cannot_be_written_is_told(recap: Recap) -> None:
    """With the path and the reason, as of any file that cannot be written."""
    result = recap("preview", "--html", "nowhere/page.html")
    assert isinstance(result.exception, ExpectedError)
    assert str(result.exception) == "nowhere/page.html cannot be written (No such file or directory)"


def test_an_episode_that_a_full_disk_stops_can_be_begun_again(recap: Recap, tmp_path: Path) -> None:
    """Half of a file would have its name, and nobody would look for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        result = recap("new")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "1.md cannot be written (the system says EFBIG)" in str(result.exception)
    assert list((tmp_path / "content").iterdir()) == []
    assert recap("new").exit_code == 0


def test_a_page_is_never_written_over_an_episode(recap: Recap, content: Path) -> None:
    """Only over what has the name of a page; any other name is refused with what would be right."""
    before = (content / "1206.md").read_bytes()
    refused = recap("preview", "--html", "content/1206.md")
    assert refused.exit_code == 2
    assert "choose one that ends in .html" in refused.stderr
    assert (content / "1206.md").read_bytes() == before
    for _ in range(2):
        assert recap("preview", "--html", "page.HTM").exit_code == 0


@pytest.mark.usefixtures("content")
def test_check_lists_the_next_push(recap: Recap) -> None:
    """Content in order: exit code 0, and when the next push comes."""
    result = recap("check")
    assert result.exit_code == 0
    assert "Next push on schedule monday: Monday" in result.stdout


@pytest.mark.usefixtures("content")
def test_check_says_that_the_storage_cannot_be_used(recap: Recap, tmp_path: Path) -> None:
    """As `recap run` would, at its line; where it can be used, no database is made."""
    write_config(tmp_path, '[storage]\nurl = "sqlite:////nowhere/x/recap.db"')
    for arguments in ((), ("--online",)):
        result = recap("check", *arguments)
        assert result.exit_code == 2
        told = "config.toml:4: storage.url: there is no folder /nowhere/x. Make it, or name another."
        assert told in result.stderr
    (problem,) = json.loads(recap("check", "--json").stdout)["problems"]
    assert (problem["line"], problem["key"], problem["cure"]) == (4, "storage.url", "Make it, or name another")
    write_config(tmp_path)
    assert recap("check").exit_code == 0
    assert not (tmp_path / "recap.db").exists()


@pytest.mark.usefixtures("content")
@pytest.mark.parametrize(
    ("setting", "variable", "place"),
    [
        ("", "", "recap.db: "),
        ('[storage]\nurl = "sqlite:///recap.db"', "", "config.toml:4: storage.url: "),
        ("", "RECAP_STORAGE__URL=sqlite:///recap.db", "environment: RECAP_STORAGE__URL: "),
        ("", 'RECAP_STORAGE={"url": "sqlite:///recap.db"}', "environment: RECAP_STORAGE.url: "),
    ],
)
def test_check_says_where_the_database_is_named(
    recap: Recap, monkeypatch: pytest.MonkeyPatch, setting: str, variable: str, place: str
) -> None:
    """In the file or in the environment; of the default, which neither of them says, it names the database itself."""
    write_config(Path(), setting)
    Path("recap.db").write_bytes(b"no database at all")
    if variable:
        monkeypatch.setenv(*variable.split("=", 1))
    told = recap("check").stderr.splitlines()[0]
    assert told.startswith(place)
    assert told.endswith("Name another file in storage.url, or restore a backup.")


@pytest.mark.usefixtures("content")
def test_a_server_is_tried_by_check_and_saved_by_its_own_tools(recap: Recap, tmp_path: Path) -> None:
    """The system's reason stands there alone, and the password in the address is not shown, also not to programs."""
    write_config(tmp_path, '[storage]\nurl = "postgresql://recap:geheim@127.0.0.1:1/recap"')
    checked = recap("check", "--json")
    (problem,) = json.loads(checked.stdout)["problems"]
    assert (checked.exit_code, problem["line"], problem["key"]) == (2, 4, "storage.url")
    assert problem["message"] == "recap (127.0.0.1) cannot be reached (Connection refused)"
    told = [checked.output]
    for arguments, error in (
        (("backup", "a.db"), "pg_dump"),
        (("restore", "a.db"), "pg_restore"),
        (("status",), "cannot be reached"),
        (("subscriptions", "list"), "cannot be reached"),
    ):
        result = recap(*arguments)
        told.append(result.output + str(result.exception))
        assert error in told[-1]
    assert not any("geheim" in text for text in told)


def test_check_names_every_mistake_and_ends_with_2(recap: Recap, content: Path) -> None:
    """File and line of each mistake in one go; the other episodes still count."""
    (content / "bad.md").write_text("---\nnumber: no\ntitel: Un\n---\n", encoding="utf-8")
    result = recap("check")
    assert result.exit_code == 2
    assert "bad.md:2" in result.stderr
    assert "title" in result.stderr
    assert "Episodes in order: 3" in result.stdout
    assert "Traceback" not in result.output


def test_an_episode_with_a_mistake_is_not_said_to_be_missing(recap: Recap, content: Path) -> None:
    """After its mistakes comes that they are why it cannot be shown; the name of its file says which one it is."""
    (content / "1303.md").write_text(EPISODE.replace("number: 1", "number: 1303\ntitel: Un"), encoding="utf-8")
    refused = recap("preview", "1303").exception
    assert isinstance(refused, InvalidInputError)
    *mistakes, last = refused.problems
    assert [(problem.path.name, problem.line) for problem in mistakes] == [("1303.md", 3)]
    assert "1303.md: this is episode 1303, which cannot be used before its file is without mistakes" in str(last)


def test_a_file_with_a_mistake_may_be_the_one_that_is_missed(recap: Recap, content: Path) -> None:
    """Under whatever name: the mistake is told, and that only files without one were looked at."""
    (content / "dernier.md").write_text(EPISODE.replace("number: 1", "number: 1303\ntitel: Un"), encoding="utf-8")
    refused = recap("preview", "1303")
    assert refused.exit_code == 2
    assert "dernier.md:3" in refused.stderr
    assert "no episode 1303 in a file without mistakes" in refused.stderr


@pytest.mark.usefixtures("content")
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("preview", "999"), "no episode 999"),
        (("preview", "--topic", "tiktak"), "tiktok"),
        (("preview", "--topic", "tiktak", "--json"), '{"problems": [], "error": "no episode has the topic '),
        (("list", "--json", "--html"), '{"problems": [], "error": "there is no option --html'),
        (("preview", "--layout", "poster"), "digest"),
        (("preview", "--platform", "icq"), "telegram"),
        (("correct", "1207", "--platform", "Discord"), "write telegram or discord"),
        (("recall", "99999999999999999999", "--yes"), "write a number up to 999999999"),
        (("correct", "0"), "write a number from 1 on"),
        (("send", "--to", "nobody"), "PLATFORM:CHAT"),
        (("subscriptions", "add", "telegram"), "PLATFORM:CHAT"),
        (("subscriptions", "add", "telegram:-100:99999999999999999999"), "PLATFORM:CHAT"),
        (("subscriptions", "add", "telegram:-100:1"), "the general topic, which has no number for bots. Leave it out."),
        (("subscriptions", "add", "telegram:99999999999999999999"), 'Write "@name" for a public chat or its number'),
        (("subscriptions", "add", "discord:@example"), "Write the channel's number, as in 1234567890."),
        (("send", "--to", "discord:5:7"), "on Discord a thread is a channel of its own"),
        (("subscriptions", "add", "telegram:1", "--schedule", "daily"), "monday"),
        (("nonsense",), "nonsense"),
    ],
)
def test_bad_usage_is_refused_with_its_cure_and_ends_with_2(
    recap: Recap, tmp_path: Path, arguments: tuple[str, ...], reason: str
) -> None:
    """Exit code 2, and a sentence that names what would be right; programs get it as JSON."""
    write_config(tmp_path)
    result = recap(*arguments)
    assert result.exit_code == 2
    assert reason in result.output
    assert "Traceback" not in result.output


def test_the_demo_wants_a_content_folder(recap: Recap, tmp_path: Path) -> None:
    """Where there is none it says so, and leaves nothing behind."""
    result = recap("demo", "--no-browser", "--port", "0")
    assert isinstance(result.exception, InvalidInputError)
    assert "content: there is no such folder. Create it" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_is_yet_one_learns_how_to_begin(recap: Recap, tmp_path: Path) -> None:
    """No episode, nobody subscribed: a sentence with what to do, in place of an empty table."""
    (tmp_path / "content").mkdir()
    assert "`recap new` begins one" in recap("list").stdout
    assert "`recap new` begins one" in str(recap("preview").exception)
    assert "/subscribe" in recap("subscriptions", "list").stdout
    assert recap("new").exit_code == 0
    assert "mend what is told above" in str(recap("preview").exception)


@pytest.mark.parametrize(
    "command", ["status", "status --json", "subscriptions list", "subscriptions list --json", "subscriptions export"]
)
def test_who_only_looks_makes_no_database(recap: Recap, tmp_path: Path, command: str) -> None:
    """In a wrong folder one learns where there is none, and nothing is left there; JSON stays JSON."""
    (tmp_path / "content").mkdir()
    before = list(tmp_path.iterdir())
    looked = recap(*command.split())
    assert looked.exit_code == 0
    assert f"There is no database yet at {tmp_path / 'recap.db'}: `recap run` makes it." in looked.stderr
    assert list(tmp_path.iterdir()) == before
    if command.endswith(("--json", "export")):
        seen = json.loads(looked.stdout)
        assert (seen["broadcasts"] if command.startswith("status") else seen) == []


@pytest.mark.usefixtures("content")
def test_a_rehearsal_makes_no_database(recap: Recap, tmp_path: Path) -> None:
    """It says what the first push of all would do, the declared channels counted."""
    write_config(tmp_path, '[[channels]]\nplatform = "telegram"\nchat = "-1001234567890"\n')
    rehearsed = recap("send", "--dry-run")
    assert "episode 1207 would go to 1 subscription" in rehearsed.stdout
    assert "At the platforms' pace it takes 1\u00a0s, until " in rehearsed.stdout
    assert "There is no database yet" in rehearsed.stderr
    assert not (tmp_path / "recap.db").exists()


def test_where_there_is_a_database_it_is_looked_at(recap: Recap, tmp_path: Path) -> None:
    """Without a word about it, and with what it holds."""
    write_config(tmp_path)
    assert recap("subscriptions", "add", "telegram:5").exit_code == 0
    looked = recap("subscriptions", "list")
    assert "telegram:5" in looked.stdout
    assert looked.stderr == ""


@pytest.mark.usefixtures("content")
def test_a_push_to_nobody_is_refused(recap: Recap, tmp_path: Path) -> None:
    """It would count as pushed, and who subscribes before Monday would not get it on Monday."""
    write_config(tmp_path)
    result = recap("send")
    assert isinstance(result.exception, ExpectedError)
    assert "nobody has subscribed yet" in str(result.exception)
    assert json.loads(recap("status", "--json").stdout)["broadcasts"] == []


@pytest.mark.usefixtures("content")
def test_check_online_of_a_platform_that_cannot_be_reached(recap: Recap, tmp_path: Path) -> None:
    """It names the platform and what to look at; nothing is left open."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    write_config(tmp_path, f'api_url = "http://127.0.0.1:{port}"')
    result = recap("check", "--online")
    assert result.exit_code == 1
    assert "telegram: no connection to Telegram" in result.stderr
    assert "See whether this machine is online, then try again." in result.stderr
    assert "Unclosed" not in result.stderr
    proxied = f'[network]\nproxy = "http://me:secret@127.0.0.1:{port}"\n'
    write_config(tmp_path, f'api_url = "http://bots.example.org"\n{proxied}')
    cure = f"See whether the proxy 127.0.0.1:{port} works and lets this machine through, then try again."
    said = recap("check", "--online").stderr
    assert f"telegram: no connection to Telegram (Connection refused). {cure}" in said.splitlines()
    assert "secret" not in said
    assert "INFO" not in said


@pytest.mark.usefixtures("content")
def test_a_bot_whose_certificates_cannot_be_read_does_not_start(
    recap: Recap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does what asks the platforms; what sends nothing needs none."""
    write_config(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", "nowhere.pem")
    for command in (("run",), ("send",), ("check", "--online")):
        refused = recap(*command).exception
        assert isinstance(refused, InvalidInputError)
        assert "environment: SSL_CERT_FILE: the certificates in nowhere.pem cannot be read" in str(refused)
    assert recap("check").exit_code == 0


@pytest.mark.usefixtures("content")
def test_running_without_a_platform_says_how_to_switch_one_on(recap: Recap) -> None:
    """`recap run` needs a token of one of the two."""
    result = recap("run")
    assert isinstance(result.exception, InvalidInputError)
    assert "RECAP_TELEGRAM__TOKEN" in str(result.exception)


def test_main_turns_what_a_user_can_cause_into_a_sentence(ended: Ended, tmp_path: Path) -> None:
    """Bad input ends with 2 and every problem on a line, other expected errors with 1; never a traceback."""
    (tmp_path / "config.toml").write_text("[show]\nlanguage = 'de'\n[contents]\n", encoding="utf-8")
    code, _printed, said = ended("check")
    assert code == 2
    assert "show.language" in said
    assert "contents" in said


@pytest.mark.usefixtures("content")
@pytest.mark.parametrize("command", ["check", "list", "preview", "status", "healthy", "subscriptions list"])
def test_programs_read_the_mistakes_of_a_config_as_json(ended: Ended, tmp_path: Path, command: str) -> None:
    """On standard output, in the form in which `check --json` gives them; people read them on standard error."""
    (tmp_path / "config.toml").write_text("[show]\nlanguage = 'de'\n", encoding="utf-8")
    code, printed, said = ended(*command.split(), "--json")
    assert code == 2
    told = json.loads(printed)
    assert [(each["file"], each["line"], each["key"]) for each in told["problems"]] == [
        ("config.toml", 2, "show.language")
    ]
    assert told["error"] is None
    assert said.startswith("config.toml:2: show.language: ")


UNSET = "recap.db is no SQLite database: name another file in storage.url, or restore a backup"
SET = "storage.url: recap.db is no SQLite database. Name another file in storage.url, or restore a backup."


@pytest.mark.usefixtures("content")
@pytest.mark.parametrize(
    ("setting", "told"),
    [
        (("", ""), UNSET),
        (('[storage]\nurl = "sqlite:///recap.db"\n', ""), f"config.toml:4: {SET}"),
        (("", "sqlite:///recap.db"), f"environment: {SET.replace('storage.url', 'RECAP_STORAGE__URL', 1)}"),
        (("", "sqlite:////nowhere/x.db"), "environment: RECAP_STORAGE__URL: there is no folder /nowhere. Make it, or "),
    ],
)
def test_a_database_that_cannot_be_used_is_told_with_its_setting(
    ended: Ended, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: tuple[str, str], told: str
) -> None:
    """The line of the file or the variable that names it; where nothing does, by itself."""
    text, variable = setting
    write_config(tmp_path, text)
    monkeypatch.setenv("RECAP_STORAGE__URL", variable)
    (tmp_path / "recap.db").write_text("no database", encoding="utf-8")
    code, printed, said = ended("subscriptions", "add", "telegram:1")
    assert (code, printed) == (1, "")
    assert said.startswith(f"Error: {told}")
    code, printed, _said = ended("status", "--json")
    assert code == 1
    assert json.loads(printed)["error"].startswith(told)


def test_a_bot_that_cannot_start_says_so_in_the_form_of_its_log(
    ended: Ended, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object on each line of standard error, for a mistake in the config and for a failure."""
    monkeypatch.setenv("RECAP_LOG_FORMAT", "JSON")
    (tmp_path / "config.toml").write_text("[show]\nlanguage = 'de'\n[contents]\n", encoding="utf-8")
    code, _printed, said = ended("run")
    assert code == 2
    messages = [json.loads(line)["message"] for line in said.splitlines()]
    assert [message.partition(": ")[0] for message in messages] == ["config.toml:2", "config.toml:3"]
    write_config(tmp_path, '[show]\nlanguage = "en"\n')
    (tmp_path / "content").mkdir()
    (tmp_path / "recap.db").write_text("no database", encoding="utf-8")
    code, _printed, said = ended("run")
    assert code == 1
    assert json.loads(said)["message"] == UNSET


@pytest.mark.parametrize(("variable", "told"), [("RECAP_LOG", "DEBUG, INFO"), ("RECAP_LOG_FORMAT", "text or json")])
def test_a_log_that_there_is_not_is_refused(
    recap: Recap, monkeypatch: pytest.MonkeyPatch, variable: str, told: str
) -> None:
    """With the words that there are; an empty variable counts as none."""
    monkeypatch.setenv(variable, "loud")
    refused = str(recap("list").exception)
    assert refused.startswith(f"environment: {variable}: there is no such choice. Write {told}")
    monkeypatch.setenv(variable, "")
    assert recap("list").exit_code in {0, 2}
    assert recap("schema").exit_code == 0


def test_the_program_tells_its_version_and_its_help_by_short_options(recap: Recap) -> None:
    """The version of the package; `-h` as `--help`, in every command."""
    assert recap("--version").stdout == recap("-V").stdout == f"recap {version('monday-recap')}\n"
    for arguments in ((), ("check",), ("subscriptions", "add")):
        assert recap(*arguments, "-h").stdout == recap(*arguments, "--help").stdout != ""


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("recap che", ["check"]),
        ("recap check --l", ["--links"]),
        ("recap subscriptions e", ["export"]),
        ("recap preview --layout d", ["digest"]),
    ],
)
def test_the_shell_completes_commands_and_options(
    ended: Ended, monkeypatch: pytest.MonkeyPatch, typed: str, offered: list[str]
) -> None:
    """Of each command too, though its file is loaded only when it is called."""
    for name, value in (("_RECAP_COMPLETE", "complete_bash"), ("COMP_WORDS", typed)):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))
    assert ended() == (0, "\n".join(offered) + "\n", "")


def test_completion_is_installed_in_words_of_the_bot(
    recap: Recap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the shell of the person, whose file is written; the other way shows what would be written."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("shellingham.detect_shell", lambda: ("bash", "/bin/bash"))
    said = recap("--install-completion").stdout
    written = Path(said.removeprefix("bash completes commands from its next start on. Written: ").removesuffix(".\n"))
    assert "_RECAP_COMPLETE=complete_bash" in written.read_text(encoding="utf-8")
    assert "_RECAP_COMPLETE=complete_bash" in recap("--show-completion").stdout


def test_a_subscription_can_be_added_listed_and_removed(recap: Recap, content: Path) -> None:
    """What is added is listed, what is removed has ended, and removing it twice is an error."""
    write_config(content.parent)
    assert recap("subscriptions", "add", "telegram:-1001234567890:7", "--topic", "Tik Tok").exit_code == 0
    rows = json.loads(recap("subscriptions", "list", "--json").stdout)
    assert [(row["target"], row["topics"], row["state"]) for row in rows] == [
        ("telegram:-1001234567890:7", ["tiktok"], "active")
    ]
    assert recap("subscriptions", "remove", "telegram:-1001234567890:7").exit_code == 0
    assert recap("subscriptions", "remove", "telegram:-1001234567890:7").exit_code == 1


@pytest.mark.usefixtures("content")
@pytest.mark.parametrize("command", [("subscriptions", "add"), ("send", "--to"), ("send", "--dry-run", "--to")])
def test_a_target_on_a_platform_that_is_switched_off_is_refused(
    recap: Recap, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """No push would come there: the text says how to switch the platform on, and nobody is subscribed."""
    write_config(tmp_path)
    refused = recap(*command, "discord:1234567890")
    assert refused.exit_code == 2
    assert "discord is switched off: add a [discord] section" in refused.output
    assert "RECAP_DISCORD__TOKEN" in refused.output
    assert json.loads(recap("subscriptions", "list", "--json").stdout) == []


@pytest.mark.parametrize("wrong", [("telegram:5", "--publish"), ("discord:5", "--rich")])
def test_what_a_platform_does_not_have_cannot_be_asked_of_it(
    recap: Recap, content: Path, wrong: tuple[str, str]
) -> None:
    """As in the config: nothing is subscribed, and the option to leave out is named."""
    write_config(content.parent)
    refused = recap("subscriptions", "add", *wrong)
    assert refused.exit_code == 2
    assert wrong[1] in refused.output
    assert json.loads(recap("subscriptions", "list", "--json").stdout) == []


def test_subscriptions_move_to_another_database_by_a_file(recap: Recap, content: Path) -> None:
    """What is exported is imported with every choice, any number of times; what has ended stays behind."""
    write_config(content.parent, f'[discord]\ntoken = "{DISCORD_TOKEN}"')
    assert (
        recap("subscriptions", "add", "telegram:-1001234567890:7", "--topic", "Tik Tok", "--silent", "--rich").exit_code
        == 0
    )
    assert recap("subscriptions", "add", "discord:1234567890", "--layout", "segments", "--publish").exit_code == 0
    assert recap("subscriptions", "add", "telegram:5").exit_code == 0
    assert recap("subscriptions", "remove", "telegram:5").exit_code == 0
    # Version 0.1.0 may have subscribed a target that is refused now, and its end is not.
    assert "discord:5:7 is not subscribed" in recap("subscriptions", "remove", "discord:5:7").output
    before = json.loads(recap("subscriptions", "list", "--json").stdout)
    assert recap("subscriptions", "export", "--output", "people.json").exit_code == 0
    (content.parent / "recap.db").unlink()
    for _ in range(2):
        assert recap("subscriptions", "import", "people.json").stdout == "Subscribed: 2.\n"
    after = json.loads(recap("subscriptions", "list", "--json").stdout)
    assert after == [row for row in before if row["state"] == "active"]
    assert json.loads(recap("subscriptions", "export").stdout) == json.loads(Path("people.json").read_text("utf-8"))


def test_a_holiday_is_exported_too(recap: Recap, tmp_path: Path) -> None:
    """Who paused until a day is paused until that day in the other database."""
    write_config(tmp_path)
    row = {"target": "telegram:5", "schedule": "monday", "paused_until": "2030-01-07T08:00:00+01:00", "rich": True}
    (tmp_path / "people.json").write_text(json.dumps([row]), encoding="utf-8")
    assert recap("subscriptions", "import", "people.json").exit_code == 0
    (found,) = json.loads(recap("subscriptions", "export").stdout)
    assert (found["paused_until"], found["rich"]) == ("2030-01-07T07:00:00Z", True)
    # A file of version 0.1.0 does not say so, and the number does.
    assert found["is_private"]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("[", ["people.json", "this is no JSON"]),
        ("{}", ["people.json", "no list of subscriptions"]),
        ('[{"target": "telegram:1"}]', ["1.schedule", "this is missing"]),
        ('[{"target": "telegram", "schedule": "monday"}]', ["1.target", "is not a target", "PLATFORM:CHAT"]),
        ('[{"target": "discord:5:7", "schedule": "monday"}]', ["1.target", "Leave the thread out"]),
        ('[{"target": "telegram:1", "schedule": "daily"}]', ["1.schedule", "no schedule daily", "monday"]),
        ('[{"target": "telegram:1", "schedule": "monday", "layuot": "digest"}]', ["1.layuot", "Take it out"]),
        ('[{"target": "telegram:1", "schedule": "monday", "layout": "novel"}]', ["1.layout", "'digest'"]),
        ('[{"target": "telegram:1", "schedule": "monday", "paused_until": "2030-01-07T08:00"}]', ["1.paused_until"]),
        ('[{"target": "discord:1", "schedule": "monday", "mention": "role:١٢"}]', ["1.mention"]),
    ],
)
def test_an_import_is_whole_or_nothing(recap: Recap, tmp_path: Path, rows: str, told: list[str]) -> None:
    """A mistake is told by its place in the file, and then nobody is subscribed."""
    write_config(tmp_path)
    good = '{"target": "telegram:7", "schedule": "monday"}'
    (tmp_path / "people.json").write_text(rows.replace("}]", "}, " + good + "]"), encoding="utf-8")
    result = recap("subscriptions", "import", "people.json")
    assert isinstance(result.exception, InvalidInputError)
    for word in told:
        assert word in str(result.exception)
    assert json.loads(recap("subscriptions", "list", "--json").stdout) == []


@pytest.mark.usefixtures("content")
def test_a_backup_is_put_back(recap: Recap, tmp_path: Path) -> None:
    """What was saved is told, and after that what the bot does not know and where the other database is."""
    write_config(tmp_path)
    assert recap("subscriptions", "add", "telegram:1").exit_code == 0
    assert recap("backup", "copy.db").stdout == "Saved: copy.db, with 1 subscription.\n"
    assert "copy.db exists already" in str(recap("backup", "copy.db").exception)
    assert recap("subscriptions", "add", "telegram:2").exit_code == 0
    first, told, unknown, asked, kept = recap("restore", "copy.db").stdout.splitlines()
    assert first == "Restored: recap.db, with 1 subscription."
    assert told == "The database was restored from a backup"
    assert re.fullmatch(r"The bot knows nothing of the time since .* at .*, choices of people included\.", unknown)
    assert asked == "An episode that may have been pushed already is not pushed unasked; you hear of each."
    assert (tmp_path / kept.removeprefix("What was there is kept in ").removesuffix(".")).exists()
    assert [row["target"] for row in json.loads(recap("subscriptions", "list", "--json").stdout)] == ["telegram:1"]


async def an_empty_ledger() -> None:
    """Make the database, and nothing in it."""
    async with await Ledger.open("sqlite:///recap.db", utc_now):
        pass


@pytest.mark.usefixtures("content")
def test_an_empty_backup_is_called_empty(recap: Recap, tmp_path: Path) -> None:
    """No bot has run with its database, so that there is no moment up to which it knows anything."""
    write_config(tmp_path)
    asyncio.run(an_empty_ledger())
    assert recap("backup", "copy.db").exit_code == 0
    said = recap("restore", "copy.db").stdout
    assert "The backup is empty: the bot knows nobody who has subscribed, and nothing that was pushed." in said
    assert "1970" not in said


def test_a_draft_is_never_sent(recap: Recap, tmp_path: Path) -> None:
    """`recap send` of a draft says what to take out, and where."""
    write_config(tmp_path)
    (tmp_path / "content").mkdir()
    draft = EPISODE.replace("date:", "status: draft\ndate:")
    (tmp_path / "content" / "1.md").write_text(draft, encoding="utf-8")
    result = recap("send", "1")
    assert isinstance(result.exception, ExpectedError)
    assert "status: draft" in str(result.exception)


@pytest.mark.usefixtures("content")
def test_status_of_a_bot_that_has_sent_nothing(recap: Recap) -> None:
    """No broadcasts, but the next push."""
    facts = json.loads(recap("status", "--json").stdout)
    assert facts["broadcasts"] == []
    assert set(facts["next_runs"]) == {"monday"}
