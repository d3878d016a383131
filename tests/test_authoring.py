"""The commands of those who write: from notes to a file, and never over another one."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import time_machine
from typer.testing import CliRunner, Result

from bot import cli as command_line
from bot.cli import check, episodes
from bot.cli.console import length_of_push
from bot.content.archive import Archive
from bot.content.frontmatter import _READERS, _REQUIRED, json_schema
from bot.content.links import LinkAnswer, Web
from bot.model.problems import ExpectedError, InvalidInputError
from tests.world import CONTENT

NOTES = Path(__file__).parent / "notes"

Recap = Callable[..., Result]


@pytest.fixture
def recap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recap:
    """The command, in a folder with the team's content."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RECAP_CONFIG", raising=False)
    shutil.copytree(CONTENT, tmp_path / "content")

    def run(*arguments: str, typed: bytes = b"") -> Result:
        runner = CliRunner(env={"COLUMNS": "120", "NO_COLOR": "1"})
        return runner.invoke(command_line.cli, list(arguments), input=typed)

    return run


class TestImport:
    """`recap import`."""

    def test_it_prints_a_draft_that_the_archive_takes(self, recap: Recap, tmp_path: Path) -> None:
        """To standard output, so that it can be looked at first."""
        result = recap("import", str(NOTES / "french-news.txt"), "--date", "2026-12-07")
        assert result.exit_code == 0
        (tmp_path / "content" / "41.md").write_text(result.stdout, encoding="utf-8")
        archive = Archive.load(tmp_path / "content")
        assert archive.problems == ()
        draft = archive.get(41)
        assert draft is not None
        assert (draft.status, draft.date.isoformat()) == ("draft", "2026-12-07")

    def test_a_draft_that_takes_too_long_ends_in_a_sentence(
        self, recap: Recap, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Even inside a regular expression, which looks for signals while it tries."""
        monkeypatch.setattr(episodes, "IMPORT_WITHIN", 0.2)
        monkeypatch.setattr("bot.notes.draft.draft", lambda *_args, **_kept: re.fullmatch(r"(?:a|a)+", "a" * 40 + "b"))
        result = recap("import", str(NOTES / "french-news.txt"))
        assert isinstance(result.exception, InvalidInputError)
        assert "no draft of it was ready after 0.2 seconds. Give the words" in str(result.exception)

    def test_an_address_in_place_of_a_file_is_no_missing_file(self, recap: Recap) -> None:
        """The cure is the option that takes the address of a feed, and the same goes for a file as one."""
        result = recap("import", "https://example.org/feed.xml")
        assert (result.exit_code, "after --rss" in result.stderr) == (2, True)
        Path("config.toml").write_text('[feed]\nurl = "feed.xml"\n', encoding="utf-8")
        assert "'feed.xml' is a file of yours" in str(recap("check").exception)

    def test_it_writes_a_file_and_never_over_another(self, recap: Recap, tmp_path: Path) -> None:
        """The second time it says so, and leaves the first one alone."""
        target = tmp_path / "content" / "41.md"
        assert recap("import", str(NOTES / "french-news.txt"), "-o", str(target)).exit_code == 0
        before = target.read_bytes()
        result = recap("import", str(NOTES / "english.txt"), "-o", str(target))
        assert isinstance(result.exception, ExpectedError)
        assert "exists already" in str(result.exception)
        assert target.read_bytes() == before

    def test_it_reads_what_is_piped_in(self, recap: Recap) -> None:
        """As `-`."""
        result = recap("import", "-", typed=(NOTES / "english.txt").read_bytes())
        assert "## Reddit buys a search engine" in result.stdout

    def test_it_takes_an_episode_from_a_feed(self, recap: Recap) -> None:
        """By number; the newest without one."""
        assert "number: 14" in recap("import", "--rss", str(NOTES / "feed.xml")).stdout
        assert "number: 13" in recap("import", "--rss", str(NOTES / "feed.xml"), "--episode", "13").stdout

    def test_notes_without_a_number_get_the_next_one(self, recap: Recap) -> None:
        """With a remark that says so."""
        result = recap(
            "import", "-", typed=b"Netflix change\nNetflix change de logo en mars, d\xe2\x80\x99apres Paris.\n"
        )
        assert "number: 1208" in result.stdout
        assert "le numéro, que les notes ne donnent pas" in result.stdout

    def test_a_number_that_the_archive_has_is_told(self, recap: Recap) -> None:
        """With its file; the draft is made all the same."""
        notes = "Épisode 1206 : Netflix\n\nNetflix change de logo en mars, d’après Paris.\n".encode()
        result = recap("import", "-", typed=notes)
        assert (result.exit_code, "number: 1206" in result.stdout) == (0, True)
        assert "warning: content/1206.md: the archive has an episode 1206 already. Give one" in result.stderr
        assert "already" not in recap("import", "-", typed=notes.replace(b"1206", b"1208")).stderr

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            ((), "give either"),
            (("a.txt", "--rss", "b.xml"), "give either"),
            (("a.txt", "--episode", "3"), "give --rss"),
            (("a.txt", "--date", "demain"), "demain"),
        ],
    )
    def test_bad_usage_is_refused(self, recap: Recap, arguments: tuple[str, ...], reason: str) -> None:
        """With exit code 2 and what would be right."""
        result = recap("import", *arguments)
        assert result.exit_code == 2
        assert reason in result.output

    @pytest.mark.parametrize("arguments", [("nothing.txt",), ("--rss", "nothing.xml"), (".",)])
    def test_a_file_that_cannot_be_read_is_told(self, recap: Recap, arguments: tuple[str, ...]) -> None:
        """With the system's reason."""
        result = recap("import", *arguments)
        assert isinstance(result.exception, InvalidInputError)
        assert "cannot be read" in str(result.exception)

    def test_a_feed_inside_the_house_is_not_fetched(self, recap: Recap) -> None:
        """An address of this machine or of the network around it."""
        result = recap("import", "--rss", "http://127.0.0.1:9/feed.xml")
        assert isinstance(result.exception, ExpectedError)
        assert "not on the public internet" in str(result.exception)


class TestCheck:
    """`recap check` as the editor's friend."""

    @pytest.fixture
    def episode(self, recap: Recap, tmp_path: Path) -> Path:
        """One episode with something to say about it."""
        del recap
        path = tmp_path / "content" / "1208.md"
        head = "---\nnumber: 1208\ntitle: Un titre\ndate: 2024-11-11\n---\n\n## Un sujet\n\n"
        path.write_text(
            f"{head}L'été est là.\n\nSources :\n- https://a.fr/mort\n- https://a.fr/vieux\n", encoding="utf-8"
        )
        return path

    def test_warnings_are_told_and_are_no_failure(self, recap: Recap, episode: Path) -> None:
        """With file and line; `--strict` makes them one."""
        result = recap("check")
        assert result.exit_code == 0
        assert (
            f"warning: content/{episode.name}:9: here is a straight apostrophe. Write ’ in its place." in result.stderr
        )
        assert recap("check", "--strict").exit_code == 1

    def test_of_many_warnings_those_on_the_newest_episodes_are_told(
        self, recap: Recap, episode: Path, tmp_path: Path
    ) -> None:
        """And how many more there are, for programs to read."""
        head = "---\nnumber: 1\ntitle: Un titre\ndate: 2020-01-06\n---\n\n"
        old = head + "".join(f"## Sujet {number}\n\nTexte.\n\n" for number in range(50))
        (tmp_path / "content" / "1.md").write_text(old, encoding="utf-8")
        lines = recap("check").stderr.splitlines()
        assert episode.name in lines[0]
        assert (
            lines[-1] == f"And {len(json.loads(recap('check', '--json').stdout)['warnings']) - 40} more warnings, "
            "on older episodes; --json gives them all."
        )

    def test_dead_links_fail_and_moved_ones_are_warnings(
        self, recap: Recap, episode: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With the line where each stands, and where it has moved to; everything in JSON too."""

        async def ask(self: Web, address: str) -> LinkAnswer:
            del self
            moved = "https://a.fr/neuf" if address.endswith("vieux") else ""
            return LinkAnswer(404 if address.endswith("mort") else 200, moved)

        monkeypatch.setattr(Web, "ask", ask)
        result = recap("check", "--links")
        assert result.exit_code == 1
        assert f"{episode.name}:12: the link https://a.fr/mort is dead (the server answers 404)" in result.stderr
        assert f"{episode.name}:13: the link https://a.fr/vieux has moved. Write https://a.fr/neuf." in result.stderr
        facts = json.loads(recap("check", "--links", "--json").stdout)
        assert [(each["file"], each["line"]) for each in facts["dead_links"]] == [(f"content/{episode.name}", 12)]
        assert {"file", "line", "key", "message", "cure"} == set(facts["warnings"][0])
        assert set(facts) == {
            "episodes",
            "problems",
            "warnings",
            "dead_links",
            "unchecked_links",
            "answers",
            "refusals",
            "next_runs",
            "next_episodes",
            "next_seconds",
        }
        episode.write_text(episode.read_text("utf-8").replace("- https://a.fr/mort\n", ""), encoding="utf-8")
        monkeypatch.setattr(check, "review", lambda *_archive: [])
        codes = [recap("check", *options).exit_code for options in (["--strict"], ["--links"], ["--links", "--strict"])]
        assert codes == [0, 0, 1]

    @pytest.mark.parametrize("way", ["link", "file"])
    def test_a_recording_that_is_too_large_is_told_beforehand(
        self, recap: Recap, episode: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
    ) -> None:
        """At its line: a file always, and an address when links are looked up for chats that want the audio."""

        async def ask(self: Web, address: str) -> LinkAnswer:
            del self, address
            return LinkAnswer(200, size=(50 << 20) + 1)

        monkeypatch.setattr(Web, "ask", ask)
        schedule = f'[[schedules]]\nname = "monday"\ncron = "0 8 * * mon"\naudio = "{way}"\n'
        (tmp_path / "config.toml").write_text(schedule, encoding="utf-8")
        text = episode.read_text("utf-8")
        episode.write_text(text.replace("number:", "audio: https://a.fr/1208.mp3\nnumber:"), encoding="utf-8")
        large = f"{episode.name}:2: the audio is 51 MB large, and Telegram takes 50 MB at most. Until then, chats that"
        result = recap("check", "--links", "--config", "config.toml")
        assert (large in result.stderr) == (way == "file")
        with (episode.parent / "1208.mp3").open("wb") as recording:
            recording.truncate((50 << 20) + 1)
        episode.write_text(text.replace("number:", "audio_file: 1208.mp3\nnumber:"), encoding="utf-8")
        assert large in recap("check").stderr

    def test_a_link_that_refuses_programs_is_left_to_people(
        self, recap: Recap, episode: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As LinkedIn does: it is no dead link, and fails no check."""

        async def ask(self: Web, address: str) -> LinkAnswer:
            del self, address
            return LinkAnswer(999, is_unsure=True)

        monkeypatch.setattr(Web, "ask", ask)
        result = recap("check", "--links")
        assert result.exit_code == 0
        told = "the link https://a.fr/mort could not be checked (the site answers 999 to a program)"
        assert f"{episode.name}:12: {told}. Open it in a browser to see whether it is there." in result.stderr
        facts = json.loads(recap("check", "--links", "--json").stdout)
        assert {each["file"] for each in facts["unchecked_links"]} >= {f"content/{episode.name}"}
        assert facts["dead_links"] == []

    @pytest.mark.parametrize("name", ["1401.md.txt", "1401.MD.TXT", "1401.markdown", "1401.markdown.txt"])
    def test_a_file_with_a_wrong_ending_is_told(self, recap: Recap, tmp_path: Path, name: str) -> None:
        """What editors make of `.md` is no episode: the file, and the name that it must have."""
        (tmp_path / "content" / name).write_text("---\nnumber: 1401\n---\n", encoding="utf-8")
        result = recap("check")
        assert result.exit_code == 0
        expected = (
            f"warning: content/{name}: the file is passed over: the name of an episode ends in .md. "
            "Rename it to 1401.md."
        )
        assert result.stderr.splitlines()[0] == expected
        (tmp_path / "content" / "1401.md").write_text("---\nnumber: 1401\n---\n", encoding="utf-8")
        assert "There is a 1401.md too: keep one of the two, under that name." in recap("check").stderr

    @pytest.mark.parametrize("name", ["notes.txt", "README.markdown", "_1401.md.txt", "1401.md.bak", "cover.png"])
    def test_other_files_are_none_of_its_business(self, recap: Recap, tmp_path: Path, name: str) -> None:
        """Notes, pictures and copies may lie in the folder."""
        (tmp_path / "content" / name).write_text("Des notes.", encoding="utf-8")
        assert name not in recap("check").output

    def test_a_choice_of_a_declared_channel_that_does_nothing_is_told(self, recap: Recap, tmp_path: Path) -> None:
        """At its line of the config: a topic that no episode has, with the nearest, and a mention without a sound."""
        (tmp_path / "config.toml").write_text(
            '[telegram]\ntoken = "123456789:AAEloopbackloopbackloopbackloopback"\n\n'
            '[topics]\nnetflix = ["la chaîne rouge"]\n\n'
            '[[channels]]\nplatform = "telegram"\nchat = "@first"\ntopics = ["Netflix"]\n\n'
            '[[channels]]\nplatform = "telegram"\nchat = "@second"\n'
            'topics = ["la chaine rouge", "netflicks", "zzzz"]\n\n'
            '[discord]\ntoken = "loopbackloopback.loopback.loopback"\n\n'
            '[[channels]]\nplatform = "discord"\nchat = 5\nmention = "role:7"\n\n'
            '[[channels]]\nplatform = "discord"\nchat = 6\nmention = "role:7"\nsilent = true\n\n',
            encoding="utf-8",
        )
        result = recap("check")
        assert result.exit_code == 0
        first, second, third = (
            line for line in result.stderr.splitlines() if "config.toml:" in line and "channels" in line
        )
        what = "no episode has the topic '{}', so it brings this channel nothing."
        assert first.startswith(f"warning: config.toml:15: channels[2].topics[2]: {what.format('netflicks')}")
        assert 'Write "netflix"' in first
        assert second.startswith(f"warning: config.toml:15: channels[2].topics[3]: {what.format('zzzz')} Leave it if")
        assert third.startswith("warning: config.toml:28: channels[4].mention: this mention rings for nobody,")

    @pytest.mark.parametrize(
        ("now", "told", "number", "reason"),
        [
            (
                "2024-11-03T12:00+01:00",
                "episode 1207, Netflix Moments, Telegram au milliard, TikTok et l’Europe",
                1207,
                None,
            ),
            (
                "2024-11-05T12:00+01:00",
                "no episode for it yet: {}",
                None,
                (
                    "the newest is episode 1207 of Monday, November 4, 2024, and max_age lets none out from before "
                    "Tuesday, November 5, 2024"
                ),
            ),
            (
                "2024-10-14T12:00+02:00",
                "episode 1205, ",
                1205,
                None,
            ),
            (
                "2024-10-10T12:00+02:00",
                "no episode for it yet: {}",
                None,
                "there is none that people may see",
            ),
        ],
    )
    def test_it_says_what_the_next_push_will_carry(
        self, recap: Recap, now: str, told: str, number: int | None, reason: str | None
    ) -> None:
        """The episode by number and title, or why there is none, as it would be if it were that time now."""
        with time_machine.travel(dt.datetime.fromisoformat(now), tick=False):
            lines = recap("check").stdout.splitlines()
            facts = json.loads(recap("check", "--json").stdout)["next_episodes"]["monday"]
        (at,) = (index for index, line in enumerate(lines) if line.startswith("Next push on schedule monday: Monday"))
        assert lines[at + 1].startswith(f"    {told.format(reason)}")
        assert (facts["number"], facts["reason"], facts["due_before"]) == (number, reason, None)
        assert (facts["title"] is None) is (number is None)

    def test_it_says_of_every_other_episode_when_it_goes_or_why_not(self, recap: Recap, tmp_path: Path) -> None:
        """One beside a newer one, a draft, one of a later push, one that no push is near; none that was due before."""
        heads = {
            1208: "date: 2024-11-10",
            1209: "date: 2024-11-11",
            1210: "date: 2024-11-11\nstatus: draft",
            1211: "date: 2024-11-12",
            1212: "date: 2024-12-10",
        }
        for number, head in heads.items():
            text = f"---\nnumber: {number}\ntitle: Un\n{head}\n---\n\n## Un\n\nTexte.\n"
            (tmp_path / "content" / f"{number}.md").write_text(text, encoding="utf-8")
        config = '[[schedules]]\nname = "monday"\ncron = "0 8 * * mon"\nmax_age = "3d"\n'
        with time_machine.travel(dt.datetime(2024, 11, 8, 12, tzinfo=dt.UTC), tick=False):
            lines = recap("check").stdout.splitlines()
            (tmp_path / "config.toml").write_text(config, encoding="utf-8")
            short = recap("check").stdout.splitlines()
            facts = json.loads(recap("check", "--json").stdout)["next_episodes"]["monday"]["others"]
        told = [
            "episode 1208 does not go, because episode 1209 is newer: `recap send 1208` pushes it",
            "episode 1210 is a draft",
            "episode 1211 goes on Monday, November 18, 2024 at 8:00\u202fAM (CET)",
            "episode 1212 goes on Monday, December 16, 2024 at 8:00\u202fAM (CET)",
        ]
        assert lines[-5:] == ["    episode 1209, Un", *(f"    {each}" for each in told)]
        told[2:] = [
            f"episode {number} is dated Tuesday, {day}, 2024, and no push comes within max_age of it"
            for number, day in ((1211, "November 12"), (1212, "December 10"))
        ]
        assert [line.strip() for line in short[-4:]] == told
        assert facts == [
            {"number": number, "meaning": each} for number, each in zip((1208, 1210, 1211, 1212), told, strict=True)
        ]

    def test_an_episode_that_was_due_before_may_have_gone_out(self, recap: Recap, tmp_path: Path) -> None:
        """On a schedule that looks every day; the day before is said, and the ledger is not asked."""
        config = '[[schedules]]\nname = "daily"\ncron = "0 8 * * *"\n'
        (tmp_path / "config.toml").write_text(config, encoding="utf-8")
        with time_machine.travel(dt.datetime(2024, 11, 5, 12, tzinfo=dt.UTC), tick=False):
            lines = recap("check").stdout.splitlines()
            facts = json.loads(recap("check", "--json").stdout)["next_episodes"]
        assert any(
            line.endswith(", unless it has gone out since Tuesday, November 5, 2024 at 8:00\u202fAM (CET)")
            for line in lines
        )
        assert (facts["daily"]["number"], facts["daily"]["due_before"]) == (1207, "2024-11-05T08:00:00+01:00")

    def test_it_says_how_long_the_next_push_takes(self, recap: Recap, tmp_path: Path) -> None:
        """To those who are subscribed now, at the platforms' pace; without a database there is nobody to count."""
        config = '[telegram]\ntoken = "123456789:AAEloopbackloopbackloopbackloopback"\nrate = 1\n'
        (tmp_path / "config.toml").write_text(config, encoding="utf-8")
        with time_machine.travel(dt.datetime(2024, 11, 2, 12, tzinfo=dt.UTC), tick=False):
            assert json.loads(recap("check", "--json").stdout)["next_seconds"] == {}
            for chat in range(1, 31):
                recap("subscriptions", "add", f"telegram:{chat}")
            lines = recap("check").stdout.splitlines()
            assert json.loads(recap("check", "--json").stdout)["next_seconds"] == {"monday": 60}
        told = "At the platforms' pace it takes 1\u00a0min, until Monday, November 4, 2024 at 8:01\u202fAM (CET)."
        assert lines[-1].strip() == told

    def test_a_push_that_passes_its_day_is_told_beforehand(self) -> None:
        """With what becomes of the rest, and the cure: two messages to two million at 30 a second."""
        begin = dt.datetime(2024, 11, 4, 8, tzinfo=dt.UTC)
        told = length_of_push(dt.timedelta(seconds=4_000_000 / 30), begin)
        assert told.startswith(
            "At the platforms' pace it takes 37\u00a0h 2\u00a0min, until Tuesday, November 5, 2024 at 9:02\u202fPM"
        )
        assert "What has not left after 24\u00a0h is given up: a higher `rate`" in told


class TestNew:
    """`recap new`."""

    def test_it_begins_the_next_mondays_file(self, recap: Recap, tmp_path: Path) -> None:
        """With the next number and the next Monday without an episode, and never over a file."""
        with time_machine.travel(dt.datetime(2024, 11, 4, 12, tzinfo=dt.UTC), tick=False):
            assert recap("new").exit_code == 0
            text = (tmp_path / "content" / "1208.md").read_text(encoding="utf-8")
            assert "number: 1208\ntitle:\ndate: 2024-11-11\n" in text
            result = recap("new", "-o", "content/1208.md")
        assert isinstance(result.exception, ExpectedError)
        assert "exists already" in str(result.exception)
        assert (tmp_path / "content" / "1208.md").read_text(encoding="utf-8") == text

    @pytest.mark.parametrize(
        ("cron", "now", "date"),
        [
            ("0 8 * * mon", dt.datetime(2024, 11, 11, 5, tzinfo=dt.UTC), "2024-11-11"),
            ("0 8 * * mon", dt.datetime(2024, 11, 11, 12, tzinfo=dt.UTC), "2024-11-18"),
            ("30 17 * * fri", dt.datetime(2024, 11, 11, 12, tzinfo=dt.UTC), "2024-11-15"),
        ],
    )
    def test_the_date_is_that_of_the_next_push(
        self, recap: Recap, tmp_path: Path, cron: str, now: dt.datetime, date: str
    ) -> None:
        """Today before the hour of the push; a Friday for a show of Fridays."""
        config = f'[[schedules]]\nname = "weekly"\ncron = "{cron}"\n'
        (tmp_path / "config.toml").write_text(config, encoding="utf-8")
        with time_machine.travel(now, tick=False):
            recap("new", "-o", "a.md")
        assert f"date: {date}\n" in (tmp_path / "a.md").read_text(encoding="utf-8")

    def test_it_makes_the_content_folder_of_a_new_team(self, recap: Recap, tmp_path: Path) -> None:
        """And says what comes next."""
        shutil.rmtree(tmp_path / "content")
        result = recap("new")
        assert "Written: content/1.md. Fill it in (`recap check` says what is missing)" in result.stderr
        assert (tmp_path / "content" / "1.md").is_file()

    def test_a_monday_that_has_its_episode_is_passed_over(self, recap: Recap, tmp_path: Path) -> None:
        """On the Sunday before the newest episode of the team."""
        with time_machine.travel(dt.datetime(2024, 11, 3, 12, tzinfo=dt.UTC), tick=False):
            recap("new", "-o", "a.md")
        assert "date: 2024-11-11\n" in (tmp_path / "a.md").read_text(encoding="utf-8")

    def test_check_says_exactly_what_is_to_be_filled_in(self, recap: Recap) -> None:
        """Title, title of the subject, its summary and its source; and nothing when that is done."""
        recap("new", "--date", "2024-11-11")
        result = recap("check")
        assert result.exit_code == 2
        told = [line.split(": ")[1].partition(".")[0] for line in result.stderr.splitlines() if "1208.md" in line]
        assert told == [
            "'title' is empty",
            "the segment has no title",
            "the segment has no summary",
            "the source is empty",
        ]
        path = Path("content/1208.md")
        text = (
            path.read_text(encoding="utf-8")
            .replace("title:", "title: Un titre")
            .replace("##\n", "## Un sujet\n\n#netflix\n")
        )
        path.write_text(text.replace("\nSources :\n- ", "\nTexte.\n\nSources :\n- https://a.fr"), encoding="utf-8")
        result = recap("check")
        assert (result.exit_code, "1208.md" in result.stderr) == (0, False)


class TestSchema:
    """`recap schema`."""

    def test_the_file_for_editors_is_what_the_command_prints(self, recap: Recap) -> None:
        """Renew it with `recap schema > content/episode.schema.json`."""
        result = recap("schema")
        assert result.exit_code == 0
        assert result.stdout == (CONTENT / "episode.schema.json").read_text(encoding="utf-8")

    def test_it_asks_for_what_the_reader_asks_for(self) -> None:
        """The same keys, the same ones required; every description says something."""
        schema = json_schema()
        assert set(schema["properties"]) == set(_READERS)
        assert schema["required"] == list(_REQUIRED)
        assert schema["additionalProperties"] is False
        assert schema["properties"]["number"]["exclusiveMinimum"] == 0
        assert schema["properties"]["status"]["enum"] == ["ready", "draft"]
        assert all(each["description"].endswith(".") for each in schema["properties"].values())


CHANNEL = '[[channels]]\nplatform = "telegram"\nchat = "@example"\n'
WITHOUT_TOKEN = {
    "an empty token": '[telegram]\ntoken = ""\n' + CHANNEL,
    "no token": "[telegram]\nadmins = [5]\n" + CHANNEL,
    "no section": CHANNEL,
    "no file of the token": '[telegram]\ntoken_file = "secret"\n' + CHANNEL,
}


class TestWithoutSecrets:
    """All that sends nothing works with the team's config and without its tokens, which stay where the bot runs."""

    @pytest.mark.parametrize("config", WITHOUT_TOKEN)
    def test_what_sends_nothing_needs_no_token(self, recap: Recap, tmp_path: Path, config: str) -> None:
        """Reading, checking, writing, and looking at a push: each ends well, and none asks for a token."""
        (tmp_path / "config.toml").write_text(WITHOUT_TOKEN[config], encoding="utf-8")
        for command in (
            "list",
            "preview 1207",
            "new",
            "schema",
            "status",
            "send --dry-run 1207",
            "subscriptions list",
            "subscriptions export",
            f"import {NOTES / 'french-news.txt'}",
        ):
            ended = recap(*command.split())
            assert (command, ended.exit_code) == (command, 0), ended.output
            assert "token" not in ended.stderr

    @pytest.mark.parametrize("config", WITHOUT_TOKEN)
    def test_check_warns_that_it_is_missing(self, recap: Recap, tmp_path: Path, config: str) -> None:
        """With exit code 0, and with 1 for who takes warnings as mistakes; the place and the cure stand there."""
        (tmp_path / "config.toml").write_text(WITHOUT_TOKEN[config], encoding="utf-8")
        checked = recap("check")
        assert checked.exit_code == 0
        assert re.search(r"warning: config\.toml:\d: (?:telegram\.token|channels\[1\]\.platform)", checked.stderr)
        assert recap("check", "--strict").exit_code == 1

    @pytest.mark.parametrize("config", WITHOUT_TOKEN)
    @pytest.mark.parametrize("command", ["run", "send 1207", "check --online"])
    def test_what_needs_it_says_so(self, recap: Recap, tmp_path: Path, config: str, command: str) -> None:
        """With exit code 2, before anything is done."""
        (tmp_path / "config.toml").write_text(WITHOUT_TOKEN[config], encoding="utf-8")
        refused = recap(*command.split()).exception
        assert isinstance(refused, InvalidInputError)
        assert "token" in str(refused)
        assert not (tmp_path / "recap.db").exists()

    def test_a_token_of_the_wrong_form_is_a_mistake(self, recap: Recap, tmp_path: Path) -> None:
        """It was meant as one, and would be refused on Monday."""
        (tmp_path / "config.toml").write_text('[telegram]\ntoken = "12:ab"\n', encoding="utf-8")
        assert isinstance(recap("check").exception, InvalidInputError)

    def test_a_first_episode_is_rehearsed_before_its_day(
        self, recap: Recap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The README asks for it in the evening before: to send it then takes its number."""
        (tmp_path / "config.toml").write_text(WITHOUT_TOKEN["an empty token"], encoding="utf-8")
        with time_machine.travel("2024-10-20T20:00:00Z", tick=False):
            assert "episode 1207 would go to 1 subscription" in recap("send", "--dry-run").stdout
            monkeypatch.setenv("RECAP_TELEGRAM__TOKEN", "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0")
            assert "no episode that people may see yet" in recap("send").stderr.replace("\n", " ")

    def test_a_rehearsal_without_the_token_leaves_a_bots_channels_as_they_are(
        self, recap: Recap, tmp_path: Path
    ) -> None:
        """The bot has looked up a name and knows the chat by its number; the rehearsal cannot look it up."""
        (tmp_path / "config.toml").write_text(WITHOUT_TOKEN["an empty token"], encoding="utf-8")
        row = {"target": "telegram:-1001234567890", "schedule": "monday", "origin": "config"}
        (tmp_path / "known.json").write_text(json.dumps([row]), encoding="utf-8")
        assert recap("subscriptions", "import", "known.json").exit_code == 0
        assert "would go to 1 subscription" in recap("send", "--dry-run", "1207").stdout
        rows = json.loads(recap("subscriptions", "list", "--json").stdout)
        assert [(row["target"], row["state"]) for row in rows] == [("telegram:-1001234567890", "active")]

    @pytest.mark.parametrize(
        "token",
        [
            "",
            'token = ""',
            'token = "12:ab"',
            'token = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0"',
            'token_file = "nowhere"',
        ],
    )
    def test_the_demo_never_needs_it(self, recap: Recap, tmp_path: Path, token: str) -> None:
        """A wrong one is no reason either: the demo has tokens of its own. Here it misses nothing but its content."""
        shutil.rmtree(tmp_path / "content")
        (tmp_path / "config.toml").write_text(f"[telegram]\n{token}\n[discord]\n{token}\n", encoding="utf-8")
        refused = recap("demo", "--no-browser", "--port", "0").exception
        assert isinstance(refused, InvalidInputError)
        assert [problem.path.name for problem in refused.problems] == ["content"]
