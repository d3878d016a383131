"""The page's own files: its words, and who may ask for what."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from importlib import resources
from string import Formatter

import pytest

from bot.model.i18n import Language
from bot.sandbox.demo import files

STATIC = resources.files("bot.sandbox.demo") / "static"
SCRIPTS = {file.name: file.read_text(encoding="utf-8") for file in STATIC.iterdir() if file.name.endswith(".js")}
WORDS = json.loads(SCRIPTS["words.js"].partition("const WORDS = (")[2].partition(");")[0])


def slots(sentence: str) -> set[str]:
    """What is to be filled in."""
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def test_the_page_speaks_every_language_of_the_bot() -> None:
    """The same sentences in each, with the same gaps, and none empty."""
    assert set(WORDS) == set(Language)
    french, english = WORDS["fr"], WORDS["en"]
    assert french.keys() == english.keys()
    assert [key for key in french if slots(french[key]) != slots(english[key])] == []
    assert all(words.strip() for catalogue in WORDS.values() for words in catalogue.values())


def test_french_has_its_spaces() -> None:
    """No common space before a colon, a semicolon, a mark, and inside of quotation marks."""
    assert [words for words in WORDS["fr"].values() if re.search(r" [:;!?»]|« ", words)] == []
    assert [words for words in WORDS["fr"].values() if "'" in words] == []


def test_every_sentence_is_used_and_every_used_one_is_there() -> None:
    """Nothing to translate for nobody, nothing shown as undefined. Some names are put together from parts."""
    asked = set(re.findall(r"""say\((?:[a-z]+ \? )?"(\w+)"(?: : "(\w+)")?""", "".join(SCRIPTS.values())))
    literal = {name for pair in asked for name in pair if name}
    everywhere = set(re.findall(r'"(\w+)"', "".join(text for name, text in SCRIPTS.items() if name != "words.js")))
    kinds = {"private", "group", "topic", "channel", "announcements", "general", "forum", "direct"}
    differences = {key for key in WORDS["fr"] if key.startswith("difference_")}
    assert literal - WORDS["fr"].keys() == set()
    assert WORDS["fr"].keys() - everywhere - kinds - differences == set()


def test_nothing_in_the_page_parses_markup() -> None:
    """What would make elements or code out of a text does not occur; markup in a message has nowhere to go."""
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|srcdoc"
        r"|\beval\b|new Function|setTimeout\(\s*[\"'`]|javascript:"
    )
    assert {name: forbidden.findall(text) for name, text in SCRIPTS.items() if forbidden.search(text)} == {}


def test_no_file_of_the_page_names_another_place() -> None:
    """No font, script, style or picture of anybody else's, not even in a style sheet."""
    texts = {file.name: file.read_text(encoding="utf-8") for file in STATIC.iterdir() if not file.name.endswith(".js")}
    assert {
        name: text for name, text in texts.items() if re.search(r"url\(|@import|https?://(?!www\.w3\.org)", text)
    } == {}


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", Language.FRENCH),
        ("de-CH", Language.FRENCH),
        ("en", Language.ENGLISH),
        ("EN-gb", Language.ENGLISH),
        ("fr;q=0.4, en;q=0.5", Language.ENGLISH),
        ("fr;q=x, en;q=0.1", Language.ENGLISH),
        (",,;q=", Language.FRENCH),
    ],
)
def test_the_language_is_the_browsers_favourite(accepted: str, language: Language) -> None:
    """By its weights; headers that make no sense are no reason to fail."""
    assert files.preferred_language(accepted) is language


HOSTILE = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(1)> {{script}} \u2028 ]]> &lt;"


def test_a_preview_file_holds_hostile_text_as_text() -> None:
    """Whatever it says: it ends no element, fills no gap, and reads the same again."""
    text = files.preview(HOSTILE, Language.FRENCH, {"title": HOSTILE})
    calm = files.preview("calm", Language.FRENCH, {"title": "calm"})
    assert text.count("<script") == calm.count("<script") == 2
    assert text.count("</script") == 2
    assert "<img" not in text
    held = text.partition('id="content">')[2].partition("</script>")[0]
    assert json.loads(held) == {"title": HOSTILE}


def test_a_preview_file_lets_nothing_else_run_or_load() -> None:
    """Its policy names the digests of the very script and style in it, and allows nothing more."""
    text = files.preview("x", Language.FRENCH, {})
    policy = text.partition('Content-Security-Policy" content="')[2].partition('"')[0]
    digests = [
        base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        for part in (
            text.partition("<style>")[2].partition("</style>")[0],
            text.rpartition("<script>")[2].partition("</script>")[0],
        )
    ]
    assert policy == f"default-src 'none'; style-src 'sha256-{digests[0]}'; script-src 'sha256-{digests[1]}'"
