"""What the admins read, word for word, in both languages."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.delivery.report import Reporter
from bot.model.episode import Episode, Segment, Status
from bot.model.i18n import Language, words
from bot.model.problems import Problem
from bot.model.subscription import PlatformName, Target
from bot.platforms import base
from bot.platforms.discord.render import render as render_for_discord
from bot.platforms.telegram.render import render as render_for_telegram
from bot.storage import outcomes, subscriptions
from bot.storage.records import Notice, Pushed, Unserved

TELEGRAM, DISCORD = PlatformName("telegram"), PlatformName("discord")
MONDAY = dt.datetime(2024, 11, 4, 8, 0, tzinfo=ZoneInfo("Europe/Paris"))
MISTAKE = Problem(Path("content/1207.md"), "there is no date", "Write date: 2024-11-04", 2)

FRENCH, ENGLISH = Reporter(words(Language.FRENCH)), Reporter(words(Language.ENGLISH))


def push(*unserved: Unserved, stopped: str = "", sent: int = 312, discord: int = 0) -> Pushed:
    """A push of eleven seconds."""
    served = {TELEGRAM: sent} | ({DISCORD: discord} if discord else {})
    return Pushed(7, 1207, "monday", dt.timedelta(seconds=11), stopped, served, unserved)


def unserved(code: str, count: int = 1, *targets: Target, unknown: bool = False) -> Unserved:
    """Some who did not get it on Telegram."""
    return Unserved(TELEGRAM, code, "as Telegram says it", count, unknown, targets)


def episode(number: int) -> Episode:
    """An episode of that number."""
    segment = Segment(number=1, slug="un", title="Un", topics=(), summary=())
    return Episode(number=number, title="Un", date=MONDAY.date(), segments=(segment,), path=Path(f"{number}.md"))


def said(notice: Notice) -> str:
    """What the notice says, with plain spaces in place of no-break ones."""
    return _plain(notice.text)


def _plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")


def test_a_push_that_reached_everybody_is_told_in_one_line() -> None:
    """How many, how long, and on which platform if there are two; nothing to do, so no alarm."""
    notice = FRENCH.pushed(push(discord=12))
    assert said(notice) == (
        "Épisode 1207 : envoyé\n324 abonnés sur 324 l’ont reçu, en 11 s. Discord : 12 · Telegram : 312"
    )
    assert not notice.alarming
    assert said(ENGLISH.pushed(push(sent=1))) == "Episode 1207 has been pushed\nIt reached 1 subscriber of 1, in 11 s."


def test_a_push_that_some_did_not_get_says_why_in_plain_words() -> None:
    """Each reason with its number, what became of the subscriptions, where the admin can mend it, and how to go on."""
    group = Target(TELEGRAM, "-1001234567890", 7)
    facts = push(unserved("gone", 3), unserved("closed", 1, group), unserved("unknown", 1, unknown=True))
    assert said(FRENCH.pushed(facts)) == (
        "Épisode 1207 : envoyé, mais pas à tout le monde\n"
        "312 abonnés sur 317 l’ont reçu, en 11 s.\n"
        "Telegram : 3 sont partis (bot bloqué ou retiré, compte ou groupe supprimé) ; leurs abonnements ont pris fin.\n"
        "Telegram : 1 ne laisse pas le bot écrire ; son abonnement est en pause. (telegram:-1001234567890:7)\n"
        "Telegram : 1 l’a peut-être reçu : la connexion a été coupée à cet instant précis.\n"
        "Là où le bot n’a pas le droit d’écrire : donnez-lui ce droit, puis tapez /subscribe sur place.\n"
        "Pour réessayer auprès de ceux qui ne l’ont pas reçu : recap send 1207 --only failed"
    )
    assert said(ENGLISH.pushed(facts)) == (
        "Episode 1207 has been pushed, not to everybody\n"
        "It reached 312 subscribers of 317, in 11 s.\n"
        "Telegram: 3 have left (blocked or removed the bot, or are deleted); their subscriptions have ended.\n"
        "Telegram: 1 does not let the bot write; the subscription is paused. (telegram:-1001234567890:7)\n"
        "Telegram: 1 may or may not have it: the connection broke at that very moment.\n"
        "Where the bot may not write: give it the right to, then type /subscribe there.\n"
        "To try again with those who failed: recap send 1207 --only failed"
    )


def test_a_push_that_was_stopped_says_what_the_platform_said() -> None:
    """A message that is refused as such is the team's to look at."""
    facts = push(unserved("content"), unserved("stopped", 300), stopped="message is too long", sent=0)
    assert said(FRENCH.pushed(facts)) == (
        "Épisode 1207 : envoi interrompu\n"
        "0 abonné sur 301 l’a reçu, en 11 s.\n"
        "Une plateforme refuse le message lui-même : message is too long\n"
        "Telegram : 301 ne l’ont pas reçu parce que l’envoi a été interrompu.\n"
        "Pour réessayer auprès de ceux qui ne l’ont pas reçu : recap send 1207 --only failed"
    )


def test_a_push_to_nobody_says_so() -> None:
    """Zero of zero would be no news."""
    assert said(FRENCH.pushed(push(sent=0))) == (
        "Épisode 1207 : envoyé\nPersonne n’est abonné à l’horaire monday avec les thèmes de cet épisode."
    )


def test_every_reason_there_is_has_words_of_its_own_but_for_the_silences() -> None:
    """A new kind of error must not end up as a day of silence by mistake."""
    silent = {base.NotSentError.code, base.FloodError.code, base.UnknownOutcomeError.code}
    never_final = {base.SendError.code, base.TargetMovedError.code, base.UnauthorisedError.code}
    codes = {error.code for error in _subclasses(base.SendError)} | {outcomes.STOPPED, subscriptions.ENDED}
    (silence,) = {FRENCH.unserved([unserved(code)])[0] for code in silent}
    for code in codes - silent - never_final:
        assert FRENCH.unserved([unserved(code)])[0] != silence, code


def _subclasses(error: type[base.SendError]) -> set[type[base.SendError]]:
    direct = set(error.__subclasses__())
    return direct.union(*map(_subclasses, direct))


def test_a_monday_without_an_episode_says_until_when_one_is_awaited() -> None:
    """And what may stand in its way: a draft, a mistake."""
    draft = episode(1208).model_copy(update={"status": Status.DRAFT})
    later = episode(1209).model_copy(update={"date": MONDAY.date() + dt.timedelta(days=1)})
    notice = FRENCH.no_episode(
        "monday", MONDAY, MONDAY + dt.timedelta(hours=6), unready=[draft, later], problems=[MISTAKE]
    )
    assert said(notice) == (
        "Pas encore d’épisode\n"
        "Rien de nouveau à envoyer pour lundi 4 novembre 2024 à 08:00 (horaire monday).\n"
        "Déposez l’épisode dans le dossier avant lundi 4 novembre 2024 à 14:00 : il partira aussitôt.\n"
        "L’épisode 1208 est encore un brouillon : retirez la ligne « status: draft » de 1208.md.\n"
        "L’épisode 1209 n’est pas envoyé avant sa date, le mardi 5 novembre 2024.\n"
        "content/1207.md:2: there is no date. Write date: 2024-11-04."
    )


@pytest.mark.parametrize(
    ("notice", "text"),
    [
        (
            FRENCH.missed("monday", MONDAY, episode(1207)),
            (
                "Épisode 1207 : pas envoyé\n"
                "L’envoi prévu lundi 4 novembre 2024 à 08:00 (horaire monday) a été manqué, et il est trop tard pour "
                "l’envoyer sans vous le demander.\n"
                "Pour l’envoyer quand même : recap send 1207"
            ),
        ),
        (
            FRENCH.broken_file("1", [MISTAKE], in_use=True),
            (
                "Une erreur dans 1207.md\n"
                "content/1207.md:2: there is no date. Write date: 2024-11-04.\n"
                "Sa dernière bonne version continue de compter jusqu’à ce que le fichier soit corrigé."
            ),
        ),
        (
            ENGLISH.config_refused("1", [MISTAKE] * 6),
            "The new settings cannot be used\n"
            + "content/1207.md:2: there is no date. Write date: 2024-11-04.\n" * 5
            + "…\nThe bot goes on with the settings that it had. Nothing is lost.",
        ),
        (
            FRENCH.needs_restart("1", ["telegram.token", "storage.url"]),
            (
                "De nouveaux réglages demandent un redémarrage\n"
                "Redémarrez le bot pour appliquer : telegram.token, storage.url. Tout le reste est déjà en vigueur."
            ),
        ),
        (
            FRENCH.platform_stopped(TELEGRAM, MONDAY.date()),
            (
                "Telegram est à l’arrêt\n"
                "Telegram refuse le jeton du bot. Rien n’y est envoyé tant que vous n’avez pas mis un jeton valable "
                "dans la configuration et redémarré le bot ; ce qui attend depuis moins d’un jour "
                "partira alors."
            ),
        ),
        (
            FRENCH.welcome(MONDAY),
            (
                "Tout est prêt\n"
                "Le bot est en marche, et ses comptes rendus arriveront ici. Prochain envoi : lundi 4 novembre 2024 à "
                "08:00."
            ),
        ),
    ],
)
def test_the_other_notices(notice: Notice, text: str) -> None:
    """What happened, what the bot does about it, and what the admin can do."""
    assert said(notice) == _plain(text)


def test_what_is_told_once_has_one_key() -> None:
    """The hour that autumn repeats is one occasion; another hour, another version of a file, another push is not."""
    twice = dt.datetime(2024, 10, 27, 2, 30, tzinfo=MONDAY.tzinfo)
    until = twice + dt.timedelta(hours=6)
    first, second = (FRENCH.no_episode("night", twice.replace(fold=fold), until).key for fold in (0, 1))
    assert first == second
    assert FRENCH.no_episode("night", until, until).key != first
    assert FRENCH.broken_file("1", [MISTAKE], in_use=True).key != FRENCH.broken_file("2", [MISTAKE], in_use=True).key


def test_a_notice_is_a_message_on_both_platforms() -> None:
    """Rendered like everything else the bot says, within one message."""
    notice = FRENCH.pushed(push(unserved("gone", 3)))
    (telegram,) = render_for_telegram(notice.document).messages
    (discord,) = render_for_discord(notice.document).messages
    assert "312 abonnés" in telegram.body["text"]
    assert "312 abonnés" in str(discord.body)
