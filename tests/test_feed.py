"""The feed watches for the team: drafts, what files lack, and a host that does no harm whatever it answers."""

from __future__ import annotations

import contextlib
import datetime as dt
import gzip
import itertools
import os
import re
import ssl
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
import trustme
from aiohttp import web as server
from hypothesis import given
from hypothesis import strategies as st

from bot.content.archive import Archive
from bot.content.feed import make_ready, with_feed
from bot.content.links import Web
from bot.model.episode import Episode, Segment, Status
from bot.model.facts import Welcome
from bot.model.feed import FeedItem
from bot.model.problems import ExpectedError
from bot.model.rehearsal import Instruction
from bot.model.subscription import PlatformName
from bot.notes.feed import items_of
from bot.platforms.registry import load
from bot.runtime import aside
from bot.runtime.app import opened
from bot.runtime.feed import LONGEST_REST, retry_after
from tests.podcast import NOTES, OVER, Podcast, feed, item, podcast
from tests.world import MONDAY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from bot.runtime.app import App

SETTINGS = """
[show]
language = "en"
[telegram]
token = "123456789:AAEloopbackloopbackloopbackloopback"
admins = [99]
"""
APPROVED = '[[schedules]]\nname = "monday"\ncron = "0 8 * * mon"\napproval = "one"\n'
EVENING = MONDAY - dt.timedelta(hours=12)
A_DAY = dt.timedelta(days=1)
DAY = MONDAY.date()
SECRET = "s3cret"
"""A token in each address of the feed."""


@pytest.fixture(autouse=True)
def _no_secret_in_the_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever happens to a feed, nobody reads its token in the log."""
    caplog.set_level("DEBUG", "bot")
    yield
    assert [each for each in caplog.get_records("call") if SECRET in each.getMessage()] == []


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read feeds here, because a process of its own takes a second."""

    async def here(work: Callable[..., object], *args: object, **kwargs: object) -> object:
        return work(*args, **kwargs)

    monkeypatch.setattr(aside, "aside", here)


@pytest.fixture
async def host() -> AsyncIterator[Podcast]:
    """A podcast's host."""
    async with podcast() as found:
        yield found


class Team:
    """A team whose bot is not connected: its clock is turned by hand, and it looks when a test says so."""

    def __init__(self, app: App, folder: Path, clock: list[dt.datetime]) -> None:
        self.app, self.folder, self._clock = app, folder, clock

    async def looks(self, **later: float) -> None:
        """Have the bot look after so long, by default when it is time again."""
        self._clock[0] += dt.timedelta(**later or {"minutes": 16})
        await self.app.feed.look()

    def turn(self, moment: dt.datetime) -> None:
        """Let it be that moment."""
        self._clock[0] = moment

    def files(self) -> dict[str, str]:
        """The files of the content folder."""
        return {each.name: each.read_text("utf-8") for each in sorted((self.folder / "content").glob("*"))}

    def write(self, number: int, date: dt.date = DAY, head: str = "", body: str = "## Un\n\nDu texte.\n") -> None:
        """Save an episode's file."""
        text = f"---\nnumber: {number}\ntitle: Le lundi {number}\ndate: {date}\n{head}---\n\n{body}"
        (self.folder / "content" / f"{number}.md").write_text(text, encoding="utf-8")

    def episode(self, number: int) -> Episode:
        """The episode as people see it."""
        found = self.app.archive.get(number)
        assert found is not None
        return found

    async def admin_was_sent(self) -> str:
        """All that waits for the admin, as the ledger has it."""
        ledger = self.app.ledger
        stored = [await ledger.stored(each.rendering_id) for each in await ledger.claim(PlatformName("telegram"), 99)]
        return "\n".join(str(message.body["text"]) for each in stored for message in each.rendering.messages)

    async def told(self) -> list[str]:
        """The titles of what the admins were told, the oldest first."""
        return [each.title for each in reversed(await self.app.ledger.notices.latest(99)) if each.title != "All is set"]


@contextlib.asynccontextmanager
async def team(folder: Path, host: Podcast, more: str = "", now: dt.datetime = EVENING) -> AsyncIterator[Team]:
    """A team with this feed, at that moment."""
    (folder / "content").mkdir(exist_ok=True)
    (folder / "config.toml").write_text(
        f'{SETTINGS}{more}\n[feed]\nurl = "{host.feed}?token={SECRET}"\n', encoding="utf-8"
    )
    clock = [now]
    async with opened(load(folder / "config.toml", {}), lambda: clock[0]) as app:
        await app.services.notifier.tell(Welcome(None))
        yield Team(app, folder, clock)


async def test_a_new_episode_becomes_a_draft_of_which_the_admins_hear(tmp_path: Path, host: Podcast) -> None:
    """Once: neither a later look nor a restart writes it again, even if the team throws it away."""
    async with team(tmp_path, host) as here:
        await here.looks()
        assert list(here.files()) == ["1207.md"]
        draft = here.episode(1207)
        assert (draft.status, draft.audio) == (Status.DRAFT, "https://show.example/1207.mp3")
        assert [each.title for each in draft.segments] == [
            "Netflix laisse partager ses scènes", "TikTok fait appel en Europe",
        ]  # fmt: skip
        assert await here.told() == ["The feed has a new episode: 1207"]
        (notice, *_) = await here.app.ledger.notices.latest(1)
        assert "“status: draft”" in (notice.text or "")
        (tmp_path / "content" / "1207.md").unlink()
        await here.looks()
    async with team(tmp_path, host) as here:
        await here.looks(hours=1)
        assert (here.files(), await here.told()) == ({}, ["The feed has a new episode: 1207"])


@pytest.mark.parametrize(
    ("known", "drafts"), [((), [1200]), ((1190,), [1198, 1199, 1200]), ((1200,), []), ((1198,), [1199, 1200])]
)
async def test_no_start_writes_the_whole_archive(
    tmp_path: Path, host: Podcast, known: tuple[int, ...], drafts: list[int]
) -> None:
    """Of all items, those are new that are of the day of the newest file or later, three at most."""
    days = {number: EVENING - dt.timedelta(days=1200 - number, hours=2) for number in range(1170, 1201)}
    host.text = feed(*(item(number, day) for number, day in days.items()))
    async with team(tmp_path, host) as here:
        for number in known:
            here.write(number, days[number].date())
        await here.app.tick()
        await here.looks()
        assert sorted(here.files()) == sorted(f"{number}.md" for number in {*known, *drafts})
        assert await here.told() == [f"The feed has a new episode: {number}" for number in drafts]


@pytest.mark.parametrize(
    "tags",
    [
        {"itunes_episodeType": "trailer"},
        {"itunes_episodeType": "Bonus"},
        {"pubDate": "someday"},
        {"title": "Le lundi 1207", "itunes_episode": ""},
        {"itunes_episode": "", "title": "Un autre titre", "link": "https://show.example/le-lundi"},
        {"itunes_episode": "", "title": "Le même jour", "pubDate": "Mon, 04 Nov 2024 05:00:00 GMT"},
    ],
)
async def test_an_episode_that_has_its_file_or_is_none_becomes_no_draft(
    tmp_path: Path, host: Podcast, tags: dict[str, str]
) -> None:
    """A file is known by its number, its addresses, its title, or its day where the show has no numbers."""
    host.text = feed(item(1207, MONDAY - dt.timedelta(hours=14), **tags))
    async with team(tmp_path, host, now=MONDAY) as here:
        here.write(1207, head="page: https://show.example/le-lundi\n")
        await here.app.tick()
        await here.looks()
        assert (list(here.files()), await here.told()) == (["1207.md"], [])


async def test_an_item_without_notes_is_told_and_tried_when_they_come(tmp_path: Path, host: Podcast) -> None:
    """The host publishes first, and the team writes the notes an hour later."""
    host.text = feed(item(1207, description="…"))
    async with team(tmp_path, host) as here:
        for _look in range(3):
            await here.looks()
        assert await here.told() == ["The feed has a new episode, of which no draft could be made"]
        host.text = feed(item(1207))
        await here.looks()
        assert list(here.files()) == ["1207.md"]


@pytest.mark.parametrize("known", [(), (1205,)])
async def test_an_item_without_a_date_is_told_once(tmp_path: Path, host: Podcast, known: tuple[int, ...]) -> None:
    """Nobody can tell whether it is new; with its date it becomes a draft, and the others are as they were."""
    host.text = feed(item(1208, pubDate=""), item(1207))
    async with team(tmp_path, host) as here:
        for number in known:
            here.write(number, DAY - dt.timedelta(days=7))
        await here.app.tick()
        for _look in range(2):
            await here.looks()
        assert list(here.files()) == [*(f"{number}.md" for number in known), "1207.md"]
        no_draft = "The feed has a new episode, of which no draft could be made"
        assert await here.told() == [no_draft, "The feed has a new episode: 1207"]
        (notice,) = [each for each in await here.app.ledger.notices.latest(9) if each.title == no_draft]
        assert "“Le récap 1208”: the feed does not say when it came out" in (notice.text or "")
        host.text = feed(item(1208), item(1207))
        await here.looks()
        assert "1208.md" in here.files()


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("Sun, 03 Nov 2024 23:30:00 GMT", dt.date(2024, 11, 4)),
        ("Sun, 03 Nov 2024 23:30:00", dt.date(2024, 11, 4)),
        ("2024-11-03T23:30:00", dt.date(2024, 11, 4)),
        ("Sun, 33 Nov 2024 23:30:00", None),
        ("dim. 3 nov. 2024 23:30", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59", None),
        ("0001-01-01T00:00:00+14:00", None),
    ],
)
def test_the_day_of_an_item_is_read_as_hosts_write_it(said: str, day: dt.date | None) -> None:
    """Without a zone it is one of UTC; one that no zone has is none, and hides no other item."""
    written = feed(item(1207), item(1208, pubDate=said)).encode()
    days = {each.number: each.day for each in items_of(written, Path("feed"), ZoneInfo("Europe/Paris"))}
    assert days == {1207: EVENING.date(), 1208: day}


async def test_notes_that_change_after_the_draft_are_told_until_the_push(tmp_path: Path, host: Podcast) -> None:
    """Once a day, and the file stays as it is; what else changes in the feed is no news."""
    async with team(tmp_path, host, APPROVED) as here:
        await here.looks()
        before = here.files()
        for said in ("281 millions", "282 millions"):
            host.text = feed(
                item(1207, description=NOTES.replace("280 millions", said)), item(1206, EVENING - 7 * A_DAY)
            )
            await here.looks()
        changed = "The notes of episode 1207 have changed in the feed"
        assert (here.files(), (await here.told())[1:]) == (before, [changed])
        assert "mend" in ((await here.app.ledger.notices.latest(1))[0].text or "")
        await approves(here)
        assert await pushed(here) == [1207]
        host.text = feed(item(1207))
        await here.looks(days=1)
        assert (await here.told()).count(changed) == 1


async def test_a_feed_that_shrinks_and_grows_again_is_no_news(tmp_path: Path, host: Podcast) -> None:
    """Neither a file nor a draft comes or goes with an item."""
    whole = host.text = feed(item(1207), item(1206, EVENING - 7 * A_DAY))
    async with team(tmp_path, host) as here:
        here.write(1206, DAY - 8 * A_DAY)
        await here.app.tick()
        await here.looks()
        before = here.files()
        for text in (feed(item(1206, EVENING - 7 * A_DAY)), feed(item(1207)), whole):
            host.text = text
            await here.looks()
        assert (sorted(before), await here.told()) == (["1206.md", "1207.md"], ["The feed has a new episode: 1207"])
        assert here.files() == before


async def test_a_number_that_is_taken_is_told(tmp_path: Path, host: Podcast) -> None:
    """The file of another episode is never touched."""
    async with team(tmp_path, host) as here:
        here.write(12, EVENING.date() - dt.timedelta(days=1))
        (tmp_path / "content" / "12.md").rename(tmp_path / "content" / "1207.md")
        before = here.files()
        await here.looks()
        assert here.files() == before
        assert await here.told() == ["The feed has a new episode, of which no draft could be made"]


async def test_a_folder_that_takes_no_file_is_told_and_tried_again(tmp_path: Path, host: Podcast) -> None:
    """Although the feed says that nothing is new."""
    async with team(tmp_path, host) as here:
        (tmp_path / "content").rmdir()
        (tmp_path / "content").write_text("")
        await here.looks()
        assert await here.told() == ["A mistake in content", "The file of an episode cannot be written"]
        (tmp_path / "content").unlink()
        await here.looks()
        assert list(here.files()) == ["1207.md"]


@pytest.mark.parametrize("step", ["known", "written", "read"])
async def test_a_bot_that_dies_in_between_leaves_nothing_undone(
    tmp_path: Path, host: Podcast, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The ledger knows the file, then the file is there, then the admins hear of it: each of these once."""

    def dies(*_arguments: object, **_keys: object) -> None:
        raise RuntimeError

    async with team(tmp_path, host) as here:
        with monkeypatch.context() as patch:
            if step == "known":
                patch.setattr("bot.runtime.feed.write_new", dies)
            elif step == "written":
                tick, times = here.app.feed._reread, iter((True, False))
                patch.setattr(here.app.feed, "_reread", lambda: tick() if next(times) else dies())
            else:
                patch.setattr("bot.runtime.feed.FeedWatch._tell", dies)
            with pytest.raises(RuntimeError):
                await here.looks()
    async with team(tmp_path, host) as here:
        for _look in range(2):
            await here.looks(hours=1)
        assert list(here.files()) == ["1207.md"]
        assert await here.told() == ["The feed has a new episode: 1207"]
        assert here.app.archive.is_from_feed(here.episode(1207))


# What a file lacks comes from the feed

CHAPTERS = (
    '<psc:chapters><psc:chapter start="00:00:00" title="Intro"/><psc:chapter start="00:01:05.5" title="Netflix"/>'
    '<psc:chapter start="12:34" title="TikTok et l’Europe"/></psc:chapters>'
)
TWO = "## Netflix laisse partager\n\nDu texte.\n\n## TikTok fait appel{name}\n\nDu texte.\n"


async def test_an_episode_gets_from_the_feed_what_its_file_lacks(tmp_path: Path, host: Podcast) -> None:
    """Its audio, page and times; a restart shows the same while the feed is away, and the file stays as it is."""
    host.text = feed(item(1207, more=CHAPTERS))
    for away in (False, True):
        async with team(tmp_path, host) as here:
            here.write(1207, body=TWO.format(name=""))
            before = here.files()
            if not away:
                await here.looks()
            await here.app.tick()
            episode = here.episode(1207)
            assert (episode.audio, episode.page) == ("https://show.example/1207.mp3", "https://show.example/1207")
            assert [each.begins for each in episode.segments] == [65, 754]
            assert (here.files(), await here.told()) == (before, [])


async def test_the_files_own_words_come_first(tmp_path: Path, host: Podcast) -> None:
    """Also a time of its own, with which those of the feed have to agree."""
    host.text = feed(item(1207, more=CHAPTERS))
    async with team(tmp_path, host) as here:
        here.write(1207, head="audio: https://own.example/a.mp3\n", body=TWO.format(name=" {#tiktok at=0:30}"))
        await here.app.tick()
        await here.looks()
        episode = here.episode(1207)
        assert (episode.audio, episode.page) == ("https://own.example/a.mp3", "https://show.example/1207")
        assert [each.begins for each in episode.segments] == [None, 30]


async def test_the_times_stand_in_the_notes_or_in_a_file_of_their_own(tmp_path: Path, host: Podcast) -> None:
    """As hosts without chapters of Podlove's write them."""
    chapters = '{"chapters": [{"startTime": 65, "title": "Netflix"}, {"startTime": 700.5, "title": "TikTok"}]}'
    host.answers["/chapters.json"] = answering(chapters)
    more = f'<podcast:chapters url="{host.url}/chapters.json" type="application/json"/>'
    told = "01:05 Netflix\n11:40 TikTok en Europe"
    host.text = feed(item(1207, MONDAY, more=more), item(1206, MONDAY - dt.timedelta(days=7), description=told))
    async with team(tmp_path, host, now=MONDAY) as here:
        for number, date in ((1206, MONDAY.date() - dt.timedelta(days=7)), (1207, MONDAY.date())):
            here.write(number, date, body=TWO.format(name=""))
        await here.app.tick()
        await here.looks()
        assert [[each.begins for each in here.episode(n).segments] for n in (1206, 1207)] == [[65, 700]] * 2
        host.text += "<!-- new -->"
        await here.looks()
        assert host.asked.count("/chapters.json") == 1


TITLES = st.sampled_from(["Netflix", "TikTok et la suite", "Meta paie", "Le reste", "Intro", "🎧"])


@given(
    st.lists(st.tuples(TITLES, st.none() | st.integers(0, 20)), min_size=1, max_size=6),
    st.dictionaries(st.integers(0, 20), TITLES, max_size=6),
)
def test_the_times_that_are_added_are_in_order(written: list[tuple[str, int | None]], told: dict[int, str]) -> None:
    """Those of the file stay, those that are added are chapters' of the feed, and a second look adds nothing."""
    segments = tuple(
        Segment(number=n, slug=f"s{n}", title=title, summary=(), begins=begins)
        for n, (title, begins) in enumerate(written, 1)
    )
    episode = Episode(number=1, title="Un", date=DAY, segments=segments, path=Path("1.md"))
    found = FeedItem(key="a", title="Eins", number=1, chapters=tuple(sorted(told.items())))
    (shown,) = with_feed([episode], [found])
    times = [each.begins for each in shown.segments]
    added = [time for time, (_title, own) in zip(times, written, strict=True) if own is None and time is not None]
    assert all(own in {None, time} for time, (_title, own) in zip(times, written, strict=True))
    assert set(added) <= told.keys()
    known = [time for time in times if time is not None]
    assert known == sorted(set(known)) or not added
    assert list(with_feed([shown], [found])) == [shown]


def test_each_season_counts_for_itself() -> None:
    """Of several items with the number of the file, the nearest in time; no item of another episode is taken."""
    items = [
        FeedItem(key=str(year), title=f"Saison {year}", number=5, day=dt.date(year, 11, 4), page=f"https://x/{year}")
        for year in (2023, 2024)
    ]
    for number, year, page in ((5, 2023, "https://x/2023"), (5, 2024, "https://x/2024"), (6, 2024, None)):
        episode = Episode(number=number, title="Un", date=dt.date(year, 11, 5), segments=(), path=Path("1.md"))
        assert next(with_feed([episode], items)).page == page


def test_a_day_of_several_items_says_nothing() -> None:
    """Nobody knows which of the two a file of that day is; alone, the item of the day is the one."""
    items = [FeedItem(key=key, title=key, day=DAY, audio=f"https://x/{key}.mp3") for key in ("a", "b")]
    episode = Episode(number=1, title="Un", date=DAY, segments=(), path=Path("1.md"))
    assert next(with_feed([episode], items)).audio is None
    assert next(with_feed([episode], items[1:])).audio == "https://x/b.mp3"


# One press


async def approves(here: Team) -> None:
    """Press Good to go, and let the bot look."""
    assert await here.app.services.rehearser.decide(Instruction.APPROVE, "monday", 1207, "Ana")
    await here.app.tick()


async def pushed(here: Team) -> list[int]:
    """The episodes that have gone out, a minute after the hour of the push."""
    here.turn(MONDAY + dt.timedelta(minutes=1))
    for _look in range(2):
        await here.app.tick()
    return [each.episode for each in await here.app.ledger.broadcasts(9) if each.key == "monday"]


async def test_an_approval_makes_the_draft_ready_as_it_was_seen(tmp_path: Path, host: Podcast) -> None:
    """One word of its file changes, and on Monday it goes out; without the press it does not."""
    async with team(tmp_path, host, APPROVED) as here:
        await here.looks()
        before = here.files()
        await here.app.tick()
        assert here.files() == before
        await approves(here)
        assert here.files() == {"1207.md": before["1207.md"].replace("status: draft", "status: ready")}
        assert await pushed(here) == [1207]
        assert "There is no episode yet" not in await here.told()


async def test_nothing_goes_out_that_was_not_seen(tmp_path: Path, host: Podcast) -> None:
    """A draft that changes after the press waits for another one, and one that is withheld stays a draft."""
    async with team(tmp_path, host, APPROVED) as here:
        await here.looks()
        file = tmp_path / "content" / "1207.md"
        await here.app.services.rehearser.decide(Instruction.APPROVE, "monday", 1207, "Ana")
        file.write_text(file.read_text("utf-8").replace("280 millions", "300 millions"), encoding="utf-8")
        assert await pushed(here) == []
        assert "status: draft" in file.read_text("utf-8")
        await here.app.services.rehearser.decide(Instruction.WITHHOLD, "monday", 1207, "Ana")
        await here.app.tick()
        assert "status: draft" in file.read_text("utf-8")
        await approves(here)
        await here.app.tick()
        assert await pushed(here) == [1207]


async def test_nothing_else_that_is_a_draft_is_offered(tmp_path: Path, host: Podcast) -> None:
    """Neither one of the team's own, nor one of the feed where nobody has to approve."""
    for number, more in enumerate((APPROVED, "")):
        (tmp_path / str(number)).mkdir()
        async with team(tmp_path / str(number), host, more) as here:
            if more:
                here.write(1207, head="status: draft\n")
            await here.looks()
            await approves(here)
            assert "status: draft" in here.files()["1207.md"]
            assert await pushed(here) == []


async def test_a_draft_that_cannot_be_made_ready_is_told(
    tmp_path: Path, host: Podcast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what the team can do; its own hand is as good as the bot's."""
    async with team(tmp_path, host, APPROVED) as here:
        await here.looks()
        with monkeypatch.context() as patch:
            patch.setattr("pathlib.Path.write_bytes", lambda *_: (_ for _ in ()).throw(OSError(30, "Read-only")))
            await approves(here)
        assert (await here.told())[-1] == "The file of an episode cannot be written"
        file = tmp_path / "content" / "1207.md"
        file.write_text(file.read_text("utf-8").replace("status: draft\n", ""), encoding="utf-8")
        assert await pushed(here) == [1207]


@given(
    line=st.sampled_from(["status: draft", "status:draft", "status: 'draft' ", "status\u00a0: draft", "status: Draft"]),
    end=st.sampled_from(["\n", "\r\n"]),
    mark=st.sampled_from(["", "\ufeff"]),
    text=st.sampled_from(["Du texte.", "status: draft", "Un **draft**"]),
)  # fmt: skip
def test_one_word_of_a_draft_changes(line: str, end: str, mark: str, text: str) -> None:
    """However it is written, and whatever stands below it; else the file stays as it is."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "1.md"
        written = f"{mark}---\nnumber: 1\ntitle: Un\ndate: 2024-11-04\n{line}\n---\n\n## Un\n\n{text}\n"
        file.write_bytes(written.replace("\n", end).encode())
        draft = Archive.load(Path(folder)).episodes[0]
        before = file.read_bytes()
        assert make_ready(file, draft)
        assert Archive.load(Path(folder)).episodes == (draft.model_copy(update={"status": Status.READY}),)
        assert file.read_bytes().replace(b"ready", b"") == re.sub(b"(?i)draft", b"", before, count=1)
        assert not make_ready(file, draft)
        assert [each.name for each in Path(folder).iterdir()] == ["1.md"]


# A host that does no harm


async def trickles(request: server.Request) -> server.StreamResponse:
    """Say a little and then nothing."""
    response = server.StreamResponse()
    await response.prepare(request)
    await response.write(b"<rss>")
    await request.app[OVER].wait()
    return response


async def never_ends(request: server.Request) -> server.StreamResponse:
    """Go on saying something."""
    response = server.StreamResponse()
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        while True:
            await response.write(b" " * 500_000)
    return response


async def breaks_off(request: server.Request) -> server.StreamResponse:
    """Announce more than comes."""
    response = server.StreamResponse(headers={"Content-Length": "1000000"})
    await response.prepare(request)
    await response.write(feed(item(1)).encode())
    assert request.transport is not None
    request.transport.close()
    return response


def answering(
    body: str | bytes = b"", status: int = 200, **headers: str
) -> Callable[[server.Request], Awaitable[server.StreamResponse]]:
    """The answer with this body."""
    said = {name.replace("_", "-"): text for name, text in headers.items()}

    async def answer(_request: server.Request) -> server.StreamResponse:
        return server.Response(status=status, body=body.encode() if isinstance(body, str) else body, headers=said)

    return answer


async def talks_nonsense(request: server.Request) -> server.StreamResponse:
    """Say what is no answer."""
    assert request.transport is not None
    request.transport.write(b"HTTP/1.1 nonsense\r\n\r\n")
    request.transport.close()
    return server.Response()


LAUGHS = "<!DOCTYPE rss [<!ENTITY a0 'ha'>{}]>".format(
    "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 20}'>" for n in range(1, 12))
)
FILE = "<!DOCTYPE rss [<!ENTITY x SYSTEM 'file:///etc/hostname'>]>"
NO_WAY = "it redirects to an address that nobody can open"
BAD = {
    "not found": (answering(status=404), "the server answers 404"),
    "gone": (answering(status=410), "the server answers 410"),
    "too many": (answering(status=429), "the server answers 429"),
    "broken": (answering("<html>", status=500), "the server answers 500"),
    "nothing": (answering(), "there is no episode in this feed"),
    "a page": (answering("<!doctype html><html><body><p>Connexion</p></body></html>"), "there is no episode"),
    "not XML": (answering(os.urandom(1000)), "there is no episode"),
    "no items": (answering(feed()), "there is no episode"),
    "cut in an item": (answering(feed(item(1207), item(1206))[:-200]), "the feed is not whole"),
    "cut off": (breaks_off, "the answer cannot be read"),
    "no HTTP": (talks_nonsense, "the answer cannot be read"),
    "slow": (trickles, "no answer in time"),
    "endless": (never_ends, "the feed is too large"),
    "a bomb": (answering(gzip.compress(b" " * 30_000_000), Content_Encoding="gzip"), "the feed is too large"),
    "no gzip": (answering(b"gzip?", Content_Encoding="gzip"), "the answer cannot be read"),
    "entities": (answering(LAUGHS + "<rss><channel>&a11;</channel></rss>"), "there is no episode"),
    "a circle": (answering(status=302, Location="/feed.xml"), "it redirects in circles"),
    "inward": (answering(status=302, Location="http://127.0.0.2:9/feed.xml"), "not on the public internet"),
    "inward by name": (answering(status=301, Location=f"http://localhost:9/{SECRET}"), NO_WAY),
    "metadata": (answering(status=307, Location="http://169.254.169.254/latest"), "not on the public internet"),
    "a file": (answering(status=302, Location="file:///etc/passwd"), NO_WAY),
    "no site": (answering(status=302, Location=f"https://{SECRET}@a@example.org/"), NO_WAY),
}


async def test_a_bad_answer_harms_nothing_and_is_told_once(
    tmp_path: Path, host: Podcast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The episodes keep what the last good answer said; the second bad one in a row is told, and then no other."""
    async with team(tmp_path, host) as here:
        here.write(1207)
        await here.looks()
        before, told = here.app.archive, {}
        assert here.episode(1207).audio
        for kind, (answer, _reason) in BAD.items():
            host.answers["/feed.xml"] = answer
            monkeypatch.setattr("bot.runtime.feed.WITHIN", 0.05 if kind == "slow" else 60)
            number = len(await here.told())
            await here.looks()
            assert len(await here.told()) == number
            for _look in range(2):
                await here.looks()
            (notice, *more) = await here.app.ledger.notices.latest(99)
            assert (notice.title, len(more)) == ("The feed cannot be used", number + 1)
            told[kind] = notice.text or ""
            host.answers.clear()
            await here.looks(days=1)
            assert (await here.app.ledger.feed.visit()).failures == 0
        assert [kind for kind, (_answer, reason) in BAD.items() if reason not in told[kind]] == []
        assert [kind for kind, text in told.items() if SECRET in text] == []
        assert "November 3, 2024" in told["not found"]
        await here.app.tick()
        assert here.app.archive is before


async def test_a_host_whose_certificate_is_not_trusted_is_told(tmp_path: Path) -> None:
    """As one that has run out, or is another host's; nothing of its answer is read."""
    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(secure)
    async with podcast(secure) as host, team(tmp_path, host) as here:
        for _look in range(2):
            await here.looks()
        (notice,) = await here.app.ledger.notices.latest(1)
        assert "its certificate is not one that this machine trusts" in (notice.text or "")
        assert (host.asked, here.files()) == ([], {})


async def test_a_local_file_is_no_part_of_a_feed(tmp_path: Path, host: Podcast) -> None:
    """Nor is anything else that an entity names."""
    host.text = FILE + feed(item(1207, title="Le récap", more="<title>&x;</title>")).partition("?>")[2]
    async with team(tmp_path, host) as here:
        await here.looks()
        assert (await here.app.ledger.feed.known(here.app.archive.feed)).items[0].title in {"Le récap", "", "&x;"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
async def test_a_feed_comes_in_its_own_encoding(tmp_path: Path, host: Podcast, encoding: str) -> None:
    """Which it declares, or whose mark it bears."""
    text = feed(item(1207, title="L'été déjà")).replace("UTF-8", encoding.removesuffix("-sig")).replace("’", "'")
    host.answers["/feed.xml"] = answering(text.encode(encoding))
    async with team(tmp_path, host) as here:
        await here.looks()
        assert here.episode(1207).title == "L’été déjà"


async def test_a_feed_that_moved_is_followed_and_its_address_told_once(tmp_path: Path, host: Podcast) -> None:
    """A move for a moment is none. The server's words about the answer are kept all the same."""
    host.answers["/feed.xml"] = answering(status=302, Location="/new.xml")
    async with team(tmp_path, host) as here:
        await here.looks()
        assert (list(here.files()), await here.told()) == (["1207.md"], ["The feed has a new episode: 1207"])
        host.answers["/feed.xml"] = answering(status=301, Location="/new.xml")
        for _look in range(2):
            await here.looks()
        assert (await here.told())[1:] == ["The feed has moved"]
        assert host.asked[-1] == "/new.xml 304"
        assert f"Its new address is {host.url}/new.xml." in await here.admin_was_sent()


@pytest.mark.parametrize(
    ("moved", "is_sent"),
    [(f"/{SECRET}/x.xml", True), (f"/x.xml?token={SECRET}", False), (f"//{SECRET}:p@{{}}/x", False)],
)
async def test_a_new_address_reaches_the_admins_alone_and_no_token_anybody(
    tmp_path: Path, host: Podcast, monkeypatch: pytest.MonkeyPatch, moved: str, *, is_sent: bool
) -> None:
    """The status names the host; the admins get the address, unless a query or an account in it is likely a secret."""
    monkeypatch.setattr(Web, "_judge", lambda *_of_this_machine: None)
    moved = moved.format(host.url.partition("//")[2])
    host.answers["/feed.xml"] = answering(status=301, Location=moved)
    async with team(tmp_path, host) as here:
        await here.looks()
        (told,) = [each for each in await here.app.ledger.notices.latest(9) if each.title == "The feed has moved"]
        assert (told.text or "").startswith(
            "The feed has moved\nIt is on 127.0.0.1 now. Open its old address in a browser"
        )
        sent = await here.admin_was_sent()
        assert (SECRET in sent, f"{host.url}{moved}" in sent) == (is_sent, is_sent)


async def test_the_feed_is_asked_as_often_as_it_should(tmp_path: Path, host: Podcast) -> None:
    """Every quarter of an hour, every three minutes in the hour before a push, and in full only when it has changed."""
    minutes = []
    async with team(tmp_path, host, now=MONDAY - dt.timedelta(minutes=100)) as here:
        for minute in range(99):
            before = len(host.asked)
            await here.looks(minutes=1)
            minutes += [minute + 1] * (len(host.asked) - before)
        assert [later - earlier for earlier, later in itertools.pairwise(minutes)] == [15] * 2 + [9] + [3] * 19
        assert [each.split()[1] for each in host.asked] == ["200"] + ["304"] * (len(host.asked) - 1)
    async with team(tmp_path, host, now=MONDAY) as here:
        await here.looks(minutes=1)
        await here.looks(minutes=15)
        assert len(host.asked) == len(minutes) + 1
    host.path = "/other.xml"
    async with team(tmp_path, host, now=MONDAY + dt.timedelta(hours=1)) as here:
        await here.looks()
        # What is known of one address says nothing of another.
        assert host.asked[-1] == "/other.xml 200"


async def test_a_server_that_wants_rest_gets_it(tmp_path: Path, host: Podcast) -> None:
    """Also over a restart."""
    host.answers["/feed.xml"] = answering(status=503, Retry_After="7200")
    async with team(tmp_path, host) as here:
        await here.looks()
    async with team(tmp_path, host, now=EVENING + dt.timedelta(minutes=16)) as here:
        await here.looks(minutes=119)
        assert len(host.asked) == 1
        await here.looks(minutes=1)
        assert len(host.asked) == 2


@pytest.mark.parametrize(
    ("said", "minutes"),
    [
        ("120", 2), (" 60 ", 1), ("0", 0), ("-5", 0), ("", 0), ("soon", 0), ("1e9", 0), ("9" * 5000, 0),
        ("99999999", 1440), ("Mon, 04 Nov 2024 07:30:00 GMT", 30), ("Mon, 04 Nov 2024 06:00:00 GMT", 0),
        ("Mon, 04 Nov 2124 06:00:00 GMT", 1440), ("Monday, 04-Nov-24 07:30:00 GMT", 30),
        ("Mon Nov  4 07:30:00 2024", 30), ("Mon, 04 Nov 2024 09:00:00 +0100", 60),
    ],
)  # fmt: skip
def test_a_pause_is_read_as_servers_write_it(said: str, minutes: int) -> None:
    """In seconds or as a date (RFC 9110, 10.2.3); nonsense is none, and a mistake lasts a day at most."""
    assert retry_after(said, MONDAY) == dt.timedelta(minutes=minutes)


@given(st.text(max_size=30))
def test_no_pause_is_endless(said: str) -> None:
    """Whatever the header holds."""
    assert dt.timedelta() <= retry_after(said, MONDAY) <= LONGEST_REST


async def test_a_process_that_stands_by_asks_nothing(
    tmp_path: Path, host: Podcast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several, the one that looks at the clock asks."""
    async with team(tmp_path, host) as here:
        monkeypatch.setattr(here.app.feed, "_is_leading", lambda: False)
        await here.looks()
        assert host.asked == []


# The process that reads


async def test_a_feed_that_is_never_read_ends_its_own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not the bot's; one that dies is an error too."""
    monkeypatch.undo()
    monkeypatch.setattr(aside, "WITHIN", 0.2)
    with pytest.raises(ExpectedError, match="too long"):
        await aside.aside(time.sleep, 60)
    monkeypatch.setattr(aside, "WITHIN", 60)
    with pytest.raises(ExpectedError, match="cannot be read"):
        await aside.aside(os._exit, 3)
