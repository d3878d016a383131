"""The rules for messages: what Discord's documentation forbids is refused at the right field."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.discord.errors import ApiError
from bot.sandbox.discord.messages import Content, Flag, Pings, delivered, pings, texts, walk
from bot.sandbox.discord.rules import SETTABLE_BY_BOT, SETTABLE_BY_EDIT, compose
from tests.sandbox.discord_bot import fields

V2 = int(Flag.COMPONENTS_V2)
TEXT = {"type": 10, "content": "Salut"}
LINK = {"type": 2, "style": 5, "label": "Listen", "url": "https://example.org"}
PRESS = {"type": 2, "style": 1, "label": "More", "custom_id": "more"}
MEDIA = {"media": {"url": "https://example.org/picture.jpg"}}


def row(*components: dict[str, Any]) -> dict[str, Any]:
    """An action row."""
    return {"type": 1, "components": list(components)}


def container(*components: dict[str, Any]) -> dict[str, Any]:
    """A container."""
    return {"type": 17, "components": list(components)}


def layout(*components: dict[str, Any]) -> dict[str, Any]:
    """The body of a message made of components."""
    return {"flags": V2, "components": list(components)}


def sent(body: dict[str, Any]) -> Content:
    """What the message shows."""
    return compose(body, settable=SETTABLE_BY_BOT)


def refused(body: dict[str, Any]) -> dict[str, str]:
    """The wrong fields of a message that is refused."""
    with pytest.raises(ApiError) as refusal:
        sent(body)
    assert (refusal.value.refusal.status, refusal.value.refusal.code) == (400, 50035)
    assert refusal.value.body["message"] == "Invalid Form Body"
    return fields(refusal.value.body["errors"])


@pytest.mark.parametrize(
    "body",
    [
        {"content": "x" * 2000},
        {"content": "Salut", "components": [row(LINK, PRESS)]},
        layout({**TEXT, "content": "x" * 4000}),
        layout(container(*[TEXT] * 39)),
        layout({"type": 12, "items": [{**MEDIA, "description": "x" * 1024}] * 10}, {"type": 14, "spacing": 2}),
        layout(row(*[{**LINK, "label": "x" * 80, "url": "discord://" + "x" * 502}] * 5)),
        layout(row({**PRESS, "custom_id": "x" * 100})),
        {**layout(TEXT), "content": "", "embeds": [], "nonce": "x" * 25},
        {**layout(TEXT), "nonce": 12, "allowed_mentions": {"parse": ["roles"], "users": ["7"]}},
    ],
)
def test_what_is_within_the_limits_is_taken(body: dict[str, Any]) -> None:
    """The longest, the most and the fullest of everything that Discord takes."""
    assert list(sent(body).components) == body.get("components", [])


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"content": "x" * 2001}, {"content": "BASE_TYPE_MAX_LENGTH"}),
        ({"content": 5}, {"content": "STRING_TYPE_CONVERT"}),
        (
            {**layout(TEXT), "content": "x", "embeds": [{"title": "x"}]},
            {
                "content": "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                "embeds": "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
            },
        ),
        ({"content": "x", "nonce": "x" * 26}, {"nonce": "NONCE_TYPE_TOO_LONG"}),
        ({"content": "x", "nonce": []}, {"nonce": "NONCE_TYPE_INVALID_TYPE"}),
        ({"content": "x", "flags": "many"}, {"flags": "NUMBER_TYPE_COERCE"}),
        ({"content": "x", "allowed_mentions": {"parse": ["all"]}}, {"allowed_mentions.parse.0": "BASE_TYPE_CHOICES"}),
        (
            {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["7"]}},
            {"allowed_mentions": "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE"},
        ),
        (
            {"content": "x", "allowed_mentions": {"users": ["Ada"]}},
            {"allowed_mentions.users.0": "NUMBER_TYPE_COERCE"},
        ),
        ({"components": [TEXT]}, {"components.0.type": "UNION_TYPE_CHOICES"}),
        ({"components": [row({**LINK, "label": "x"})] * 6}, {"components": "BASE_TYPE_MAX_LENGTH"}),
        (layout(*[TEXT] * 41), {"components": "BASE_TYPE_MAX_LENGTH"}),
        (layout(container(*[TEXT] * 40)), {"components": "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED"}),
        (layout(*[row(LINK)] * 21), {"components": "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED"}),
        (layout(*[{**TEXT, "content": "x" * 2001}] * 2), {"components": "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED"}),
        (layout({**TEXT, "content": ""}), {"components.0.content": "BASE_TYPE_BAD_LENGTH"}),
        (layout(container()), {"components.0.components": "BASE_TYPE_BAD_LENGTH"}),
        (layout(container(container(TEXT))), {"components.0.components.0.type": "UNION_TYPE_CHOICES"}),
        (layout({**container(TEXT), "accent_color": 1 << 24}), {"components.0.accent_color": "NUMBER_TYPE_MAX"}),
        (layout({"type": 12, "items": []}), {"components.0.items": "BASE_TYPE_BAD_LENGTH"}),
        (layout({"type": 12, "items": [MEDIA] * 11}), {"components.0.items": "BASE_TYPE_BAD_LENGTH"}),
        (
            layout({"type": 12, "items": [{"media": {"url": "ftp://x"}, "description": ""}]}),
            {
                "components.0.items.0.media.url": "URL_TYPE_INVALID_SCHEME",
                "components.0.items.0.description": "BASE_TYPE_BAD_LENGTH",
            },
        ),
        (layout({"type": 14, "spacing": 3}), {"components.0.spacing": "BASE_TYPE_CHOICES"}),
        (layout(row()), {"components.0.components": "BASE_TYPE_BAD_LENGTH"}),
        (layout(row(*[LINK] * 6)), {"components.0.components": "BASE_TYPE_BAD_LENGTH"}),
        (layout(row({**LINK, "label": "x" * 81})), {"components.0.components.0.label": "BASE_TYPE_MAX_LENGTH"}),
        (layout(row({**LINK, "label": ""})), {"components.0.components.0.label": "BASE_TYPE_REQUIRED"}),
        (layout(row({**LINK, "style": 9})), {"components.0.components.0.style": "BASE_TYPE_CHOICES"}),
        (layout(row({**LINK, "url": None})), {"components.0.components.0.url": "BASE_TYPE_REQUIRED"}),
        (
            layout(row({**LINK, "url": "https://" + "x" * 505})),
            {"components.0.components.0.url": "BASE_TYPE_BAD_LENGTH"},
        ),
        (
            layout(row({**LINK, "url": "javascript:alert(1)"})),
            {"components.0.components.0.url": "URL_TYPE_INVALID_SCHEME"},
        ),
        (layout(row({**LINK, "url": "https://"})), {"components.0.components.0.url": "URL_TYPE_INVALID_URL"}),
        (layout(row({**LINK, "url": "https://a b"})), {"components.0.components.0.url": "URL_TYPE_INVALID_URL"}),
        *(
            (layout(row({**LINK, "url": url})), {"components.0.components.0.url": "URL_TYPE_INVALID_URL"})
            for url in (
                *(
                    "https://[x",
                    "https://example.org:/x",
                    "https://a.b:0/x",
                    "https://[::1]x/",
                    "https://example.org%/x",
                ),
                *("https://a.b:x/", "https://[::g]/", "https://a|b.c/"),
            )
        ),
        (
            layout(row({**LINK, "custom_id": "x"})),
            {"components.0.components.0.custom_id": "COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE"},
        ),
        (
            layout(row({**PRESS, "custom_id": "x" * 101})),
            {"components.0.components.0.custom_id": "BASE_TYPE_BAD_LENGTH"},
        ),
        (layout(row({**PRESS, "custom_id": None})), {"components.0.components.0.custom_id": "BASE_TYPE_REQUIRED"}),
        (
            layout(row(PRESS), container(row(PRESS))),
            {"components.1.components.0.components.0.custom_id": "COMPONENT_CUSTOM_ID_DUPLICATED"},
        ),
        (layout(5), {"components.0": "DICT_TYPE_CONVERT"}),  # type: ignore[arg-type]  # that is what is wrong with it
    ],
)
def test_what_breaks_a_limit_is_refused_at_its_field(body: dict[str, Any], wrong: dict[str, str]) -> None:
    """Discord's 50035 names the path of each wrong field, and no other."""
    assert refused(body) == wrong


@pytest.mark.parametrize("body", [{}, {"content": " \n"}, {"flags": V2}, {"components": []}])
def test_a_message_must_show_something(body: dict[str, Any]) -> None:
    """A message of nothing is Discord's 50006."""
    with pytest.raises(ApiError) as refusal:
        sent(body)
    assert refusal.value.body == {"message": "Cannot send an empty message", "code": 50006}


def test_text_that_is_too_many_bytes_breaks_discord() -> None:
    """4,000 characters are within the rule, but 10,159 bytes of them make the real Discord answer 500."""
    sent(layout({**TEXT, "content": "é" * 3999}))
    with pytest.raises(ApiError) as refusal:
        sent(layout({**TEXT, "content": "語" * 3387}))
    assert refusal.value.refusal.status == 500


COMPONENTS = st.recursive(
    st.text("ab", min_size=1, max_size=5).map(lambda text: {"type": 10, "content": text}),
    lambda inside: st.lists(inside, min_size=1, max_size=4).map(lambda found: container(*found)),
    max_leaves=10,
)


@given(st.lists(COMPONENTS, max_size=5))
def test_every_component_counts_however_deep(components: list[dict[str, Any]]) -> None:
    """Walking meets each component once, in reading order, and each text; Discord gives them back numbered so."""
    met = list(walk(components))
    assert len(met) == repr(components).count("'type'")
    assert texts(components) == [component["content"] for component in met if component["type"] == 10]
    assert [component["id"] for component in walk(delivered(components))] == list(range(1, len(met) + 1))


@given(st.integers(1, 45), st.integers(1, 45))
def test_forty_components_is_the_most(outside: int, inside: int) -> None:
    """Containers and what is in them count together, to forty."""
    body = layout(*[TEXT] * outside, container(*[TEXT] * inside))
    if outside + inside + 1 <= 40:
        assert len(sent(body).components) == outside + 1
    else:
        assert refused(body)


def test_an_edit_keeps_what_it_does_not_name() -> None:
    """Text and flags stay unless the edit says otherwise."""
    before = Content("Before", flags=Flag.PUBLISHED)
    kept = compose({"components": [row(LINK)]}, settable=Flag.SUPPRESS_EMBEDS, before=before)
    assert (kept.text, kept.flags) == ("Before", Flag.PUBLISHED)
    changed = compose({"flags": 4}, settable=Flag.SUPPRESS_EMBEDS, before=before)
    assert changed.flags == Flag.PUBLISHED | Flag.SUPPRESS_EMBEDS


def test_a_message_of_components_stays_one() -> None:
    """An edit cannot take the flag back, so that a plain text is refused from then on."""
    before = sent(layout(TEXT))
    edited = compose({"flags": 0}, settable=SETTABLE_BY_EDIT, before=before)
    assert edited.flags == Flag.COMPONENTS_V2


@given(st.text(st.sampled_from("@everyonh<&!>12 "), max_size=40), st.booleans())
def test_with_no_mentions_allowed_nobody_is_alerted(text: str, listed: bool) -> None:
    """Whatever the text says."""
    allowed: dict[str, Any] = {"parse": [], "users": [], "roles": []} if listed else {"parse": []}
    assert not pings(text, allowed)


@given(st.integers(1, 9), st.integers(1, 9))
def test_unless_forbidden_everybody_named_is_alerted(user: int, role: int) -> None:
    """Without `allowed_mentions` every mention counts."""
    text = f"Salut <@{user}> et <@&{role}>, @here !"
    assert pings(text, None) == Pings(everyone=True, users=frozenset({user}), roles=frozenset({role}))
