"""The broadcaster: which occurrence pushes which episode, once, and to whom it says what."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from bot.config import Schedule
from bot.content.archive import Archive
from bot.content.formatter import Formatter
from bot.delivery.broadcast import Broadcaster, DueEpisode
from bot.model.document import Heading, Layout
from bot.model.facts import Fact, Tell, TooLong, tell_nobody
from bot.model.i18n import Language, words
from bot.model.shortfalls import AudioGivenUp
from bot.model.subscription import AudioAs, Choices, PlatformName, Subscription, SubscriptionState
from bot.platforms.telegram.render import render
from bot.storage.records import BroadcastKind, Choice, DeliveryState
from tests.delivery.ledger_kit import (
    Clock,
    by_chat,
    due,
    failed,
    push,
    rendering,
    sent,
    subscribe,
    subscription,
    telegram,
    with_fallbacks,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.model.document import Document
    from bot.model.rendering import Rendering
    from bot.storage.ledger import Ledger

CONTENT = Path(__file__).parents[2] / "content"
PARIS = ZoneInfo("Europe/Paris")
SCHEDULE = Schedule(name="monday", cron="0 8 * * mon", timezone=PARIS)
EIGHT = dt.datetime(2024, 11, 4, 8, 0, tzinfo=PARIS)


class Renderer:
    """Telegram's real renderer, which counts how often it is asked."""

    name = PlatformName("telegram")

    def __init__(self) -> None:
        self.asked = 0

    def render(self, document: Document, *, silent: bool = False, rich: bool = False) -> Rendering:
        """Render and count."""
        assert not rich
        self.asked += 1
        return render(document, silent=silent)


def broadcaster(
    ledger: Ledger,
    clock: Clock,
    renderer: Renderer | None = None,
    *,
    rate: int = 30,
    tell: Tell = tell_nobody,
    last_run: Callable[[str, dt.datetime], dt.datetime | None] = lambda _schedule, _until: None,
) -> Broadcaster:
    """The broadcaster of the real archive."""
    archive = Archive.load(CONTENT)
    return Broadcaster(
        ledger=ledger,
        platforms={PlatformName("telegram"): renderer or Renderer()},  # type: ignore[dict-item] # it only renders
        formatter=Formatter("Le récap du lundi", words(Language.FRENCH)),
        archive=lambda: archive,
        clock=clock,
        tell=tell,
        rates={PlatformName("telegram"): rate},
        last_run=last_run,
    )


async def test_an_occurrence_pushes_the_newest_episode_once(ledger: Ledger, clock: Clock) -> None:
    """However often it is asked for; the episode is that of the day, not of the future."""
    await subscribe(ledger, telegram(1))
    pushing = broadcaster(ledger, clock)
    first = await pushing.push(SCHEDULE, EIGHT)
    assert first is not None
    assert first.episode == 1207
    assert await pushing.push(SCHEDULE, EIGHT) is None
    assert len(await due(ledger)) == 1


async def test_an_episode_is_rendered_once_per_distinct_choice(ledger: Ledger, clock: Clock) -> None:
    """A hundred subscribers with two choices between them cost two renderings in private chats, and two elsewhere."""
    for chat in range(100):
        topics = ("tiktok",) if chat % 2 else ()
        chosen = dataclasses.replace(subscription(telegram(chat + 1), *topics), is_private=chat < 50)
        await ledger.subscriptions.save(chosen)
    renderer = Renderer()
    await broadcaster(ledger, clock, renderer).push(SCHEDULE, EIGHT)
    assert renderer.asked == 4
    assert len(await due(ledger)) == 100


async def test_who_chose_topics_that_did_not_come_up_gets_nothing(ledger: Ledger, clock: Clock) -> None:
    """No empty push."""
    await ledger.subscriptions.save(subscription(telegram(1), "mastodon"))
    await ledger.subscriptions.save(subscription(telegram(2), "netflix"))
    await broadcaster(ledger, clock).push(SCHEDULE, EIGHT)
    assert [each.target for each in await due(ledger)] == [telegram(2)]


async def test_who_moves_to_a_later_hour_after_the_push_does_not_get_it_again(ledger: Ledger, clock: Clock) -> None:
    """Neither does a channel whose schedule got another name. Who is on both hours gets it at both."""
    moved, unlucky, on_both, new = map(telegram, range(1, 5))
    await subscribe(ledger, moved, unlucky, on_both)
    pushing = broadcaster(ledger, clock)
    await pushing.push(SCHEDULE, EIGHT)
    got, failed_there, also = by_chat(await due(ledger))
    await ledger.record([sent(got, "1"), failed(failed_there, "refused", ""), sent(also, "2")])
    for target in (moved, unlucky, on_both, new):
        await ledger.subscriptions.save(subscription(target, schedule="evening"))
    for target in (moved, unlucky):
        await ledger.subscriptions.end(target, "moved to another schedule", schedule="monday")

    evening = SCHEDULE.model_copy(update={"name": "evening"})
    assert await pushing.push(evening, EIGHT + dt.timedelta(hours=10)) is not None
    clock.advance(hours=10)
    assert [each.target for each in by_chat(await due(ledger))] == [unlucky, on_both, new]


async def test_who_has_moved_gets_what_is_pushed_again_on_purpose(ledger: Ledger) -> None:
    """An admin who says so means everybody on the schedule."""
    await subscribe(ledger, telegram(1))
    await push(ledger)
    await ledger.record([sent(delivery, "1") for delivery in await due(ledger)])
    await ledger.subscriptions.end(telegram(1), "moved to another schedule", schedule="monday")
    await ledger.subscriptions.save(subscription(telegram(1), schedule="evening"))
    await push(ledger, schedule="evening")
    assert await due(ledger) == []
    await push(ledger, schedule="evening", again=True)
    assert [each.target for each in await due(ledger)] == [telegram(1)]


async def test_only_those_who_failed_are_tried_again(ledger: Ledger, clock: Clock) -> None:
    """Not who has it, may have it, has left or unsubscribed; a paused one counts as mended until it fails again."""
    await subscribe(ledger, *map(telegram, range(1, 6)))
    pushing = broadcaster(ledger, clock)
    push = await pushing.push(SCHEDULE, EIGHT)
    assert push is not None
    got, unknown, closed, gone, refused = await due(ledger)
    await ledger.record([sent(got, "1"), sent(unknown, None)._replace(state=DeliveryState.UNKNOWN)])
    await ledger.record([failed(closed, "closed", ""), failed(gone, "gone", ""), failed(refused, "refused", "")])
    await ledger.subscriptions.pause(closed.target, "no rights")
    await ledger.subscriptions.end(gone.target, "blocked")
    await ledger.finish()

    episode = Archive.load(CONTENT).get(1207)
    assert episode is not None
    retried = await pushing.open_for_failed(push, episode, due=clock())
    assert retried is not None
    assert (retried.kind, retried.repeat) == (BroadcastKind.PUSH, 1)
    assert {each.target for each in await due(ledger)} == {closed.target, refused.target}
    states = {each.target: each.state for each in await ledger.subscriptions.all()}
    assert states[gone.target] is SubscriptionState.ENDED

    await ledger.record([sent(each, "2") for each in await due(ledger)])
    await ledger.finish()
    assert await pushing.open_for_failed(retried, episode, due=clock()) is None


async def test_who_has_the_first_messages_gets_only_the_others(ledger: Ledger, clock: Clock) -> None:
    """Whatever they were sent as; whom none had reached, or of whose messages one was changed, begins anew."""
    await subscribe(ledger, *map(telegram, range(1, 4)))
    rich = with_fallbacks(rendering("A", "B"), rendering("a", "b", "c"), rendering("d"))
    choices = dict.fromkeys(await ledger.choices("monday"), rich)

    async def again(only_failed_in: int | None, renderings: dict[Choice, Rendering]) -> tuple[int, list[str]]:
        push = await ledger.create_broadcast(
            episode=1207, title="", schedule="monday", due=clock(), renderings=renderings, again=True,
            only_failed_in=only_failed_in,
        )  # fmt: skip
        assert push is not None
        next_texts = []
        for each in by_chat(await due(ledger)):
            messages = (await ledger.stored(each.rendering_id)).rendering.messages
            assert len(each.message_ids) == each.position
            next_texts.append(messages[each.position].body["text"])
        return push.id, next_texts

    async def fail(*, fallen_back: bool) -> None:
        in_rich, in_plain, at_first = by_chat(await due(ledger))
        if fallen_back:
            await ledger.fall_back(in_plain.id)
        there = failed(in_rich, "not-sent", "")
        await ledger.record([there._replace(position=1, message_ids=("7",)), failed(at_first, "flood", "")])
        second = there._replace(delivery_id=in_plain.id, position=2, message_ids=("8", "9"))
        await ledger.record([second])

    first, texts = await again(None, choices)
    assert texts == ["A", "A", "A"]
    await fail(fallen_back=True)
    second, texts = await again(first, choices)
    assert texts == ["B", "c", "A"]
    await fail(fallen_back=False)
    mended = dict.fromkeys(choices, with_fallbacks(rendering("A", "BB"), rendering("a", "b", "c"), rendering("d")))
    third, texts = await again(second, mended)
    assert texts == ["BB", "c", "A"]
    await fail(fallen_back=False)
    changed = dict.fromkeys(choices, rendering("Autre", "B"))
    assert (await again(third, changed))[1] == ["Autre"] * 3


@pytest.mark.parametrize(("max_age", "days"), [("12h", 0), ("24h", 1), ("36h", 1), ("6d", 6), ("8d", 8)])
def test_an_offer_is_as_old_as_the_schedule_allows(max_age: str, days: int) -> None:
    """To the day, counted on the calendar of the schedule's zone."""
    schedule = Schedule.model_validate({"name": "daily", "cron": "30 0 * * *", "timezone": PARIS, "max_age": max_age})
    # Half past midnight in Paris is still the day before in UTC.
    last = dt.datetime(2024, 11, 4, 0, 30, tzinfo=PARIS) + dt.timedelta(days=days)
    archive = Archive.load(CONTENT)
    found = [
        DueEpisode.at(moment.astimezone(dt.UTC), schedule, archive) for moment in (last, last + dt.timedelta(days=1))
    ]
    assert [offer.age.days for offer in found] == [days, days + 1]
    assert {offer.newest for offer in found} == {archive.get(1207)}
    assert [offer.episode for offer in found] == [archive.get(1207), None]


async def test_how_long_a_push_takes_is_known_beforehand(ledger: Ledger, clock: Clock) -> None:
    """The messages of all choices by how many share each, at the platform's pace; others' schedules do not count."""
    for chat in range(1, 4):
        await ledger.subscriptions.save(subscription(telegram(chat)))
    await ledger.subscriptions.save(Subscription(telegram(4), "monday", Choices(layout=Layout.SEGMENTS)))
    await ledger.subscriptions.save(subscription(telegram(5), "nothing"))
    await ledger.subscriptions.save(subscription(telegram(6), schedule="friday"))
    pushing = broadcaster(ledger, clock, rate=3)
    episode = Archive.load(CONTENT).get(1207)
    assert episode is not None
    assert len(episode.segments) == 5
    assert await pushing.reach(episode, "monday") == (4, dt.timedelta(seconds=(3 * 2 + 6) / 3))


@pytest.mark.parametrize(("people", "is_told"), [(43_200, False), (43_201, True)])
async def test_a_push_that_passes_its_day_is_told_when_it_begins(
    ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch, people: int, *, is_told: bool
) -> None:
    """Two messages to each at one a second: who comes after a day gets nothing any more."""
    told: list[Fact] = []
    choices = ledger.choices

    async def many(schedule: str, *, only_failed_in: int | None = None) -> dict[Choice, int]:
        return dict.fromkeys(await choices(schedule, only_failed_in=only_failed_in), people)

    async def tell(fact: Fact) -> None:
        told.append(fact)

    monkeypatch.setattr(ledger, "choices", many)
    await subscribe(ledger, telegram(1))
    push = await broadcaster(ledger, clock, rate=1, tell=tell).push(SCHEDULE, EIGHT)
    assert push is not None
    takes, day = dt.timedelta(seconds=2 * people), dt.timedelta(hours=24)
    assert told == [TooLong(push.id, 1207, takes, day)] * is_told


class Seen(Renderer):
    """A renderer that remembers the documents."""

    def __init__(self) -> None:
        super().__init__()
        self.documents: list[Document] = []

    def render(self, document: Document, *, silent: bool = False, rich: bool = False) -> Rendering:
        """Render and remember."""
        self.documents.append(document)
        return super().render(document, silent=silent, rich=rich)


@pytest.mark.parametrize(("schedule", "files"), [("monday", 1), ("evening", 2)])
async def test_audio_comes_as_the_subscription_or_else_the_schedule_says(
    ledger: Ledger, clock: Clock, tmp_path: Path, schedule: str, files: int
) -> None:
    """As a file before the recap, whose times are no links then; everybody else has the link in the recap."""
    for chat, way in enumerate(AudioAs, start=1):
        await ledger.subscriptions.save(subscription(telegram(chat), schedule=schedule, audio=way))
    renderer, told = Seen(), list[Fact]()

    async def tell(fact: Fact) -> None:
        told.append(fact)

    pushing = broadcaster(ledger, clock, renderer, tell=tell)
    pushing = dataclasses.replace(pushing, audio={"evening": AudioAs.FILE}, folder=lambda: tmp_path)
    segment = pushing.archive().episodes[0].segments[0].model_copy(update={"begins": 754})
    changes = {"audio": "https://example.org/1207.mp3", "segments": (segment,)}
    episode = pushing.archive().episodes[0].model_copy(update=changes)
    assert await pushing.open(episode, schedule, due=EIGHT) is not None
    assert sum(document.audio is not None for document in renderer.documents) == files
    for document in renderer.documents:
        heading = document.sections[1].blocks[0]
        assert isinstance(heading, Heading)
        assert [span.url is None for span in heading.spans if "12:34" in span.text] == [document.audio is not None]
    assert told == []
    lost = episode.model_copy(update={"number": 1300, "audio_file": "gone.mp3"})
    renderer.documents.clear()
    assert await pushing.open(lost, schedule, due=EIGHT) is not None
    assert [document.audio for document in renderer.documents] == [None] * 3
    assert [type(fact) for fact in told] == [AudioGivenUp]
