"""`/admin`, as admins, other people and forgers meet it, on both platforms."""

from __future__ import annotations

import datetime as dt
import errno
import io
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import AsyncMock

import pytest
import pytest_asyncio
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.commands import ADMIN, LARGEST_FILE, AttachedFile, Request
from bot.commands.drafts import answer_file
from bot.content.frontmatter import as_draft
from bot.content.parser import parse_episode
from bot.model.episode import Status
from bot.model.i18n import Language
from bot.model.subscription import PlatformName, Target
from bot.notes.reading import read_notes
from bot.sandbox.discord.people import NotOfferedError
from bot.sandbox.telegram.model import Status as Membership
from tests.commands.test_golden import Transcript, compare
from tests.conversation import DiscordPerson, Person, Talk, TelegramPerson, talking
from tests.world import MONDAY, read_discord, read_telegram, town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.sandbox.telegram import model as telegram_model

SCHEDULE = '[[schedules]]\nname = "monday"\ncron = "0 8 * * mon"\n'
EPISODE = (
    "---\nnumber: {number}\ntitle: Le {number}\ndate: {date}\n---\n\n"
    "## Netflix\n\n#netflix\n\nDu texte.\n\n## Autre\n\nUn mot.\n"
)
NOTES = """Episode 1208 du 11 novembre 2024

Netflix
Netflix laisse partager ses scènes depuis cette semaine. https://www.netflix.com/tudum

TikTok
TikTok change ses règles en Europe dès lundi. https://www.tiktok.com/europe

Instagram
Instagram change de logo mardi prochain.
""".encode()
PANEL, NEXT, REPORT, UNSERVED, EPISODES = (
    "État du bot", "Prochains envois", "Dernier compte rendu", "Qui ne l’a pas reçu", "Épisodes",
)  # fmt: skip
BACK, GO, WITHHOLD, RELEASE = "◀ Tableau de bord", "Bon pour envoi", "Retenir", "Ne plus retenir"
SEND, YES, AGAIN = "Envoyer maintenant", "Oui, l’envoyer à tout le monde", "Renvoyer là où il a échoué"
CORRECT, RECALL = "Corriger partout", "Retirer"
NONSENSE = "d’une autre version"
both = pytest.mark.parametrize("platform", ["telegram", "discord"])


class Team:
    """Ana, an admin on Telegram, and Ben, who is one on Discord, with the running bot and its content folder."""

    def __init__(self, talk: Talk, folder: Path, chat: telegram_model.Chat) -> None:
        self.talk, self.folder = talk, folder
        self.ana = talk.on_telegram(chat)
        self.ben = talk.on_discord(talk.town.discord.direct(talk.town.manager), talk.town.manager)

    def admin(self, platform: str) -> Person:
        """The admin on the platform."""
        return self.ana if platform == "telegram" else self.ben


@pytest.fixture
def language() -> Language:
    """The language of the show, and of the admins' apps."""
    return Language.FRENCH


@pytest_asyncio.fixture(loop_scope="module")
async def team(tmp_path: Path, language: Language) -> AsyncIterator[Team]:
    """The running bot, three hours before the push of the third of its episodes."""
    folder = tmp_path / "content"
    folder.mkdir()
    for number, date in ((1205, "2024-10-21"), (1206, "2024-10-28"), (1207, "2024-11-04")):
        (folder / f"{number}.md").write_text(EPISODE.format(number=number, date=date), encoding="utf-8")
    with time_machine.travel(MONDAY - dt.timedelta(hours=3), tick=True):
        async with town() as place:
            ana = place.telegram.add_private(name="Ana", language=language)
            more = f'{SCHEDULE}\n[show]\nlanguage = "{language}"\n'
            async with talking(place, tmp_path, content=folder, more=more, admin=ana) as talk:
                direct = place.discord.direct(place.manager)
                # The welcome comes at any time after the start.
                await place.until(lambda: bool(ana.messages and direct.messages))
                yield Team(talk, folder, ana)


async def test_others_get_the_answer_to_an_unknown_command(team: Team) -> None:
    """In private; a file of theirs gets none, as from any bot that knows no files."""
    ada = team.talk.on_telegram()
    for typed in ("", " 1206"):
        assert await ada.says(f"/admin{typed}") == await ada.says(f"/nonsense{typed}")
    assert (await ada.sends("notes.txt", NOTES)).texts == ()
    reader = team.talk.on_discord(team.talk.town.discord.direct(team.talk.town.reader))
    assert NONSENSE in (await reader.says("/admin")).text
    assert NONSENSE in (await reader.sends("notes.txt", NOTES)).text
    with pytest.raises(NotOfferedError):
        await team.talk.on_discord(user=team.talk.town.manager).says("/admin")


async def test_person_and_place_count_at_each_press(team: Team) -> None:
    """In a group an admin is none: the bot stays silent there, as after any command that it does not know.

    A stranger's client may send the data of any button, an admin's may send it from a group, and any may send nonsense.
    """
    group = TelegramPerson(team.talk.app, team.talk.town, team.talk.town.group, team.ana.sender)
    assert (await group.says("/admin")).texts == ()
    good = ["admin home", "admin sent 1206 0000000000", "admin write"]
    for person, sent in (
        (team.talk.on_telegram(), [*good, "release monday 1207 0000000000"]), (group, good), (team.ana, FORGED),
    ):  # fmt: skip
        for data in sent:
            assert NONSENSE in await forged(person, data), data
    assert await team.talk.app.ledger.broadcasts(9) == []


FORGED = (
    "admin nonsense", "admin episode", "admin episode x", "admin episode ²", "admin episode 1206 more",
    "admin correct 1206 x", "admin sent 1206", "admin look 1206", "admin look 1206 rich", "admin send 1206 1",
    "admin failed 1206 x", "admin write", "admin replace", "admin:99 episode 99999999999999999999",
)  # fmt: skip


async def forged(person: TelegramPerson, data: str) -> str:
    """Press a button with that data below a message of the bot; return the toast."""
    await person.says("/help")
    message = person.seen()[-1]
    message.reply_markup = {"inline_keyboard": [[{"text": "?", "callback_data": data}]]}
    return (await person.presses_on(message, "?")).toast


@both
async def test_an_admin_runs_the_bot_from_a_phone(team: Team, platform: str) -> None:
    """The panel is one message: each view and each decision stands where the last view stood, with a way back.

    Only a preview is sent, as real messages. A push by hand comes after a question, once, and to everybody. So does a
    recall, and a correction after a view of all that it changes.
    """
    admin, app = team.admin(platform), team.talk.app
    reply = await admin.says("/admin")
    assert PANEL in reply.text
    assert "3 épisodes" in reply.text
    assert "8 abonnements (monday)" in reply.text
    for label in (NEXT, BACK, REPORT, BACK, UNSERVED, BACK, EPISODES):
        reply = await admin.presses(label)
        assert (reply.replaced, len(reply.texts)) == (True, 1)
    reply = await admin.presses("1206 · Le 1206")
    assert "lundi 28 octobre 2024" in reply.text
    reply = await admin.presses("Un message par sujet")
    assert not reply.replaced
    assert ["Du texte." in text for text in reply.texts] == [False, True, False]
    assert "lundi 21 octobre 2024" in (await admin.says("/admin 1205")).text
    assert "1299" in (await admin.says("/admin 1299")).text

    await admin.says("/admin")
    assert "Il part tout seul" in (await admin.presses(NEXT)).text
    assert (await admin.presses(WITHHOLD)).replaced
    await admin.presses(BACK)
    reply = await admin.presses(NEXT)
    assert "Retenu par" in reply.text
    assert {GO, RELEASE} < set(reply.buttons)
    await admin.says("/admin 1207")
    assert "Retenu par" in (await admin.presses(SEND)).text
    await admin.presses(BACK)
    await admin.presses(NEXT)
    assert "il n’est plus retenu" in (await admin.presses(RELEASE)).text
    await admin.says("/admin 1207")
    assert "Il part aussitôt pour 8 abonnements (monday)" in (await admin.presses(SEND)).text
    assert await app.ledger.broadcasts(9) == []
    assert "Il est en route" in (await admin.presses(YES)).text
    await team.talk.town.until(lambda: all(team.talk.town.pushed().values()))
    (push,) = await app.ledger.broadcasts(9)
    assert (push.episode, push.key) == (1207, "monday")
    await admin.says("/admin 1207")
    assert "recap send 1207 --again" in (await admin.presses(SEND)).text

    await corrects_and_recalls(team, admin)


async def corrects_and_recalls(team: Team, admin: Person) -> None:
    """Change what was sent everywhere, and then take it back, with two presses."""
    file = team.folder / "1207.md"
    file.write_text(file.read_text(encoding="utf-8").replace("Un mot.", "Deux mots."), encoding="utf-8")
    await team.talk.app.tick()
    # The card of the change comes by itself; the panel below it shows the same.
    await team.talk.town.until(lambda: CORRECT in latest(admin))
    await admin.says("/admin 1207")
    assert "« Autre Un mot. » → « Autre Deux mots. »" in (await admin.presses(CORRECT)).text
    reply = await admin.presses(CORRECT)
    assert "correction en cours" in reply.text
    assert BACK in reply.buttons
    await team.talk.town.until(lambda: all("Deux mots." in str(said) for said in team.talk.town.pushed().values()))
    await admin.says("/admin 1207")
    assert "Tous ceux qui l’ont reçu le perdent" in (await admin.presses(RECALL)).text
    assert "retrait en cours" in (await admin.presses("Oui, le retirer")).text
    in_group = team.talk.town.group.messages
    await team.talk.town.until(lambda: all(each.deleted for each in in_group if "Deux mots." in each.text))
    # What was taken back is told as that everywhere, and offers nothing that cannot be.
    reply = await admin.says("/admin 1207")
    assert "puis retiré" in reply.text
    assert not {CORRECT, RECALL} & set(reply.buttons)
    for view in (REPORT, UNSERVED):
        await admin.says("/admin")
        reply = await admin.presses(view)
        assert ("Il a été retiré ensuite." in reply.text, reply.buttons) == (True, (BACK,))


def latest(person: Person) -> str:
    """The latest messages of the bot in the private chat, with their buttons: others may follow the one that counts."""
    if isinstance(person, TelegramPerson):
        return "\n".join(map(read_telegram, person.seen()[-4:]))
    assert isinstance(person, DiscordPerson)
    return "\n".join(read_discord(message.components) for message in person.channel.messages[-4:])


async def test_what_changed_after_the_question_is_not_sent(team: Team) -> None:
    """Nor what is withheld, nor a draft."""
    await team.ana.says("/admin 1207")
    await team.ana.presses(SEND)
    file = team.folder / "1207.md"
    file.write_text(file.read_text(encoding="utf-8").replace("Un mot.", "Deux mots."), encoding="utf-8")
    await team.talk.app.tick()
    assert "a changé entre-temps" in (await team.ana.presses(YES)).text
    file.write_text(as_draft(file.read_text(encoding="utf-8")), encoding="utf-8")
    await team.talk.app.tick()
    await team.ana.says("/admin 1207")
    assert "C’est un brouillon" in (await team.ana.presses(SEND)).text
    assert await team.talk.app.ledger.broadcasts(9) == []


async def test_those_who_failed_are_named_and_sent_to_again(team: Team) -> None:
    """With the reason, and only they get it again."""
    telegram, channel = team.talk.town.telegram, team.talk.town.channel
    telegram.set_member(channel, telegram.bot, Membership.ADMINISTRATOR, rights=())
    await team.ana.says("/admin 1207")
    await team.ana.presses(SEND)
    await team.ana.presses(YES)
    app = team.talk.app
    (push,) = await app.ledger.broadcasts(9)
    await team.talk.town.until(lambda: any("pas à tout le monde" in each.text for each in team.ana.seen()))
    await team.ana.says("/admin")
    reply = await team.ana.presses(UNSERVED)
    assert f"« Le récap » [telegram:{channel.id}] : 400 Bad Request: need administrator rights" in reply.text
    assert AGAIN in reply.buttons
    telegram.set_member(channel, telegram.bot, Membership.ADMINISTRATOR)
    assert "Il est en route" in (await team.ana.presses(AGAIN)).text
    await team.talk.town.until(lambda: bool(channel.messages))
    again, first = await app.ledger.broadcasts(9)
    assert (first.id, sum((await app.ledger.tally(again.id)).values())) == (push.id, 1)


# Files


@both
async def test_a_file_comes_back_as_a_draft_and_is_written_with_one_press(
    team: Team, platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An episode that is there is replaced by a press that says so, and the text before is kept beside it."""
    admin, before = team.admin(platform), (team.folder / "1207.md").read_text(encoding="utf-8")
    reply = await admin.sends("notes.txt", NOTES)
    ((name, draft),) = reply.files
    assert name == "1208.md"
    assert "Brouillon de l’épisode 1208" in reply.text
    assert parse_episode(draft.decode(), team.folder).status == "draft"
    assert len(list(team.folder.iterdir())) == 3
    assert "Enregistré : 1208.md" in (await admin.presses("Enregistrer 1208.md")).text
    assert (team.folder / "1208.md").read_bytes() == draft

    # A draft that takes its time comes where the bot has asked Discord for more.
    monkeypatch.setattr("bot.platforms.discord.reply.PATIENCE", 0.0)
    mended = before.replace("Un mot.", "Deux mots.")
    assert "Il y a déjà un 1207.md" in (await admin.sends("Le lundi (corrigé).md", mended.encode())).text
    draft_again = mended.replace("---\n\n##", "status: draft\n---\n\n##")
    for _press in range(2 if isinstance(admin, TelegramPerson) else 1):
        await admin.presses("Remplacer 1207.md")
        assert (team.folder / "_1207-1.md").read_text(encoding="utf-8") == before
        assert (team.folder / "1207.md").read_text(encoding="utf-8") == draft_again
    assert len(list(team.folder.iterdir())) == 5


async def test_a_file_is_judged_before_it_is_fetched(team: Team, caplog: pytest.LogCaptureFixture) -> None:
    """By its size and the end of its name; one whose size nobody told is judged when it is there.

    The address of a file holds the token: neither the log nor the answer shows it, also when the file is gone.
    """
    caplog.set_level("DEBUG", logger="bot")
    telegram, sender = team.talk.town.telegram, team.ana.chat.person
    asked = len(telegram.traffic.requests)
    for name, data, size, word in (
        ("notes.pdf", b"", None, ".docx"), ("notes.txt", b"", LARGEST_FILE + 1, "1 Mo"),
        ("notes.txt", bytes(LARGEST_FILE + 1), 0, "1 Mo"),
    ):  # fmt: skip
        before = len(team.ana.seen())
        telegram.send_file(team.ana.chat, sender, name, data, size=size)
        await telegram.wait_for(lambda: len(team.ana.seen()) > before)  # noqa: B023 - awaited here
        assert word in team.ana.seen()[-1].text
    fetched = [each.route for each in telegram.traffic.requests[asked:] if each.route == "getFile"]
    assert len(fetched) == 1
    forged = Request("write", Target(PlatformName("telegram"), "1"), Language.FRENCH)
    text = b"---\nnumber: 1300\ntitle: Un\ndate: 2024-11-04\n---\n\n## Un\n\nDu texte.\n"
    ready = AttachedFile("1300.md", 0, AsyncMock(return_value=text))
    assert await answer_file(team.talk.app.services.context, forged, ready) is None
    assert not (team.folder / "1300.md").exists()
    before = len(team.ana.seen())
    for _together in range(2):
        telegram.send_file(team.ana.chat, sender, "notes.pdf", b"")
    await telegram.wait_for(lambda: len(team.ana.seen()) == before + 2)
    telegram.send_file(team.ana.chat, sender, "a.txt", NOTES)
    telegram.contents.clear()
    await team.talk.town.until(lambda: "n’ai pas pu recevoir a.txt" in team.ana.seen()[-1].text)
    said = [team.ana.seen()[-1].text, *(record.getMessage() for record in caplog.records)]
    assert not any(telegram.token in each for each in said)


async def test_a_draft_that_cannot_be_written_is_for_a_hand_to_put_there(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the folder takes no file; one in an older encoding with a path for a name is a draft like any other."""
    for may_write, buttons in ((False, ()), (True, ("Enregistrer 1208.md",))):
        monkeypatch.setattr("bot.commands.drafts.os.access", lambda *_of: may_write)  # noqa: B023 - asked at once
        reply = await team.ana.sends("../../notes.txt", NOTES.decode().encode("cp1252"))
        ((name, draft),) = reply.files
        assert (name, reply.buttons) == ("1208.md", buttons)
        assert "TikTok change ses règles en Europe dès lundi." in draft.decode()
        assert ("mettez-y le fichier à la main" in reply.text) is not may_write

    def write(*_which: object, **_how: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("bot.commands.drafts.write_draft", write)
    assert "Impossible d’enregistrer 1208.md (" in (await team.ana.presses("Enregistrer 1208.md")).text
    assert len(list(team.folder.iterdir())) == 3


@settings(max_examples=25)
@given(
    keys=st.permutations(["number: 7", "title: Le 7 --- fin", "date: 2024-11-04"]),
    status=st.sampled_from(["", "status: ready", "status: draft", '"status" : "ready"']),
    at=st.integers(0, 3),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_any_good_episode_becomes_a_draft_and_nothing_else_of_it_changes(
    keys: list[str], status: str, at: int, end: str
) -> None:
    """Wherever its head says which status it has, and once is enough."""
    head = [*keys[:at], *filter(None, [status]), *keys[at:]]
    text = end.join(["---", *head, "---", "", "## Un", "", "status: ready", "", "---", "", "Fin.", ""])
    draft = as_draft(text)
    before, after = (parse_episode(each, Path("7.md")) for each in (text, draft))
    assert after == before.model_copy(update={"status": Status.DRAFT})
    assert as_draft(draft) == draft


def test_an_archive_that_unpacks_to_more_is_refused_unread() -> None:
    """Whichever of its parts it is."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", "<w:document/>")
        archive.writestr("word/styles.xml", bytes(21_000_000))
    assert len(packed.getvalue()) < LARGEST_FILE
    with pytest.raises(Exception, match="longer than"):
        read_notes(packed.getvalue(), Path("notes.docx"))


NEEDING_TROUBLE = (
    "{name} could not be fetched: {reason}. Try again in a minute.",
    "No draft of {name} was ready in time: send the words alone, as text.",
    "I cannot write into the content folder: put the file there by hand, as {path}.",
    "{path} cannot be written ({reason}). Put the file into the content folder by hand.",
)


@pytest.mark.parametrize("language", Language)
async def test_what_an_admin_reads(team: Team, language: Language, request: pytest.FixtureRequest) -> None:
    """Nothing changes by accident."""
    script = Transcript(language)
    _ = script.words.gettext
    script.chapter("/admin")
    script.see(_(ADMIN.summary))
    await script.says(team.ana, "/admin")
    for label in ("Next pushes", "Withhold", "◀ Panel", "Next pushes", "Release", "◀ Panel", "Last report", "◀ Panel"):
        await script.presses(team.ana, label)
    await script.presses(team.ana, "Who is not served")
    await script.presses(team.ana, "◀ Panel")
    await script.presses(team.ana, "Episodes")
    await script.presses(team.ana, "1207 · Le 1207")
    await script.presses(team.ana, "Titles first")
    await script.presses(team.ana, "Send now")
    await script.presses(team.ana, "Yes, send it to everybody")
    told = _("Episode {number} has been pushed").format(number=1207)
    await team.talk.town.until(lambda: any(each.text.startswith(told) for each in team.ana.seen()))
    await script.says(team.ana, "/admin 1207")
    await script.presses(team.ana, "Send now")
    await script.says(team.ana, "/admin 1207")
    await script.presses(team.ana, "Correct everywhere")
    await script.says(team.ana, "/admin 7")
    script.chapter("Files")
    for name, data in (
        ("notes.pdf", b""),
        ("notes.txt", b"..."),
        ("notes.txt", bytes(LARGEST_FILE + 1)),
        ("1207.md", EPISODE.format(number=1207, date="2024-11-04").encode()),
    ):
        script._note(f"📎 {name}", await team.ana.sends(name, data))
    await script.presses(team.ana, _("Replace {path}").format(path="1207.md"))
    script._note("📎 notes.txt", await team.ana.sends("notes.txt", NOTES))
    for sentence in NEEDING_TROUBLE:
        script.see(_(sentence))
    label = _("Write it as {path}").format(path="1208.md")
    (team.folder / "1208.md").write_text("Un autre.", encoding="utf-8")
    await script.presses(team.ana, label)
    assert (team.folder / "1208.md").read_text(encoding="utf-8") == "Un autre."
    (team.folder / "1208.md").unlink()
    await script.presses(team.ana, label)
    compare(f"admin.{language}.txt", re.sub(r"\b(0?5):0\d", r"\1:00", script.text), request.config)
