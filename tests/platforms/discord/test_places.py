"""Where the bot can be used on Discord, by whom, and what becomes of a subscription when the place goes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.model.document import CommandButton
from bot.model.subscription import Subscription, SubscriptionState
from bot.platforms.discord.render import COMMAND_PREFIX
from bot.sandbox.discord.world import BOT, MEMBER, Permission
from tests.platforms.discord.answering import Scene, answering, custom_ids, target_of, text_of
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.model.subscription import Target
    from bot.sandbox.discord.world import Channel
    from bot.storage.subscriptions import LedgerSubscriptions


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """The bot on Discord."""
    async with answering(tmp_path) as made:
        yield made


async def subscribed(scene: Scene, channel: Channel) -> str:
    """What the manager is told who subscribes the channel."""
    return text_of(await (await scene.says("subscribe", channel, by=scene.manager)).reply())


# Rights


async def test_who_manages_the_server_subscribes_a_channel(scene: Scene) -> None:
    """And says for which topics."""
    reply = await (await scene.says("subscribe", by=scene.manager, topics="tiktok netflix")).reply()
    assert "#netflix et #tiktok" in text_of(reply)
    assert "lundi 11 novembre 2024 à 08:00" in text_of(reply)
    assert await scene.state(scene.text) == "active"


@pytest.mark.parametrize("command", ["subscribe", "unsubscribe"])
async def test_others_are_shown_the_way_to_their_own(scene: Scene, command: str) -> None:
    """They change nothing here; a button leads to the private conversation in which they may."""
    await subscribed(scene, scene.text)
    reply = await (await scene.says(command)).reply()
    assert "seuls les admins" in text_of(reply)
    (address,) = links(reply.components)
    assert address == f"https://discord.com/users/{scene.platform.client.application_id}"
    assert await scene.state(scene.text) == "active"


def links(components: object) -> list[str]:
    """The addresses of all link buttons."""
    match components:
        case {"style": 5, "url": str(url)}:
            return [url]
        case {"components": inside}:
            return links(inside)
        case list() | tuple():
            return [url for each in components for url in links(each)]
        case _:
            return []


async def test_an_administrator_may_do_everything(scene: Scene) -> None:
    """Whatever other rights they have."""
    boss = scene.discord.add_user("cheffe")
    scene.discord.add_member(scene.guild, boss, Permission.ADMINISTRATOR)
    assert "Abonnement" in text_of(await (await scene.says("subscribe", by=boss)).reply())


async def test_in_private_everybody_subscribes_for_themselves(scene: Scene) -> None:
    """No right is needed, and Discord names none there."""
    private = scene.discord.direct(scene.reader)
    assert "Abonnement" in text_of(await (await scene.says("subscribe", private)).reply())
    assert await scene.state(private) == "active"


async def test_nobody_subscribes_a_channel_from_a_private_chat(scene: Scene) -> None:
    """Although no right is needed there, and a client can name any channel."""
    private = scene.discord.direct(scene.reader)
    reply = await (await scene.discord.slash(scene.reader, private, "subscribe", channel=scene.text)).reply()
    assert "Abonn" not in text_of(reply)
    assert (await scene.state(private), await scene.state(scene.text)) == ("", "")


# Places


async def test_every_channel_people_write_in_can_be_subscribed(scene: Scene) -> None:
    """Announcements, the chat of a voice channel, a thread, a forum's post: each as itself."""
    forum = scene.discord.add_forum(scene.guild, "forum")
    places = [
        scene.discord.add_announcement(scene.guild, "annonces"),
        scene.discord.add_voice(scene.guild, "Salon"),
        scene.discord.add_thread(scene.text, "le fil", scene.reader),
        scene.discord.add_thread(forum, "le post", scene.reader),
    ]
    for place in places:
        assert "Abonnement" in await subscribed(scene, place)
        assert await scene.state(place) == "active"
    assert await scene.state(scene.text) == ""


@pytest.mark.parametrize(
    ("missing", "words"),
    [(Permission.SEND_MESSAGES, "pas le droit d’écrire"), (Permission.VIEW_CHANNEL, "ne vois pas ce salon")],
)
async def test_no_subscription_is_confirmed_where_the_bot_may_not_write(
    scene: Scene, missing: Permission, words: str
) -> None:
    """The admin hears at once what to change, not on Monday."""
    scene.discord.permit(scene.text, BOT & ~missing)
    assert words in await subscribed(scene, scene.text)
    assert await scene.state(scene.text) == ""
    scene.discord.permit(scene.text, Permission.ADMINISTRATOR)
    assert "Abonnement" in await subscribed(scene, scene.text)


async def test_a_thread_has_a_right_of_its_own(scene: Scene) -> None:
    """Writing in threads is granted apart, and a locked one is open to those alone who manage threads."""
    thread = scene.discord.add_thread(scene.text, "le fil", scene.reader)
    scene.discord.permit(scene.text, BOT & ~Permission.SEND_MESSAGES_IN_THREADS)
    assert "pas le droit d’écrire" in await subscribed(scene, thread)
    scene.discord.permit(scene.text, BOT & ~Permission.SEND_MESSAGES)
    assert "Abonnement" in await subscribed(scene, thread)
    scene.discord.change_thread(thread, locked=True)
    assert "verrouillé" in await subscribed(scene, thread)
    scene.discord.permit(scene.text, BOT | Permission.MANAGE_THREADS)
    assert "Abonnement" in await subscribed(scene, thread)


async def test_a_forum_takes_both_rights(scene: Scene) -> None:
    """Its post is opened by a message, and the further messages of a recap stand in the post."""
    forum = scene.discord.add_forum(scene.guild, "forum")
    for missing in (Permission.SEND_MESSAGES, Permission.SEND_MESSAGES_IN_THREADS, Permission(0)):
        scene.discord.permit(forum, BOT & ~missing)
        reply = await (await scene.discord.slash(scene.manager, scene.text, "subscribe", channel=forum)).reply()
        assert ("pas le droit d’écrire" in text_of(reply)) == bool(missing)


async def test_the_way_out_is_open_where_the_bot_may_no_longer_write(scene: Scene) -> None:
    """Unsubscribing needs no right of the bot's."""
    await subscribed(scene, scene.text)
    scene.discord.permit(scene.text, Permission(0))
    reply = await (await scene.says("unsubscribe", by=scene.manager)).reply()
    assert "Vous ne recevrez plus rien ici." in text_of(reply)
    assert await scene.state(scene.text) == "ended"


async def test_a_person_who_takes_the_bot_along_is_answered_alone(scene: Scene) -> None:
    """In a server that the bot is not in they can ask everything, and subscribe nothing, whatever they may do there."""
    scene.manager.has_app = True
    foreign = scene.discord.add_guild("Ailleurs", bot_is_in=False)
    scene.discord.add_member(foreign, scene.manager, MEMBER | Permission.MANAGE_GUILD | Permission.MANAGE_MESSAGES)
    text = scene.discord.add_text(foreign, "général")
    topic = await (await scene.says("topic", text, by=scene.manager, name="tiktok", share=True)).reply()
    assert topic.ephemeral
    assert "#tiktok" in text_of(topic)
    assert "cette réponse n’est que pour vous" in text_of(topic)
    for command in ("subscribe", "unsubscribe"):
        reply = await (await scene.says(command, text, by=scene.manager)).reply()
        assert "En conversation privée avec moi, c’est possible" in text_of(reply)
        assert links(reply.components) == [f"https://discord.com/users/{scene.platform.client.application_id}"]
    assert await scene.state(text) == ""


async def test_a_conversation_of_several_people_is_no_place_for_pushes(scene: Scene) -> None:
    """No bot can be in one; but there an answer can be shown to all."""
    scene.reader.has_app = True
    group = scene.discord.add_group("Les amis", scene.reader, scene.manager)
    assert "qu’en visite" in text_of(await (await scene.says("subscribe", group)).reply())
    assert await scene.state(group) == ""
    assert not (await (await scene.says("topics", group, share=True)).reply()).ephemeral


# Comings and goings


async def test_a_server_that_throws_the_bot_out_gets_nothing_more(scene: Scene) -> None:
    """Its channels and threads end; a server beside it does not."""
    thread = scene.discord.add_thread(scene.text, "le fil", scene.reader)
    other = scene.discord.add_guild("À côté")
    scene.discord.add_member(other, scene.manager, MEMBER | Permission.MANAGE_GUILD)
    beside = scene.discord.add_text(other, "général")
    for channel in (scene.text, thread, beside):
        await subscribed(scene, channel)
    scene.discord.remove_guild(scene.guild)
    await becomes(scene, scene.text, "ended")
    await becomes(scene, thread, "ended")
    assert await scene.state(beside) == "active"


async def test_a_server_that_lets_the_bot_in_again_has_its_subscriptions_back(scene: Scene) -> None:
    """Those that ended with the bot's leaving; what was unsubscribed before stays so."""
    news = scene.discord.add_announcement(scene.guild, "annonces")
    await subscribed(scene, scene.text)
    await subscribed(scene, news)
    await (await scene.says("unsubscribe", news, by=scene.manager)).reply()
    scene.discord.remove_guild(scene.guild)
    await becomes(scene, scene.text, "ended")
    scene.discord.restore_guild(scene.guild)
    await becomes(scene, scene.text, "active")
    assert await scene.state(news) == "ended"


async def test_what_could_not_be_pushed_into_a_server_goes_on_when_it_lets_the_bot_in(scene: Scene) -> None:
    """Thrown out while it was off, the bot learns of it by a push that is refused: that pauses, and ends nothing."""
    await subscribed(scene, scene.text)
    scene.discord.remove_guild(scene.guild)
    await becomes(scene, scene.text, "ended")
    refused = Subscription(target_of(scene.text), "monday", state=SubscriptionState.PAUSED, reason="Missing Access")
    await scene.ledger.subscriptions.save(refused)
    scene.discord.restore_guild(scene.guild)
    await becomes(scene, scene.text, "active")


async def test_a_server_that_let_the_bot_in_while_it_was_off_has_them_back_too(tmp_path: Path) -> None:
    """The next start finds the bot in the server, which is all that Discord tells then."""

    async def thrown_out(subscriptions: LedgerSubscriptions, target: Target) -> None:
        await subscriptions.save(Subscription(target, "monday"))
        await subscriptions.left(target, "the bot was removed from the server")

    async with answering(tmp_path, before=thrown_out) as scene:
        await becomes(scene, scene.text, "active")


async def test_what_a_missing_right_had_paused_goes_on_when_it_is_given(scene: Scene) -> None:
    """Nobody has to subscribe again, nor does a change that gives no right resume anything."""
    await subscribed(scene, scene.text)
    await scene.ledger.subscriptions.pause(target_of(scene.text), "missing permissions")
    scene.discord.permit(scene.text, BOT & ~Permission.SEND_MESSAGES)
    beside = scene.discord.add_text(scene.guild, "à côté")
    await subscribed(scene, beside)
    scene.discord.delete_channel(beside)
    await becomes(scene, beside, "ended")
    assert await scene.state(scene.text) == "paused"
    scene.discord.permit(scene.text, BOT)
    await becomes(scene, scene.text, "active")


async def test_a_thread_goes_on_when_its_right_is_given_or_its_lock_taken_off(scene: Scene) -> None:
    """What it needs is said in its channel and in itself."""
    thread = scene.discord.add_thread(scene.text, "le fil", scene.reader)
    await subscribed(scene, thread)
    scene.discord.permit(scene.text, BOT & ~Permission.SEND_MESSAGES_IN_THREADS)
    await scene.ledger.subscriptions.pause(target_of(thread), "missing permissions")
    scene.discord.permit(scene.text, BOT)
    await becomes(scene, thread, "active")
    scene.discord.change_thread(thread, locked=True)
    await scene.ledger.subscriptions.pause(target_of(thread), "the thread is locked")
    scene.discord.change_thread(thread, locked=False)
    await becomes(scene, thread, "active")


async def test_an_outage_is_no_farewell(scene: Scene) -> None:
    """A server that is unavailable for a while keeps its subscriptions."""
    await subscribed(scene, scene.text)
    scene.discord.remove_guild(scene.guild, unavailable=True)
    scene.discord.restore_guild(scene.guild)
    thread = scene.discord.add_thread(scene.text, "le fil", scene.reader)
    await subscribed(scene, thread)
    scene.discord.delete_channel(thread)
    await becomes(scene, thread, "ended")
    assert await scene.state(scene.text) == "active"


async def test_a_deleted_channel_takes_its_threads_along(scene: Scene) -> None:
    """And nothing else."""
    club = scene.discord.add_text(scene.guild, "club")
    thread = scene.discord.add_thread(club, "le fil", scene.reader)
    for channel in (scene.text, club, thread):
        await subscribed(scene, channel)
    scene.discord.delete_channel(club)
    await becomes(scene, club, "ended")
    await becomes(scene, thread, "ended")
    assert await scene.state(scene.text) == "active"


async def becomes(scene: Scene, channel: Channel, state: str) -> None:
    """Wait until the channel's subscription is in that state."""
    async with asyncio.timeout(PATIENCE):
        while await scene.state(channel) != state:  # noqa: ASYNC110 - the ledger announces nothing
            await asyncio.sleep(0.02)


# Followers


async def test_an_announcement_channel_chooses_whether_its_followers_get_the_recap(scene: Scene) -> None:
    """By a button of the settings, which says what holds; other channels have no followers and no such button."""
    news = scene.discord.add_announcement(scene.guild, "annonces")
    await subscribed(scene, news)
    panel = await (await scene.says("settings", news, by=scene.manager)).reply()
    await (await scene.presses(panel, "Publier", by=scene.manager)).answered()
    await scene.discord.wait_for(lambda: "publiés dans les salons qui suivent celui-ci" in text_of(panel))
    assert await publishes(scene, news)
    await (await scene.presses(panel, "Ne plus publier", by=scene.manager)).answered()
    await scene.discord.wait_for(lambda: "publiés" not in text_of(panel))
    assert not await publishes(scene, news)


async def test_a_channel_without_followers_has_no_such_choice(scene: Scene) -> None:
    """Not even with a button that somebody made up."""
    await subscribed(scene, scene.text)
    panel = await (await scene.says("settings", by=scene.manager)).reply()
    assert "Publier" not in custom_ids(panel)
    data = COMMAND_PREFIX + CommandButton("", "settings", "publish on").data
    forged = await scene.posts(data)
    await (await scene.presses(forged, data, by=scene.manager)).answered()
    assert not await publishes(scene, scene.text)


async def publishes(scene: Scene, channel: Channel) -> bool:
    """Whether the channel's subscription passes its messages on."""
    (subscription,) = await scene.ledger.subscriptions.of(target_of(channel))
    return subscription.choices.publish
