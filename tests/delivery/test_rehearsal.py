"""Before the push: what the team sees, what it decides, and what follows from that for the push."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import os
import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.commands import Request
from bot.config import Schedule
from bot.content.archive import Archive
from bot.content.formatter import Formatter
from bot.content.links import LinkAnswer
from bot.delivery.admins import AdminNotifier
from bot.delivery.broadcast import Broadcaster
from bot.delivery.cards import buttons_for
from bot.delivery.rehearsal import Rehearser, remarks
from bot.model.document import Layout
from bot.model.i18n import Language, words
from bot.model.rehearsal import Hold, Instruction, Permit, Planned
from bot.model.subscription import AudioAs, Target
from bot.platforms.discord.render import IS_COMPONENTS_V2, SUPPRESS_NOTIFICATIONS
from bot.platforms.registry import PLATFORMS, load
from bot.platforms.telegram.audio import with_audio
from bot.runtime.clock import Timetable
from bot.storage.corrections import Wanted
from bot.storage.ledger import Ledger
from bot.storage.records import LedgerError
from bot.storage.tables import broadcasts, deliveries, renderings
from tests.delivery.ledger_kit import DISCORD, TELEGRAM, Clock, due, failed, opened, sent, subscription, telegram
from tests.waiting import PATIENCE
from tests.world import MONDAY, PARIS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from bot.model.document import CommandButton, Document
    from bot.model.problems import Problem
    from bot.model.rendering import Rendering

ENGLISH = words(Language.ENGLISH)
ANA, BEN, ROOM = telegram(41), Target(DISCORD, "@42"), telegram(-100, 7)
EPISODE = """---
number: 1207
title: {title}
date: 2024-11-04
---

## Netflix

{netflix}

## TikTok

Rien de neuf chez TikTok cette semaine.
"""


@dataclasses.dataclass
class Renderer:
    """A platform that only renders, with its real renderer."""

    name: str

    def render(self, document: Document, *, silent: bool = False, rich: bool = False) -> Rendering:
        """Render, with recordings on Telegram; nothing is rich."""
        assert not rich
        return with_audio(document, PLATFORMS[self.name].render, silent=silent)  # type: ignore[index] # a name that is there

    async def name_of(self, _target: Target) -> str:
        """Know no names."""
        return ""


class Team:
    """A team with its ledger, its clock and its content folder, on the evening before a push."""

    def __init__(self, ledger: Ledger, clock: Clock, folder: Path, **keys: object) -> None:
        self.ledger, self.clock, self.folder = ledger, clock, folder
        clock.now = MONDAY.astimezone(dt.UTC) - dt.timedelta(hours=14)
        self.schedule = Schedule.model_validate({"name": "monday", "cron": "0 8 * * mon", "timezone": PARIS, **keys})
        self.warnings: list[Problem] = []
        self.writes()
        self.starts()

    def writes(self, netflix: str = "Netflix a 12 millions d’abonnés de plus.", title: str = "Le lundi") -> None:
        """Write the episode's file."""
        (self.folder / "1207.md").write_text(EPISODE.format(title=title, netflix=netflix), encoding="utf-8")
        self.archive = Archive.load(self.folder)
        assert not self.archive.problems

    def starts(self) -> None:
        """Begin as a new process, or as a second machine: with the ledger alone."""
        both = {name: Renderer(name) for name in (TELEGRAM, DISCORD)}
        timetable = Timetable([self.schedule], self.clock)
        notifier = AdminNotifier(
            ledger=self.ledger, platforms=both, admins={TELEGRAM: [ANA], DISCORD: [BEN]}, words=ENGLISH,  # type: ignore[arg-type] # they only render
            zone=PARIS, clock=self.clock, on_new=lambda: None,
        )  # fmt: skip
        self.broadcaster = Broadcaster(
            ledger=self.ledger, platforms=both, formatter=Formatter("Le récap", words(Language.FRENCH)),  # type: ignore[arg-type] # likewise
            archive=lambda: self.archive, clock=self.clock, tell=notifier.tell, rates={TELEGRAM: 30, DISCORD: 45},
            last_run=timetable.last_run, approved_on=["monday"] if self.schedule.approval == "one" else [],
            audio={"monday": AudioAs(self.schedule.audio)}, folder=lambda: self.folder,
        )  # fmt: skip
        self.rehearser = Rehearser(
            ledger=self.ledger, broadcaster=self.broadcaster, notifier=notifier, schedules=[self.schedule],
            runs=timetable, staff=[ROOM], remarks=self.remarks, on_new=lambda: None,
        )  # fmt: skip

    async def remarks(self, _episode: object) -> Sequence[Problem]:
        """What `recap check` would warn of."""
        return self.warnings

    async def looks(self) -> None:
        """Do what the clock does each minute: push what is due, and look ahead."""
        run = Timetable([self.schedule], self.clock).last_run("monday")
        if run is not None:
            await self.broadcaster.push(self.schedule, run)
        await self.rehearser.look()

    async def passes(self, **time: float) -> None:
        """Let time pass, everything that waits arrive, and look twice: a second look does no harm."""
        self.clock.advance(**time)
        await self.looks()
        await self.all_arrives()
        await self.looks()

    async def all_arrives(self) -> None:
        """Have the platforms take every message that waits."""
        waiting = [each for name in (TELEGRAM, DISCORD) for each in await due(self.ledger, name)]
        await self.ledger.record([sent(each, "1") for each in waiting])
        await self.ledger.finish()

    async def decides(self, instruction: Instruction, digest: str | None = None) -> str:
        """Decide on the push in a terminal, or by a button for the text with that digest; return the answer's title."""
        decided = await self.rehearser.decide(instruction, "monday", 1207, "Ana", digest=digest or "")
        assert decided is not None
        return decided.ruling.name

    async def shown(self, target: Target = ANA) -> list[list[dict[str, object]]]:
        """The messages of each rehearsal and notice to that place, in the order of their telling."""
        of = deliveries.join(renderings).join(broadcasts, broadcasts.c.id == deliveries.c.broadcast_id)
        query = renderings.select().select_from(of).where(deliveries.c.chat == target.chat).order_by(deliveries.c.id)
        rows = await self.ledger._database.rows(query)
        return [[message["body"] for message in row.messages] for row in rows]

    async def told(self) -> list[str]:
        """What the admins were told, the oldest first."""
        return [each.text for each in reversed(await self.ledger.notices.latest(99))]

    async def is_out(self) -> bool:
        """Whether the push has been opened."""
        return await self.ledger.broadcast_of(1207, "monday") is not None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A content folder."""
    (tmp_path / "content").mkdir()
    return tmp_path / "content"


@pytest.fixture
async def on_file(tmp_path: Path, clock: Clock) -> AsyncIterator[Ledger]:
    """An empty ledger on SQLite."""
    async with opened(tmp_path, clock) as made:
        yield made


@pytest.fixture
async def team(on_file: Ledger, clock: Clock, folder: Path) -> Team:
    """A team that wants to see each push the evening before, and to approve it."""
    await on_file.subscriptions.save(subscription(telegram(1)))
    return Team(on_file, clock, folder, rehearsal="14h", approval="one")


async def test_the_team_sees_each_push_so_long_before(team: Team) -> None:
    """Admins and the team's chats get what the subscribers will get, without a sound, and then a card that rings."""
    team.clock.advance(minutes=-1)
    await team.passes()
    assert await team.shown() == []
    await team.passes(minutes=1)
    for place in (ANA, ROOM, BEN):
        assert [len(messages) for messages in await team.shown(place)] == [1, 1]
    (recap,), (card,) = await team.shown()
    assert "12 millions" in str(recap)
    assert recap["disable_notification"] is True
    assert card["disable_notification"] is False
    assert "Rehearsal of episode 1207" in str(card["text"])
    assert "It goes to 1 subscription on Monday, November 4, 2024" in str(card["text"])
    await team.passes(hours=1)
    assert len(await team.shown()) == 2


async def test_a_rehearsal_has_the_layouts_that_somebody_has_chosen(team: Team) -> None:
    """On every platform, because the team may be on another one than the subscribers, and without their filters.

    Where two layouts look the same, one is enough. The card counts those alone for whom there is something.
    """
    for chat, topics, layout in (("5", (), Layout.SEGMENTS), ("6", ("nothing",), Layout.BRIEF)):
        choices = dataclasses.replace(subscription(ANA).choices, topics=topics, layout=layout)
        await team.ledger.subscriptions.save(dataclasses.replace(subscription(Target(DISCORD, chat)), choices=choices))
    await team.passes()
    recap, (card,) = await team.shown()
    assert [("Netflix" in str(each["text"]), "TikTok" in str(each["text"])) for each in recap] == [
        *[(True, True)] * 2, *[(False, False), (True, False), (False, True)],
    ]  # fmt: skip
    assert all(each["disable_notification"] for each in recap)
    assert "It goes to 2 subscriptions" in str(card["text"])
    assert [len(messages) for messages in await team.shown(BEN)] == [4, 1]


async def test_the_card_waits_for_the_rehearsal_and_tells_of_its_refusals(team: Team) -> None:
    """But for two minutes at most."""
    await team.looks()
    waiting = {each.target: each for each in await due(team.ledger)}
    await team.ledger.record([failed(waiting[ANA], "content", "message is too long"), sent(waiting[ROOM], "1")])
    await team.looks()
    assert await team.told() == []
    team.clock.advance(minutes=2)
    await team.looks()
    (card,) = await team.told()
    assert f"{ANA}: message is too long" in card


async def test_a_changed_file_is_shown_again_with_its_changes_in_words(team: Team) -> None:
    """A number that changed is read with its noun."""
    await team.passes()
    team.writes("Netflix a 13 millions d’abonnés de plus.", title="Le mardi")
    await team.passes(minutes=1)
    _first, _card, (again,), (card,) = await team.shown()
    assert "13 millions" in str(again)
    assert "New since the last rehearsal:" in str(card["text"])
    assert "title: “Le lundi” → “Le mardi”" in str(card["text"])
    assert "“Netflix”: “Netflix a 12 millions d’abonnés” → “Netflix a 13 millions d’abonnés”" in str(card["text"])


async def test_a_text_that_comes_back_is_shown_again_and_still_approved(team: Team) -> None:
    """The last thing that the team saw is what goes out."""
    await team.passes()
    await team.decides(Instruction.APPROVE)
    team.writes("Netflix ferme.")
    await team.passes(minutes=1)
    team.writes()
    await team.passes(minutes=1)
    assert "Ana has approved this text." in (await team.told())[-1]
    await team.passes(hours=14)
    assert await team.is_out()


async def test_a_file_that_its_author_still_saves_is_not_shown_again(team: Team) -> None:
    """Three minutes after the last of many changes the team sees the text, once; just before the hour at once."""
    await team.passes()
    for text in ("Netflix ferme", "Netflix ferme.", "Netflix a fermé."):
        await saves(team, text)
        assert len(await team.told()) == 1
    await team.passes(minutes=1)
    await team.passes(minutes=1)
    assert len(await team.told()) == 2
    assert "a fermé" in (await team.told())[-1]
    await team.passes(hours=13, minutes=52)
    await saves(team, "Netflix rouvre.")
    assert "rouvre" in (await team.told())[-1]


async def saves(team: Team, text: str) -> None:
    """Save another text, and let a minute pass."""
    team.writes(text)
    moment = team.clock.now.timestamp()
    os.utime(team.folder / "1207.md", (moment, moment))
    team.archive = Archive.load(team.folder)
    await team.passes(minutes=1)


async def test_a_rehearsal_has_the_recording_as_subscribers_get_it(on_file: Ledger, clock: Clock, folder: Path) -> None:
    """Once, before all looks, and with the link in its place where it cannot come; nobody hears a thing of it."""
    team = Team(on_file, clock, folder, rehearsal="14h", audio="file")
    (folder / "1207.md").write_text(
        EPISODE.format(title="Le lundi", netflix="Du texte.").replace("date:", "audio_file: 1207.mp3\ndate:"),
        encoding="utf-8",
    )
    (folder / "1207.mp3").write_bytes(b"ID3")
    team.archive = Archive.load(folder)
    choices = subscription(ANA).choices
    for number, each in enumerate((choices, dataclasses.replace(choices, layout=Layout.SEGMENTS)), start=1):
        await on_file.subscriptions.save(dataclasses.replace(subscription(telegram(number)), choices=each))
    await team.passes()
    (recording, *recaps), _card = await team.shown()
    assert recording == {"title": "Le lundi", "performer": "Le récap", "disable_notification": True}
    assert [("Du texte." in str(each["text"]), "Rien de neuf" in str(each["text"])) for each in recaps] == [
        *[(True, True)], *[(False, False), (True, False), (False, True)],
    ]  # fmt: skip
    on_discord, _card = await team.shown(BEN)
    assert [each["flags"] for each in on_discord] == [IS_COMPONENTS_V2 | SUPPRESS_NOTIFICATIONS] * 4


async def test_neither_a_subscriber_nor_a_restart_asks_anew(team: Team) -> None:
    """An approval is of a text."""
    await team.passes()
    assert await team.decides(Instruction.APPROVE) == "TAKEN"
    await team.ledger.subscriptions.save(dataclasses.replace(subscription(telegram(2), "tiktok"), schedule="monday"))
    team.starts()
    before = len(await team.shown())
    await team.passes(hours=14)
    assert await team.is_out()
    assert len(await team.shown()) == before


async def test_the_admins_are_reminded_of_a_push_that_nobody_lets_out(team: Team) -> None:
    """An hour and ten minutes before, and when the hour has passed; approved late, it goes out."""
    await team.passes()
    told = []
    for step in (12 * 60 + 59, 1, 49, 1, 9, 1, 10):
        before = len(await team.told())
        await team.passes(minutes=step)
        told.append([each.splitlines()[0] for each in (await team.told())[before:]])
    not_yet, late = "Episode 1207 is not approved yet", "Episode 1207 waits: its hour has passed"
    assert told == [[], [not_yet], [], [not_yet], [], [late], []]
    assert "November 4, 2024 at 2:00\N{NARROW NO-BREAK SPACE}PM at the latest." in (await team.told())[-1]
    assert not await team.is_out()
    await team.decides(Instruction.APPROVE)
    await team.passes()
    assert await team.is_out()
    outcome = await team.ledger.notices.outcome((await team.ledger.broadcasts(1))[0])
    assert outcome.approved_by == "Ana"


async def test_nothing_goes_out_after_the_lateness_even_approved(team: Team) -> None:
    """The admins hear that it was missed."""
    await team.passes(hours=14)
    await team.passes(hours=6, seconds=1)
    await team.decides(Instruction.APPROVE)
    await team.passes()
    assert not await team.is_out()


def test_a_push_may_be_late_by_hours_that_pass(team: Team) -> None:
    """In the night that has an hour more, its end comes an hour earlier on the wall."""
    run = dt.datetime(2024, 10, 27, tzinfo=PARIS)
    assert team.schedule.max_lateness == dt.timedelta(hours=6)
    assert team.rehearser.plan(team.archive.episodes[0], team.schedule, run).until == run.replace(hour=5)


async def test_a_button_of_an_outdated_card_decides_nothing(team: Team) -> None:
    """The text that the person saw is not the text that would go out."""
    await team.passes()
    (push, _episode) = await team.rehearser.planned(team.schedule) or pytest.fail("nothing is planned")
    team.writes("Netflix ferme.")
    assert await team.decides(Instruction.APPROVE, push.permit.digest[:10]) == "OUTDATED"
    await team.passes(hours=14)
    assert not await team.is_out()
    assert await team.decides(Instruction.WITHHOLD, push.permit.digest[:10]) == "TAKEN"


async def test_a_press_waits_for_a_locked_database_as_any_command_does(
    on_file: Ledger, clock: Clock, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Much shorter than the bot itself, because the person looks at the button until then."""
    team = Team(on_file, clock, folder)
    await team.passes(hours=14)
    push = await on_file.broadcast_of(1207, "monday")
    assert push is not None
    monkeypatch.setattr("bot.storage.database.PATIENCE_OF_PEOPLE", 0.01)
    async with await Ledger.open(f"sqlite:///{tmp_path / 'recap.db'}?timeout=86400", clock) as ledger:
        team = Team(ledger, clock, folder)
        with contextlib.closing(sqlite3.connect(tmp_path / "recap.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for ask in (
                lambda: team.decides(Instruction.WITHHOLD),
                lambda: ledger.corrections.correct(push, Wanted({}, {}, None)),
                lambda: ledger.corrections.recall(push, {}),
            ):
                with pytest.raises(LedgerError, match="in use by another program"):
                    async with asyncio.timeout(PATIENCE):
                        await ask()


async def test_an_approval_of_another_text_is_in_no_report(ledger: Ledger) -> None:
    """Where none is needed, another text may go out than the one that somebody has approved."""
    seen = Planned("monday", 1207, "Le lundi", None, None, Permit("what Ana saw", is_needed=True))
    assert await ledger.rehearsals.decide(seen, Instruction.APPROVE, "Ana")
    push = {"episode": 1207, "title": "Le lundi", "schedule": "monday", "due": MONDAY, "renderings": {}}
    assert await ledger.create_broadcast(**push, permit=Permit("another", is_needed=False))  # type: ignore[arg-type] # as named
    assert (await ledger.rehearsals.of("monday", 1207)).approved_by == ""


async def test_what_has_gone_out_is_decided_no_more(ledger: Ledger, clock: Clock, folder: Path) -> None:
    """A press that comes too late says so."""
    team = Team(ledger, clock, folder, approval="one")
    await team.decides(Instruction.APPROVE)
    await team.passes(hours=14)
    assert await team.is_out()
    assert await team.decides(Instruction.WITHHOLD) == "TOO_LATE"
    assert await team.decides(Instruction.APPROVE) == "TOO_LATE"


async def test_a_text_that_changed_after_its_push_can_be_approved(ledger: Ledger, clock: Clock, folder: Path) -> None:
    """Else it could never be sent to those who failed, nor to everybody again."""
    team = Team(ledger, clock, folder, approval="one")
    await team.decides(Instruction.APPROVE)
    await team.passes(hours=14)
    team.writes("Netflix ferme.")
    [episode] = team.archive.episodes
    assert await team.broadcaster.hold(episode, "monday") is Hold.UNAPPROVED
    assert await team.decides(Instruction.APPROVE) == "TAKEN"
    assert await team.broadcaster.hold(episode, "monday") is None


@pytest.mark.parametrize("keys", [{"rehearsal": "14h"}, {}], ids=["with a rehearsal", "without any key"])
async def test_without_approval_a_push_goes_out_unless_it_is_withheld(
    on_file: Ledger, clock: Clock, folder: Path, keys: dict[str, object]
) -> None:
    """Released, it goes out late; an approval from before a withholding holds again."""
    team = Team(on_file, clock, folder, **keys)
    await team.passes()
    assert len(await team.shown()) == 2 * len(keys)
    await team.decides(Instruction.WITHHOLD)
    await team.passes(hours=14)
    assert not await team.is_out()
    assert "Withheld by Ana." in (await team.told())[-1]
    await team.decides(Instruction.RELEASE)
    await team.passes(minutes=1)
    assert await team.is_out()


async def test_a_config_without_the_keys_tells_nothing_before_a_push(
    on_file: Ledger, clock: Clock, folder: Path
) -> None:
    """As version 0.1.0 did."""
    team = Team(on_file, clock, folder)
    await team.passes(hours=13, minutes=59)
    assert await team.told() == []
    await team.passes(minutes=1)
    assert await team.is_out()
    assert await team.told() == []


async def test_only_an_admin_of_the_config_decides(team: Team) -> None:
    """By a number of the platform; the button's data names the schedule, the episode and the text."""
    await team.passes()
    push, _episode = await team.rehearser.planned(team.schedule) or pytest.fail("nothing is planned")
    button: CommandButton = buttons_for(push, ENGLISH, Instruction.WITHHOLD)[0]
    schedule, number, digest = button.argument.split()
    request = Request(button.argument, ANA, Language.ENGLISH, person=41, person_name="Ana")
    answer = await team.rehearser.press(Instruction.WITHHOLD, schedule, int(number), digest, request)
    assert answer is not None
    assert "Withheld by “Ana” [telegram:41]." in str(answer.document)
    # The others hear of it.
    assert [len(await team.shown(place)) for place in (ANA, BEN, ROOM)] == [2, 3, 3]
    assert await team.rehearser.press(Instruction.WITHHOLD, "tuesday", int(number), digest, request) is None
    assert await team.rehearser.press(Instruction.WITHHOLD, schedule, 9, digest, request) is None
    (team.folder / "1207.md").unlink()
    team.archive = Archive.load(team.folder)
    answer = await team.rehearser.press(Instruction.WITHHOLD, schedule, int(number), digest, request)
    assert answer is not None
    assert "There is no episode 1207." in str(answer.document)


@pytest.mark.parametrize("is_online", [True, False])
async def test_a_card_warns_as_the_check_does_and_of_dead_links(
    folder: Path, monkeypatch: pytest.MonkeyPatch, is_online: bool
) -> None:
    """Where no page at all answers, the machine is offline, and nothing is said about the pages."""
    links = "[a](https://a.example/) et [b](https://b.example/)"
    (folder / "1207.md").write_text(EPISODE.format(title="Le lundi", netflix=links), encoding="utf-8")
    file = folder.parent / "config.toml"
    file.write_text('[show]\nlanguage = "en"\n', encoding="utf-8")
    config, archive = load(file, {}), Archive.load(folder)

    async def ask(_web: object, asked: list[str]) -> dict[str, LinkAnswer]:
        answers = [LinkAnswer(200 if is_online else 0, failure="" if is_online else "no connection"), LinkAnswer(404)]
        return dict(zip(asked, answers if is_online else answers[:1] * 2, strict=True))

    monkeypatch.setattr("bot.delivery.rehearsal.ask_all", ask)
    found = await remarks(archive.episodes[0], archive, config)
    messages = [problem.message for problem in found]
    assert any("has no source" in each or "have no source" in each for each in messages)
    dead = ["the link https://b.example/ is dead (the server answers 404)"] if is_online else []
    assert [each for each in messages if "is dead" in each] == dead


async def test_a_place_sees_the_buttons_that_subscribers_of_its_kind_see(team: Team) -> None:
    """In private the push leads to the settings; in a group it does not."""
    await team.passes()
    assert "settings" in str((await team.shown(ANA))[0])
    assert "settings" not in str((await team.shown(ROOM))[0])


@dataclasses.dataclass
class Expected:
    """What is expected of a push: `out` is the text that has gone out."""

    is_needed: bool
    text: int = 0
    approved: int | None = None
    is_withheld: bool = False
    out: int | None = None

    def decide(self, instruction: Instruction) -> None:
        """Note a decision, which counts until the push is out."""
        if self.out is None:
            self.is_withheld = instruction is Instruction.WITHHOLD
            self.approved = self.text if instruction is Instruction.APPROVE else self.approved

    def look(self, now: dt.datetime) -> None:
        """Let the push out if it may go."""
        may_go = not self.is_withheld and (not self.is_needed or self.approved == self.text)
        if self.out is None and may_go and MONDAY <= now <= MONDAY + dt.timedelta(hours=6):
            self.out = self.text


STEPS = ["first text", "second text", *Instruction, "restart", "subscribe", "five hours"]


@settings(max_examples=6)
@given(is_needed=st.booleans(), steps=st.lists(st.sampled_from(STEPS), max_size=8))
def test_nothing_unapproved_leaves_and_nothing_approved_stays(is_needed: bool, steps: list[str]) -> None:
    """In whatever order files change, people decide, processes restart and hours pass."""

    async def play(folder: Path) -> None:
        async with opened(folder, clock := Clock()) as ledger:
            team = Team(ledger, clock, folder, rehearsal="14h", approval="one" if is_needed else "none")
            expected = Expected(is_needed)
            team.writes("first text")
            for step in [*steps, *["five hours"] * 3]:
                match step:
                    case Instruction():
                        await team.decides(step)
                        expected.decide(step)
                    case "restart":
                        team.starts()
                    case "subscribe":
                        await ledger.subscriptions.save(subscription(telegram(7), "netflix"))
                    case "five hours":
                        clock.advance(hours=5)
                    case _:
                        team.writes(step)
                        expected.text = STEPS.index(step)
                await team.looks()
                expected.look(clock.now)
                assert await team.is_out() == (expected.out is not None)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder)))
