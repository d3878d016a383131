"""Whatever is given as notes, the answer is a draft that loads or a reason, and soon."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.content.parser import parse_episode
from bot.model.i18n import Language
from bot.model.problems import InvalidInputError
from bot.notes.draft import draft
from bot.notes.feed import notes_from_feed
from bot.notes.reading import read_notes
from tests.notes.drafting import DEFAULTS, HERE, PARIS, invented
from tests.notes.expected import EXPECTED

_PATIENCE = 8.0
"""Seconds of the processor for the worst of them, on a slow machine; what is quadratic takes hours."""


def _text_of(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8-sig")


SEEDS = [(HERE / name).read_bytes() for name in EXPECTED]


def drafted(data: bytes, name: str) -> str:
    """A draft that loads."""
    path = Path(name)
    notes = notes_from_feed(data, path, None, PARIS) if path.suffix == ".xml" else read_notes(data, path)
    text = draft(notes, path, language=Language.FRENCH, known=("tiktok",), defaults=DEFAULTS)
    parse_episode(text, path)
    return text


def survives(data: bytes, name: str) -> None:
    """A draft that loads, or reasons."""
    try:
        drafted(data, name)
    except InvalidInputError as error:
        # The last resort of a program that has made a bad file.
        if "no good episode file" in str(error):
            raise


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Good notes with pieces taken out, doubled, moved, or replaced by hostile ones."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 8))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 60)))
        piece = bytes(data[start:end])
        data[start:end] = draw(
            st.sampled_from([b"", piece * 2, piece[::-1], b"\n", b"\n\n", b"# ", b"{#a}", b"<!--", b"-->", b"---\n"])
            | st.sampled_from(
                [b"```", b"](", b"https://", b"&#0;", b"<b>", b"- ", b"1. ", b"Sources :\n", b"| - |", b": "]
            )
            | st.binary(max_size=6)
        )
    return bytes(data)


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(mutated(), st.sampled_from(["notes.txt", "notes.md", "notes.html", "feed.xml"]))
def test_notes_that_were_damaged(data: bytes, name: str) -> None:
    """In many ways."""
    survives(data, name)


@given(st.text(), st.sampled_from(["notes.txt", "notes.md", "notes.html"]))
def test_text_of_any_kind(text: str, name: str) -> None:
    """Letters of all scripts, signs and spaces."""
    survives(f"Épisode 3 : {text}".encode(errors="surrogatepass"), name)


_LINES = sorted({line for name in EXPECTED if name.endswith(".txt") for line in _text_of(name).splitlines()})


@given(st.lists(st.sampled_from(_LINES), min_size=1, max_size=25), st.sampled_from(Language))
def test_no_word_is_invented_whatever_the_notes(lines: list[str], language: Language) -> None:
    """Title, introduction, headings, summaries, descriptions and sources, of notes shuffled from all the others."""
    text = "\n".join(lines)
    path = Path("notes.txt")
    try:
        drafted = draft(read_notes(text.encode(), path), path, language=language, known=(), defaults=DEFAULTS)
    except InvalidInputError:
        return
    assert invented(parse_episode(drafted, path), text) == set()


# A sixth of what is let through: what is quadratic shows at that length already.
_FULL = 15_000
BOMBS = {
    "tags in tags": "<div>" * (_FULL // 5) + "x y z.",
    "lists in lists": "<ul><li>" * (_FULL // 8) + "x y z.",
    "open comments": "<p>x y z</p>" + "<!--" * (_FULL // 4),
    "open tags": "<p>x y z</p>" + "<a " * (_FULL // 3),
    "open quotes": "<p>x y z</p>" + "<a href='\"" * (_FULL // 10),
    "entities": "<p>x y z" + "&amp;" * (_FULL // 5),
    "brackets": "# x y z\n" + "[" * _FULL,
    "links": "# x y z\n" + "[a](" * (_FULL // 4),
    "stars": "# x y z\n" + "*a **b " * (_FULL // 7),
    "quotes": "# x y z\n" + "> " * (_FULL // 2) + "a",
    "backticks": "# x y z\n" + "".join("`" * count + " " for count in range(600)),
    "commas": "Épisode 3 : " + "un mot, " * (_FULL // 8),
    "lines": "Épisode 3 : un, deux, trois, quatre, cinq\n" + "un deux trois\n" * (_FULL // 14),
    "sentences": "Épisode 3\n" + "Paris est M. A " * (_FULL // 15),
    "addresses": "Épisode 3 x y\n" + "https://a.fr/b " * (_FULL // 15),
    "hashtags": "Épisode 3 x y\n" + "#a" * (_FULL // 2),
    "spaces": "Épisode 3 x y\n" + "a" + " " * _FULL + "b",
    "emoji": "Épisode 3 x y\n" + "🎉" * _FULL,
    "digits": "Épisode " + "1" * _FULL + " x y",
    "one word": "Épisode 3 : " + "a" * _FULL,
    "labels": "<p>x y z</p><a href='https://a.fr/b'>" + "plus d'infos " * 30 + "x</a>",
    "addresses in brackets": "<p>x y z</p><a href='https://[::1]é/'>a</a><img src='https://[::1]é/'>",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_text_made_to_be_slow(name: str) -> None:
    """Is answered in time that grows with its length, whatever the file is called."""
    begin = time.process_time()
    for suffix in ("txt", "md") if name in {"brackets", "links", "stars", "quotes", "backticks"} else ("txt", "html"):
        survives(BOMBS[name].encode(), f"notes.{suffix}")
    assert time.process_time() - begin < _PATIENCE


def test_a_feed_in_which_the_library_finds_nothing_where_it_promises_text() -> None:
    """With a title that never ends, it gives None for the notes."""
    head = b'<rss xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>'
    item = b"<item><title>a<content:encoded><![CDATA[<p>x y z</p>]]></content:encoded></item>"
    survives(head + item + b"<item><title>b</item></channel></rss>", "feed.xml")


ODD = "\x18\u200b\ud800"
"""Characters that no episode may have, and half of one."""


def _encoded(text: str) -> str:
    return json.dumps(text)


@pytest.mark.parametrize(
    ("name", "notes"),
    [
        ("a chat", f'[{{"user": "a", "text": {_encoded(f"Le cerf{ODD} de Chambord est entré hier.")}}}]'),
        ("a chat in bold", f'[{{"text": [{{"type": "bold", "text": {_encoded(f"Le cerf{ODD}")}}}, " est entré."]}}]'),
        ("a head in JSON", f'{{\n"title": {_encoded(f"Le cerf{ODD} de Chambord")}\n}}\n\nLe cerf est entré hier.'),
        ("a mail", "Subject: =?utf-8?q?Le_cerf=18?=\nMIME-Version: 1.0\n\nLe cerf de Chambord est entré hier."),
        ("a feed", "<rss><channel><item><title>Le cerf\x18</title><description>Le cerf est entré.</description>"),
    ],
)
def test_characters_that_a_format_encodes_are_left_out_too(name: str, notes: str) -> None:
    """Written as they are, they are left out already."""
    assert "Le cerf" in drafted(notes.encode(), "feed.xml" if name == "a feed" else "notes.txt")


@pytest.mark.parametrize(
    "value", ["!!timestamp x", "!!bool x", "!!int ''", "[" * 1000, "{a: " * 1000, "2024-13-45", "!!python/name:os.x"]
)
def test_a_head_that_cannot_be_read_is_text(value: str) -> None:
    """No value of YAML ends in an error of Python's."""
    assert drafted(f"---\ndate: {value}\n---\n\nLe cerf est entré hier.\n".encode(), "notes.md")


def test_keys_that_are_merged_again_and_again_take_no_time() -> None:
    """Each would double the time, for ever."""
    keys = "".join(f"k{n}: &k{n} {{<<: [*k{n - 1}, *k{n - 1}]}}\n" for n in range(1, 30))
    begin = time.process_time()
    survives(f"---\nk0: &k0 {{a: 1}}\n{keys}---\n\nLe cerf est entré hier.".encode(), "notes.md")
    assert time.process_time() - begin < _PATIENCE


def _in_each_other(parts: int) -> str:
    return "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(parts))


@pytest.mark.parametrize("parts", [_in_each_other(1000), "Content-Type: message/rfc822\n\n" * 1500])
def test_a_mail_of_mails_is_refused_in_words(parts: str) -> None:
    """In place of the trace of the library."""
    mail = f"From: a@example.org\nMIME-Version: 1.0\n{parts}\nLe cerf est entré hier.\n"
    with pytest.raises(InvalidInputError, match="parts of this mail stand in each other"):
        drafted(mail.encode(), "notes.eml")


def test_a_damaged_document_in_rtf_is_refused_in_words() -> None:
    """It names a character that there is not."""
    with pytest.raises(InvalidInputError, match="RTF is damaged"):
        drafted(b"{\\rtf1 \\u99999999? Le cerf est entr\\'e9 hier.}", "notes.rtf")


def test_a_feed_that_the_library_cannot_read_has_no_episode() -> None:
    """The library fails at its encoding, before it finds one."""
    with pytest.raises(InvalidInputError, match="no episode in this feed"):
        drafted(b'<?xml version="1.0" encoding="\xff\xfe"?><rss>', "feed.xml")


def test_a_feed_is_never_the_name_of_a_file(tmp_path: Path) -> None:
    """The library would open it, whoever has sent the name."""
    file = tmp_path / "feed.xml"
    file.write_bytes((HERE / "feed.xml").read_bytes())
    with pytest.raises(InvalidInputError, match="no episode in this feed"):
        drafted(bytes(file), "feed.xml")


def test_a_feed_made_to_be_slow() -> None:
    """Elements in elements, and entities that would grow into gigabytes."""
    begin = time.process_time()
    survives(b"<rss><channel><item>" + b"<a>" * 50_000, "feed.xml")
    grown = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    item = "<rss><channel><item><title>&e9;</title></item></channel></rss>"
    survives(f'<!DOCTYPE r [<!ENTITY e0 "ha">{grown}]>{item}'.encode(), "feed.xml")
    assert time.process_time() - begin < _PATIENCE
