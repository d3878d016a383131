"""The commands of those who write: from notes to a file, and never over another one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot import cli as command_line
from bot.archive import Archive
from bot.problems import ExpectedError, InvalidInputError
from bot.web import Answer, Web
from tests.town import CONTENT

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

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            ((), "give either"),
            (("a.txt", "--rss", "b.xml"), "give either"),
            (("a.txt", "--episode", "3"), "--rss FEED"),
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

    def test_dead_links_fail_and_moved_ones_are_warnings(
        self, recap: Recap, episode: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With the line where each stands, and where it has moved to; everything in JSON too."""

        async def ask(self: Web, address: str) -> Answer:
            del self
            moved = "https://a.fr/neuf" if address.endswith("vieux") else ""
            return Answer(404 if address.endswith("mort") else 200, moved)

        monkeypatch.setattr(Web, "ask", ask)
        result = recap("check", "--links")
        assert result.exit_code == 1
        assert f"{episode.name}:12: the link https://a.fr/mort is dead (the server answers 404)" in result.stderr
        assert f"{episode.name}:13: the link https://a.fr/vieux has moved. Write https://a.fr/neuf." in result.stderr
        facts = json.loads(recap("check", "--links", "--json").stdout)
        assert [(each["file"], each["line"]) for each in facts["dead_links"]] == [(f"content/{episode.name}", 12)]
        assert {"file", "line", "key", "message", "cure"} == set(facts["warnings"][0])
        assert set(facts) == {"episodes", "problems", "warnings", "dead_links", "refusals", "next_runs"}
