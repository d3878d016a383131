"""What a careful reader would say about an episode before Monday."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.content.archive import Archive
from bot.content.parser import unclosed_emphasis
from bot.content.review import links, review
from bot.model.i18n import Language
from bot.model.text import NO_BREAK_SPACE
from bot.platforms.registry import renderers

HEAD = "---\nnumber: {number}\ntitle: {title}\ndate: 2024-11-04\nstatus: {status}\n---\n\n"
SOURCES = "\n\nSources :\n- https://a.fr/{number}\n"


def write(
    folder: Path, body: str, number: int = 1, *, title: str = "Un titre", status: str = "ready", sources: str = SOURCES
) -> None:
    """An episode file; `body` begins at line 8."""
    head = HEAD.format(number=number, title=title, status=status)
    (folder / f"{number}.md").write_text(head + body + sources.format(number=number), encoding="utf-8")


ELSEWHERE = re.compile(r"the segment has no topic|the address \S+ would be shown in full")


def said(folder: Path, language: Language = Language.FRENCH) -> list[str]:
    """The warnings, as line and message, without two kinds that `test_slips.py` is about."""
    archive = Archive.load(folder)
    assert archive.problems == ()
    found = review(archive, folder, language, renderers())
    assert all(problem.cure and problem.path.is_file() for problem in found)
    return [f"{problem.line}: {problem.message}" for problem in found if not ELSEWHERE.match(problem.message)]


def test_an_episode_in_order_gives_nothing_to_say(tmp_path: Path) -> None:
    """With French spaces and marks as they should be."""
    text = "C’est «_bien_»_: à 12:30, **oui**_! [Lien_: ici](https://a.fr/b?c'd)".replace("_", NO_BREAK_SPACE)
    write(tmp_path, f"## Un sujet\n\n#tiktok\n\n{text}")
    assert said(tmp_path) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("L'été est là.", "here is a straight apostrophe"),
        ('Le "nuage" est là.', "here is a straight quotation mark"),
        ("Enfin: le nuage.", "a no-break space is missing here before ':', ';', '!' or '?'"),
        ("Enfin : le nuage.", "a no-break space is missing here before ':', ';', '!' or '?'"),
        ("Le **nuage** ?", "a no-break space is missing here before ':', ';', '!' or '?'"),
        ("Le « nuage » est là.", "a no-break space is missing here inside « »"),
    ],
)
def test_french_typography(tmp_path: Path, line: str, message: str) -> None:
    """Each slip is told at its line; in an English show it is none."""
    write(tmp_path, f"## Un sujet\n\n{line}")
    assert said(tmp_path) == [f"10: {message}"]
    assert said(tmp_path, Language.ENGLISH) == []


def test_code_and_addresses_are_no_prose(tmp_path: Path) -> None:
    """What must stand as it stands is not looked at."""
    write(tmp_path, "## Un sujet\n\nTapez `l'\"eau\" :` sur <https://a.fr/l'eau> ou [là](https://b.fr/l'eau).")
    assert said(tmp_path) == []


def test_blocks_of_code_and_comments_are_no_prose(tmp_path: Path) -> None:
    """Nor are they in several lines; what follows them is."""
    code = "```\nl'eau\n```"
    write(tmp_path, f"## Un sujet\n\nTexte.\n\n{code}\n\n<!-- l'eau\nd'ici -->\n\nL'été.")
    assert said(tmp_path) == ["19: here is a straight apostrophe"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Du **texte gras sans fin", ["10: '**' is not closed"]),
        ("Du texte gras** sans début", ["10: '**' is opened nowhere"]),
        ("*texte _gras ~~x", ["10: '*' is not closed", "10: '_' is not closed", "10: '~~' is not closed"]),
        ("Un.\nDeux **trois *quatre*\\\ncinq ~~six", ["11: '**' is not closed", "12: '~~' is not closed"]),
        ("**gras*", ["10: '*' is not closed"]),
        (r"\**italique**", ["10: '*' is opened nowhere"]),
        ("*italique**", ["10: '*' is opened nowhere"]),
        ("**Un\n\nDeux**", ["10: '**' is not closed", "12: '**' is opened nowhere"]),
        ("- Un\n- [Deux **trois](https://a.fr)", ["11: '**' is not closed"]),
        ("> ***gras italique", ["10: '***' is not closed"]),
        # A mark that Markdown takes for no end, since a letter follows it.
        ("Les **«\u00a0récaps\u00a0»**s", ["10: '**' is not closed"]),
    ],
)
def test_emphasis_that_is_not_closed(tmp_path: Path, text: str, told: list[str]) -> None:
    """At its line, with the signs that a chat would show; a pair is a pair within a paragraph only."""
    write(tmp_path, f"## Un sujet\n\n{text}")
    assert said(tmp_path) == [f"{each} and would be shown as it stands" for each in told]


def test_the_cure_of_unclosed_emphasis_is_one(tmp_path: Path) -> None:
    """Closed or escaped as it says, there is nothing to say any more."""
    write(tmp_path, "## Un sujet\n\nDu **gras")
    _no_topic, warning = review(Archive.load(tmp_path), tmp_path, Language.FRENCH, renderers())
    assert warning.cure == r"Write '**' right after its last word too, in the same paragraph; '\*\*' is the sign itself"
    for mended in ("Du **gras**", r"Du \*\*gras"):
        write(tmp_path, f"## Un sujet\n\n{mended}")
        assert said(tmp_path) == []


@pytest.mark.parametrize("text", ["Du ** gras **.", "Du **gras **.", "Du ** gras**."])
def test_signs_apart_from_their_words_are_brought_to_them(tmp_path: Path, text: str) -> None:
    """Because one more sign would not help."""
    write(tmp_path, f"## Un sujet\n\n{text}")
    cures = [each.cure for each in review(Archive.load(tmp_path), tmp_path, Language.FRENCH, renderers())]
    assert r"Write no space between '**' and its words; '\*\*' is the sign itself" in cures
    write(tmp_path, "## Un sujet\n\nDu **gras**.")
    assert said(tmp_path) == []


@pytest.mark.parametrize(
    "text",
    [
        "3 * 4 et 2*3 ** 5",
        "le_nom_du_fichier et nom_ et _",
        "`**code` et ``a * `_b``",
        r"\*texte et \_texte et \~~texte",
        "Gratuit* ou non",
        "Quel p***n",
        "Quelle m*****",
        "Les étudiant*es",
        "@_lea et https://a.fr/_lea et <https://a.fr/**b> et [là](https://a.fr/_b)",
        "^_^ et (*) et ~5",
        "#tiktok\n\n```\n**code\n```\n\n<!-- **note -->\n\n* Un\n* Deux",
    ],
)
def test_signs_that_mean_no_emphasis(tmp_path: Path, text: str) -> None:
    """Sums, names, footnotes, code, and what is escaped."""
    write(tmp_path, f"## Un sujet\n\nTexte.\n\n{text}")
    assert said(tmp_path, Language.ENGLISH) == []


PLAIN = st.text("abcéœ", min_size=1)


def marked(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Words of which some are set off, each kind of sign around one that has none of the same letter in it."""
    return st.builds("{0}{1}{0}".format, st.sampled_from(["*", "**", "_", "__", "~~"]), inner)


SENTENCES = st.lists(
    st.one_of(PLAIN, marked(PLAIN), st.builds("**{} *{}* {}**".format, PLAIN, PLAIN, PLAIN), st.just("*")), min_size=1
).map(lambda words: "a " + " ".join(words))


@given(sentences=st.lists(SENTENCES, min_size=1))
def test_closed_emphasis_is_never_told(sentences: list[str]) -> None:
    """In whichever order and over however many lines."""
    assert emphasis(sentences) == []


@given(sentences=st.lists(SENTENCES, min_size=1), sign=st.sampled_from(["*", "**", "_", "~~"]), data=st.data())
def test_what_is_not_closed_is_always_told(sentences: list[str], sign: str, data: st.DataObject) -> None:
    """At its line, among any that is closed."""
    at = data.draw(st.integers(0, len(sentences)))
    told = emphasis([*sentences[:at], f"a {sign}fin.", *sentences[at:]], between="\n\n")
    assert told == [(8 + 2 * (at + 1), f"'{sign}' is not closed and would be shown as it stands")]


def emphasis(paragraphs: list[str], between: str = "\n") -> list[tuple[int | None, str]]:
    """What is told of unclosed emphasis in an episode of these."""
    text = HEAD.format(number=1, title="Un", status="ready") + "## Un sujet\n\n" + between.join(paragraphs)
    return [(problem.line, problem.message) for problem in unclosed_emphasis(text, Path("1.md"))]


def test_titles_that_a_phone_cuts(tmp_path: Path) -> None:
    """Of the episode and of a segment, with their length and what a phone shows."""
    write(tmp_path, f"## {'b' * 66}\n\nTexte.", title="a" * 70)
    assert said(tmp_path) == [
        "3: the title is 70 characters long, and a phone shows about 65 of them",
        "8: the title is 66 characters long, and a phone shows about 65 of them",
    ]


def test_a_title_in_capitals(tmp_path: Path) -> None:
    """But not a short one, which is a name."""
    write(tmp_path, "## UN GRAND SUJET\n\nTexte.\n\nSources :\n- https://a.fr\n\n## X ET UE\n\nTexte.")
    assert said(tmp_path) == ["8: the title is in capitals, which read as shouting"]


def test_a_segment_without_a_source(tmp_path: Path) -> None:
    """At its title; several are told once."""
    write(tmp_path, "## Un\n\nTexte.\n\nSources :\n- https://a.fr\n\n## Deux\n\nTexte.", sources="\n")
    assert said(tmp_path) == ["15: the segment has no source"]
    write(tmp_path, "## Un\n\nTexte.\n\n## Deux\n\nTexte.", sources="\n")
    assert said(tmp_path) == ["8: the segments on lines 8 and 12 have no source"]


@pytest.mark.parametrize("remark", ["À vérifier : il manque la source.", "To check: the source is missing."])
def test_what_an_import_has_remarked_is_not_told_twice(tmp_path: Path, remark: str) -> None:
    """A missing source, of the segment that it stands in and of no other."""
    body = f"## Un\n\n<!-- {remark} -->\n\nTexte.\n\n## Deux\n\nTexte."
    write(tmp_path, body, status="draft", sources="\n")
    assert said(tmp_path) == [f"10: a remark stands here: {remark.rstrip('.')}", "14: the segment has no source"]


def test_a_summary_that_no_message_holds(tmp_path: Path) -> None:
    """With how many it takes on each platform."""
    write(tmp_path, "## Un sujet\n\n" + "Une phrase entière. " * 230)
    assert said(tmp_path) == [
        "8: the summary of 4599 characters takes 2 messages on Telegram",
        "8: the summary of 4599 characters takes 2 messages on Discord",
    ]


def test_a_link_that_stands_there_twice(tmp_path: Path) -> None:
    """At the second place, with the first."""
    write(tmp_path, "## Un\n\nTexte.\n\nSources :\n- https://a.fr/1\n\n## Deux\n\nTexte.")
    assert said(tmp_path) == ["20: the link stands on line 13 already"]


def test_a_link_that_stands_twice_in_one_segment(tmp_path: Path) -> None:
    """Told like any other, at its own line, not at that of a longer address which begins with it."""
    write(
        tmp_path,
        "## Un\n\nVoir https://a.fr/b.\n\nSources :\n- https://a.fr/b\n- https://a.fr\n- https://a.fr",
        sources="",
    )
    assert said(tmp_path) == ["15: the link stands on line 14 already"]


def test_a_topic_that_looks_like_another(tmp_path: Path) -> None:
    """One that is rare, beside one that the team uses; both being common they are two."""
    for number in (1, 2, 3):
        write(tmp_path, "## Un\n\n#instagram\n\nTexte.", number)
    write(tmp_path, "## Un\n\n#instagarm #insta\n\nTexte.", 4)
    assert said(tmp_path) == ["10: the topic 'instagarm' looks like 'instagram', which 3 segments have"]


@pytest.mark.parametrize(("status", "more"), [("draft", ""), ("ready", ", and the episode is no draft any more")])
def test_remarks_of_an_import_are_told_until_they_are_seen_to(tmp_path: Path, status: str, more: str) -> None:
    """All the more when the episode is about to be sent."""
    write(tmp_path, "## Un sujet\n\n<!-- À vérifier : la date. -->\n\nTexte.", status=status)
    assert said(tmp_path) == [f"10: a remark stands here{more}: À vérifier : la date"]


def test_a_file_that_is_gone_is_left_to_the_next_check(tmp_path: Path) -> None:
    """It was there when the archive was loaded."""
    write(tmp_path, "## Un\n\nL'été.")
    archive = Archive.load(tmp_path)
    (tmp_path / "1.md").unlink()
    assert review(archive, tmp_path, Language.FRENCH, renderers()) == []


def test_a_line_is_what_editors_call_one(tmp_path: Path) -> None:
    """A separator of word processors, which stays in its line, is not counted."""
    write(tmp_path, "## Un\n\nUn\N{LINE SEPARATOR}deux.\n\nL'été.")
    assert said(tmp_path) == ["12: here is a straight apostrophe"]


def test_a_file_with_mistakes_is_left_to_them(tmp_path: Path) -> None:
    """First things first."""
    (tmp_path / "1.md").write_text("L'été\n", encoding="utf-8")
    assert review(Archive.load(tmp_path), tmp_path, Language.FRENCH, renderers()) == []


def test_every_link_is_found_with_its_line(tmp_path: Path) -> None:
    """In the front matter, in the text however deep, of images and of sources."""
    body = "Voir https://a.fr/intro\n\n## Un\n\n- un\n  > [b](https://a.fr/b)\n\n![c](https://a.fr/c.png)"
    write(tmp_path, body, title="T\naudio: https://a.fr/a.mp3")
    found = links(Archive.load(tmp_path), tmp_path)
    assert [(url.removeprefix("https://a.fr/"), line) for url, _path, line in found] == [
        ("a.mp3", 4),
        ("b", 14),
        ("c.png", 16),
        ("1", 19),
        ("intro", 9),
    ]
