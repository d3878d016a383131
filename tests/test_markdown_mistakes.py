"""What is said about an episode file that is wrong: where, what, and how to mend it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.content.frontmatter import MAX_LENGTH
from bot.content.parser import parse_episode
from bot.model.problems import InvalidInputError

if TYPE_CHECKING:
    from bot.model.problems import Problem

PATH = Path("1207.md")
FRONT = "number: 1207\ntitle: Un titre\ndate: 2024-11-04\n"
BODY = "\n## Un sujet\n\nTexte.\n\n"
# What a test adds below these begins on line 11.
GOOD = f"---\n{FRONT}---\n{BODY}"
IMAGE = "![le logo](https://a.fr/a.png)"


def mistakes(text: str) -> tuple[Problem, ...]:
    """Everything that is wrong with a file."""
    with pytest.raises(InvalidInputError) as caught:
        parse_episode(text, PATH)
    assert all(problem.path == PATH for problem in caught.value.problems)
    return caught.value.problems


def told(text: str, *expected: tuple[int, str, str]) -> None:
    """Check that exactly these mistakes are told: line, and words of the message and of the cure."""
    found = mistakes(text)
    assert [problem.line for problem in found] == [line for line, _message, _cure in expected], found
    for problem, (_line, message, cure) in zip(found, expected, strict=True):
        assert message in problem.message
        assert cure in problem.cure


def test_a_good_file_has_no_mistakes() -> None:
    """What the other tests build upon is right."""
    assert parse_episode(GOOD, PATH).segments[0].title == "Un sujet"


def test_two_images_on_one_line() -> None:
    """Neither is the segment's picture, because a line holds nothing but one image."""
    cure = "on a line of its own"
    message = "an image stands inside the text"
    told(f"{GOOD}{IMAGE} {IMAGE}\n", (11, message, cure), (11, message, cure))


@pytest.mark.parametrize("text", ["", "\ufeff", " \n\n\t\n"])
def test_an_empty_file(text: str) -> None:
    """A file without text says what to begin with, and nothing else."""
    told(text, (1, "the file is empty", "'number: 1207', 'title: A title' and 'date: 2024-11-04'"))


def test_no_front_matter() -> None:
    """A file that begins with text says what a front matter looks like; the rest is read all the same."""
    told(
        f"{BODY}{IMAGE}\n{IMAGE}\n",
        (2, "does not begin with a front matter", "Begin it with a line '---'"),
        (7, "has an image already, on line 6", "Keep one"),
    )


@pytest.mark.parametrize("below", ["\n", "", "---x\n"])
def test_a_front_matter_without_end(below: str) -> None:
    """A missing closing line is told at the opening one, and the body is still read."""
    found = mistakes(f"---\n{FRONT}{below}{BODY}![](https://a.fr/a.png)\n\n---\n")
    assert (found[0].line, found[0].message) == (1, "the front matter that begins here has no end")
    assert found[-1].message.startswith("the image has no description")


@pytest.mark.parametrize(
    ("front", "line", "message", "cure"),
    [
        ("", 1, "is empty", "'number: 1207'"),
        ("# nothing\n", 1, "is empty", "'number: 1207'"),
        ("un titre\n", 2, "not a list of 'key: value' lines", "'number: 1207'"),
        ("- number: 1\n", 2, "not a list of 'key: value' lines", "'number: 1207'"),
        ("number: 1207\ntitle: Netflix : la suite\n", 3, "not valid YAML", 'Write title: "Netflix : la suite"'),
        ("number: 1207\ntitle: @netflix\n", 3, "not valid YAML", 'Write title: "@netflix"'),
        ('number: 1207\ntitle: "Netflix\n', 3, "not valid YAML", 'Write title: "Netflix"'),
        ("number: 1207\ntitle: [\n", 3, "not valid YAML", 'Write title: "["'),
        ("number: 1207\n'\n", 3, "not valid YAML", "'number: 1207'"),
        (f"title: {'[' * MAX_LENGTH}\n", 1, f"longer than {MAX_LENGTH}", "Close it with a line '---'"),
        (FRONT.replace("number: 1207\n", ""), 1, "has no number", "'number: 1207'"),
        (FRONT.replace("title: Un titre\n", ""), 1, "has no title", "'title: A title'"),
        (FRONT.replace("date: 2024-11-04\n", ""), 1, "has no date", "'date: 2024-11-04'"),
        (FRONT.replace("Un titre", ""), 3, "'title' is empty", "'title: A title'"),
        (FRONT.replace("Un titre", "#tiktok"), 3, "'title' is empty", 'Write title: "#tiktok"'),
        (FRONT.replace("Un titre", "[a, b]"), 3, "'title' holds several values", "Write one"),
        (FRONT.replace("1207", "0"), 2, "'0' is not a whole number above 0", "number: 1207"),
        (FRONT.replace("1207", "-3"), 2, "'-3' is not a whole number above 0", "number: 1207"),
        (FRONT.replace("1207", "12.5"), 2, "'12.5' is not a whole number above 0", "number: 1207"),
        (FRONT.replace("1207", "n° 7"), 2, "'n° 7' is not a whole number above 0", "number: 7"),
        (FRONT.replace("1207", "1" * 10), 2, "is not a whole number above 0", "number: 1207"),
        (FRONT.replace("2024-11-04", "04/11/2024"), 4, "'04/11/2024' is not a date", "date: 2024-11-04"),
        (FRONT.replace("2024-11-04", "2024-11-04 08:00"), 4, "is not a date", "date: 2024-11-04"),
        (FRONT.replace("2024-11-04", "2024-11-31"), 4, "there is no day '2024-11-31'", "calendar"),
        (f"{FRONT}number: 1208\n", 5, "'number' stands here again, after line 2", "Keep one"),
        (FRONT.replace("title", "titel"), 3, "the key 'titel' is unknown", "Write 'title'"),
        (f"{FRONT}titel: Un titre\n", 5, "the key 'titel' is unknown", "Remove the line"),
        (f"{FRONT}Statut: draft\n", 5, "the key 'Statut' is unknown", "Write 'status'"),
        (FRONT.replace("date", "DATE"), 4, "the key 'DATE' is unknown", "Write 'date'"),
        (f"{FRONT}[a, b]: rouge\n", 5, "'?' is unknown", "Remove the line"),
        (f"{FRONT}couleur: rouge\n", 5, "'couleur' is unknown", "number, title, date, audio, audio_file, page, status"),
        (f"{FRONT}status: prêt\n", 5, "'prêt' is no status", "'status: ready' or 'status: draft'"),
        (f"{FRONT}audio: example.org/a.mp3\n", 5, "does not begin with https://", "https://example.org/a.mp3"),
        (f"{FRONT}page: ftp://example.org\n", 5, "not of the web", "begins with https:// or http://"),
        (f"{FRONT}page: https://\n", 5, "names no site", "https://example.org/page"),
        (f"{FRONT}page: https://a.fr/b c\n", 5, "holds a space", "%20"),
        (f"{FRONT}page: http://localhost/a\n", 5, "leads nowhere on the web", "Copy the whole address"),
        (f"{FRONT}page: https://a.fr:port/\n", 5, "is malformed", "Copy it again"),
        (f"{FRONT}page: https://[a.fr/\n", 5, "is malformed", "Copy it again"),
    ],
)
def test_mistakes_in_the_front_matter(front: str, line: int, message: str, cure: str) -> None:
    """Each is told once, at its own line; a missing key is told at the opening line."""
    found = mistakes(f"---\n{front}---\n{BODY}")
    first = next(problem for problem in found if message in problem.message)
    assert first.line == line
    assert cure in first.cure


def test_a_misspelt_key_is_not_also_missing() -> None:
    """One slip of the pen is one mistake."""
    told(GOOD.replace("title:", "titre:"), (3, "the key 'titre' is unknown", "Write 'title'"))


@pytest.mark.parametrize(
    ("markdown", "line", "message", "cure"),
    [
        ("# Titre\n\nTexte.", 11, "begins with two '#'", "Write '## Titre'"),
        ("# Titre", 11, "begins with two '#'", "Delete the line"),
        ("# netflix #streaming\n\nTexte.", 11, "no space after its '#'", "Write '#netflix #streaming'"),
        ("##Titre", 11, "this is text, not a title", "a space after '##'"),
        ("Texte\n---", 11, "takes this text for a title", "Leave a blank line"),
        ("Texte\n===", 11, "takes this text for a title", "Delete the line of '='"),
        ("## {#netflix}\n\nTexte.", 11, "has no title", "after '##'"),
        ("## Autre sujet\n\n![a](https://a.fr/b.png)\nSources :\n- https://a.fr", 11, "has no summary", "sentences"),
        ("## Un sujet\n\nTexte.", 11, "'un-sujet' is taken by the segment on line 7", "{#another-name}"),
        ("## Autre {#un-sujet}\n\nTexte.", 11, "taken by the segment on line 7", "{#another-name}"),
        ("## Autre {#Vidéo en ligne}\n\nTexte.", 11, "'{#Vidéo en ligne}' is no name", "Write {#video-en-ligne}"),
        ("## Autre {#autre\n\nTexte.", 11, "has '{#' and no '}' at its end", "Write '## Autre {#autre}'"),
        ("## Autre {#autre} sujet\n\nTexte.", 11, "no '}' at its end", "Write '## Autre sujet {#autre}'"),
        ("## Autre {#}\n\nTexte.", 11, "is no name for a link", "Take {#} out"),
        ("## 日本\n\nTexte.", 11, "no name for links can be made from the title '日本'", "as in {#netflix}"),
        ("## [Autre](https://a.fr)\n\nTexte.", 11, "a title cannot be a link", "sources"),
        ("## Autre\n\n#🎉 #netflix\n\nTexte.", 13, "'#🎉' has neither letters nor digits", "Write a word"),
        (f"## Autre\n\n#{'long' * 11} #netflix\n\nTexte.", 13, "longlong' is too long for a button", "a shorter one"),
        ("un\ndeux [trois](a.fr/b)", 12, "'a.fr/b' does not begin with https://", "Write https://a.fr/b"),
        ("- un\n- [deux](javascript:alert)", 12, "not of the web", "begins with https://"),
        ("<equipe@example.org>", 11, "not of the web", "Write equipe@example.org without < and >"),
        ("[texte]()", 11, "the address is empty", "https://"),
        ("[](https://a.fr)", 11, "the link to 'https://a.fr' has no text", "between the brackets"),
        ("[texte](https://a.fr/b c)", 11, "this link is broken", "Write %20 for each space"),
        ("[texte] (https://a.fr)", 11, "this link is broken", "no space between the brackets"),
        ("![](https://a.fr/b.png)", 11, "the image has no description", "![The new logo]"),
        ("![logo](b.png)", 11, "'b.png' is a file of yours", "Put the file on the web"),
        (f"{IMAGE}\n\n{IMAGE}", 13, "has an image already, on line 11", "Keep one"),
        (f"Voici {IMAGE}", 11, "an image stands inside the text", "on a line of its own"),
        (f"- {IMAGE}", 11, "an image stands inside the text", "outside lists"),
        (f"[{IMAGE}](https://a.fr)", 11, "an image stands inside the text", "links"),
        ("Sources :", 11, "no list of sources follows", "'- [Title](https://…)'"),
        ("Sources :\n\nTexte.\n\n- un", 11, "no list of sources follows", "remove 'Sources :'"),
        ("Sources :\n- \n", 12, "the source is empty", "'- https://…'"),
        ("Sources :\n- https://a.fr\n-\n", 13, "the source is empty", "'- https://…'"),
        ("Sources :\n- Le Monde", 12, "not just a link", "'- [Title](https://…)'"),
        ("Sources :\n- Le Monde : https://a.fr", 12, "not just a link", "Write '- [Le Monde](https://a.fr)'"),
        ("Sources :\n- [a](https://a.fr), [b](https://b.fr)", 12, "not just a link", "a line of its own"),
        ("Sources :\n- [a](https://a.fr)[b](https://b.fr)", 12, "not just a link", "a line of its own"),
        ("Sources :\n- https://a.fr\n  - https://b.fr", 12, "more than a link", "nothing else"),
        ("Sources :\n- https://a.fr\n- [Le Monde](monde.fr)", 13, "does not begin with https://", "https://monde.fr"),
        ("Sources :\n- www.a.fr", 12, "'www.a.fr' does not begin with https://", "Write https://www.a.fr"),
        ("Sources :\n- http://", 12, "names no site", "https://example.org/page"),
        ("Source : https://a.fr", 11, "on the same line as 'Sources :'", "a line of its own below"),
        ("Texte\nSources :\nhttps://a.fr", 12, "no list of its own follows", "'- '"),
        ("- un\nSources :\n- https://a.fr", 12, "no list of its own follows", "a blank line above"),
        ("### Sources\n- https://a.fr", 11, "the sources stand under a title", "without '#' signs"),
        ("du <b>gras</b>", 11, "'<b>' is HTML", "**bold**"),
        ("un\n\n<div>\ndeux\n</div>", 13, "'<div>' is HTML", "Write Markdown"),
        ("un<br>deux", 11, "'<br>' would be shown as it stands", "backslash"),
        ("<!-- note --> texte", 11, "is not alone", "on a line of its own"),
        ("<!-- sans fin", 11, "is not alone", "End it with -->"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", 12, "this is a table", "as a list"),
        ("```\ncode", 11, "the block of code that begins with ``` has no end", "Write ``` on a line"),
        ("a\ab", 11, "control character stands here (U+0007)", "Delete it"),
        ("a\nb\0c", 12, "control character stands here (U+0000)", "Delete it"),
        ("a\ud800b", 11, "control character stands here (U+D800)", "Delete it"),
    ],
)
def test_mistakes_in_a_segment(markdown: str, line: int, message: str, cure: str) -> None:
    """Each is told once, at its own line, with what to write instead."""
    told(f"{GOOD}{markdown}\n", (line, message, cure))


def test_no_segment() -> None:
    """An episode without a single title has nothing to send."""
    told(f"---\n{FRONT}---\n\nTexte.\n", (5, "the episode has no segment", "'## Title'"))


@pytest.mark.parametrize(
    ("markdown", "what"),
    [("#netflix", "a line of topics"), (IMAGE, "an image"), ("Sources :\n- https://a.fr", "a list of sources")],
)
def test_parts_of_a_segment_above_the_first_one(markdown: str, what: str) -> None:
    """The introduction is text alone: what belongs to a segment is not silently dropped."""
    told(f"---\n{FRONT}---\n\n{markdown}\n{BODY}", (7, f"{what} stands above the first segment", "Move it below"))


def test_all_mistakes_are_told_in_one_go_in_the_order_of_their_lines() -> None:
    """The admin mends the whole file at once, from top to bottom."""
    told(
        "---\nnumber: x\ntitle: Titre\ndate: demain\nauteur: moi\n---\n\n## Un\n\n## Deux\n\nVoir [ici](ici).\n\n"
        "Sources :\n- rien\n",
        (2, "'x' is not a whole number", ""),
        (4, "'demain' is not a date", ""),
        (5, "'auteur' is unknown", ""),
        (8, "has no summary", ""),
        (12, "'ici' does not begin with https://", ""),
        (15, "not just a link", ""),
    )


def test_lines_are_counted_as_editors_do() -> None:
    """Windows line ends, a byte order mark and long front matters do not shift a line."""
    text = f"{GOOD}[a](b)\n".replace(FRONT, f"{FRONT}# a comment\n\nstatus: draft\n").replace("\n", "\r\n")
    told("\ufeff" + text, (14, "'b' does not begin", ""))


_LINES = [
    *(
        "---",
        "",
        "number: 1",
        "title: a: b",
        "date: 2024-11-04",
        "## A",
        "# A",
        "### A {#a}",
        "##A",
        "#a #b",
        "===",
        "-",
        "```",
    ),
    *(
        "Sources :",
        "- [a](https://a.fr)",
        "- https://a.fr",
        "![a](b)",
        "> - x",
        "<b>",
        "<!--",
        "[a]: b",
        "[a]",
        "|-|-|",
        "\0",
    ),
]


@example("---\ntitle: [")
@given(st.one_of(st.text(), st.lists(st.sampled_from(_LINES), max_size=15).map("\n".join)))
def test_whatever_the_file_holds_only_mistakes_come_out(text: str) -> None:
    """Arbitrary text is an episode or a list of mistakes, each at a line that the file has."""
    lines = len(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    try:
        parse_episode(text, PATH)
        found: tuple[Problem, ...] = ()
    except InvalidInputError as error:
        found = error.problems
    assert all(problem.line is not None and 1 <= problem.line <= lines for problem in found)
