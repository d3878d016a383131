"""The stand-in's rules of text and entities, held against TDLib's own parser."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.telegram.errors import ApiError
from bot.sandbox.telegram.text import (
    ENTITIES_MAX,
    RAW_TEXT_MAX_BYTES,
    TEXT_MAX,
    bot_commands,
    formatted,
    is_link,
    utf16,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.sandbox.shared.webserver import Json

tdlib = pytest.importorskip("tests.platforms.telegram.tdlib", reason="TDLib's parser is not installed")

# What the rules tell apart: widths, commands, what is dropped, replaced or trimmed.
TEXTS = st.text(st.sampled_from("ab Z9_/@<>é«😀𝄞\n\t\r\x00\u202e\u0333\u00a0\u200b-."), max_size=30)


def _bold(offset: int, length: int) -> Json:
    return {"type": "bold", "offset": offset, "length": length}


def _link(url: object) -> Json:
    return {"type": "text_link", "offset": 0, "length": 1, "url": url}


def _spans(entities: Iterable[Json]) -> list[tuple[int, int]]:
    return [(entity["offset"], entity["length"]) for entity in entities]


def _refusal(text: str, *entities: object) -> str | None:
    """Return why the rules refuse the text with the entities; None if they do not."""
    try:
        formatted(text, list(entities))
    except ApiError as error:
        return str(error).removeprefix("Bad Request: ")
    return None


def _tdlib_refusal(text: str, *entities: Json) -> str | None:
    """Return why TDLib refuses them, with a small first letter as the Bot API server writes it.

    `getMarkdownText` needs no network, and checks its text as TDLib checks every message.
    """
    wire = [{**entity, "type": {"@type": tdlib.TYPES[entity["type"]], "url": entity.get("url")}} for entity in entities]
    text_with_entities = {"@type": "formattedText", "text": text, "entities": wire}
    request = {"@type": "getMarkdownText", "text": text_with_entities}
    answer = json.loads(tdlib.tdjson.td_execute(json.dumps(request).encode()))
    if answer["@type"] != "error":
        return None
    reason = str(answer["message"])
    return reason[0].lower() + reason[1:]


def _cut(text: str, offset: int, length: int) -> str:
    """The part of the text that an entity covers."""
    return text.encode("utf-16-le")[2 * offset : 2 * (offset + length)].decode("utf-16-le")


@given(text=TEXTS)
def test_commands_are_found_where_tdlib_finds_them(text: str) -> None:
    """Which slash begins a command, and where the command ends."""
    found = tdlib.execute({"@type": "getTextEntities", "text": text})["entities"]
    commands = [entity for entity in found if entity["type"]["@type"] == "textEntityTypeBotCommand"]
    assert _spans(bot_commands(text)) == _spans(commands)


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("/latest", [(0, 7)]),
        ("/topic@recap_bot tik tok", [(0, 16)]),
        ("😀 /help et /topics", [(3, 5), (12, 7)]),
        ("a/latest //x </b> /", []),
        ("/aide@x", []),
    ],
)
def test_commands_are_given_in_utf16(text: str, spans: list[tuple[int, int]]) -> None:
    """Offset and length count surrogate pairs as two."""
    assert _spans(bot_commands(text)) == spans


@given(text=TEXTS.filter(lambda text: _refusal(text) is None), data=st.data())
def test_an_entity_is_refused_when_and_as_tdlib_refuses_it(text: str, data: st.DataObject) -> None:
    """Before the text, beyond it, inside a surrogate pair: the rules speak with TDLib's words."""
    around = st.integers(-1, utf16(text) + 1)
    entity = _bold(data.draw(around), data.draw(around))
    assert _refusal(text, entity) == _tdlib_refusal(text, entity)


@pytest.mark.parametrize("entity", [_bold(2, 1), _bold(2, 2), _bold(1, 1), _bold(0, 6), _bold(6, 1), _bold(5, 1)])
def test_half_a_character_and_what_is_beyond_is_refused(entity: Json) -> None:
    """The same, in the cases that matter most."""
    reason = _refusal("a😀éb", entity)
    assert reason is not None
    assert reason == _tdlib_refusal("a😀éb", entity)


@given(text=TEXTS.filter(lambda text: _refusal(text) is None))
def test_a_text_is_mended_as_tdlib_mends_it(text: str) -> None:
    """Control characters become blanks, some marks vanish, and blanks around the text are cut off."""
    mended = tdlib.execute({"@type": "getMarkdownText", "text": {"@type": "formattedText", "text": text}})["text"]
    assert formatted(text, []) == (mended.strip(" \n"), ())


@given(parts=st.tuples(TEXTS, TEXTS, TEXTS).filter(lambda parts: _refusal("".join(parts)) is None))
def test_an_entity_stays_on_its_words(parts: tuple[str, str, str]) -> None:
    """Whatever is dropped before and inside it, an entity covers the same words; over nothing it is gone."""
    before, covered, after = parts
    text, entities = formatted("".join(parts), [_bold(utf16(before), utf16(covered))])
    # Letters around it keep the covered words from being trimmed here, and blanks at the end of the text go.
    kept = formatted(f"x{covered}x", [])[0][1:-1]
    if not after.strip(" \n\t\r\x00\u202e\u0333"):
        kept = kept.rstrip(" \n")
    assert "".join(_cut(text, *span) for span in _spans(entities)) == kept
    assert all(0 < length <= utf16(text) - offset for offset, length in _spans(entities))


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org",
        "http://a.b/c?d=é#f",
        "example.org/x",
        "HTTPS://EXAMPLE.ORG",
        "https://example.org:8080/",
        "http://[2001:db8::1]/",
        "tg://resolve?domain=recap_bot",
        "foo",
        "/path",
        "http://localhost/",
        "javascript:alert(1)",
        "mailto:ada@example.org",
        "ftp://example.org/",
        "https://example.org:99999/",
        "https://example.org:/x",
        "https://a.b:0/x",
        "https://a.b:00080/x",
        "https://a.b:80:90/",
        "https://[::1]x/",
        "https://[::g]/",
        "https://[fe80::1%25lo]/",
        "https://example.org%/x",
        "https://example.org%41/x",
        "https://u%zz@example.org/",
        "https://us^er@a.b/",
        "https://a.b@/x",
        "https://./",
        "https://../",
        "https://a..b/",
        "https://exa<mple.org/",
        "https://é.fr?x",
        "://a.b",
        "",
    ],
)
def test_a_link_is_one_when_tdlib_says_so(url: str) -> None:
    """Without TDLib the rules accept no address that it refuses, nor refuse what it accepts."""
    assert is_link(url) is (_tdlib_refusal("x", _link(url)) is None)


SITES = st.text("ab.-_:/?#[]@%!~+0149fé", max_size=20)


@given(st.builds(str.__add__, st.sampled_from(["https://", "http://", "HTTPS://a.", ""]), SITES))
def test_any_link_is_one_when_tdlib_says_so(url: str) -> None:
    """Whatever is in it."""
    assert is_link(url) is (_tdlib_refusal("x", _link(url)) is None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "message text is empty"),
        (" \n\t", "text must be non-empty"),
        ("\u00a0\u200b", "text must be non-empty"),
        ("\ud83d", "strings must be encoded in UTF-8"),
        ("x" * (TEXT_MAX + 1), "message is too long"),
        ("😀" * (TEXT_MAX + 1), "message is too long"),
        (" " * (RAW_TEXT_MAX_BYTES + 1), "text is too long"),
    ],
)
def test_a_text_that_cannot_be_sent_is_refused(text: str, reason: str) -> None:
    """Nothing, nothing visible, no text at all, or too much of it."""
    assert _refusal(text) == reason


@pytest.mark.parametrize("text", ["x", "x" * TEXT_MAX, "😀" * TEXT_MAX, f"  {'x' * TEXT_MAX} \n"])
def test_length_is_counted_in_characters_after_trimming(text: str) -> None:
    """A surrogate pair is one character, and blanks that are cut off are none."""
    assert _refusal(text) is None


@pytest.mark.parametrize(
    ("entity", "reason"),
    [
        (5, "can't parse MessageEntity: expected an Object"),
        ({"type": "bold", "offset": 0}, 'can\'t parse MessageEntity: Field "length" must be of type Number'),
        (_bold(0, 1) | {"type": "marquee"}, "can't parse MessageEntity: Unsupported type specified"),
        (_link(None), "can't parse MessageEntity: Can't find field \"url\""),
        (_link("nowhere"), "entity URL 'nowhere' is invalid: Wrong HTTP URL"),
        (_bold(0, 2_000_000), "receive an entity with incorrect length 2000000"),
    ],
)
def test_an_entity_that_makes_no_sense_is_refused(entity: object, reason: str) -> None:
    """The words say which part of it is wrong."""
    assert _refusal("x", entity) == reason


def test_entities_that_the_server_finds_itself_are_ignored() -> None:
    """A mention or a command comes from the text, not from the bot."""
    assert formatted("/x @y", [_bold(0, 2) | {"type": "bot_command"}]) == ("/x @y", ())


def test_entities_beyond_a_hundred_are_dropped() -> None:
    """Silently, and the first ones stay."""
    text, entities = formatted("x" * 200, [_bold(place, 1) for place in range(150)])
    assert len(text) == 200
    assert _spans(entities) == [(place, 1) for place in range(ENTITIES_MAX)]
