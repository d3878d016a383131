"""The ledger when things go wrong or get big: crashes, two processes, and large broadcasts."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, select

from bot.model.document import Document
from bot.model.rehearsal import Instruction, Permit, Planned
from bot.model.rendering import Message, Rendering
from bot.storage.records import Choice, DeliveryRank, Notice
from bot.storage.tables import renderings
from tests.delivery import postgres
from tests.delivery.ledger_kit import (
    DISCORD,
    FAILED,
    MONDAY,
    PENDING,
    SENDING,
    SENT,
    TELEGRAM,
    UNKNOWN,
    due,
    failed,
    later,
    opened,
    push,
    pushed_to,
    rendering,
    sent,
    subscribe,
    subscription,
    telegram,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from sqlalchemy import Connection

    from bot.storage.ledger import Ledger

_SENDER = """
import asyncio, sys
from bot.model.subscription import Target
from tests.delivery.ledger_kit import DISCORD, TELEGRAM, due, opened, pushed_to, sent

async def main():
    async with opened(sys.argv[1]) as ledger:
        platforms = (TELEGRAM, DISCORD)
        await pushed_to(ledger, *(Target(each, str(chat)) for each in platforms for chat in range(3)), texts=("a", "b"))
        for platform in platforms:
            one, *_others = await due(ledger, platform)
            await ledger.claim(platform, 2)
            await ledger.record([sent(one, "41", "42")])
        print("marked", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
async def test_a_killed_sender_leaves_a_trace_of_what_was_in_flight(url: str) -> None:
    """Killed between mark and record, a process loses nothing it recorded; only what was in flight is in doubt."""
    sender = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _SENDER, url, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert sender.stdout is not None
    assert await sender.stdout.readline() == b"marked\n"
    sender.kill()
    assert await sender.wait() == -signal.SIGKILL
    async with opened(url) as ledger:
        assert await ledger.tally(1) == {PENDING: 2, SENDING: 2, SENT: 2, FAILED: 0, UNKNOWN: 0}
        for platform, hold, position in ((TELEGRAM, False, 0), (DISCORD, True, 1)):
            assert await ledger.recover(platform, hold=hold) == 1
            in_doubt, untouched = await due(ledger, platform)
            assert in_doubt.id < untouched.id
            assert (in_doubt.position, in_doubt.code) == (position, "unknown")
            assert (untouched.position, untouched.code) == (0, "")


async def test_two_processes_never_claim_the_same(url: str) -> None:
    """Whatever two ledgers on one file claim at the same time, each delivery is claimed once, and all are."""
    async with opened(url) as first, opened(url) as second:
        everything = await pushed_to(first, *map(telegram, range(1, 101)))

        async def claim_all(ledger: Ledger) -> list[int]:
            claimed: list[int] = []
            while claims := await ledger.claim(TELEGRAM, 4):
                claimed += [claim.id for claim in claims]
            return claimed

        claims = await asyncio.gather(*map(claim_all, (first, second, first, second)))
    assert sorted(delivery_id for claim in claims for delivery_id in claim) == [each.id for each in everything]


async def test_two_processes_open_one_broadcast(url: str) -> None:
    """When two clocks fire at once, one of them opens the broadcast and nobody gets it twice."""
    async with opened(url) as first, opened(url) as second:
        await subscribe(first, telegram(1))
        opening = [
            ledger.create_broadcast(
                episode=1207, title="", schedule="monday", due=MONDAY, renderings={Choice(TELEGRAM): rendering("a")}
            )
            for ledger in (first, second, first, second)
        ]
        made = await asyncio.gather(*opening)
        assert sum(broadcast is not None for broadcast in made) == 1
        assert len(await due(first, TELEGRAM, limit=10)) == 1


async def test_two_processes_finish_a_broadcast_once(url: str) -> None:
    """One report goes out, whoever sees the end first."""
    async with opened(url) as first, opened(url) as second:
        await push(first)
        finished = await asyncio.gather(*(ledger.finish() for ledger in (first, second, first, second)))
    assert sum(map(len, finished)) == 1


async def test_a_failure_on_the_way_leaves_nothing_behind(ledger: Ledger) -> None:
    """A broadcast and its deliveries are in the ledger together or not at all."""
    await subscribe(ledger, telegram(1))
    unstorable = {Choice(TELEGRAM): Rendering("", (Message({"text": object()}, 0, 0),))}
    with pytest.raises(TypeError):
        await ledger.create_broadcast(episode=1, title="", schedule="monday", due=MONDAY, renderings=unstorable)
    assert await ledger.broadcast_of(1, "monday") is None
    assert len(await pushed_to(ledger, telegram(1))) == 1


async def test_an_id_is_never_given_twice(ledger: Ledger) -> None:
    """A delivery that is gone leaves its id unused: a late outcome cannot hit another one."""
    (gone,) = await pushed_to(ledger, telegram(1))
    await ledger.record([sent(gone, "41")])
    await ledger.finish()
    await ledger.prune(keep_episodes=0)
    await push(ledger, episode=1208)
    await ledger.record([sent(gone, "41")])
    (fresh,) = await due(ledger)
    assert fresh.id > gone.id


async def test_pruning_forgets_who_but_not_that(ledger: Ledger) -> None:
    """Of old episodes only the broadcasts stay, which keeps them from being pushed again; open ones are left alone."""
    await subscribe(ledger, telegram(1))
    pushed = {}
    for episode in (1204, 1207, 1205, 1206):
        pushed[episode] = await push(ledger, episode=episode)
    everything = await due(ledger)
    await ledger.record([sent(delivery, "41") for delivery in everything if delivery.broadcast_id != pushed[1204].id])
    await ledger.finish()
    await ledger.prune(keep_episodes=2)
    left = {episode: sum((await ledger.tally(broadcast.id)).values()) for episode, broadcast in pushed.items()}
    assert left == {1204: 1, 1207: 0, 1205: 1, 1206: 1}
    assert [broadcast.episode for broadcast in await ledger.broadcasts(10)] == [1206, 1205, 1207, 1204]
    again = await ledger.create_broadcast(episode=1207, title="", schedule="monday", due=MONDAY, renderings={})
    assert again is None
    kept = await ledger._database.read(lambda connection: {*connection.scalars(select(renderings.c.broadcast_id))})
    assert kept == {pushed[episode].id for episode in (1204, 1205, 1206)}


async def test_what_is_over_stays_over(ledger: Ledger) -> None:
    """A late outcome of a process that had lost its claim sends nothing more of a broadcast that is done."""
    (delivery,) = await pushed_to(ledger, telegram(1))
    await ledger.record([sent(delivery, "41")])
    await ledger.finish()
    await ledger.record([later(delivery, MONDAY)])
    assert await due(ledger) == []
    assert await ledger.next_due(TELEGRAM) is None


@pytest.fixture
async def on_file(tmp_path: Path) -> AsyncIterator[Ledger]:
    """An empty ledger in SQLite, which explains how it answers."""
    async with opened(tmp_path) as ledger:
        yield ledger


async def plan(ledger: Ledger, call: Awaitable[object], *before: str, how: str = "EXPLAIN QUERY PLAN") -> list[str]:
    """How the database answers the statements of the call."""
    statements: list[tuple[str, Any]] = []

    def note(_connection: Connection, _cursor: object, statement: str, parameters: Any, *_more: object) -> None:  # noqa: ANN401 - the driver's own
        statements.append((statement, parameters))

    engine = ledger._database._engine
    event.listen(engine, "before_cursor_execute", note)
    await call
    event.remove(engine, "before_cursor_execute", note)

    def explain(connection: Connection) -> list[str]:
        for setting in before:
            connection.exec_driver_sql(setting)
        return [
            row[-1]
            for statement, parameters in statements
            if not statement.startswith(("BEGIN", "SET"))
            for row in connection.exec_driver_sql(f"{how} {statement}", parameters)
        ]

    return await ledger._database.write(explain)


async def test_finding_what_is_due_reads_only_that(on_file: Ledger) -> None:
    """The claims index leads to the due deliveries in their order: no scan, no sorting, however many there are."""
    of_rank = "SEARCH deliveries USING INDEX ix_deliveries_claims (platform=? AND rank=?{})"
    first = await plan(on_file, on_file.next_due(TELEGRAM))
    assert first.count(of_rank.format("")) == len(DeliveryRank)
    steps = await plan(on_file, on_file.claim(TELEGRAM, 100))
    assert steps.count(of_rank.format(" AND due<?")) == len(DeliveryRank)
    # One statement for all ranks, which looks at a rank only when those before it have given less than a hundred.
    assert steps.count("MATERIALIZE in_turn") == 1
    assert sum(step.startswith("CO-ROUTINE") for step in steps) == len(DeliveryRank)
    # The hundred that were found are gone through, and nothing else.
    scans = {step for step in steps if step.startswith(("SCAN", "USE TEMP"))}
    assert scans == {"SCAN in_turn", *(f"SCAN anon_{number}" for number in range(1, 1 + len(DeliveryRank)))}


async def test_a_server_finds_what_is_due_by_the_index_alone(postgresql: str) -> None:
    """PostgreSQL too goes along the claims index rank by rank, and sorts nothing."""
    postgres.empty(postgresql)
    async with opened(postgresql) as ledger:
        await pushed_to(ledger, telegram(1))
        # A table this small it would rather read and sort.
        settings = (f"SET LOCAL enable_{way} = off" for way in ("seqscan", "bitmapscan", "sort"))
        steps = await plan(ledger, ledger.claim(TELEGRAM, 100), *settings, how="EXPLAIN")
    assert sum("Index Scan using ix_deliveries_claims" in step for step in steps) == len(DeliveryRank)
    assert not any("Sort" in step for step in steps)


async def test_recording_finds_each_delivery_by_its_number(on_file: Ledger) -> None:
    """However many outcomes there are and however many deliveries, one statement goes from those to these."""
    await pushed_to(on_file, *map(telegram, range(50)))
    outcomes = [sent(delivery, "7") for delivery in await due(on_file)]
    steps = await plan(on_file, on_file.record(outcomes))
    assert steps == ["SCAN arrived VIRTUAL TABLE INDEX 1:", "SEARCH deliveries USING INTEGER PRIMARY KEY (rowid=?)"]


async def test_who_has_moved_is_found_without_reading_all_deliveries(on_file: Ledger) -> None:
    """Another push of an episode looks each subscription's target up in the pushes before, and only in those."""
    await pushed_to(on_file, *map(telegram, range(5)))
    await on_file.subscriptions.save(subscription(telegram(1), schedule="evening"))
    steps = await plan(on_file, push(on_file, schedule="evening"))
    assert "SEARCH broadcasts USING INDEX sqlite_autoindex_broadcasts_1 (episode=?)" in steps
    by_target = "broadcast_id=? AND platform=? AND chat=? AND thread=?"
    assert f"SEARCH deliveries USING INDEX sqlite_autoindex_deliveries_1 ({by_target})" in steps
    assert not [step for step in steps if step.startswith("SCAN deliveries")]


async def test_opening_a_push_counts_its_audience_along_the_index(on_file: Ledger) -> None:
    """The choices and their numbers come in the order of an index: no subscription is sorted for them."""
    steps = await plan(on_file, push(on_file))
    index = "SEARCH subscriptions USING INDEX ix_subscriptions_choices"
    assert {f"{index} (schedule=?)", f"{index} (schedule=? AND state=?)"} <= {*steps}
    assert "USE TEMP B-TREE FOR GROUP BY" not in steps
    # Each choice is taken out of its list once, and leads to its subscriptions.
    assert steps.count("MATERIALIZE chosen") == 1
    by_choice = "schedule=? AND state=? AND platform=? AND topics=? AND layout=? AND silent=? AND rich=? AND audio=?"
    assert f"{index} ({by_choice} AND mention=? AND is_private=?)" in steps


async def test_nothing_on_the_way_of_a_push_reads_all_deliveries(on_file: Ledger) -> None:
    """What a running push asks for, and what people do meanwhile, never scans deliveries or subscriptions."""
    calls = [
        on_file.choices("monday"),
        on_file.finish(),
        on_file.tally(1),
        on_file.recover(TELEGRAM, hold=True),
        on_file.stop_if_refused(1, 0),
        on_file.subscriptions.of(telegram(1)),
        on_file.subscriptions.end(telegram(1), ""),
        on_file.subscriptions.move(telegram(1), "2"),
        on_file.subscriptions.count("monday"),
    ]
    await pushed_to(on_file, telegram(1))
    for call in calls:
        steps = await plan(on_file, call)
        assert steps
        assert not [step for step in steps if step.startswith(("SCAN deliveries", "SCAN subscriptions"))]
        assert "ix_deliveries_claims" not in "".join(steps)


async def test_what_a_platform_says_is_kept_without_what_no_database_takes(ledger: Ledger) -> None:
    """NUL, and half of an emoji, as a title that was cut short may end; the words around it say what was meant."""
    (delivery,) = await pushed_to(ledger, telegram(1), texts=("Bon\0jour",))
    await ledger.record([failed(delivery, "refused", "no\0 rights\ud83d")])
    await ledger.subscriptions.pause(telegram(1), "mu\0ted\ude00")
    await ledger.rehearsals.decide(
        Planned("monday", 1208, "", None, None, Permit("", is_needed=False)), Instruction.WITHHOLD, "A\0da\ud83d"
    )
    assert (await ledger.rehearsals.of("monday", 1208)).withheld_by == "Ada"
    # The name of a file from an old disk, in the key of a notice.
    added = [await ledger.notices.add("not-written caf\udce9.md", Notice(Document("", ())), []) for _time in range(2)]
    assert added == [True, False]
    (failure,) = await ledger.failures(delivery.broadcast_id)
    assert failure.reason == "no rights"
    assert [each.reason for each in await ledger.subscriptions.all()] == ["muted"]
    assert (await ledger.stored(delivery.rendering_id)).rendering.messages[0].body == {"text": "Bon\0jour"}
