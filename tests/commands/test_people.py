"""What people are told is what is so: in their words, in the words of the place, and after what the database has."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.rhythm import in_words
from bot.commands.search import snippet
from bot.commands.talk import Meaning, meaning_of
from bot.config import cron
from bot.config.cron import Days, normalise_cron
from bot.content.archive import Archive
from bot.content.search import wanted
from bot.model.i18n import Language, words
from bot.model.subscription import Choices, PlatformName, Subscription, SubscriptionState, Target
from bot.sandbox.discord.world import Permission
from bot.sandbox.telegram.model import Status
from tests.commands.conftest import tuesday
from tests.conversation import talking
from tests.world import town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import time_machine

    from tests.conversation import Talk, TelegramPerson

EPISODE = """---
number: 1
title: Un
date: 2024-11-04
---

## Les mots de passe {{#un}}

{topics}

La **clé** remplace le mot.

Elle tient dans  la poche :
on la garde.
"""


def target_of(person: TelegramPerson) -> Target:
    """The place where somebody is."""
    return Target(PlatformName("telegram"), str(person.chat.id), person.thread or 0)


async def held(talk: Talk, person: TelegramPerson) -> Subscription:
    """The one subscription of the place."""
    (found,) = await talk.app.ledger.subscriptions.of(target_of(person))
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def accents(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Talk]:
    """A show whose team writes accents, hyphens and capitals."""
    folder = tmp_path_factory.mktemp("accents")
    content = folder / "content"
    content.mkdir()
    (content / "1.md").write_text(EPISODE.format(topics="#Vie-Privée #sécurité"), "utf-8")
    more = '[topics]\n"Œuvres libres" = ["domaine public"]\n'
    with tuesday():
        async with town() as place, talking(place, folder, content=content, more=more) as talk:
            yield talk


# Topics


async def test_a_topic_is_shown_as_the_team_writes_it(accents: Talk) -> None:
    """In answers, on buttons, in confirmations; and found however it is typed."""
    anna = accents.on_telegram()
    for typed in ("securite", "SÉCURITÉ", "#Sécurité", "se-curité"):
        assert (await anna.says(f"/topic {typed}")).text.startswith("#sécurité")
    assert "#Vie-Privée (1)" in (await anna.says("/topics")).text
    assert "sur le thème #sécurité." in (await anna.says("/subscribe securite")).text
    await anna.says("/settings")
    assert {"✓ #sécurité", "#Vie-Privée"} <= set((await anna.presses("Thèmes")).buttons)
    assert "#sécurité" in (await anna.says("/topic securitee")).buttons
    assert "#sécurité" in (await anna.says("/search securitee")).buttons
    assert "Rien sur #Œuvreslibres" in (await anna.says("/topic domaine public")).text
    bob = accents.on_discord()
    assert "#sécurité" in (await bob.says("/topic securite")).text


def test_the_spelling_that_the_team_uses_most_is_shown(tmp_path: Path) -> None:
    """A slip of one week does not rename a topic; the newest wins among equals."""
    for number, topics in enumerate(("#Sécurité", "#sécurité", "#sécurité #Été", "#été"), start=1):
        text = EPISODE.format(topics=topics).replace("number: 1", f"number: {number}")
        (tmp_path / f"{number}.md").write_text(text.replace("11-04", f"11-0{number}"), "utf-8")
    archive = Archive.load(tmp_path)
    assert (archive.hashtag("securite"), archive.hashtag("ete"), archive.hashtag("autre")) == (
        "#sécurité", "#été", "#autre"
    )  # fmt: skip


async def test_a_topic_that_no_episode_has_any_more_can_be_taken_off(talk: Talk, anna: TelegramPerson) -> None:
    """It has its tick and loses it; the other choices stay."""
    await talk.app.ledger.subscriptions.save(Subscription(target_of(anna), "monday", Choices(("netflix", "vine"))))
    await anna.says("/settings")
    panel = await anna.presses("Thèmes")
    while "✓ #vine" not in panel.buttons:
        panel = await anna.presses("Suite ▶")
    taken = await anna.presses("✓ #vine")
    assert (taken.toast, (await held(talk, anna)).choices.topics) == ("C’est enregistré.", ("netflix",))
    assert not any("vine" in label for label in taken.buttons)


async def test_subscribing_again_brings_back_every_choice(talk: Talk, anna: TelegramPerson) -> None:
    """Also topics that no episode has any more, and more of them than a button could carry."""
    gone = tuple(f"topic{number}" for number in range(20))
    await talk.app.ledger.subscriptions.save(
        Subscription(target_of(anna), "monday", Choices(("netflix", *gone), silent=True))
    )
    before = await held(talk, anna)
    assert "Vous ne recevrez plus rien ici." in (await anna.says("/unsubscribe")).text
    assert "Abonnement enregistré" in (await anna.presses("Se réabonner")).text
    assert (await held(talk, anna)).choices == before.choices
    # The button of a message of version 0.1.0 names the topics.
    await anna.says("/unsubscribe")
    message = anna.seen()[-1]
    message.reply_markup = {"inline_keyboard": [[{"text": "?", "callback_data": "subscribe netflix topic3"}]]}
    await anna.presses_on(message, "?")
    assert (await held(talk, anna)).choices.topics == ("netflix", "topic3")


MADE_UP = (
    *("at nosuch", "on nosuch", "off nosuch", "layout loud", "pause 99", "silent maybe", "rich", "quiz", "at"),
    # A button of channels that others can follow.
    "publish on",
)


async def test_nothing_made_up_is_said_to_be_saved(talk: Talk, anna: TelegramPerson) -> None:
    """A forged button, or one of another config, changes nothing and says so by saying nothing."""
    await anna.says("/subscribe netflix")
    before = await held(talk, anna)
    await anna.says("/settings")
    message = anna.seen()[-1]
    for data in MADE_UP:
        message.reply_markup = {"inline_keyboard": [[{"text": "?", "callback_data": f"settings {data}"}]]}
        assert (await anna.presses_on(message, "?")).toast == "", data
        assert await held(talk, anna) == before, data


async def test_a_button_outlives_its_message(anna: TelegramPerson) -> None:
    """A client shows it longer; only among topics nobody knows to which of them the answer would go."""
    await anna.says("/subscribe")
    await anna.says("/settings")
    message = anna.seen()[-1]
    message.deleted = True
    assert "sans sonner" in (await anna.presses_on(message, "Sans le son")).text


# Places


async def test_a_panel_of_a_group_keeps_the_language_of_the_place(talk: Talk) -> None:
    """Everybody there sees it, whoever presses; in private people have their own language."""
    telegram = talk.town.telegram
    amy, eva = telegram.add_user("Amy", "en"), telegram.add_user("Eva", "fr")
    club = telegram.add_supergroup("Le club", admins=[amy, eva])
    in_english, in_french = talk.on_telegram(club, amy), talk.on_telegram(club, eva)
    assert "Abonnement enregistré" in (await in_english.says("/subscribe")).text
    await in_french.says("/settings")
    assert "Thèmes" in (await in_english.presses("Sans le son")).buttons
    private = talk.on_telegram(telegram.add_private(name="Amy", language="en"))
    assert "Subscribed!" in (await private.says("/subscribe")).text


async def test_a_shared_answer_on_discord_keeps_the_language_of_the_place(talk: Talk) -> None:
    """That of the pushes there; an answer for one person is in that person's language."""
    talk.town.manager.locale = "en-GB"
    rights = Permission.MANAGE_GUILD | Permission.MANAGE_MESSAGES | Permission.VIEW_CHANNEL
    talk.town.discord.add_member(talk.town.guild, talk.town.manager, rights)
    manager = talk.on_discord(user=talk.town.manager)
    assert (await manager.says("/topic tiktok")).buttons[0] == "Older ▶"
    shared = await manager.says("/topic tiktok", share=True)
    assert (shared.is_private, shared.buttons) == (False, ("Plus anciens ▶",))
    turned = await manager.presses("Plus anciens ▶")
    assert (turned.replaced, turned.buttons) == (True, ("◀ Plus récents",))


async def test_a_closed_topic_is_told_at_once(talk: Talk) -> None:
    """To the admin in private; who never wrote to the bot is told in the group. No push is promised there."""
    telegram = talk.town.telegram
    known = telegram.add_private(name="Grace")
    stranger = telegram.add_user("Hugo", "fr")
    assert known.user is not None
    club = telegram.add_supergroup("Le club", topics={7: "Annonces"}, admins=[known.user, stranger])
    club.topics[7].closed = True
    await talk.on_telegram(club, known.user, thread=7).says("/subscribe")
    assert "Je n’ai pas le droit d’écrire dans «\N{NO-BREAK SPACE}Le club\N{NO-BREAK SPACE}»" in known.messages[-1].text
    subscription = (await talk.app.ledger.subscriptions.of(Target(PlatformName("telegram"), str(club.id), 7)))[0]
    assert subscription.state is SubscriptionState.PAUSED
    await talk.on_telegram(club, stranger, thread=7).says("/subscribe")
    assert "Je n’ai pas le droit d’écrire" in club.messages[-1].text
    assert club.messages[-1].thread is None
    club.topics[7].closed = False
    assert "Abonnement enregistré" in (await talk.on_telegram(club, stranger, thread=7).says("/subscribe")).text


async def test_a_muted_bot_says_so_at_once(talk: Talk) -> None:
    """In private after a command, over the chat after a press."""
    telegram = talk.town.telegram
    known = telegram.add_private(name="Grace")
    assert known.user is not None
    club = telegram.add_supergroup("Le club", admins=[known.user])
    grace = talk.on_telegram(club, known.user)
    await grace.says("/settings")
    telegram.set_member(club, telegram.bot, Status.RESTRICTED)
    await grace.says("/subscribe")
    assert "Je n’ai pas le droit d’écrire" in known.messages[-1].text
    assert "Je n’ai pas le droit d’écrire" in (await grace.presses("S’abonner")).toast


# Words


FRENCH_WORDS = {
    "/dernier": "Netflix Moments",
    "/theme tiktok": "#tiktok",
    "/thème tiktok": "#tiktok",
    "/the\u0300me tiktok": "#tiktok",
    "/thèmes": "Thèmes",
    "/épisode 1207": "Netflix Moments",
    "/recherche milliard": "Recherche",
    "/Chercher milliard": "Recherche",
    "/abonner tiktok": "Abonnement enregistré",
    "/s'abonner tiktok": "Abonnement enregistré",
    "/réglages": "Il n’y a pas d’abonnement",
    "/arrêter": "Il n’y a pas d’abonnement",
    "/arreter@recap_bot": "Il n’y a pas d’abonnement",
    "/stop": "Il n’y a pas d’abonnement",
    "/aide": "Le récap du lundi",
    "/confidentialité": "Ce que je sais",
    "aide": "Le récap du lundi",
    "Réglages": "Il n’y a pas d’abonnement",
    "dernier": "Netflix Moments",
}


async def test_french_words_work_beside_the_english_ones(talk: Talk) -> None:
    """With and without accents, and without the slash in private."""
    answers = {typed: (await talk.on_telegram().says(typed)).text for typed in FRENCH_WORDS}
    assert [typed for typed, begins in FRENCH_WORDS.items() if not answers[typed].startswith(begins)] == []


async def test_french_words_work_in_groups_and_channels(talk: Talk) -> None:
    """A word with an accent where Telegram lets the bot read it. Commands of other bots are theirs."""
    telegram = talk.town.telegram
    grace = telegram.add_user("Grace", "fr")
    club = telegram.add_supergroup("Le club", admins=[grace], bot=Status.ADMINISTRATOR)
    member = talk.on_telegram(club, grace)
    assert "#tiktok" in (await member.says("/thème tiktok")).text
    assert "#tiktok" in (await member.says("/theme tiktok")).text
    assert (await member.says("/nosuch")).texts == ()
    assert (await member.says("/dernier@other_bot")).texts == ()
    news = telegram.add_channel("Les nouvelles")
    assert "Abonnement enregistré" in (await talk.on_telegram(news, news).says("/abonner")).text


async def test_french_words_work_on_discord(talk: Talk) -> None:
    """Discord offers them beside the English ones."""
    bob = talk.on_discord()
    assert "#tiktok" in (await bob.says("/theme tiktok")).text
    assert "Netflix Moments" in (await bob.says("/dernier")).text


STOPS = [
    "stop", "Stop !", "STOP STOP", "arrête", "Arrêtez svp, merci", "arreter", "Désabonnez-moi", "je veux me désabonner",
    "Je ne veux plus recevoir ces messages", "plus rien svp", "unsubscribe", "please stop", "No more messages, thanks",
    "stop messaging me", "enough", "bonjour, stop svp",
]  # fmt: skip
THANKS = [
    "merci",
    "Merci beaucoup !",
    "MERCI",
    "mille mercis et bravo",
    "thanks a lot",
    "Thank you so much",
    "thx",
    "bravo",
]
GREETINGS = [
    "bonjour",
    "Bonjour à tous !",
    "salut",
    "Coucou toi",
    "bonsoir",
    "hello",
    "Hi there",
    "hey",
    "good morning",
]
GOODBYES = ["au revoir", "À bientôt !", "bye", "bonne nuit"]
SEARCHES = [
    "stop killing games",
    "merci patron",
    "hello kitty",
    "l’arrêt de vine",
    "recevoir plus de récaps",
    "",
    "?",
    "tiktok",
]


@pytest.mark.parametrize(
    ("texts", "meaning"),
    [
        (STOPS, Meaning.STOP),
        (THANKS, Meaning.THANKS),
        (GREETINGS, Meaning.GREETING),
        (GOODBYES, Meaning.GOODBYE),
        (SEARCHES, None),
    ],
)
def test_a_wish_is_understood_and_a_search_stays_one(texts: list[str], meaning: Meaning | None) -> None:
    """In French and in English, with the manners around it; other words make it a search."""
    assert {text: meaning_of(text) for text in texts} == dict.fromkeys(texts, meaning)


async def test_stop_in_private_unsubscribes_with_a_way_back(talk: Talk, anna: TelegramPerson) -> None:
    """The button undoes it, with all that was chosen."""
    await anna.says("/subscribe netflix")
    before = await held(talk, anna)
    assert "Vous ne recevrez plus rien ici." in (await anna.says("Stop !")).text
    assert await talk.app.ledger.subscriptions.of(target_of(anna)) == []
    await anna.presses("Se réabonner")
    assert await held(talk, anna) == before


async def test_manners_are_answered(anna: TelegramPerson) -> None:
    """Not by a search in vain."""
    assert (await anna.says("merci !")).text.startswith("Avec plaisir")
    hello = await anna.says("bonjour")
    assert hello.text.startswith("Bonjour ! Je suis « Le récap du lundi »")
    assert "Lire le dernier épisode" in hello.buttons


@pytest.mark.parametrize("command", ["search", "topic", "episode"])
async def test_the_example_that_the_bot_gives_finds_something(talk: Talk, command: str) -> None:
    """What stands in it is typed as it stands; on Telegram and in the samples."""
    anna = talk.on_telegram()
    asked = (await anna.says(f"/{command}")).text
    found = await anna.says(asked[asked.index("/") :])
    assert not any(nothing in found.text for nothing in ("rien trouvé", "ne connais pas", "pas d’épisode", "demande"))
    assert "Épisode" in found.text or "épisode 1207" in found.text


async def test_the_example_is_one_of_the_archive(accents: Talk) -> None:
    """A topic that is written with a hyphen is found as one word."""
    anna = accents.on_telegram()
    assert "/search vieprivee sécurité" in (await anna.says("/search")).text
    assert "1 sujet" in (await anna.says("/search vieprivee sécurité")).text


async def test_a_search_shows_no_double_spaces(accents: Talk) -> None:
    """Paragraphs follow each other with one space; a no-break space stays."""
    reply = await accents.on_telegram().says("/search clé")
    assert "La clé remplace le mot. Elle tient dans la poche : on la garde." in reply.text


@given(st.text(alphabet="ab \n\t\u00a0\u202f:", max_size=300))
def test_a_snippet_has_no_gap_wider_than_one_space(text: str) -> None:
    """Whatever stands between two words."""
    shown = "".join(span.text for span in snippet(text, wanted("ab")))
    gaps = [first + second for first, second in itertools.pairwise(shown) if (first + second).isspace()]
    assert gaps == []


# Days


@pytest.mark.parametrize(
    ("line", "french", "english"),
    [
        ("0 8 * * mon", "chaque lundi", "every Monday"),
        ("30 7 * * mon,thu", "chaque lundi et jeudi", "every Monday and Thursday"),
        ("0 8 * * *", "chaque jour", "every day"),
        ("0 8 * * mon-sun", "chaque jour", "every day"),
        ("0 8 1 * *", "le 1er de chaque mois", "on day 1 of each month"),
        ("0 8 1,15 * *", "le 1er et le 15 de chaque mois", "on day 1 and day 15 of each month"),
        ("0 18 1-7 * fri", "le premier vendredi de chaque mois", "the first Friday of each month"),
        ("0 18 22-28 * sat,sun", "le quatrième samedi et dimanche de chaque mois",
         "the fourth Saturday and Sunday of each month"),
        ("0 8 13 * fri", "chaque vendredi qui tombe le 13 du mois", "every Friday that is day 13 of the month"),
        ("0 8 * jan,mar mon", "chaque lundi, en janvier et mars", "every Monday, in January and March"),
    ],
)  # fmt: skip
def test_the_days_of_a_schedule_are_said_in_words(line: str, french: str, english: str) -> None:
    """Any cron line, in both languages."""
    days = Days.of(normalise_cron(line))
    assert in_words(days, words(Language.FRENCH)) == french
    assert in_words(days, words(Language.ENGLISH)) == english


def some(low: int, high: int) -> st.SearchStrategy[str]:
    """Some of the numbers, as a field of a cron line."""
    return st.lists(st.integers(low, high), min_size=1, unique=True).map(lambda values: ",".join(map(str, values)))


WEEKDAYS = st.lists(st.sampled_from(cron.WEEKDAYS), min_size=1, unique=True).map(",".join)
LINES = st.tuples(some(0, 59), some(0, 23), some(1, 28), some(1, 12), WEEKDAYS).map(" ".join)


@given(LINES, st.sampled_from(Language))
def test_every_cron_line_has_words(line: str, language: Language) -> None:
    """Each of its weekdays and months is named, unless none is left out."""
    said = in_words(days := Days.of(normalise_cron(line)), words(language))
    assert "{" not in said
    if not days.every_month:
        assert all(name in said for name in words(language).months(days.months))
    if not days.every_weekday:
        assert all(name in said for name in words(language).weekdays(days.weekdays))


async def test_help_says_when_the_pushes_come(clock: time_machine.Traveller, tmp_path: Path) -> None:
    """Those of the chat's own schedule; of the first one to newcomers."""
    del clock
    schedules = (
        '[[schedules]]\nname = "monday"\ncron = "0 8 * * tue,fri"\n[[schedules]]\nname = "b"\ncron = "0 8 1 * *"\n'
    )
    (tmp_path / "content").mkdir()
    async with town() as place, talking(place, tmp_path, content=tmp_path / "content", more=schedules) as talk:
        anna = talk.on_telegram()
        assert "le récap de l’épisode chaque mardi et vendredi :" in (await anna.says("/help")).text
        await talk.app.ledger.subscriptions.save(Subscription(target_of(anna), "b"))
        assert "le récap de l’épisode le 1er de chaque mois :" in (await anna.says("/help")).text
        nothing = await anna.says("/latest")
        assert nothing.text.startswith("Aucun épisode n’est encore paru. Prochain envoi : ")
        assert (dt.datetime.now(dt.UTC).year, "lundi" in nothing.text) == (2024, False)
