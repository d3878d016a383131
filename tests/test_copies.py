"""Copies that tools for synchronisation leave: none takes the place of the episode that it is a copy of."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from bot.content.archive import Archive
from bot.delivery.report import describe
from bot.model.i18n import Language, words
from tests.test_archive import told, write

if TYPE_CHECKING:
    from pathlib import Path

COPIES = [
    # Dropbox
    "1207 (copie en conflit).md",
    "1207 (Copie en conflit de MacBook de Léa 2024-11-04).md",
    "1207 (Léa's conflicted copy 2024-11-04).md",
    # Nextcloud, ownCloud
    "1207 (conflicted copy 2024-11-04 081500).md",
    "1207_conflict-20241104-081500.md",
    # iCloud, Google Drive, browsers
    "1207 2.md",
    "1207 (1).md",
    "1207(1).md",
    # Syncthing, Seafile, Synology, Resilio
    "1207.sync-conflict-20241104-081500-ABCDEFG.md",
    "1207 (SFConflict lea@a.fr 2024-11-04-08-15-00).md",
    "1207_Lea-PC_Nov-04-081500-2024_Conflict.md",
    "1207.Conflict.md",
    # OneDrive
    "1207-DESKTOP-8Q2VF1.md",
    # Finder, Explorer, desktops of Linux
    "1207 copie.md",
    "1207 copie 2.md",
    "1207 copy.md",
    "1207 - Copie.md",
    "1207 - Copie (2).md",
    "1207 - Copy.md",
    "1207 (copie).md",
    "1207 (autre copie).md",
    "Copie de 1207.md",
    "Copie (2) de 1207.md",
    "Copy of 1207.md",
    # People
    "1207-v2.md",
    "1207_v2.md",
    "1207 V3.md",
    "1207-2.md",
]
BODY = "## La copie\n\nTexte.\n"


def used(archive: Archive) -> list[str]:
    """The names of the files that count."""
    return [episode.path.name for episode in archive.episodes]


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_never_displaces_the_episode_in_use(tmp_path: Path, name: str) -> None:
    """At the start as at a reload, though its file comes first; the problem says which one counts."""
    original = write(tmp_path, 1207)
    before = Archive.load(tmp_path)
    copy = write(tmp_path, 1207, BODY, name=name)
    for archive in (Archive.load(tmp_path), Archive.load(tmp_path, previous=before)):
        assert used(archive) == ["1207.md"]
        [problem] = archive.problems
        assert problem.path == copy
        assert problem.message == (
            f"this file is a copy of {original}, which is the one that counts; this one is left out"
        )
        assert problem.cure == "Take over into 1207.md what you want to keep, and delete this one"


@pytest.mark.parametrize("broken", ["Pas de segment.\n", "## Un\n\n<<<<<<< HEAD\nTexte.\n"])
def test_a_copy_takes_no_place_of_a_file_with_mistakes(tmp_path: Path, broken: str) -> None:
    """The original keeps its last good version; without one there is no episode, rather than an older text."""
    write(tmp_path, 1207)
    good = Archive.load(tmp_path)
    write(tmp_path, 1207, broken)
    write(tmp_path, 1207, BODY, name="1207 2.md")
    assert used(Archive.load(tmp_path, previous=good)) == ["1207.md"]
    archive = Archive.load(tmp_path)
    assert used(archive) == []
    assert {problem.path.name for problem in archive.problems} == {"1207.md", "1207 2.md"}


def test_a_copy_of_a_draft_is_not_sent(tmp_path: Path) -> None:
    """Whatever the copy says of itself: the team has not released its original."""
    write(tmp_path, 1207, status="draft")
    write(tmp_path, 1207, BODY, name="1207 (copie en conflit).md")
    archive = Archive.load(tmp_path)
    assert archive.published() == []
    assert used(archive) == ["1207.md"]


def test_of_a_copy_with_mistakes_no_mistake_is_told(tmp_path: Path) -> None:
    """Because it is to be deleted, it is told as a copy and as nothing else."""
    write(tmp_path, 1207)
    write(tmp_path, 1207, "Pas de segment.\n", name="1207 (1).md", status="draft")
    assert [each.partition(" of ")[0] for each in told(Archive.load(tmp_path))] == [
        "1207 (1).md:None: this file is a copy"
    ]


def test_several_copies_have_one_original(tmp_path: Path) -> None:
    """Each of them names the file that counts."""
    write(tmp_path, 1207)
    names = ["1207 copie 2.md", "1207 copie.md", "Copie de 1207.md"]
    for name in names:
        write(tmp_path, 1207, BODY, name=name)
    archive = Archive.load(tmp_path)
    assert used(archive) == ["1207.md"]
    assert [problem.path.name for problem in archive.problems] == names
    assert all("1207.md, which is the one" in problem.message for problem in archive.problems)


@pytest.mark.parametrize("name", ["1207-v2.md", "1207 2.md"])
def test_a_file_of_another_number_is_no_copy(tmp_path: Path, name: str) -> None:
    """However it is called; and a lone file is the episode."""
    write(tmp_path, 1207)
    write(tmp_path, 1208, name=name)
    archive = Archive.load(tmp_path)
    assert sorted(used(archive)) == sorted(["1207.md", name])
    (tmp_path / "1207.md").unlink()
    assert used(Archive.load(tmp_path, previous=archive)) == [name]


@pytest.mark.parametrize("name", ["1207-final.md", "1207-une-autre-version.md", "12071.md", "a/1207 2.md"])
def test_another_name_is_no_copys(tmp_path: Path, name: str) -> None:
    """The two files have one number, which is told on both."""
    write(tmp_path, 1207)
    write(tmp_path, 1207, name=name)
    assert [each.partition("is also")[0].partition(": ")[2] for each in told(Archive.load(tmp_path))] == [
        "the number 1207 "
    ] * 2


def test_the_file_in_use_stays_in_use(tmp_path: Path) -> None:
    """Whatever file of its number comes later, if both are ready; a draft gives way."""
    write(tmp_path, 7, name="b.md")
    before = Archive.load(tmp_path)
    write(tmp_path, 7, name="a.md")
    assert used(Archive.load(tmp_path, previous=before)) == ["b.md"]
    write(tmp_path, 7, name="b.md", status="draft")
    assert used(Archive.load(tmp_path, previous=before)) == ["a.md"]


def test_the_admins_are_told_which_file_counts(tmp_path: Path) -> None:
    """In the notice about a file with a mistake, without the word that mending would make it count."""
    write(tmp_path, 1207)
    write(tmp_path, 1207, BODY, name="1207 2.md", status="draft")
    [(fact, modified)] = Archive.load(tmp_path).broken()
    assert isinstance(modified, dt.datetime)
    notice = describe(fact, words(Language.ENGLISH))
    assert notice is not None
    text = str(notice)
    assert "A mistake in 1207 2.md" in text
    assert "1207.md, which is the one that counts; this one is left out" in text
    assert "mended" not in text
