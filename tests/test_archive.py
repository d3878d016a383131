"""The content folder as the bot sees it: loading, reloading, and finding."""

from __future__ import annotations

import datetime as dt
import gc
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.content import search
from bot.content.archive import Archive
from bot.content.search import SegmentWords, _spaced
from bot.content.search import _weights as weigh
from bot.model.i18n import Language, speaking
from bot.model.text import fold_words
from tests.world import CONTENT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.model.episode import Episode, Segment

MONDAY = dt.date(2024, 11, 4)
BODY = "## Un sujet\n\n#tiktok\n\nTexte.\n"
ALIASES = {"TikTok": ["tik tok", "ByteDance", "♪"], "réseaux sociaux": ["rs"]}


def write(
    folder: Path, number: int, body: str = BODY, *, date: dt.date = MONDAY, status: str = "ready", name: str = ""
) -> Path:
    """Write an episode file, and make sure that it looks changed."""
    path = folder / (name or f"{number}.md")
    path.parent.mkdir(parents=True, exist_ok=True)
    changed = path.stat().st_mtime_ns + 1_000_000 if path.exists() else None
    front = f"---\nnumber: {number}\ntitle: Épisode {number}\ndate: {date}\nstatus: {status}\n---\n\n"
    path.write_text(front + body, encoding="utf-8")
    if changed is not None:
        os.utime(path, ns=(changed, changed))
    return path


def numbers(episodes: Iterable[Episode]) -> list[int]:
    """The numbers of the episodes, in order."""
    return [episode.number for episode in episodes]


def titles(hits: Iterable[tuple[Episode, Segment]]) -> list[str]:
    """Where the hits are: number and title."""
    return [f"{episode.number} {segment.title}" for episode, segment in hits]


def told(archive: Archive) -> list[str]:
    """The problems with the names of their files only."""
    return [f"{problem.path.name}:{problem.line}: {problem.message}" for problem in archive.problems]


class TestLoading:
    """Which files count, and what happens to those that cannot."""

    def test_the_newest_episode_comes_first(self, tmp_path: Path) -> None:
        """By date, and by number on one day."""
        write(tmp_path, 3, date=MONDAY)
        write(tmp_path, 2, date=MONDAY)
        write(tmp_path, 9, date=MONDAY - dt.timedelta(7))
        assert numbers(Archive.load(tmp_path).episodes) == [3, 2, 9]

    def test_a_broken_file_tells_whether_an_earlier_version_is_in_use(self, tmp_path: Path) -> None:
        """The admins read whether the episode goes on counting."""
        write(tmp_path, 1)
        old = Archive.load(tmp_path)
        write(tmp_path, 1, body="")
        write(tmp_path, 2, body="")
        facts = [fact for fact, _time in Archive.load(tmp_path, previous=old).broken()]
        assert [(fact.problems[0].path.name, fact.in_use) for fact in facts] == [("1.md", True), ("2.md", False)]

    def test_every_markdown_file_below_the_folder_counts(self, tmp_path: Path) -> None:
        """In folders too, whatever the case of the suffix; an episode knows its file within the folder."""
        write(tmp_path, 1)
        deep = write(tmp_path, 2, name="2024/11/deux.MD")
        archive = Archive.load(tmp_path)
        assert numbers(archive.episodes) == [2, 1]
        assert archive.episodes[0].path == deep.relative_to(tmp_path)

    @pytest.mark.parametrize(
        "name",
        ["README.md", "deep/ReadMe.md", "_draft.md", ".hidden.md", "_old/1.md", ".git/1.md", "1.txt", "1.md.bak"],
    )
    def test_other_files_do_not_count(self, tmp_path: Path, name: str) -> None:
        """READMEs, what begins with '_' or '.', folders included, and what is no Markdown file."""
        write(tmp_path, 1, name=name)
        archive = Archive.load(tmp_path)
        assert archive.episodes == ()
        assert archive.problems == ()

    def test_a_bad_file_does_not_stop_the_others(self, tmp_path: Path) -> None:
        """It is left out and told, with its path from where the bot stands."""
        write(tmp_path, 1)
        bad = write(tmp_path, 2, "Pas de segment.\n")
        archive = Archive.load(tmp_path)
        assert numbers(archive.episodes) == [1]
        assert [(problem.path, problem.message) for problem in archive.problems] == [
            (bad, "the episode has no segment")
        ]

    def test_a_byte_order_mark_is_no_problem(self, tmp_path: Path) -> None:
        """Notepad's UTF-8 is UTF-8."""
        path = write(tmp_path, 1)
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
        archive = Archive.load(tmp_path)
        assert archive.problems == ()
        assert numbers(archive.episodes) == [1]

    def test_a_file_in_another_encoding_is_told_at_its_line(self, tmp_path: Path) -> None:
        """Latin-1 cannot be guessed, but the first letter that gives it away can be shown."""
        path = write(tmp_path, 1, "## Un\n\nÉté.\n")
        path.write_bytes(path.read_text(encoding="utf-8").encode("latin-1"))
        [problem] = Archive.load(tmp_path).problems
        assert (problem.path, problem.line, problem.message) == (path, 3, "this is not UTF-8 text")
        assert problem.cure == "Save the file again as UTF-8"

    def test_an_unreadable_file_is_told(self, tmp_path: Path) -> None:
        """A link that leads to itself stands for every file that the system does not open."""
        write(tmp_path, 1)
        (tmp_path / "2.md").symlink_to("2.md")
        archive = Archive.load(tmp_path)
        assert numbers(archive.episodes) == [1]
        [problem] = archive.problems
        assert problem.path == tmp_path / "2.md"
        assert problem.message.startswith("the file cannot be read (")

    def test_a_missing_folder_is_told(self, tmp_path: Path) -> None:
        """With the key of the config that names it."""
        [problem] = Archive.load(tmp_path / "content").problems
        assert (problem.path, problem.message) == (tmp_path / "content", "there is no such folder")
        assert "content.folder" in problem.cure

    def test_a_folder_that_is_a_file_is_told(self, tmp_path: Path) -> None:
        """With the key of the config that names it."""
        [problem] = Archive.load(write(tmp_path, 1)).problems
        assert (problem.path, problem.message) == (tmp_path / "1.md", "this is not a folder")
        assert "content.folder" in problem.cure

    def test_a_number_that_is_taken_is_told_on_both_files(self, tmp_path: Path) -> None:
        """The first file by path counts; each of the two names the other, at the line of its number."""
        first, second = write(tmp_path, 7, name="a.md"), write(tmp_path, 7, name="b.md")
        second.write_text("\n" + second.read_text(encoding="utf-8"), encoding="utf-8")
        archive = Archive.load(tmp_path)
        assert [episode.path.name for episode in archive.episodes] == ["a.md"]
        assert [(problem.path, problem.line, problem.message) for problem in archive.problems] == [
            (first, 2, f"the number 7 is also that of {second}"),
            (second, 3, f"the number 7 is also that of {first}"),
        ]
        assert "this file is left out" in archive.problems[1].cure

    def test_a_draft_never_takes_the_place_of_an_episode(self, tmp_path: Path) -> None:
        """Though its file comes first: a new import must not take away what people read."""
        write(tmp_path, 7, name="7-draft.md", status="draft")
        write(tmp_path, 7)
        archive = Archive.load(tmp_path)
        assert [episode.path.name for episode in archive.published()] == ["7.md"]
        assert len(archive.problems) == 2

    @pytest.mark.parametrize("enabled", [True, False])
    def test_loading_leaves_the_garbage_collector_as_it_was(self, tmp_path: Path, *, enabled: bool) -> None:
        """It only rests while files are read."""
        before = gc.isenabled()
        try:
            (gc.enable if enabled else gc.disable)()
            Archive.load(tmp_path)
            assert gc.isenabled() is enabled
        finally:
            (gc.enable if before else gc.disable)()


class TestReloading:
    """What a new snapshot takes over from the one before."""

    def test_only_changed_files_are_read_again(self, tmp_path: Path) -> None:
        """An unchanged file gives the very same episode, a changed one its new text; both snapshots stand."""
        write(tmp_path, 1)
        write(tmp_path, 2)
        old = Archive.load(tmp_path)
        write(tmp_path, 2, "## Autre sujet\n\nTexte.\n")
        new = Archive.load(tmp_path, previous=old)
        assert new.get(1) is old.get(1)
        assert [episode.segments[0].title for episode in (*new.episodes, *old.episodes)] == [
            "Autre sujet",
            "Un sujet",
            "Un sujet",
            "Un sujet",
        ]

    def test_problems_are_said_in_another_language(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The mistakes in files, taken numbers and copies; only the files with mistakes are read again."""
        for number in (1, 2, 3):
            write(tmp_path, number)
        write(tmp_path, 4, "Texte.\n")
        write(tmp_path, 3, name="3 (copie).md")
        write(tmp_path, 2, name="deux.md")
        archive = Archive.load(tmp_path)
        with speaking(lambda: Language.FRENCH):
            in_french = told(Archive.load(tmp_path))
            read: list[Path] = []
            reading = Path.read_bytes

            def noted(path: Path) -> bytes:
                read.append(path)
                return reading(path)

            monkeypatch.setattr(Path, "read_bytes", noted)
            assert [each.message for each in archive.problems_again()] == [each.split(": ", 1)[1] for each in in_french]
        assert len(in_french) == 4
        assert [path.name for path in read] == ["4.md"]
        assert told(archive) != in_french

    def test_new_files_come_and_deleted_ones_go(self, tmp_path: Path) -> None:
        """The snapshot is what the folder holds."""
        gone = write(tmp_path, 1)
        old = Archive.load(tmp_path)
        gone.unlink()
        write(tmp_path, 2)
        assert numbers(Archive.load(tmp_path, previous=old).episodes) == [2]

    def test_the_last_good_version_of_a_bad_file_stays(self, tmp_path: Path) -> None:
        """However often the folder is reloaded, until the file is good again."""
        write(tmp_path, 1)
        archive = Archive.load(tmp_path)
        write(tmp_path, 1, "Pas de segment.\n")
        for _ in range(2):
            archive = Archive.load(tmp_path, previous=archive)
            assert numbers(archive.episodes) == [1]
            assert told(archive) == ["1.md:6: the episode has no segment"]
        write(tmp_path, 1, "## Mieux\n\nTexte.\n")
        archive = Archive.load(tmp_path, previous=archive)
        assert told(archive) == []
        assert archive.episodes[0].segments[0].title == "Mieux"

    def test_a_bad_file_that_was_never_good_is_left_out_until_it_is(self, tmp_path: Path) -> None:
        """And told at each reload in the meantime."""
        write(tmp_path, 1, "Pas de segment.\n")
        archive = Archive.load(tmp_path, previous=Archive.load(tmp_path))
        assert archive.episodes == ()
        assert told(archive) == ["1.md:6: the episode has no segment"]
        write(tmp_path, 1)
        assert numbers(Archive.load(tmp_path, previous=archive).episodes) == [1]

    def test_a_folder_out_of_reach_keeps_its_episodes(self, tmp_path: Path) -> None:
        """A disk that is not there for a moment is a problem, not the end of the archive."""
        folder = tmp_path / "content"
        write(folder, 1)
        archive = Archive.load(folder)
        folder.rename(tmp_path / "elsewhere")
        archive = Archive.load(folder, previous=archive)
        assert numbers(archive.episodes) == [1]
        assert [problem.message for problem in archive.problems] == ["there is no such folder"]

    def test_a_file_out_of_reach_is_in_order_again_when_it_is_back(self, tmp_path: Path) -> None:
        """Though nobody has changed it: its problem goes, and its last good version stands meanwhile."""
        path = write(tmp_path / "content", 1)
        archive = Archive.load(path.parent)
        path.rename(tmp_path / "elsewhere.md")
        path.symlink_to(path.name)
        archive = Archive.load(path.parent, previous=archive)
        assert numbers(archive.episodes) == [1]
        assert len(archive.problems) == 1
        path.unlink()
        (tmp_path / "elsewhere.md").rename(path)
        archive = Archive.load(path.parent, previous=archive)
        assert numbers(archive.episodes) == [1]
        assert archive.problems == ()

    def test_new_aliases_count_for_unchanged_files(self, tmp_path: Path) -> None:
        """A change of the config alone renames the topics of the whole archive."""
        write(tmp_path, 1, "## A\n\n#bytedance\n\nTexte.\n")
        old = Archive.load(tmp_path)
        assert old.topics() == {"bytedance": 1}
        assert Archive.load(tmp_path, ALIASES, old).topics() == {"tiktok": 1}
        assert old.topics() == {"bytedance": 1}


class TestFinding:
    """By number, date, topic and words."""

    @pytest.fixture
    def archive(self, tmp_path: Path) -> Archive:
        """Three episodes that readers see on that Monday, a draft, and one of next week."""
        write(
            tmp_path,
            1,
            "## Netflix et la vidéo\n\n#netflix #vidéo\n\nDes **scènes** à partager.\n\nSources :\n- [Le Monde](https://a.fr)"
            "\n\n## TikTok\n\n#bytedance #tiktok #vidéo\n\nNetflix n’y est pas.\n\n![Un écran](https://a.fr/b.png)\n",
            date=MONDAY - dt.timedelta(14),
        )
        write(tmp_path, 2, "## Instagram\n\n#instagram\n\nComme Netflix, en Europe.\n", date=MONDAY - dt.timedelta(7))
        write(tmp_path, 3, "## L’Amour ouf\n\n#TikTok #RS\n\nUn cœur en Europe.\n")
        write(tmp_path, 4, "## Secret\n\n#secret #tiktok\n\nNetflix.\n", status="draft")
        write(tmp_path, 5, "## Demain\n\n#tiktok\n\nNetflix.\n", date=MONDAY + dt.timedelta(7))
        return Archive.load(tmp_path, ALIASES)

    def test_readers_see_no_draft_and_nothing_of_the_future(self, archive: Archive) -> None:
        """On a day, what is ready and dated up to it; without a day, everything that is ready."""
        assert numbers(archive.published(MONDAY)) == [3, 2, 1]
        assert numbers(archive.published()) == [5, 3, 2, 1]
        assert numbers(archive.published(MONDAY - dt.timedelta(7))) == [2, 1]
        assert numbers(archive.episodes) == [5, 4, 3, 2, 1]

    def test_the_latest_is_the_newest_that_readers_see(self, archive: Archive) -> None:
        """A draft is never pushed, nor an episode before its day; before the first one there is none."""
        latest = archive.latest(MONDAY)
        assert latest is not None
        assert latest.number == 3
        assert archive.latest(MONDAY - dt.timedelta(15)) is None

    def test_by_number_the_team_finds_drafts_too(self, archive: Archive) -> None:
        """For previews; readers' commands go through `published`."""
        draft = archive.get(4)
        assert draft is not None
        assert draft.segments[0].title == "Secret"
        assert archive.get(6) is None

    def test_topics_are_counted_most_frequent_first(self, archive: Archive) -> None:
        """By segments, equals by name, aliases under their topic and once a segment."""
        assert list(archive.topics(MONDAY).items()) == [
            ("tiktok", 2),
            ("video", 2),
            ("instagram", 1),
            ("netflix", 1),
            ("reseauxsociaux", 1),
        ]

    def test_a_topic_lists_its_segments_newest_first(self, archive: Archive) -> None:
        """Those of drafts and of the future left out."""
        assert titles(archive.topic("tiktok", MONDAY)) == ["3 L’Amour ouf", "1 TikTok"]
        assert archive.topic("tik tok", MONDAY) == []

    @pytest.mark.parametrize(
        ("typed", "topic"),
        [
            ("TikTok", "tiktok"),
            ("#tik tok", "tiktok"),
            ("BYTEDANCE", "tiktok"),
            ("vidéo", "video"),
            ("Réseaux Sociaux", "reseauxsociaux"),
            ("rs", "reseauxsociaux"),
            ("secret", None),
            ("", None),
            ("tiktoc", None),
        ],
    )
    def test_a_topic_is_known_however_it_is_typed(self, archive: Archive, typed: str, topic: str | None) -> None:
        """Accents, case, spaces, hash and aliases do not matter; a draft's topic is nobody's business yet."""
        assert archive.resolve_topic(typed) == topic

    def test_a_topic_of_the_config_is_known_before_it_is_used(self, tmp_path: Path) -> None:
        """People may subscribe to it from the first day."""
        archive = Archive.load(tmp_path, ALIASES)
        assert archive.resolve_topic("tik tok") == "tiktok"
        assert archive.topic("tiktok") == []

    @pytest.mark.parametrize(
        ("typed", "nearest"),
        [
            ("tiktoc", ["tiktok"]),
            ("insta", ["instagram"]),
            ("Netflicks", ["netflix"]),
            ("bytedanse", ["tiktok"]),
            ("ours", []),
            ("zzzz", []),
            ("", []),
        ],
    )
    def test_an_unknown_topic_has_nearest_ones(self, archive: Archive, typed: str, nearest: list[str]) -> None:
        """Misspelt, begun, or near an alias; each topic once, and none rather than a far-fetched one."""
        assert archive.nearest_topics(typed) == nearest

    def test_the_nearest_topics_are_limited(self, archive: Archive) -> None:
        """As many as there are buttons."""
        assert archive.nearest_topics("vidtok") == ["video", "tiktok"]
        assert archive.nearest_topics("vidtok", limit=1) == ["video"]

    @pytest.mark.parametrize(
        ("typed", "found"),
        [
            pytest.param(
                "NETFLIX", ["1 Netflix et la vidéo", "2 Instagram", "1 TikTok"], id="title first, then newest"
            ),
            pytest.param("europe netflix", ["2 Instagram"], id="all words"),
            pytest.param("scenes", ["1 Netflix et la vidéo"], id="without accents, in bold"),
            pytest.param("le monde", ["1 Netflix et la vidéo"], id="in a source"),
            pytest.param("écran", ["1 TikTok"], id="in a picture's description"),
            pytest.param("coeur", ["3 L’Amour ouf"], id="a ligature"),
            pytest.param("l'europe", ["3 L’Amour ouf", "2 Instagram"], id="an elided article"),
            pytest.param("l’", ["3 L’Amour ouf"], id="nothing but an article"),
            pytest.param("insta", ["2 Instagram"], id="the beginning of a word"),
            pytest.param("in", [], id="too short a beginning"),
            pytest.param("bytedance", ["3 L’Amour ouf", "1 TikTok"], id="an alias of a topic"),
            pytest.param("secret", [], id="a draft"),
            pytest.param("demain", [], id="the future"),
            pytest.param("?!", [], id="no word"),
        ],
    )
    def test_a_search_finds_the_segments_with_all_words(self, archive: Archive, typed: str, found: list[str]) -> None:
        """In titles, topics, summaries and sources, the best first."""
        assert titles(archive.search(typed, MONDAY)) == found

    def test_a_title_counts_for_more_than_the_text(self, tmp_path: Path) -> None:
        """Although the other one is newer."""
        write(tmp_path, 1, "## Le film\n\nTexte.\n")
        write(tmp_path, 2, "## Autre chose\n\nUn film.\n")
        assert titles(Archive.load(tmp_path).search("film")) == ["1 Le film", "2 Autre chose"]

    def test_a_whole_word_counts_for_more_than_a_beginning(self, tmp_path: Path) -> None:
        """Although the other one is newer."""
        write(tmp_path, 1, "## Le film\n\nTexte.\n")
        write(tmp_path, 2, "## Les filmographies\n\nTexte.\n")
        assert titles(Archive.load(tmp_path).search("film")) == ["1 Le film", "2 Les filmographies"]

    def test_a_search_sees_what_a_reload_brought(self, tmp_path: Path) -> None:
        """And what it took away."""
        write(tmp_path, 1)
        old = Archive.load(tmp_path)
        assert titles(old.search("sujet")) == ["1 Un sujet"]
        write(tmp_path, 1, "## Autre chose\n\nTexte.\n")
        new = Archive.load(tmp_path, previous=old)
        assert titles(new.search("sujet")) == []
        assert titles(new.search("chose")) == ["1 Autre chose"]

    def test_a_reload_takes_over_the_index_of_unchanged_files(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Only the words of a changed file are read; else an edit would show late in a long archive."""
        for number in range(1, 20):
            write(tmp_path, number, f"## Sujet {number}\n\nTexte.\n")
        archive = Archive.load(tmp_path)
        archive.prepare()
        read: list[str] = []

        def noted(words: SegmentWords, topics: Iterable[str]) -> Counter[str]:
            read.append(words.title)
            return weigh(words, topics)

        monkeypatch.setattr(search, "_weights", noted)
        for body in ("## Sujet neuf\n\nTexte.\n", "## Sujet plus neuf\n\nTexte.\n"):
            write(tmp_path, 7, body)
            archive = Archive.load(tmp_path, previous=archive)
            archive.prepare()
        assert read == ["sujet neuf", "sujet plus neuf"]
        assert titles(archive.search("neuf")) == ["7 Sujet plus neuf"]
        assert len(archive.search("sujet")) == 19


@given(st.lists(st.text(), max_size=4))
def test_searches_see_the_words_that_people_type(texts: list[str]) -> None:
    """Text and query are cut into words in the same way."""
    assert _spaced(*texts).split() == [word for text in texts for word in fold_words(text)]


@pytest.mark.parametrize(
    "path", ["/srv/1207.mp3", "../1207.mp3", "a/../../b.mp3", "a\\b.mp3", "https://example.org/a.mp3"]
)
def test_an_audio_file_lies_below_the_content_folder(tmp_path: Path, path: str) -> None:
    """Anything else is a mistake with its line; the path stays as it is written."""
    written = (CONTENT / "1207.md").read_text("utf-8").replace("status: draft", "").split("\n", 2)
    for value in (path, "audio/1207.mp3"):
        (tmp_path / "1207.md").write_text("\n".join([written[0], f"audio_file: {value}", *written[1:]]), "utf-8")
        archive = Archive.load(tmp_path)
        if value == path:
            assert [(each.line, "below the content folder" in each.message) for each in archive.problems] == [(2, True)]
        else:
            assert archive.episodes[0].audio_file == value
