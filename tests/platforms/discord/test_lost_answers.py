"""Answers on Discord whatever goes wrong on the way: whole, in order, once, and never without a sign of life."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from typing import TYPE_CHECKING

import pytest

from bot.content.archive import Archive
from bot.model.rendering import Message
from bot.model.subscription import PlatformName, Target
from bot.platforms.base import FloodError, NotSentError, Post
from bot.platforms.discord import reply
from bot.sandbox.discord.interactions import Callback
from bot.sandbox.shared.faults import BAD_GATEWAY, Action, Fault, Flood, Match, Reply, Reset
from tests.platforms.discord.answering import Scene, answering, target_of, text_of
from tests.platforms.discord.test_answers import CALLBACK, FOLLOW_UP
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.sandbox.discord.interactions import Interaction

EDIT = "PATCH /webhooks/{application_id}/{interaction_token}/messages/{message_id}"
SERVER_ERROR = Reply(500, {"message": "500: Internal Server Error", "code": 0})
TROUBLE: dict[str, tuple[Action, bool]] = {
    "429": (Flood(0.2), False),
    "500": (SERVER_ERROR, False),
    "502": (BAD_GATEWAY, False),
    "reset": (Reset(), False),
    "500 after it was taken": (SERVER_ERROR, True),
    "502 after it was taken": (BAD_GATEWAY, True),
    "reset after it was taken": (Reset(), True),
}


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """The bot on Discord."""
    async with answering(tmp_path) as made:
        yield made


@pytest.fixture
async def slow(tmp_path: Path) -> AsyncIterator[Scene]:
    """The same, with little patience before it asks for more time."""
    async with answering(tmp_path, patience=0.05) as made:
        yield made


async def ended(scene: Scene) -> None:
    """Wait until the bot has nothing under way, of its look at the server after the start either."""
    underway = scene.platform.underway
    await until(lambda: underway.begun and not underway.tasks)


def texts(interaction: Interaction) -> list[str]:
    """What the person reads."""
    return [text_of(message) for message in interaction.messages]


def break_once(scene: Scene, route: str, trouble: str) -> None:
    """Let the next request of that route go wrong."""
    action, after = TROUBLE[trouble]
    scene.discord.faults.add(Fault(action, Match(route), after=after))


@pytest.mark.parametrize("trouble", TROUBLE)
async def test_an_answer_comes_whole_and_once(scene: Scene, trouble: str) -> None:
    """Its first message goes wrong: asked again, Discord tells whether it was there already."""
    expected = await scene.says("latest")
    await expected.reply(2)
    break_once(scene, CALLBACK, trouble)
    interaction = await scene.says("latest")
    await interaction.reply(2)
    await ended(scene)
    assert texts(interaction) == texts(expected)
    assert scene.discord.faults.pending == ()


@pytest.mark.parametrize("trouble", TROUBLE)
async def test_a_shared_message_that_may_have_arrived_is_looked_for(scene: Scene, trouble: str) -> None:
    """In the channel, where the bot can read: no message is missing there and none stands twice."""
    break_once(scene, FOLLOW_UP, trouble)
    interaction = await scene.says("latest", by=scene.manager, share=True)
    await interaction.reply(2)
    await ended(scene)
    assert len(interaction.messages) == len(set(texts(interaction))) == 2
    assert scene.text.messages == interaction.messages


async def test_a_message_to_one_alone_never_comes_twice(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """Discord lists none of them: one that may have arrived is not sent again, and the log knows."""
    caplog.set_level(logging.INFO)
    break_once(scene, FOLLOW_UP, "500 after it was taken")
    interaction = await scene.says("latest")
    await interaction.reply(2)
    await ended(scene)
    assert len(interaction.messages) == 2
    assert "may have arrived" in caplog.text


async def test_a_message_that_certainly_did_not_arrive_is_sent_again(scene: Scene) -> None:
    """Discord asked to wait: it took nothing."""
    break_once(scene, FOLLOW_UP, "429")
    interaction = await scene.says("latest")
    await interaction.reply(2)
    await ended(scene)
    assert len(interaction.messages) == 2


@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize("route", [CALLBACK, EDIT])
async def test_a_slow_answer_comes_whole_and_once(slow: Scene, route: str, trouble: str) -> None:
    """The sign that the bot thinks goes wrong, or the answer in its place."""
    async with slow.context.changing:
        break_once(slow, route, trouble)
        interaction = await slow.says("subscribe", by=slow.manager)
        await interaction.answered()
    await interaction.reply()
    await ended(slow)
    assert interaction.callback is Callback.DEFERRED_MESSAGE
    (text,) = texts(interaction)
    assert "Abonnement enregistré" in text
    assert slow.discord.faults.pending == ()


@pytest.mark.parametrize("trouble", TROUBLE)
async def test_a_page_is_turned_in_place(scene: Scene, trouble: str) -> None:
    """The press goes wrong, and the next page stands where the first stood."""
    first = await (await scene.says("topic", name="tiktok")).reply()
    break_once(scene, CALLBACK, trouble)
    pressed = await scene.presses(first, "Plus anciens ▶")
    await scene.discord.wait_for(lambda: "page 2" in text_of(first))
    await ended(scene)
    assert pressed.followups == []


async def test_hasty_commands_do_not_mix(scene: Scene) -> None:
    """Three answers to one person come one after the other, although a part of the first has to wait."""
    scene.discord.faults.add(Fault(Flood(0.3), Match(FOLLOW_UP)))
    # Three ways to ask, because the same question would be answered once.
    asked = [await scene.says("latest"), *[await scene.says("episode", number=each) for each in ("1207", "1206")]]
    for interaction in asked:
        await interaction.reply(2)
    ids = [message.id for interaction in asked for message in interaction.messages]
    assert ids == sorted(ids)


async def test_a_pause_is_kept_by_answers_and_not_by_signs_of_life(scene: Scene) -> None:
    """Discord has asked for six seconds: twenty people see in time that the bot thinks, and are answered after."""
    readers = [scene.discord.add_user(f"lecteur {number}") for number in range(20)]
    for reader in readers:
        scene.discord.add_member(scene.guild, reader)
    await (await scene.says("help")).reply()
    scene.pacer.note_flood(
        FloodError("slow down", retry_after=6.0, everything=True), Target(PlatformName("discord"), "1")
    )
    over = time.monotonic() + 6.0
    asked = [await scene.says("topics", by=reader) for reader in readers]
    for interaction in asked:
        await interaction.answered()
    assert time.monotonic() < over
    for interaction in asked:
        await interaction.reply()
    answers = [request for request in scene.requests if request.route == EDIT]
    assert len(answers) == 20
    assert all(request.at >= over for request in answers)


async def test_a_pause_asked_of_an_answer_holds_for_everybody(scene: Scene) -> None:
    """Pushes too: the pacer has heard of it."""
    scene.discord.faults.add(Fault(Flood(1.0, everything=True), Match(CALLBACK)))
    interaction = await scene.says("topics")
    await until(scene.pacer.pause)
    await interaction.reply()
    assert not scene.pacer.pause()


async def test_a_press_in_a_great_hurry_gets_a_sign_and_no_answer(scene: Scene) -> None:
    """Else the app shows that the bot did not respond; the message stays as it is."""
    first = await (await scene.says("topic", name="tiktok")).reply()
    before = text_of(first)
    pressed = [await scene.presses(first, "Plus anciens ▶") for _ in range(40)]
    for interaction in pressed:
        await interaction.answered()
    last = pressed[-1]
    assert (last.callback, last.followups, text_of(first) == before) == (Callback.DEFERRED_UPDATE, [], False)


async def test_a_guest_says_where_the_rest_is(scene: Scene, tmp_path: Path) -> None:
    """Discord takes five messages after the first where only the person brought the bot; elsewhere all of them."""
    folder = tmp_path / "content"
    folder.mkdir()
    subjects = "".join(f"## Sujet {number}\n\n{'Un mot, et encore un. ' * 170}\n\n" for number in range(9))
    (folder / "1.md").write_text(f"---\nnumber: 1\ntitle: Un\ndate: 2024-11-04\n---\n\n{subjects}", "utf-8")
    archive = Archive.load(folder)
    scene.handlers.use(dataclasses.replace(scene.context, archive=lambda: archive), scene.handlers._language)
    scene.manager.has_app = True
    foreign = scene.discord.add_guild("Ailleurs", bot_is_in=False)
    scene.discord.add_member(foreign, scene.manager)
    at_home = await scene.says("latest", by=scene.manager)
    away = await scene.says("latest", scene.discord.add_text(foreign, "général"), by=scene.manager)
    await asyncio.gather(at_home.reply(), away.reply())
    await ended(scene)
    assert len(at_home.messages) > 6
    assert texts(away)[:5] == texts(at_home)[:5]
    assert "demandez-moi le tout en privé" in texts(away)[5]
    assert len(away.messages) == 6


async def test_an_answer_that_cannot_be_given_is_excused(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """Once, and the log says why, and not what was asked."""
    refusal = Reply(403, {"message": "Blocked by AutoMod", "code": 200000})
    scene.discord.faults.add(Fault(refusal, Match(CALLBACK)))
    interaction = await scene.says("topic", name="mon secret")
    assert text_of(await interaction.reply()).startswith("Désolé")
    await ended(scene)
    assert len(interaction.messages) == 1
    assert "Blocked by AutoMod" in caplog.text
    assert "secret" not in caplog.text


async def test_a_client_that_is_closed_is_no_bug(
    scene: Scene, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A push, a command and a press that come too late for it: an error of ours, and no traceback."""
    monkeypatch.setattr(reply, "WORTH", 0.3)
    message = await scene.posts("recap:subscribe")
    await ended(scene)
    async with scene.context.changing:
        await scene.says("subscribe", by=scene.manager)
        await scene.presses(message, "recap:subscribe", by=scene.manager)
        await until(lambda: len(scene.platform.underway.tasks) == 2)
        await scene.platform.client.close()
    await ended(scene)
    channel = target_of(scene.text)
    post = Post(channel, "", Message({"flags": 1 << 15, "components": []}, 0, 4000), nonce="1")
    for call in (
        scene.platform.send(post),
        scene.platform.find(post, scene.clock()),
        scene.platform.publish(channel, "1", lambda: True),
        scene.platform.inspect(channel),
    ):
        with pytest.raises(NotSentError):
            await call
    assert caplog.text.count("No answer") == 2
    assert "Traceback" not in caplog.text
