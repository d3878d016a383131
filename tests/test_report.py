"""What the admins read, word for word, in both languages."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from bot.delivery.reasons import explain
from bot.delivery.report import describe
from bot.model import correction, facts, feed, rehearsal, shortfalls
from bot.model.codes import Code, LeftOut
from bot.model.episode import Episode, Segment, Status
from bot.model.facts import Ability, Fact, Pushed, Unreached, Unserved
from bot.model.i18n import Language, Words, words
from bot.model.problems import Problem
from bot.model.rehearsal import Instruction
from bot.model.subscription import PlatformName, Target
from bot.platforms import base
from bot.platforms.discord.render import render as render_for_discord
from bot.platforms.telegram.render import render as render_for_telegram
from bot.storage.leases import CLOCK
from bot.storage.records import NEVER

if TYPE_CHECKING:
    from bot.storage.records import Notice

TELEGRAM, DISCORD = PlatformName("telegram"), PlatformName("discord")
MONDAY = dt.datetime(2024, 11, 4, 8, 0, tzinfo=ZoneInfo("Europe/Paris"))
MISTAKE = Problem(Path("content/1207.md"), "there is no date", "Write date: 2024-11-04", 2)

WORKS = facts.Standing(TELEGRAM, dict.fromkeys(Ability, ""))

FRENCH, ENGLISH = words(Language.FRENCH), words(Language.ENGLISH)


def push(*unserved: Unserved, sent: int = 312, discord: int = 0) -> Pushed:
    """A push of eleven seconds."""
    served = {TELEGRAM: sent} | ({DISCORD: discord} if discord else {})
    return Pushed(7, 1207, "monday", dt.timedelta(seconds=11), served, unserved)


def unserved(code: str, count: int = 1, *targets: Target, unknown: bool = False) -> Unserved:
    """Some who did not get it on Telegram."""
    return Unserved(TELEGRAM, code, "as Telegram says it", count, unknown, targets)


def unreached(chat: str, code: str = Code.NOT_FOUND, *, is_admin: bool = False, is_person: bool = False) -> Unreached:
    """A chat on Telegram to which no message comes."""
    return Unreached(Target(TELEGRAM, chat), code, "chat not found", is_admin=is_admin, is_person=is_person)


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
    notice = describe(push(discord=12), FRENCH)
    assert said(notice) == (
        "Épisode 1207 : envoyé\n324 abonnés sur 324 l’ont reçu, en 11 s. Discord : 12 · Telegram : 312."
    )
    assert not notice.alarming
    ended = dataclasses.replace(push(), ended_at=MONDAY + dt.timedelta(minutes=2))
    assert said(describe(ended, FRENCH)).endswith(", en 11 s. Fin de l’envoi : lundi 4 novembre 2024 à 08:02.")
    assert (
        said(describe(push(sent=1), ENGLISH)) == "Episode 1207 has been pushed\nIt reached 1 subscriber of 1, in 11 s."
    )


def test_subscriptions_that_ended_are_those_of_people_who_left_and_of_chats_that_nobody_knows() -> None:
    """A paused one may go on; of unknown outcome, or gone with its people, none has failed. The status has these."""
    outcome = push(unserved("gone", 3), unserved("not-found", 2), unserved("closed"), unserved("", 4, unknown=True))
    assert (outcome.sent, outcome.failed, outcome.unknown, outcome.ended) == (312, 3, 4, 5)


def test_a_push_that_some_did_not_get_says_why_in_plain_words() -> None:
    """Each reason with its number, what became of the subscriptions, where the admin can mend it, and how to go on."""
    group = Target(TELEGRAM, "-1001234567890", 7)
    outcome = push(unserved("gone", 3), unserved("closed", 1, group), unserved("unknown", 1, unknown=True))
    assert said(describe(outcome, FRENCH)) == (
        "Épisode 1207 : envoyé, mais pas à tout le monde\n"
        "312 abonnés sur 317 l’ont reçu, en 11 s.\n"
        "Telegram : 3 sont partis (bot bloqué ou retiré, compte ou groupe supprimé) ; leurs abonnements ont pris fin.\n"
        "Telegram : 1 ne laisse pas le bot écrire ; son abonnement est en pause. (telegram:-1001234567890:7)\n"
        "Telegram : 1 l’a peut-être reçu : la connexion a été coupée à cet instant précis.\n"
        "Là où le bot n’a pas le droit d’écrire : donnez-lui ce droit, puis tapez /subscribe sur place.\n"
        "Pour réessayer auprès de ceux qui ne l’ont pas reçu : recap send 1207 --only failed"
    )
    assert said(describe(outcome, ENGLISH)) == (
        "Episode 1207 has been pushed, not to everybody\n"
        "It reached 312 subscribers of 317, in 11 s.\n"
        "Telegram: 3 have left (blocked or removed the bot, or are deleted); their subscriptions have ended.\n"
        "Telegram: 1 does not let the bot write; the subscription is paused. (telegram:-1001234567890:7)\n"
        "Telegram: 1 may or may not have it: the connection broke at that very moment.\n"
        "Where the bot may not write: give it the right to, then type /subscribe there.\n"
        "To try again with those who failed: recap send 1207 --only failed"
    )


def test_a_push_without_a_delivery_says_why() -> None:
    """That nobody is subscribed is said only where it is so: who waits on a holiday, or for a right, is subscribed."""
    nobody = dataclasses.replace(push(sent=0), left_out={LeftOut.TOPICS: 2}, subscribed=2)
    assert "Personne n’est abonné à l’horaire monday avec les thèmes de cet épisode." in said(describe(nobody, FRENCH))
    paused = dataclasses.replace(push(sent=0), left_out={LeftOut.CLOSED: 1, LeftOut.TOPICS: 1}, subscribed=2)
    first, *reasons = said(describe(paused, FRENCH)).splitlines()[1:]
    assert first == "Personne n’a reçu cet épisode."
    assert len(reasons) == 2


@pytest.mark.parametrize("sent", [0, 12])
def test_a_push_that_was_recalled_says_so_and_offers_no_recall(sent: int) -> None:
    """It was interrupted, whoever had it before; what went out is taken back already, and nobody is to act."""
    notice = describe(push(unserved("recalled", 300), sent=sent), FRENCH)
    assert said(notice).startswith(f"Épisode 1207 : envoi interrompu\n{sent} abonné")
    assert said(notice).endswith("Telegram : 300 ne l’ont pas reçu, car il a été retiré.")
    assert not notice.document.buttons
    assert not notice.alarming


def test_a_push_that_was_stopped_says_what_the_platform_said() -> None:
    """A message that is refused as such is the team's to look at."""
    outcome = push(unserved("content", 3), unserved("stopped", 300), sent=0)
    assert said(describe(outcome, FRENCH)) == (
        "Épisode 1207 : envoi interrompu\n"
        "0 abonné sur 303 l’a reçu, en 11 s.\n"
        "Telegram : 300 ne l’ont pas reçu, parce que ce message a été arrêté après le refus d’autres abonnés "
        "(as Telegram says it).\n"
        "Telegram : 3 refusent ce message (as Telegram says it).\n"
        "Pour réessayer auprès de ceux qui ne l’ont pas reçu : recap send 1207 --only failed"
    )


def test_refusals_are_told_in_the_platforms_own_words_each_with_its_number() -> None:
    """A filter is called one only where the platform says so."""
    odd = Unserved(TELEGRAM, "refused", "403 Forbidden: some rule", 2)
    worse = Unserved(TELEGRAM, "refused", "400 Bad Request: SOME_CODE", 1)
    filtered = Unserved(DISCORD, "filtered", "Blocked (200000)", 1)
    assert [_plain(line) for line in explain([odd, worse, filtered], ENGLISH)] == [
        "Telegram: 2 refuse this message (403 Forbidden: some rule).",
        "Telegram: 1 refuses this message (400 Bad Request: SOME_CODE).",
        "Discord: 1 refuses this message by a rule of its own, such as a filter on words or links (Blocked (200000)).",
    ]


def test_each_reason_why_somebody_was_left_out_is_told_with_its_number() -> None:
    """The most frequent one first. Sums that do not add up say so, because somebody may be without the recap."""
    fair = dataclasses.replace(push(), left_out={LeftOut.HOLIDAY: 1, LeftOut.TOPICS: 20}, subscribed=333)
    assert said(describe(fair, FRENCH)).splitlines()[2:] == [
        "20 ont été laissés de côté : cet épisode n’a rien sur leurs thèmes.",
        "1 a été laissé de côté : on y a mis les envois en pause.",
    ]
    assert not describe(fair, FRENCH).alarming
    odd = describe(dataclasses.replace(fair, subscribed=335), ENGLISH)
    assert odd.alarming
    assert said(odd).splitlines()[-1] == (
        "These sums do not add up: there were 335 subscriptions, and 2 of them are not accounted for. "
        "Compare with: recap status --json"
    )


def test_every_reason_to_be_left_out_has_words_of_its_own() -> None:
    """As every code of a failure has."""
    told = describe(dataclasses.replace(push(), left_out=dict.fromkeys(LeftOut, 1)), FRENCH).text.splitlines()[2:]
    assert len(set(told)) == len(LeftOut)


def test_a_push_to_nobody_says_so() -> None:
    """Zero of zero would be no news."""
    assert said(describe(push(sent=0), FRENCH)) == (
        "Épisode 1207 : envoyé\nPersonne n’est abonné à l’horaire monday avec les thèmes de cet épisode."
    )


def test_every_reason_there_is_has_words_of_its_own_but_for_the_silences() -> None:
    """A new code must not end up as a day of silence by mistake."""
    silent = {Code.NOT_SENT, Code.FLOOD, Code.UNKNOWN}
    never_final = {Code.ERROR, Code.MOVED, Code.UNAUTHORISED}
    (silence,) = {explain([unserved(code)], FRENCH)[0] for code in silent}
    for code in set(Code) - silent - never_final:
        assert explain([unserved(code)], FRENCH)[0] != silence, code


def test_every_error_of_a_platform_has_a_code_of_its_own() -> None:
    """A report sorts by it; no two kinds of error may be told as one."""
    errors = {each for each in _subclasses(base.SendError) if each.__module__ == base.__name__}
    errors -= {
        base.UnverifiableError,
        base.BannedError,
        base.PreviewError,
        base.ForeignAnswerError,
        base.ForeignRefusalError,
        base.ForeignResultError,
        base.UploadRefusedError,
        base.StaleFileError,
    }
    codes = [error.code for error in errors]
    assert sorted(codes) == sorted(
        set(Code)
        - {Code.ERROR, Code.STOPPED, Code.ENDED, Code.PAUSED, Code.RECALLED, Code.UNREACHED, Code.RESTORED, Code.AUDIO}
    )


def _subclasses(error: type[base.SendError]) -> set[type[base.SendError]]:
    direct = set(error.__subclasses__())
    return direct.union(*map(_subclasses, direct))


def test_a_monday_without_an_episode_says_until_when_one_is_awaited() -> None:
    """And what may stand in its way: a draft, a mistake."""
    draft = episode(1208).model_copy(update={"status": Status.DRAFT})
    later = episode(1209).model_copy(update={"date": MONDAY.date() + dt.timedelta(days=1)})
    fact = facts.NoEpisode("monday", MONDAY, MONDAY + dt.timedelta(hours=6), [draft, later], [MISTAKE])
    assert said(describe(fact, FRENCH)) == (
        "Pas encore d’épisode\n"
        "Rien de nouveau à envoyer le lundi 4 novembre 2024 à 08:00 (horaire monday).\n"
        "Déposez l’épisode dans le dossier avant le lundi 4 novembre 2024 à 14:00 : il partira aussitôt.\n"
        "L’épisode 1208 est encore un brouillon : retirez la ligne « status: draft » de 1208.md.\n"
        "L’épisode 1209 n’est pas envoyé avant sa date, le mardi 5 novembre 2024.\n"
        "content/1207.md:2: there is no date. Write date: 2024-11-04."
    )


@pytest.mark.parametrize(
    ("fact", "language", "text"),
    [
        (
            facts.TooLong(7, 1207, dt.timedelta(hours=37, minutes=2), dt.timedelta(hours=24)),
            FRENCH,
            (
                "Épisode 1207 : l’envoi dure trop longtemps\n"
                "Au rythme que permet la plateforme, cet envoi dure 37 h 2 min. Au bout de 24 h, le reste est "
                "abandonné.\n"
                "Avec un débit (rate) plus élevé dans la configuration, si la plateforme vous l’accorde, tout le monde "
                "est servi à temps."
            ),
        ),
        (
            facts.OutOfReach(
                [
                    unreached("99", is_admin=True, is_person=True),
                    unreached("98", "", is_admin=True, is_person=True),
                    unreached("1001234567890", is_person=True),
                    unreached("@nosuch"),
                    unreached("-100", Code.CLOSED),
                ]
            ),
            FRENCH,
            (
                "Certains sont injoignables\n"
                "telegram:99 (admin) : chat not found. Cette personne doit d’abord écrire au bot, ou le débloquer ; "
                "sinon, le numéro est faux.\n"
                "telegram:98 (admin) : n’a pas reçu le dernier avis (chat not found). Cette personne doit d’abord "
                "écrire au bot, ou le débloquer ; sinon, le numéro est faux.\n"
                "telegram:1001234567890 : chat not found. Le numéro d’un groupe ou d’un canal commence par un signe "
                "moins. Une personne doit d’abord écrire au bot.\n"
                "telegram:@nosuch : chat not found. Corrigez-le dans la configuration s’il est mal écrit, et faites "
                "entrer le bot à cet endroit.\n"
                "telegram:-100 : chat not found. Le bot reprend alors tout seul.\n"
                "Rien de ce que le bot envoie n’y arrive. Il réessaie de temps en temps."
            ),
        ),
        (
            facts.Missed("monday", MONDAY, 1207),
            FRENCH,
            (
                "Épisode 1207 : pas envoyé\n"
                "L’envoi prévu le lundi 4 novembre 2024 à 08:00 (horaire monday) a été manqué, et il est trop tard "
                "pour l’envoyer sans vous le demander.\n"
                "Pour l’envoyer quand même : recap send 1207"
            ),
        ),
        (
            facts.Restored(MONDAY, MONDAY, 2),
            FRENCH,
            (
                "La base de données a été restaurée d’une sauvegarde\n"
                "Le bot ne sait rien de ce qui s’est passé depuis le lundi 4 novembre 2024 à 08:00, ni des choix faits "
                "depuis par les gens.\n"
                "Un épisode peut-être déjà envoyé ne part pas de lui-même ; chacun vous est signalé.\n"
                "2 messages étaient alors en route. Ils sont peut-être arrivés depuis, et ne sont pas renvoyés."
            ),
        ),
        (
            facts.MayHaveGone("monday", 1207, NEVER),
            FRENCH,
            (
                "L’épisode 1207 n’est pas renvoyé\n"
                "La base de données a été restaurée d’une sauvegarde vide. L’épisode a peut-être été envoyé avant "
                "(horaire monday)\N{NO-BREAK SPACE}: le bot ne l’envoie donc pas de lui-même.\n"
                "Si personne ne l’a reçu\N{NO-BREAK SPACE}: recap send 1207"
            ),
        ),
        (
            facts.MayHaveGone("monday", 1207, MONDAY),
            ENGLISH,
            (
                "Episode 1207 is not pushed again\n"
                "The database was restored from a backup of Monday, November 4, 2024 at 8:00 AM. On schedule monday "
                "the episode may have been pushed since, so that the bot does not push it unasked.\n"
                "If nobody has it: recap send 1207"
            ),
        ),
        (
            facts.FileBroken("1", [MISTAKE], in_use=True),
            FRENCH,
            (
                "Une erreur dans 1207.md\n"
                "content/1207.md:2: there is no date. Write date: 2024-11-04.\n"
                "Sa dernière bonne version reste en vigueur jusqu’à ce que le fichier soit corrigé."
            ),
        ),
        (
            feed.Drafted("a", 1207, "Le lundi", Path("content/1207.md"), [MISTAKE], is_offered=True),
            FRENCH,
            (
                "Nouvel épisode dans le flux : 1207\n"
                "« Le lundi »\n"
                "À regarder avant :\n"
                "content/1207.md:2: there is no date. Write date: 2024-11-04.\n"
                "Sa répétition arrive avant l’envoi. Dessous, « Bon pour envoi » le laisse partir ; "
                "son fichier est content/1207.md."
            ),
        ),
        (
            feed.FeedAway("a", "feeds.example", "the server answers 404", MONDAY.date()),
            ENGLISH,
            (
                "The feed cannot be used\n"
                "feeds.example: the server answers 404\n"
                "The episodes keep what the feed said on Monday, November 4, 2024, and no new one becomes a draft. "
                "The bot goes on asking."
            ),
        ),
        (
            facts.ConfigRefused("1", [MISTAKE] * 6),
            ENGLISH,
            "The new settings cannot be used\n"
            + "content/1207.md:2: there is no date. Write date: 2024-11-04.\n" * 5
            + "…\nThe bot goes on with the settings that it had. Nothing is lost.",
        ),
        (
            facts.NeedsRestart("1", ["telegram.token", "storage.url"]),
            FRENCH,
            (
                "De nouveaux réglages demandent un redémarrage\n"
                "Redémarrez le bot pour appliquer : telegram.token, storage.url. Tout le reste est déjà en vigueur."
            ),
        ),
        (
            facts.PlatformStopped(TELEGRAM),
            FRENCH,
            (
                "Telegram est à l’arrêt\n"
                "Telegram refuse le jeton du bot. Si le jeton a été changé, mettez le nouveau dans la configuration et "
                "redémarrez le bot. Sinon, le bot redemande de temps en temps et reprend tout seul. Ce qui attend "
                "depuis moins d’un jour partira alors."
            ),
        ),
        (
            facts.PlatformResumed(TELEGRAM),
            FRENCH,
            (
                "Telegram est de retour\n"
                "Telegram accepte de nouveau le jeton du bot. Le bot y reprend, et envoie ce qui attendait."
            ),
        ),
        (
            facts.AddressBanned(DISCORD, dt.timedelta(minutes=90)),
            FRENCH,
            (
                "Discord fait patienter le bot\n"
                "La protection de Discord refuse l’adresse de cette machine pendant 1 h 30 min. D’ici là, le bot n’y "
                "envoie et n’y demande rien ; tout ce qui attend partira ensuite."
            ),
        ),
        (
            facts.Unreadable(DISCORD, "CHANNEL_UPDATE"),
            FRENCH,
            (
                "Un élément venu de Discord a été laissé de côté\n"
                "Discord a envoyé quelque chose que le bot ne sait pas lire (CHANNEL_UPDATE). Le bot passe outre et "
                "continue ; les détails sont dans le journal."
            ),
        ),
        (
            facts.Welcome(MONDAY),
            FRENCH,
            (
                "Tout est prêt\n"
                "Le bot est en marche, et ses comptes rendus arriveront ici. Prochain envoi : lundi 4 novembre 2024 à "
                "08:00."
            ),
        ),
        (
            facts.Welcome(MONDAY, [WORKS, facts.Standing(DISCORD, {Ability.CONNECTED: "no connection to Discord"})]),
            FRENCH,
            (
                "Le bot est en marche, mais tout ne fonctionne pas\n"
                "Le bot est en marche, et ses comptes rendus arriveront ici. Prochain envoi : lundi 4 novembre 2024 à "
                "08:00.\n"
                "Telegram : connecté, menu des commandes accepté, commandes entendues\n"
                "Discord : pas connecté (no connection to Discord)"
            ),
        ),
        (
            facts.Standing(TELEGRAM, {Ability.CONNECTED: "", Ability.MENU: "HTTP 500"}),
            FRENCH,
            (
                "Telegram : tout ne fonctionne pas\n"
                "connecté, menu des commandes pas accepté (HTTP 500), commandes pas entendues (pas encore de réponse)\n"
                "Le bot continue d’essayer et dira ici quand cela change."
            ),
        ),
        (
            WORKS,
            ENGLISH,
            "Telegram: everything works\nconnected, menu of commands accepted, commands are heard",
        ),
        (
            facts.ServiceRestarted("clock", "no connection"),
            FRENCH,
            (
                "Une partie du bot a été relancée\n"
                "« horloge » a échoué et a été relancé (no connection). Si cela se répète, regardez le journal."
            ),
        ),
        (
            facts.ServiceRestarted("discord delivery", "no connection"),
            FRENCH,
            (
                "Une partie du bot a été relancée\n"
                "« Discord · envoi » a échoué et a été relancé (no connection). Si cela se répète, regardez le journal."
            ),
        ),
        (
            facts.ClockSet(dt.timedelta(hours=-2)),
            FRENCH,
            (
                "L’horloge a changé\n"
                "L’horloge de la machine du bot a été retardée de 2 h. Les envois en cours continuent, et rien n’est "
                "envoyé deux fois. Si l’horloge est maintenant fausse, remettez-la à l’heure."
            ),
        ),
        (
            facts.StorageTrouble("recap.db cannot grow, the disk is full: make room on it"),
            ENGLISH,
            (
                "The database cannot be used\n"
                "recap.db cannot grow, the disk is full: make room on it.\n"
                "Until then the bot pushes nothing, saves nothing, and tells people so. Nothing that it knows is lost."
            ),
        ),
        (
            facts.NotPublished(Target(DISCORD, "5"), "no followers"),
            ENGLISH,
            (
                "The recap was not published\n"
                "The recap is in discord:5, but it could not be published to the channel’s followers (no followers).\n"
                "You can publish it by hand in Discord."
            ),
        ),
        (
            facts.MessageRefused(7, 1207, TELEGRAM, "400 Bad Request: can't parse entities", 297),
            FRENCH,
            (
                "Épisode 1207 : Telegram refuse un message\n"
                "Telegram refuse ce message : trois chats l’ont refusé et aucun ne l’a accepté (400 Bad Request: can't "
                "parse entities). L’envoi de ce message est donc arrêté : 297 abonnés de plus ne le reçoivent pas. "
                "Tout le reste continue.\n"
                "Corrigez l’épisode, puis envoyez-le à ceux qui ne l’ont pas reçu : recap send 1207 --only failed"
            ),
        ),
        (
            facts.PausedTooLong(Target(TELEGRAM, "-5", 7), "no rights"),
            FRENCH,
            (
                "Un abonnement a pris fin\n"
                "telegram:-5:7 n’a pas laissé le bot écrire depuis des semaines (no rights). Son abonnement a pris "
                "fin.\n"
                "Pour le rétablir : recap subscriptions add telegram:-5:7"
            ),
        ),
    ],
)
def test_the_other_notices(fact: Fact, language: Words, text: str) -> None:
    """What happened, what the bot does about it, and what the admin can do."""
    assert said(describe(fact, language)) == _plain(text)


def test_every_part_that_is_started_again_has_words() -> None:
    """The admins read no name that stands in the log alone."""
    files = (Path(str(resources.files("bot"))) / "runtime").glob("*.py")
    started = [name for file in files for name in re.findall(r'upervisor\.start\(f?"([^"]+)"', file.read_text("utf-8"))]
    assert {"{name} delivery", "heart", "feed"} <= set(started)
    for name in started:
        service = name.replace("{CLOCK}", CLOCK)
        assert not {*service.split()} & {*said(describe(facts.ServiceRestarted(service, ""), FRENCH)).split()}, name


PLANNED = rehearsal.Planned(
    "monday", 1207, "Le lundi", MONDAY, MONDAY + dt.timedelta(hours=6), rehearsal.Permit("f" * 64, is_needed=True)
)
SEEN = rehearsal.Rehearsal("monday", 1207, number=1, digest="f" * 64)
WITHHELD = dataclasses.replace(SEEN, withheld_by="“Ana” [telegram:41]")
APPROVED = dataclasses.replace(SEEN, approved="f" * 64, approved_by="“Ana” [telegram:41]")
NEVER_DUE = dataclasses.replace(PLANNED, occurrence=None, until=None)
MINUTE = dt.timedelta(minutes=1)
CORRECTABLE = correction.Correctable(
    1207,
    "Le lundi",
    correction.Text("abcd", {"title": "Le lundi", "#netflix": "Netflix\nNetflix a 12 millions d’abonnés de plus."}),
    {"title": "Le lundi", "#netflix": "Netflix\nNetflix a 10 millions d’abonnés de plus."},
    {DISCORD: correction.Extent(12, 12), TELEGRAM: correction.Extent(300, 301)},
    11 * MINUTE,
    unknown=1,
    corrections=1,
)
CARDS: list[Fact] = [
    rehearsal.Rehearsed(PLANNED, SEEN, 1, MINUTE),
    rehearsal.Rehearsed(
        PLANNED,
        dataclasses.replace(
            APPROVED,
            before={"title": "Le lundi", "intro": "Bonjour", "#a": "Netflix\nIl a 12 abonnés.", "#b": "TikTok\nOui."},
            parts={
                "title": "Le mardi",
                "page": "https://example.org",
                "#c": "X\nNon.",
                "#a": "Netflix\nIl a 13 abonnés.",
            },
        ),
        1234,
        42 * MINUTE,
        warnings=[MISTAKE],
        refused=[(Target(DISCORD, "@42"), "cannot send messages to this user")],
    ),
    rehearsal.Rehearsed(
        dataclasses.replace(PLANNED, permit=dataclasses.replace(PLANNED.permit, is_needed=False)),
        dataclasses.replace(SEEN, before={"#a": "A", "#b": "B"}, parts={"#b": "B", "#a": "A"}),
        3,
        MINUTE,
    ),
    rehearsal.Rehearsed(PLANNED, dataclasses.replace(WITHHELD, before={"#a": "A"}, parts={"#a": "A"}), 3, MINUTE),
    rehearsal.Rehearsed(dataclasses.replace(NEVER_DUE, schedule=""), SEEN, 0, MINUTE),
    rehearsal.Waiting(PLANNED, SEEN, 60 * MINUTE),
    rehearsal.Waiting(PLANNED, WITHHELD, 10 * MINUTE),
    rehearsal.Waiting(PLANNED, SEEN, 0 * MINUTE),
    rehearsal.Waiting(PLANNED, WITHHELD, 0 * MINUTE),
    *(
        rehearsal.Decided(PLANNED, seen, instruction, "Ana", at)
        for at in (MONDAY - MINUTE, MONDAY)
        for instruction, seen in (
            (Instruction.APPROVE, APPROVED),
            (Instruction.WITHHOLD, WITHHELD),
            (Instruction.RELEASE, SEEN),
            (Instruction.RELEASE, APPROVED),
        )
    ),
    rehearsal.Decided(NEVER_DUE, APPROVED, Instruction.APPROVE, "Ana", MONDAY),
    *(facts.Missed("monday", MONDAY, 1207, is_held) for is_held in (False, True)),
    *(
        rehearsal.Decided(PLANNED, SEEN, Instruction.APPROVE, "Ana", MONDAY, ruling)
        for ruling in (rehearsal.Ruling.OUTDATED, rehearsal.Ruling.TOO_LATE)
    ),
    dataclasses.replace(push(), approved_by="“Ana” [telegram:41]"),
    CORRECTABLE,
    *(
        correction.Changed(push(*left), is_recall, is_whole)
        for is_recall, is_whole in ((False, True), (False, False), (True, True))
        for left in ((), (unserved(Code.CLOSED, 2, Target(TELEGRAM, "-5")), unserved(Code.UNKNOWN, unknown=True)))
    ),
]


@pytest.mark.parametrize("language", [FRENCH, ENGLISH], ids=["fr", "en"])
def test_the_cards_of_a_rehearsal(language: Words, request: pytest.FixtureRequest) -> None:
    """Every card, reminder and answer, with its buttons, as the transcripts have them."""
    said_by = []
    for fact in CARDS:
        notice = describe(fact, language)
        labels = [f"[{button.label}] {getattr(button, 'data', '')}" for button in notice.document.buttons]
        said_by.append("\n".join([notice.text, *labels]))
    transcript = "\n\n--\n\n".join(said_by) + "\n"
    golden = Path(__file__).parent / "golden" / f"cards.{language.language}.txt"
    if request.config.getoption("--golden"):
        golden.write_text(transcript, encoding="utf-8")
    assert transcript == golden.read_text(encoding="utf-8")


KEYS: list[tuple[Fact, str]] = [
    (push(), "report 7"),
    (facts.MessageRefused(7, 1207, TELEGRAM, "too long", 297), "refused 7 telegram"),
    (
        facts.OutOfReach([unreached("@nosuch"), unreached("99", is_admin=True)]),
        "out-of-reach telegram:99 telegram:@nosuch 2024-11-05",
    ),
    (facts.TooLong(7, 1207, dt.timedelta(hours=37), dt.timedelta(hours=24)), "too-long 7"),
    (facts.NoEpisode("monday", MONDAY, MONDAY), "no-episode monday 2024-11-04 08:00"),
    (facts.Missed("monday", MONDAY, 1207), "missed monday 2024-11-04 08:00 1207"),
    (facts.Restored(MONDAY, MONDAY, 0), "restored 2024-11-04 08:00:00"),
    (facts.MayHaveGone("monday", 1207, MONDAY), "may-have-gone monday 1207 2024-11-04 08:00:00"),
    (facts.FileBroken("1207.md 9 42", [MISTAKE], in_use=True), "broken 1207.md 9 42"),
    (facts.ConfigRefused("9 42", [MISTAKE]), "config 9 42"),
    (facts.NeedsRestart("9 42", ["storage.url"]), "restart 9 42"),
    (facts.PlatformStopped(TELEGRAM), "stopped telegram 2024-11-05"),
    (facts.PlatformResumed(TELEGRAM), "resumed telegram 2024-11-05"),
    (facts.AddressBanned(DISCORD, dt.timedelta(hours=1)), "banned discord 2024-11-05"),
    (facts.MadeToWait(DISCORD, dt.timedelta(hours=1)), "waits discord 2024-11-05"),
    (facts.Rival(TELEGRAM), "rival telegram 2024-11-05"),
    (facts.WebhookRemoved(TELEGRAM), "webhook telegram 2024-11-05"),
    (facts.Unreadable(DISCORD, "CHANNEL_UPDATE"), "unreadable discord CHANNEL_UPDATE"),
    (facts.ClockSet(dt.timedelta(hours=1)), "clock 60 2024-11-05"),
    (facts.StorageTrouble("the disk is full"), "storage 2024-11-05"),
    (facts.StorageMended(MONDAY), f"storage mended {MONDAY}"),
    (
        facts.Standing(TELEGRAM, {Ability.CONNECTED: "", Ability.MENU: "no"}),
        "standing telegram menu+listening 2024-11-05",
    ),
    (facts.ServiceRestarted("clock", "no connection"), "restarted clock 2024-11-05"),
    (facts.NotPublished(Target(DISCORD, "5"), "no followers"), "not-published discord:5 2024-11-05"),
    (facts.PausedTooLong(Target(TELEGRAM, "-5", 7), "no rights"), "ended telegram:-5:7 2024-11-05"),
    (shortfalls.NotPinned(Target(TELEGRAM, "-5", 7), "no rights"), "not-pinned telegram:-5:7 2024-11-05"),
    (shortfalls.NotAsChosen(Target(DISCORD, "5"), "no pins"), "not-as-chosen discord:5 no pins 2024-11-05"),
    (shortfalls.AudioGivenUp(7, TELEGRAM, "too large"), "audio 7 telegram"),
    (facts.Welcome(None), "welcome"),
    (feed.Drafted("ab", 1207, "Le lundi", Path("content/1207.md")), "drafted ab"),
    (feed.NotDrafted("ab", "Le lundi", "no subject"), "not-drafted ab"),
    (feed.NotesChanged(1207, Path("content/1207.md")), "notes-changed 1207 2024-11-05"),
    (feed.NotWritten(Path("content/1207.md"), "no space"), "not-written content/1207.md 2024-11-05"),
    (feed.FeedAway("cd", "x.example", "no answer", MONDAY.date()), "feed-away cd 2024-11-04"),
    (feed.FeedMoved("cd", "y.example", "https://y.example/feed"), "feed-moved cd"),
    (rehearsal.Rehearsed(PLANNED, dataclasses.replace(SEEN, number=2), 3, MINUTE), "rehearsed monday 1207 2"),
    (rehearsal.Waiting(PLANNED, SEEN, MINUTE), "waiting monday 2024-11-04 08:00 1207 0:01:00"),
    (rehearsal.Decided(PLANNED, SEEN, Instruction.APPROVE, "Ana", MONDAY), f"decided monday 1207 {MONDAY}"),
    (correction.Changed(push(), is_recall=False), "report 7"),
    (CORRECTABLE, "correctable 1207 1 abcd"),
]
"""The keys that the ledgers of version 0.1.0 hold, for facts that are told on the day after a Monday."""


def test_every_fact_has_the_key_and_the_words_that_it_always_had() -> None:
    """Another key, and the admins would be told again after an update; without words, not at all."""
    # By name: `dataclass(slots=True)` makes each class twice.
    kinds = {each for kind in Fact.__subclasses__() for each in (kind, *kind.__subclasses__()) if hasattr(each, "KEY")}
    assert {type(fact).__name__ for fact, _key in KEYS} == {each.__name__ for each in kinds}
    for fact, key in KEYS:
        assert fact.key_on(MONDAY.date() + dt.timedelta(days=1)) == key
        for language in (FRENCH, ENGLISH):
            assert describe(fact, language).document.title


def test_what_is_still_to_be_published_is_told_without_alarm() -> None:
    """Discord passes few messages on in an hour, so some wait when everybody has the recap."""
    notice = describe(dataclasses.replace(push(), publishing=2), FRENCH)
    assert "2 messages de salons d’annonces restent à publier auprès des abonnés." in said(notice)
    assert not notice.alarming


def test_the_hour_that_autumn_repeats_is_one_occasion() -> None:
    """Another hour is not."""
    twice = dt.datetime(2024, 10, 27, 2, 30, tzinfo=MONDAY.tzinfo)
    occurrences = [twice, twice.replace(fold=1), twice + dt.timedelta(hours=6)]
    first, second, later = (facts.NoEpisode("night", each, MONDAY).key_on(MONDAY.date()) for each in occurrences)
    assert first == second != later


def test_a_notice_is_a_message_on_both_platforms() -> None:
    """Rendered like everything else the bot says, within one message."""
    notice = describe(push(unserved("gone", 3)), FRENCH)
    (telegram,) = render_for_telegram(notice.document).messages
    (discord,) = render_for_discord(notice.document).messages
    assert "312 abonnés" in telegram.body["text"]
    assert "312 abonnés" in str(discord.body)
