"""Subscribing and choosing, as people do it: what they press, what they read, and what then comes on Monday."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from bot.model.subscription import AudioAs, Choices, PlatformName, Subscription, SubscriptionState, Target
from tests.commands.conftest import tuesday
from tests.conversation import talking
from tests.world import town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import time_machine

    from tests.conversation import Talk, TelegramPerson

TWO_TIMES = """
[[schedules]]
name = "monday"
cron = "0 8 * * mon"

[[schedules]]
name = "evening"
cron = "30 18 * * tue"
timezone = "America/Montreal"
audio = "file"
"""


async def subscription_of(talk: Talk, person: TelegramPerson) -> Subscription:
    """The one subscription of the chat where somebody is."""
    (found,) = await talk.app.ledger.subscriptions.of(Target(PlatformName("telegram"), str(person.chat.id)))
    return found


async def test_a_confirmation_says_what_was_chosen_and_when_it_comes(anna: TelegramPerson) -> None:
    """In words, with the hour where the show is."""
    reply = await anna.says("/subscribe Tik Tok, instagram")
    assert "les sujets de chaque épisode sur les thèmes #instagram et #tiktok" in reply.text
    assert "Prochain envoi : lundi 11 novembre 2024 à 08:00" in reply.text
    assert reply.buttons == ("Réglages", "Lire le dernier épisode")
    everything = await anna.says("/subscribe")
    assert "Vous recevrez chaque épisode, avec tous ses sujets" in everything.text


async def test_settings_are_changed_in_place(talk: Talk, anna: TelegramPerson) -> None:
    """One message throughout; each change is confirmed for a moment, shown, and kept."""
    await anna.says("/subscribe")
    opened = await anna.says("/settings")
    assert opened.text.startswith("Réglages\n\nVous recevrez chaque épisode")
    for label, said, undo in (
        ("Un message par sujet", "Chaque sujet arrive dans son propre message", "Tout à la suite"),
        ("Les titres d’abord", "Les titres viennent d’abord", "Tout à la suite"),
        ("Sans le son", "Les messages arrivent sans sonner", "Avec le son"),
        ("Messages enrichis", "Les messages sont enrichis", "Messages simples"),
    ):
        changed = await anna.presses(label)
        assert (changed.replaced, changed.toast) == (True, "C’est enregistré.")
        assert said in changed.text
        assert said not in (await anna.presses(undo)).text
        await anna.presses(label)
    choices = (await subscription_of(talk, anna)).choices
    assert (choices.layout, choices.silent, choices.rich) == ("brief", True, True)


async def test_topics_are_ticked(talk: Talk, anna: TelegramPerson) -> None:
    """A tick on what was chosen; without any, everything."""
    await anna.says("/subscribe")
    await anna.says("/settings")
    topics = await anna.presses("Thèmes")
    assert topics.replaced
    assert {"#tiktok", "✓ Tous les sujets", "Terminé"} <= set(topics.buttons)
    await anna.presses("#tiktok")
    ticked = await anna.presses("#netflix")
    assert {"✓ #tiktok", "✓ #netflix", "Tous les sujets"} <= set(ticked.buttons)
    assert (await subscription_of(talk, anna)).choices.topics == ("netflix", "tiktok")
    unticked = await anna.presses("✓ #netflix")
    assert "#netflix" in unticked.buttons
    assert "sur le thème #tiktok." in (await anna.presses("Terminé")).text
    await anna.presses("Thèmes")
    second = await anna.presses("Suite ▶")
    assert second.replaced
    assert "◀ Retour" in second.buttons
    ticked = await anna.presses(second.buttons[0])
    assert ticked.buttons[0] == f"✓ {second.buttons[0]}"
    assert "◀ Retour" in ticked.buttons
    assert "✓ Tous les sujets" in (await anna.presses("Tous les sujets")).buttons
    assert (await subscription_of(talk, anna)).choices.topics == ()


async def test_a_button_pressed_twice_does_no_more_than_it_says(talk: Talk, anna: TelegramPerson) -> None:
    """Its data says what is to be: pressing it on an old message, or twice in a row, changes nothing back."""
    await anna.says("/subscribe")
    await anna.says("/settings")
    await anna.presses("Thèmes")
    (message,) = anna.seen()[-1:]
    telegram = talk.town.telegram
    presses = [telegram.press(message, label) for label in ("#tiktok", "#netflix", "#tiktok")]
    await telegram.wait_for(lambda: all(press.answer is not None for press in presses))
    assert (await subscription_of(talk, anna)).choices.topics == ("netflix", "tiktok")


async def test_a_holiday(alone: Talk, clock: time_machine.Traveller) -> None:
    """No push for two weeks, and the date of the one after it; then, or earlier, they go on."""
    anna, subscriptions = alone.on_telegram(), alone.app.ledger.subscriptions
    await anna.says("/subscribe")
    await anna.says("/settings")
    choice = await anna.presses("Pause")
    assert choice.buttons == ("1 semaine", "2 semaines", "4 semaines", "Terminé")
    paused = await anna.presses("2 semaines")
    assert "Les envois sont suspendus jusqu’au mardi 19 novembre 2024." in paused.text
    assert "Prochain envoi : lundi 25 novembre 2024 à 08:00" in paused.text
    assert await subscriptions.count("monday") == 8
    resumed = await anna.presses("Reprendre")
    assert "suspendus" not in resumed.text
    assert "Prochain envoi : lundi 11 novembre 2024 à 08:00" in resumed.text
    await anna.presses("Pause")
    await anna.presses("1 semaine")
    clock.shift(dt.timedelta(weeks=1, hours=1))
    await alone.app.tick()
    assert "suspendus" not in (await anna.says("/settings")).text
    assert await subscriptions.count("monday") == 9


async def test_a_change_takes_a_paused_subscription_up_again(talk: Talk, anna: TelegramPerson) -> None:
    """A press proves that the chat is there, so the refusal of the last push no longer counts."""
    await anna.says("/subscribe")
    target = Target(PlatformName("telegram"), str(anna.chat.id))
    await anna.says("/settings")
    for before, change in ((), "Sans le son"), (("Pause",), "2 semaines"):
        for button in before:
            await anna.presses(button)
        assert await talk.app.ledger.subscriptions.pause(target, "the bot may not write there")
        assert (await anna.presses(change)).toast == "C’est enregistré."
        changed = await subscription_of(talk, anna)
        assert (changed.state, changed.reason) == (SubscriptionState.ACTIVE, "")
        assert changed.choices.silent


async def test_the_way_out_is_among_the_settings(talk: Talk, anna: TelegramPerson) -> None:
    """And a way back in."""
    await anna.says("/subscribe")
    await anna.says("/settings")
    gone = await anna.presses("Se désabonner")
    assert gone.replaced
    assert "C’est fait. Vous ne recevrez plus rien ici." in gone.text
    assert await talk.app.ledger.subscriptions.of(Target(PlatformName("telegram"), str(anna.chat.id))) == []
    assert "pas d’abonnement ici" in (await anna.says("/settings")).text
    assert "Abonnement enregistré" in (await anna.presses("S’abonner")).text


async def test_who_left_and_subscribes_again_has_what_they_had(talk: Talk, anna: TelegramPerson) -> None:
    """The button says so with their topics; the command has the word about these, and nothing else was forgotten."""
    await anna.says("/subscribe tiktok netflix")
    await anna.says("/settings")
    await anna.presses("Sans le son")
    await anna.presses("Se désabonner")
    back = await anna.presses("Se réabonner")
    assert "sur les thèmes #netflix et #tiktok" in back.text
    assert "sans sonner" in back.text
    await anna.says("/unsubscribe")
    assert "avec tous ses sujets. Les messages arrivent sans sonner" in (await anna.says("/subscribe")).text
    target = Target(PlatformName("telegram"), str(anna.chat.id))
    await talk.app.ledger.subscriptions.forget(target)
    assert "sans sonner" not in (await anna.says("/subscribe")).text


async def test_who_left_a_schedule_that_is_no_more_is_put_on_one_that_there_is(
    talk: Talk, anna: TelegramPerson
) -> None:
    """Their choices are taken up again; on the old schedule, no push would ever come."""
    target = Target(PlatformName("telegram"), str(anna.chat.id))
    subscriptions = talk.app.ledger.subscriptions
    await subscriptions.save(Subscription(target, "evening", Choices(silent=True)))
    await subscriptions.end(target, "unsubscribed")
    assert "Prochain envoi : lundi 11 novembre 2024 à 08:00" in (await anna.says("/subscribe")).text
    assert (await subscription_of(talk, anna)).schedule == "monday"


async def test_a_misspelt_topic_is_mended_and_the_others_stay(anna: TelegramPerson) -> None:
    """The button subscribes to all that was meant."""
    assert "Je ne connais pas le thème « tiktak »" in (await anna.says("/subscribe netflix, tiktak")).text
    assert "sur les thèmes #netflix et #tiktok" in (await anna.presses("#tiktok")).text


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two_times(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Talk]:
    """A show that is pushed at two times of the week."""
    with tuesday():
        async with town() as place, talking(place, tmp_path_factory.mktemp("two"), more=TWO_TIMES) as talk:
            yield talk


async def test_the_hour_is_chosen_where_there_are_several(two_times: Talk) -> None:
    """By weekday and hour, each in its own time zone; with a single schedule there is nothing to choose."""
    anna = two_times.on_telegram()
    await anna.says("/subscribe")
    await anna.says("/settings")
    times = await anna.presses("Horaire")
    assert times.buttons == ("✓ lundi à 08:00", "mardi à 18:30", "Terminé")
    changed = await anna.presses("mardi à 18:30")
    assert "Prochain envoi : mardi 5 novembre 2024 à 18:30" in changed.text
    assert (await subscription_of(two_times, anna)).schedule == "evening"
    assert (await anna.presses("Horaire")).buttons == ("lundi à 08:00", "✓ mardi à 18:30", "Terminé")


async def test_audio_that_comes_by_the_schedule_is_said_and_given_up(two_times: Talk) -> None:
    """With one press. On Discord, which plays none in the chat, nothing is said of it."""
    anna, lea = two_times.on_telegram(), two_times.on_discord(two_times.town.discord.direct(two_times.town.reader))
    for person in (anna, lea):
        await person.says("/subscribe")
        await person.says("/settings")
        await person.presses("Horaire")
        changed = await person.presses("mardi à 18:30")
        assert ("L’audio de l’épisode arrive en premier" in changed.text) == (person is anna)
        assert [label for label in changed.buttons if "Audio" in label] == ["Audio en lien"] * (person is anna)
    assert "L’audio" not in (await anna.presses("Audio en lien")).text
    assert (await subscription_of(two_times, anna)).choices.audio is AudioAs.LINK


async def test_another_hour_leaves_a_holiday_as_it_is(two_times: Talk) -> None:
    """The pushes go on at the new hour, and not before."""
    anna = two_times.on_telegram()
    await anna.says("/subscribe")
    await anna.says("/settings")
    await anna.presses("Pause")
    await anna.presses("2 semaines")
    await anna.presses("Horaire")
    changed = await anna.presses("mardi à 18:30")
    assert "suspendus jusqu’au mardi 19 novembre 2024" in changed.text
    assert "Prochain envoi : mardi 19 novembre 2024 à 18:30" in changed.text
