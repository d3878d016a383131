"""Audio in the chat: one upload for everybody, no second recording for anybody, and the link where it cannot come."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import functools
import itertools
import tempfile
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.content.archive import Archive
from bot.content.audio import LARGEST_AUDIO, RecordingError, recording
from bot.content.links import Web
from bot.delivery.report import describe
from bot.model.codes import Code
from bot.model.correction import Text
from bot.model.document import Audio, Document, Paragraph, Section, Span
from bot.model.i18n import Language, words
from bot.model.rendering import STANDING
from bot.model.shortfalls import AudioGivenUp
from bot.model.subscription import AudioAs, PlatformName
from bot.platforms.telegram import audio, client, row
from bot.sandbox.shared.faults import Fault, Hook, Match, Reply, Reset
from bot.sandbox.telegram.model import Status
from bot.sandbox.telegram.rules import Uploaded
from bot.sandbox.telegram.server import TelegramStandIn
from bot.storage.corrections import Wanted
from bot.storage.records import LedgerError
from bot.storage.uploads import LedgerUploads
from tests.delivery.side import Side, finished, now
from tests.world import CONTENT

if TYPE_CHECKING:
    from pathlib import Path

    from bot.model.rendering import Rendering
    from bot.sandbox.shared.faults import Call
    from bot.sandbox.telegram.model import Chat
    from bot.storage.ledger import Ledger

UPLOAD, EXCHANGE = "sendAudio", "editMessageMedia"


def said(text: str) -> Document:
    """A document of one sentence."""
    return Document("Le récap", (Section((Paragraph((Span(text),)),)),))


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No chat has a pace of its own, else each test would wait for its second message."""
    monkeypatch.setattr(row, "PRIVATE", ())


@pytest.fixture
def mp3(tmp_path: Path) -> Path:
    """A recording of ten seconds with a constant rate of 64 kbit/s, and its cover."""
    file = tmp_path / "1207.mp3"
    file.write_bytes(b"ID3\x04\x00\x00\x00\x00\x00\x02\x00\x00" + b"\xff\xfb\x50\x00" + bytes(80_000 - 4))
    file.with_suffix(".jpg").write_bytes(b"\xff\xd8\xff")
    return file


@pytest.fixture
def telegram(telegram_side: Side) -> TelegramStandIn:
    """The stand-in."""
    assert isinstance(telegram_side.standin, TelegramStandIn)
    return telegram_side.standin


def rendered(side: Side, source: Path | str, *, title: str = "Épisode", recap: str = "Récap à 12:34") -> Rendering:
    """A recording and a recap of one message, which says if it comes with the link instead."""
    instead, key = said("Récap avec le lien"), f"key of {source} {title}" if source else STANDING
    recording_of = Audio(title, "Le podcast", str(source), key, instead)
    return side.platform.render(dataclasses.replace(said(recap), audio=recording_of))


async def corrected(side: Side, ledger: Ledger, source: Path | str, **shown: str) -> dict[str, int]:
    """Bring what everybody got to that recording and recap, and return the outcomes."""
    (push,) = await ledger.broadcasts(1)
    line = side.platform.render(said("Retiré"), silent=True).messages[0]
    after = dict.fromkeys(await ledger.corrections.looks(push.id), rendered(side, source, **shown))
    wanted = Wanted(after, {PlatformName("telegram"): line}, Text(str(shown), {}))
    correction = await ledger.corrections.correct(push, wanted)
    assert correction is not None
    return await side.deliver(ledger, correction.id)


async def opened(side: Side, ledger: Ledger, source: Path | str, *, episode: int = 1207) -> int:
    """Open a push of a recording to everybody."""
    return await side.open_rendering(ledger, rendered(side, source), episode)


async def subscribed(side: Side, ledger: Ledger, count: int) -> list[Chat]:
    """So many people who want the audio."""
    places = side.add(count)
    await side.subscribe(ledger, *places, audio=AudioAs.FILE)
    assert isinstance(side.standin, TelegramStandIn)
    return [side.standin.chats[place.id] for place in places]


def uploads(telegram: TelegramStandIn, route: str = UPLOAD) -> int:
    """How many requests brought the file itself."""
    calls = (call for call in telegram.traffic.requests if call.route == route)
    return sum(isinstance(call.body.get("audio"), Uploaded) for call in calls)


def got(chat: Chat) -> list[str]:
    """What came into the chat, in order: a recording by its title, a recap by its text, a reply with a mark."""
    return [
        f"{'↳ ' if each.reply_to else ''}{each.audio['title'] if each.audio else each.text}" for each in chat.messages
    ]


WHOLE = ["Épisode", "↳ Récap à 12:34"]
LINK = ["Récap avec le lien"]


async def test_everybody_gets_one_upload_and_the_recap_as_a_reply(
    telegram_side: Side, telegram: TelegramStandIn, real_ledger: Ledger, mp3: Path
) -> None:
    """Also those of the next push after a restart, which is another worker on the same ledger."""
    chats = await subscribed(telegram_side, real_ledger, 20)
    for episode in (1207, 1208):
        push = await opened(telegram_side, real_ledger, mp3, episode=episode)
        assert await telegram_side.deliver(real_ledger, push) == {"sent": 20}
    assert [got(chat) for chat in chats] == [WHOLE * 2] * 20
    assert uploads(telegram) == 1
    assert all(chat.messages[1].reply_to == chat.messages[0].id for chat in chats)
    (file,) = telegram.files.values()
    shown = {key: file[key] for key in ("title", "performer", "duration", "thumbnail", "file_size")}
    assert shown == {
        "title": "Épisode",
        "performer": "Le podcast",
        "duration": 10,
        "thumbnail": True,
        "file_size": 80_012,
    }


async def test_a_recording_in_doubt_is_never_sent_again(
    telegram_side: Side, telegram: TelegramStandIn, real_ledger: Ledger, mp3: Path
) -> None:
    """The recap follows without a reply, the next chat brings the file up, and the report counts the one in doubt."""
    chats = await subscribed(telegram_side, real_ledger, 3)
    telegram.faults.add(Fault(Reset(), Match(route=UPLOAD), after=True))
    push = await opened(telegram_side, real_ledger, mp3)
    assert await telegram_side.deliver(real_ledger, push) == {"sent": 2, "unknown": 1}
    assert sorted(map(got, chats)) == [["Épisode", "Récap à 12:34"], WHOLE, WHOLE]
    (broadcast,) = await real_ledger.broadcasts(1)
    outcome = await real_ledger.notices.outcome(broadcast)
    assert [(each.code, each.count, each.unknown) for each in outcome.unserved] == [(Code.AUDIO, 1, True)]
    assert (outcome.sent, outcome.unknown, outcome.unaccounted) == (2, 1, 0)
    assert "1 has the recap, and may or may not have the audio" in describe(outcome, words(Language.ENGLISH)).text


@pytest.mark.parametrize("hold", [False, True])
async def test_a_crash_with_a_recording_on_its_way_leaves_it_in_doubt(
    telegram_side: Side, telegram: TelegramStandIn, real_ledger: Ledger, mp3: Path, *, hold: bool
) -> None:
    """Whatever the config says of other messages in doubt."""
    (chat,) = await subscribed(telegram_side, real_ledger, 1)
    telegram_side.hold = hold
    push = await opened(telegram_side, real_ledger, mp3)
    assert len(await real_ledger.claim(PlatformName("telegram"), 1)) == 1
    assert await telegram_side.deliver(real_ledger, push) == {"unknown": 1}
    assert got(chat) == ["Récap à 12:34"]
    assert uploads(telegram) == 0


async def test_a_database_in_trouble_puts_no_recording_in_doubt(
    telegram_side: Side, telegram: TelegramStandIn, real_ledger: Ledger, mp3: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is known of the file is asked before the message's turn; afterwards only the platform can fail."""
    find, asked = LedgerUploads.find, itertools.count()

    async def refuse(kept: LedgerUploads, platform: PlatformName, key: str) -> str | None:
        if next(asked) % 2:
            raise LedgerError("in use")
        return await find(kept, platform, key)

    monkeypatch.setattr(LedgerUploads, "find", refuse)
    (chat,) = await subscribed(telegram_side, real_ledger, 1)
    push = await opened(telegram_side, real_ledger, mp3)
    assert await telegram_side.deliver(real_ledger, push) == {"sent": 1}
    assert got(chat) == WHOLE
    assert uploads(telegram) == 1


async def test_a_chat_that_takes_no_recordings_gets_the_link(
    telegram_side: Side, telegram: TelegramStandIn, real_ledger: Ledger, mp3: Path
) -> None:
    """It alone: the others get theirs."""
    (chat,) = await subscribed(telegram_side, real_ledger, 1)
    group = telegram.add_supergroup("Muets")
    telegram.set_member(group, telegram.bot, Status.RESTRICTED, rights={"can_send_messages"})
    await telegram_side.subscribe(real_ledger, group)
    push = await opened(telegram_side, real_ledger, mp3)
    assert await telegram_side.deliver(real_ledger, push) == {"sent": 2}
    assert (got(group), got(chat)) == (LINK, WHOLE)
    assert telegram_side.told == []


async def test_a_file_that_is_gone_broken_or_too_large_is_told_once_and_all_get_the_link(
    telegram_side: Side,
    telegram: TelegramStandIn,
    real_ledger: Ledger,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody waits for it, and nothing of it goes up."""
    monkeypatch.setattr(audio, "MOST_TRIES", 1)
    chats = await subscribed(telegram_side, real_ledger, 5)
    large = tmp_path / "large.mp3"
    with large.open("wb") as file:
        file.truncate(LARGEST_AUDIO + 1)
    # The system lets nobody read the memory at this place.
    sources: list[Path | str] = [tmp_path / "gone.mp3", large, "http://127.0.0.1:1/x.mp3", "/proc/self/mem"]
    for episode, source in enumerate(sources):
        push = await opened(telegram_side, real_ledger, source, episode=1207 + episode)
        assert await telegram_side.deliver(real_ledger, push) == {"sent": 5}
    assert [got(chat) for chat in chats] == [LINK * 4] * 5
    assert [type(fact) for fact in telegram_side.told] == [AudioGivenUp] * 4
    assert uploads(telegram) == 0


async def test_a_machine_without_room_for_a_recording_sends_the_link(
    telegram_side: Side,
    telegram: TelegramStandIn,
    real_ledger: Ledger,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A recording on the web is kept in a file meanwhile, and where that cannot be, nobody waits for it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    (chat,) = await subscribed(telegram_side, real_ledger, 1)
    push = await opened(telegram_side, real_ledger, "https://example.org/1207.mp3")
    assert await telegram_side.deliver(real_ledger, push) == {"sent": 1}
    assert (got(chat), uploads(telegram)) == (LINK, 0)
    assert [type(fact) for fact in telegram_side.told] == [AudioGivenUp]


async def test_an_upload_that_the_platform_refuses_falls_back(
    telegram_side: Side, telegram: TelegramStandIn, real_ledger: Ledger, mp3: Path
) -> None:
    """A server with a smaller limit is asked once, though it is a proxy's page that says so."""
    chats = await subscribed(telegram_side, real_ledger, 4)
    page = Reply(413, "<html>Request Entity Too Large</html>", content_type="text/html")
    telegram.faults.add(Fault(page, Match(route=UPLOAD)))
    push = await opened(telegram_side, real_ledger, mp3)
    assert await telegram_side.deliver(real_ledger, push) == {"sent": 4}
    assert [got(chat) for chat in chats] == [LINK] * 4
    assert uploads(telegram) == 1
    assert [type(fact) for fact in telegram_side.told] == [AudioGivenUp]


async def test_a_file_id_of_another_bot_goes_up_again(
    telegram_side: Side, telegram: TelegramStandIn, real_ledger: Ledger, mp3: Path
) -> None:
    """After a change of the token, Telegram knows none of the old ids."""
    (chat,) = await subscribed(telegram_side, real_ledger, 1)
    await real_ledger.uploads.keep(PlatformName("telegram"), f"key of {mp3}", "of another bot")
    push = await opened(telegram_side, real_ledger, mp3)
    assert await telegram_side.deliver(real_ledger, push) == {"sent": 1}
    assert got(chat) == WHOLE
    assert uploads(telegram) == 1


async def test_an_upload_holds_up_only_those_who_wait_for_it(
    telegram_side: Side, telegram: TelegramStandIn, real_ledger: Ledger, mp3: Path
) -> None:
    """Everybody else has the recap while it lasts, and it is one request."""
    chats = await subscribed(telegram_side, real_ledger, 30)
    others = [telegram.chats[place.id] for place in telegram_side.add(30)]
    await telegram_side.subscribe(real_ledger, *others)
    go_on = asyncio.Event()

    async def wait(_call: Call) -> None:
        await go_on.wait()

    telegram.faults.add(Fault(Hook(wait), Match(route=UPLOAD)))
    with_audio, plain = rendered(telegram_side, mp3), telegram_side.platform.render(said("Sans audio"))
    wanted = await real_ledger.choices("monday")
    push = await real_ledger.create_broadcast(
        episode=1207,
        title="",
        schedule="monday",
        due=now(),
        renderings={each: with_audio if each.audio is AudioAs.FILE else plain for each in wanted},
    )
    assert push is not None
    async with telegram_side.delivering(real_ledger):
        await telegram.wait_for(lambda: all(got(chat) == ["Sans audio"] for chat in others), within=20)
        assert [got(chat) for chat in chats if got(chat)] == []
        assert [call.route for call in telegram.traffic.requests].count(UPLOAD) == 1
        go_on.set()
        assert await finished(real_ledger, push.id) == {"sent": 60}
    assert [got(chat) for chat in chats] == [WHOLE] * 30
    assert uploads(telegram) == 1


async def test_a_recording_on_the_web_is_fetched_once(
    telegram_side: Side,
    telegram: TelegramStandIn,
    real_ledger: Ledger,
    mp3: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the address of the episode, for everybody; it has no picture beside it."""
    asked = []

    async def answer(request: web.Request) -> web.FileResponse:
        asked.append(request.path)
        return web.FileResponse(mp3)

    site = web.Application()
    site.router.add_get("/audio/1207.mp3", answer)
    # On loopback, where the program itself goes to public addresses alone.
    monkeypatch.setattr(client, "Web", functools.partial(Web, lambda _address: True))
    chats = await subscribed(telegram_side, real_ledger, 3)
    async with TestServer(site, host="127.0.0.1") as server:
        push = await opened(telegram_side, real_ledger, str(server.make_url("/audio/1207.mp3")))
        assert await telegram_side.deliver(real_ledger, push) == {"sent": 3}
    assert [got(chat) for chat in chats] == [WHOLE] * 3
    assert (asked, uploads(telegram)) == (["/audio/1207.mp3"], 1)
    (file,) = telegram.files.values()
    assert [file[key] for key in ("file_name", "duration", "file_size", "thumbnail")] == ["1207.mp3", 10, 80_012, False]


async def test_a_recall_takes_the_recording_back_too(
    telegram_side: Side, telegram: TelegramStandIn, real_ledger: Ledger, mp3: Path
) -> None:
    """One that Telegram deletes no more stays, above the line that says so; one in doubt is left alone."""
    chats = await subscribed(telegram_side, real_ledger, 3)
    telegram.faults.add(Fault(Reset(), Match(route=UPLOAD), after=True))
    await telegram_side.deliver(real_ledger, await opened(telegram_side, real_ledger, mp3))
    old, young, doubtful = sorted(chats, key=got, reverse=True)
    for each in (*old.messages, doubtful.messages[1]):
        each.date -= dt.timedelta(hours=49)
    (push,) = await real_ledger.broadcasts(1)
    line = telegram_side.platform.render(said("Retiré"), silent=True).messages[0]
    recall = await real_ledger.corrections.recall(push, {PlatformName("telegram"): line})
    assert recall is not None
    assert await telegram_side.deliver(real_ledger, recall.id) == {"sent": 2, "unknown": 1}
    assert [each.text for each in old.messages if each.audio or not each.deleted] == ["Retiré", "Retiré"]
    assert all(each.deleted for each in young.messages)
    assert [each.text for each in doubtful.messages] == ["", "Retiré"]


@pytest.mark.parametrize("trouble", [None, Reset(), Reply(500)], ids=["none", "connection", "server"])
async def test_a_correction_exchanges_the_recording(
    telegram_side: Side, telegram: TelegramStandIn, real_ledger: Ledger, mp3: Path, trouble: Reset | Reply | None
) -> None:
    """It goes up once for everybody, with the new title, in the place of the old one; an edit may be repeated."""
    chats = await subscribed(telegram_side, real_ledger, 3)
    await telegram_side.deliver(real_ledger, await opened(telegram_side, real_ledger, mp3))
    if trouble is not None:
        telegram.faults.add(Fault(trouble, Match(route=EXCHANGE), after=True))
    telegram.traffic.requests.clear()
    assert await corrected(telegram_side, real_ledger, mp3, title="Le bon titre", recap="Le bon récap") == {"sent": 3}
    assert [got(chat) for chat in chats] == [["Le bon titre", "↳ Le bon récap"]] * 3
    assert uploads(telegram, EXCHANGE) == 1 + (trouble is not None)
    assert {call.route for call in telegram.traffic.requests} == {EXCHANGE, "editMessageText"}
    new = list(telegram.files.values())[-1]
    assert (new["performer"], new["duration"], new["thumbnail"]) == ("Le podcast", 10, True)


async def test_a_correction_of_the_recap_leaves_the_recording_alone(
    telegram_side: Side, telegram: TelegramStandIn, real_ledger: Ledger, mp3: Path
) -> None:
    """Also where the episode's recording cannot be had any more, and where only the recap with the link is another."""
    chats = await subscribed(telegram_side, real_ledger, 2)
    await telegram_side.deliver(real_ledger, await opened(telegram_side, real_ledger, mp3))
    for source, recap in ((mp3, "Récap corrigé"), ("", "Récap sans fichier")):
        telegram.traffic.requests.clear()
        assert await corrected(telegram_side, real_ledger, source, recap=recap) == {"sent": 2}
        assert [got(chat) for chat in chats] == [["Épisode", f"↳ {recap}"]] * 2
        assert {call.route for call in telegram.traffic.requests} == {"editMessageText"}


async def test_a_recording_that_cannot_be_exchanged_stays(telegram_side: Side, real_ledger: Ledger, mp3: Path) -> None:
    """The recap below it is corrected all the same, the admins hear of it, and one that is gone is no failure."""
    first, gone = await subscribed(telegram_side, real_ledger, 2)
    await telegram_side.deliver(real_ledger, await opened(telegram_side, real_ledger, mp3))
    gone.messages[0].deleted = True
    lost = mp3.with_name("lost.mp3")
    assert await corrected(telegram_side, real_ledger, lost, title="Autre", recap="Le bon récap") == {"sent": 2}
    assert got(first) == ["Épisode", "↳ Le bon récap"]
    assert gone.messages[1].text == "Le bon récap"
    await telegram_side.hears(AudioGivenUp)


def test_the_recording_is_the_file_else_the_address(tmp_path: Path) -> None:
    """Each version of the file has a key of its own; one that is too large or not there says so."""
    episode = Archive.load(CONTENT).episodes[0].model_copy(update={"audio": "https://example.org/a.mp3"})
    linked = recording(episode, tmp_path, "Le podcast")
    assert linked is not None
    assert linked.source == "https://example.org/a.mp3"
    filed = episode.model_copy(update={"audio_file": "a.mp3"})
    with pytest.raises(RecordingError, match=r"a\.mp3 cannot be read"):
        recording(filed, tmp_path, "Le podcast")
    (tmp_path / "a.mp3").write_bytes(b"1")
    first = recording(filed, tmp_path, "Le podcast")
    (tmp_path / "a.mp3").write_bytes(b"12")
    second = recording(filed, tmp_path, "Le podcast")
    assert first is not None
    assert second is not None
    assert len({linked.key, first.key, second.key}) == 3
    assert recording(episode.model_copy(update={"audio": None}), tmp_path, "") is None
