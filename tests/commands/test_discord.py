"""Conversations on Discord: what people type there, press and read, from the first question to the way out."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from bot.model.subscription import PlatformName, Target
from tests.conversation import DiscordPerson, read_discord, talking
from tests.world import town

if TYPE_CHECKING:
    from pathlib import Path

    import time_machine

    from bot.sandbox.discord.world import Channel
    from tests.conversation import Talk


@pytest.fixture
def bob(talk: Talk) -> DiscordPerson:
    """A reader in a server's text channel, whose app speaks French."""
    return talk.on_discord()


@pytest.fixture
def grace(talk: Talk) -> DiscordPerson:
    """Who manages that server, in a new channel of it."""
    return talk.on_discord(talk.town.discord.add_text(talk.town.guild, "récap"), talk.town.manager)


async def subscribed(talk: Talk, channel: Channel) -> tuple[str, ...] | None:
    """The topics of the channel's subscription; None when it has none."""
    found = await talk.app.ledger.subscriptions.of(Target(PlatformName("discord"), str(channel.id)))
    return found[0].choices.topics if found else None


async def test_the_latest_episode_is_read_by_the_one_who_asked(bob: DiscordPerson) -> None:
    """Whole, whatever number of messages it takes, and by nobody else."""
    reply = await bob.says("/latest")
    for subject in ("1. Netflix", "2. Telegram", "3. TikTok et Spotify"):
        assert subject in reply.text
    assert reply.is_private
    assert bob.channel.messages == []


async def test_a_topic_is_found_however_it_is_typed(bob: DiscordPerson) -> None:
    """And a near miss gets the nearest as buttons, of which one answers what was meant."""
    assert (await bob.says("/topic #TIK Tok")).text.startswith("## #tiktok")
    missed = await bob.says("/topic tiktak")
    assert "Je ne connais pas le thème « tiktak »" in missed.text.replace("\N{NO-BREAK SPACE}", " ")
    assert missed.buttons == ("#tiktok", "Tous les thèmes")
    assert "Épisode 1207" in (await bob.presses("#tiktok")).text


async def test_an_episode_is_found_by_words_as_well(bob: DiscordPerson) -> None:
    """Whoever submits what they typed without choosing is not sent back to look for the number."""
    assert "1. Netflix" in (await bob.says("/episode milliard europe")).text
    several = await bob.says("/episode tiktok")
    assert "Lequel" in several.text
    assert several.buttons[0].startswith("1207 – Netflix Moments")
    assert "1. Netflix" in (await bob.presses(several.buttons[0])).text
    assert "par son numéro" in (await bob.says("/episode xyzzy")).text


async def test_pages_are_turned_in_place(bob: DiscordPerson) -> None:
    """Forth and back, in one message."""
    first = await bob.says("/topic tiktok")
    second = await bob.presses("Plus anciens ▶")
    assert second.replaced
    assert "page 2" in second.text
    back = await bob.presses("◀ Plus récents")
    assert (back.replaced, back.text) == (True, first.text)


async def test_a_search_finds_words_in_all_that_was_said(bob: DiscordPerson) -> None:
    """A hit is read by the button with its number."""
    reply = await bob.says("/search MILLIARD telegram")
    assert "1. Telegram" in reply.text
    assert "Tout l’épisode 1207" in (await bob.presses("1")).buttons


async def test_every_person_is_answered_in_their_language(talk: Talk) -> None:
    """The one of their app where the bot speaks it, else the show's."""
    for locale, words in (("en-US", "Which topic"), ("en-GB", "Which topic"), ("fr", "Quel"), ("de", "Quel")):
        user = talk.town.discord.add_user(locale, locale=locale)
        talk.town.discord.add_member(talk.town.guild, user)
        reply = await talk.on_discord(user=user).says("/topic .")
        assert words in reply.text, locale


async def test_a_server_chooses_its_topics(talk: Talk, grace: DiscordPerson) -> None:
    """The confirmation says in words what comes, and when; the settings change in place."""
    reply = await grace.says("/subscribe tiktok netflix")
    assert "#netflix et #tiktok" in reply.text
    assert "lundi 11 novembre 2024 à 08:00" in reply.text
    await grace.says("/settings")
    topics = await grace.presses("Thèmes")
    assert topics.replaced
    assert "✓ #tiktok" in topics.buttons
    without = await grace.presses("✓ #tiktok")
    assert without.replaced
    assert "#tiktok" in without.buttons
    assert await subscribed(talk, grace.channel) == ("netflix",)
    panel = await grace.presses("Terminé")
    assert "#netflix" in panel.text


async def test_a_thread_of_a_server_is_subscribed_by_itself(talk: Talk, grace: DiscordPerson) -> None:
    """The channel that it hangs on is not."""
    thread = talk.town.discord.add_thread(grace.channel, "le fil", talk.town.manager)
    assert "Abonnement enregistré" in (await talk.on_discord(thread, talk.town.manager).says("/subscribe")).text
    assert await subscribed(talk, thread) == ()
    assert await subscribed(talk, grace.channel) is None


async def test_only_who_manages_the_server_changes_what_comes(talk: Talk, grace: DiscordPerson) -> None:
    """Others get a friendly no, whichever command they try."""
    await grace.says("/subscribe")
    other = talk.on_discord(grace.channel)
    for command in ("/subscribe tiktok", "/unsubscribe", "/settings"):
        assert "seuls les admins" in (await other.says(command)).text
    assert "Tout effacer" not in (await other.says("/privacy")).buttons
    assert await subscribed(talk, grace.channel) == ()


async def test_the_push_is_what_was_chosen_and_leads_to_the_rest(clock: time_machine.Traveller, tmp_path: Path) -> None:
    """Subjects keep their numbers, a button shows the others to the one who presses it, and the push stays."""
    clock.shift(dt.timedelta(days=-2))
    async with town() as place, talking(place, tmp_path) as talk:
        private = place.discord.direct(place.reader)
        reader = talk.on_discord(private)
        await reader.says("/subscribe tiktok")
        clock.shift(dt.timedelta(days=1, minutes=1))
        await talk.app.tick()
        await place.discord.wait_for(lambda: len(private.messages) == 2, 10)
        push = private.messages[-1]
        text = read_discord(push.components)
        assert "Vos thèmes" in text
        assert "3. TikTok et Spotify" in text
        assert "1. Netflix" not in text
        others = await reader.presses_on(push, "Les 2 autres sujets")
        assert "1. Netflix" in others.text
        assert (others.replaced, others.is_private) == (False, False)
        assert read_discord(push.components) == text


async def test_everything_about_a_person_can_be_forgotten(talk: Talk) -> None:
    """After one question; from then on the bot knows nothing about them."""
    private = talk.town.discord.direct(talk.town.reader)
    reader = talk.on_discord(private)
    await reader.says("/subscribe tiktok")
    await reader.says("/privacy")
    asked = await reader.presses("Tout effacer")
    assert asked.replaced
    done = await reader.presses("Oui, tout effacer")
    assert "je ne sais plus rien" in done.text
    assert all(each.target.chat != str(private.id) for each in await talk.app.ledger.subscriptions.all())


async def test_somebody_in_a_great_hurry_is_slowed_down_and_nobody_else_notices(talk: Talk, bob: DiscordPerson) -> None:
    """A few answers, one word about it, then silence, which Discord is told of; beside them everybody is answered."""
    discord = talk.town.discord
    talk.app.throttle.clock = lambda: 0.0
    # Each another question, because one that is repeated while it waits is answered once.
    asked = [await discord.slash(bob.user, bob.channel, "search", words=f"nul {number}") for number in range(15)]
    await discord.wait_for(lambda: all(each.callback is not None for each in asked))
    assert "Thèmes" in (await talk.on_discord(user=talk.town.manager).says("/topics")).text
    await bob.settled()
    texts = [read_discord(message.components) for each in asked for message in each.messages]
    assert len(texts) == 7
    assert "Doucement" in texts[-1]
    assert all(each.original is None or each.original.deleted for each in asked if not each.messages)
