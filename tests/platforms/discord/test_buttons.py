"""Buttons on Discord: they outlive everything, act where they are pressed, and for the one who presses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.platforms.discord.answering import Scene, answering, custom_ids, text_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """The bot on Discord, which brings its text channel everything on Monday."""
    async with answering(tmp_path) as made:
        await (await made.says("subscribe", by=made.manager)).reply()
        yield made


async def test_buttons_work_after_a_restart(scene: Scene, tmp_path: Path) -> None:
    """They hold all they need: no memory of the message is kept."""
    first = await (await scene.says("topics")).reply()
    assert scene.platform.gateway.client is not None
    assert scene.platform.gateway.client.persistent_views == []
    custom_id = custom_ids(first)["#tiktok"]
    folder = tmp_path / "again"
    folder.mkdir()
    async with answering(folder) as again:
        old = await again.posts(custom_id)
        pressed = await again.presses(old, custom_id)
        assert "#tiktok" in text_of(await pressed.reply())


@pytest.mark.parametrize(
    "custom_id", ["recap:", "recap:nothing", "recap:topic:99999 x", "older", "recap:topic\ntiktok"]
)
async def test_a_button_of_another_version_or_of_a_forger_gets_a_friendly_word(scene: Scene, custom_id: str) -> None:
    """For the one who pressed it, and nothing happens."""
    message = await scene.posts(custom_id)
    reply = await (await scene.presses(message, custom_id)).reply()
    assert "autre version" in text_of(reply)
    assert reply.ephemeral


@pytest.mark.parametrize(
    "custom_id", ["recap:unsubscribe", "recap:subscribe tiktok", "recap:unsubscribe discord:{other}"]
)
async def test_a_press_without_rights_changes_nothing(scene: Scene, custom_id: str) -> None:
    """Not below a push or a shared answer either: Discord says who pressed."""
    pressed = custom_id.format(other=scene.text.id)
    message = await scene.posts(pressed)
    assert "seuls les admins" in text_of(await (await scene.presses(message, pressed)).reply())
    (subscription,) = await scene.ledger.subscriptions.all()
    assert (str(subscription.state), subscription.choices.topics) == ("active", ())


async def test_a_button_cannot_be_made_to_touch_another_channel(scene: Scene) -> None:
    """Where it is pressed is where it acts, whatever it says."""
    other = scene.discord.add_text(scene.guild, "autre")
    await (await scene.says("subscribe", other, by=scene.manager)).reply()
    forged = f"recap:unsubscribe discord:{other.id}"
    message = await scene.posts(forged)
    await (await scene.presses(message, forged, by=scene.manager)).reply()
    assert (await scene.state(scene.text), await scene.state(other)) == ("ended", "active")


async def test_a_page_is_turned_in_place_only_for_who_asked(scene: Scene) -> None:
    """What one reader shared, another may read on in, but for themselves."""
    shared = await (await scene.says("topic", by=scene.manager, name="tiktok", share=True)).reply()
    theirs = await (await scene.presses(shared, "Plus anciens ▶")).reply()
    assert (theirs.ephemeral, "page 1" in text_of(shared), "page 2" in text_of(theirs)) == (True, True, True)
    on = await (await scene.presses(theirs, "◀ Plus récents")).reply()
    assert on is theirs
    own = await (await scene.presses(shared, "Plus anciens ▶", by=scene.manager)).reply()
    assert own is shared
    assert "page 2" in text_of(shared)


async def test_a_push_stays_as_it_is(scene: Scene) -> None:
    """A button below it, even one that turns pages, is answered beside it."""
    push = await scene.posts("recap:topic:2 tiktok")
    before = push.components
    reply = await (await scene.presses(push, "recap:topic:2 tiktok", by=scene.manager)).reply()
    assert (reply.ephemeral, push.components) == (True, before)
