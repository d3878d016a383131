"""The admins and the declared channels are tried, and each one out of reach is named to all who can mend it."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
from typing import TYPE_CHECKING
from unittest.mock import AsyncMock, Mock

import pytest

from bot.cli.status import _facts, _reached
from bot.delivery.pacing import Pacer
from bot.delivery.reach import addressees
from bot.model.facts import OutOfReach
from bot.model.i18n import speaking
from bot.model.subscription import PlatformName, SubscriptionState, Target
from bot.platforms.registry import load
from bot.runtime.app import App, opened
from bot.runtime.declaration import Declaration
from bot.runtime.reach import Reach
from bot.runtime.roles import Role
from bot.sandbox.shared.faults import Fault, Flood, Match
from bot.sandbox.telegram.model import Status
from bot.storage.leases import Leases
from tests.delivery.ledger_kit import opened as ledger_in
from tests.delivery.ledger_kit import subscription
from tests.running import at_work
from tests.waiting import until
from tests.world import MONDAY, DemoWorld, read_discord, town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TELEGRAM = PlatformName("telegram")
MISTYPED = """
[[channels]]
schedule = "monday"
platform = "telegram"
chat = "@nosuch"

[[channels]]
schedule = "monday"
platform = "telegram"
chat = 1001234567890

[[channels]]
schedule = "monday"
platform = "discord"
chat = 77
"""


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bot that tries again, and shows that it lives, after a moment."""
    monkeypatch.setattr("bot.runtime.reach.AGAIN_EVERY", 0.2)
    monkeypatch.setattr("bot.runtime.heart.LOOK_EVERY", 0.05)
    monkeypatch.setattr("bot.runtime.heart.BEAT_EVERY", 0.05)


@pytest.fixture
async def place() -> AsyncIterator[DemoWorld]:
    """Both platforms with every kind of chat."""
    async with town() as made:
        yield made


@contextlib.asynccontextmanager
async def running(
    place: DemoWorld, folder: Path, more: str = "", since: dt.timedelta = dt.timedelta(days=1)
) -> AsyncIterator[App]:
    """The whole bot, a day after its Monday or so, with an admin on each platform."""
    never_wrote = place.telegram.add_private(name="Grace", started=False)
    config = place.config(folder, admin=never_wrote, more=more)
    later = MONDAY + since - dt.datetime.now(dt.UTC)
    async with opened(config, lambda: dt.datetime.now(dt.UTC) + later, folder / "config.toml") as app:
        with speaking(lambda: config.show.language):
            async with at_work(app):
                yield app


def plain(text: str) -> str:
    """The text with plain spaces."""
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")


async def heard(place: DemoWorld, words: str) -> str:
    """Wait until Discord's admin has a notice with these words, and return it with plain spaces."""

    def found() -> str:
        notices = (read_discord(each.components) for each in place.discord.direct(place.manager).messages)
        return next((each for each in map(plain, notices) if words in each), "")

    return await place.discord.wait_for(found, 30)


async def test_all_out_of_reach_are_named_at_the_start(
    place: DemoWorld, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """To the admin who can be reached, in the log as a warning, and in the status; none of the others is."""
    place.telegram.set_member(place.group, place.telegram.bot, Status.LEFT)
    async with running(place, tmp_path, MISTYPED) as app:
        notice = await heard(place, "Certains sont injoignables")
        while len(facts := (await _facts(app))["unreached"]) < 5:  # noqa: ASYNC110 - the heartbeat announces nothing
            await asyncio.sleep(0.01)
        grace = next(iter(app.config.platforms[TELEGRAM].admins))
    (warning,) = (each for each in caplog.records if "Certains sont injoignables" in each.getMessage())
    assert warning.levelno == logging.WARNING
    for named in (
        f"telegram:{grace} (admin) : 403 Forbidden: bot can't initiate conversation with a user.",
        "telegram:@nosuch : 400 Bad Request: chat not found. Corrigez-le",
        "telegram:1001234567890 : 400 Bad Request: chat not found. Le numéro d’un groupe ou d’un canal",
        f"telegram:{place.group.id} : le bot n’en est pas membre.",
        "discord:77 : Unknown Channel (10003).",
    ):
        assert named in plain(warning.getMessage())
        assert named in plain("\n".join(facts))
        assert named.split(" ")[0].replace(":", "") in notice.replace("\\", "").replace(":", "")
    assert str(place.forum.id) not in warning.getMessage()


async def test_a_place_that_is_mended_is_told_of_no_more(place: DemoWorld, tmp_path: Path) -> None:
    """The bot tries again by itself, and a name that comes to be known is subscribed."""
    async with running(place, tmp_path, MISTYPED) as app:
        await heard(place, "Certains sont injoignables")
        assert any(each.target.chat == "@nosuch" for each in app.reach.unreached)
        made = place.telegram.add_channel("Le récap", username="nosuch")
        kept: dict[str, SubscriptionState] = {}
        while str(made.id) not in kept:
            kept = {each.target.chat: each.state for each in await app.ledger.subscriptions.all()}
        assert not any(each.target.chat == "@nosuch" for each in app.reach.unreached)
    assert (kept["@nosuch"], kept[str(made.id)]) == (SubscriptionState.ENDED, SubscriptionState.ACTIVE)


@pytest.mark.parametrize("route", ["getMe", "getChat"])
async def test_a_name_is_looked_up_as_soon_as_a_pause_is_over(
    place: DemoWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, route: str
) -> None:
    """Not before, and not at the next look of the clock: the platform asked for it at the login, or at the look-up."""
    monkeypatch.setattr("bot.runtime.reach.AGAIN_EVERY", 600.0)
    monkeypatch.setattr("bot.runtime.clock._MINUTE", 6000.0)
    made = place.telegram.add_channel("Le récap", username="nosuch")
    place.telegram.faults.add(Fault(Flood(0.5), Match(route, chat=made.id if route == "getChat" else None)))
    async with running(place, tmp_path, MISTYPED) as app:
        kept: set[str] = set()
        while str(made.id) not in kept:
            kept = {each.target.chat for each in await app.ledger.subscriptions.all()}
    asked = [each for each in place.telegram.traffic.requests if each.route == "getMe" or each.chat == str(made.id)]
    refused, *later = asked[asked.index(next(each for each in asked if each.answered == 429)) :]
    assert min(each.at for each in later) - refused.at >= 0.5


async def test_a_reload_tries_what_has_changed(place: DemoWorld, tmp_path: Path) -> None:
    """A channel that is mistyped while the bot runs is named within seconds."""
    async with running(place, tmp_path) as app:
        await until(lambda: app.reach.unreached)
        config = tmp_path / "config.toml"
        config.write_text(config.read_text(encoding="utf-8") + MISTYPED, encoding="utf-8")
        assert "telegram:1001234567890" in (await heard(place, "1001234567890")).replace("\\", "")


async def test_a_place_out_of_reach_is_told_when_it_is_news(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at each look. A place that is reached is not tried again before the next day, or a reload."""
    environ = {
        "RECAP_TELEGRAM__TOKEN": "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0",
        "RECAP_TELEGRAM__ADMINS": "[7]",
    }
    (admin,) = addressees(config := load(None, environ), TELEGRAM)
    gone, asked = admin.unreached("gone", "blocked"), AsyncMock()
    monkeypatch.setattr("bot.runtime.reach.find_out", asked)
    connection, tell = Mock(), AsyncMock()
    connection.tried.wait, connection.pacer = AsyncMock(), Pacer(30)
    notices, declaration = AsyncMock(), AsyncMock(is_due=False)
    notices.missed.return_value = {}
    reach = Reach({TELEGRAM: connection}, notices, declaration, config=lambda: config, tell=tell)
    for found, asks, times in ((gone, 1, 1), (gone, 2, 1), ((), 3, 1), (gone, 3, 1)):
        asked.return_value = found
        await reach.look()
        assert (asked.await_count, tell.await_count) == (asks, times)
    reach.begin_anew()
    await reach.look()
    assert [each.args for each in tell.await_args_list] == [(OutOfReach([gone]),)] * 2


async def test_channels_of_a_platform_without_a_token_are_declared(tmp_path: Path) -> None:
    """They get their pushes as soon as it has one; nothing is left to look up meanwhile."""
    channel = subscription(Target(PlatformName("discord"), "5"))
    config = Mock(subscriptions=lambda: [channel])
    async with ledger_in(tmp_path) as ledger:
        declaration = Declaration(ledger, Role("clock", Leases()), {}, {}, lambda: config)
        await declaration.declare()
        assert declaration.is_done
        assert [each.target for each in await ledger.subscriptions.all()] == [channel.target]


async def test_a_push_that_no_admin_can_approve_is_warned_of_at_the_start(
    place: DemoWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In the log, which is all that somebody can read then; a team with an admin within reach reads nothing."""
    waits = '[[schedules]]\nname = "monday"\ncron = "0 8 * * mon"\napproval = "one"\n'
    config = place.config(tmp_path, admin=place.telegram.add_private(name="Ana"), more=waits)
    async with opened(config) as app:
        beyond = [TELEGRAM]

        async def refuse(platform: PlatformName) -> None:
            admins = (each for each in addressees(app.config, platform) if each.is_admin and platform in beyond)
            app.reach._unreached.update({each: each.unreached("gone", "blocked") for each in admins})

        monkeypatch.setattr(app.reach, "_try", refuse)
        await app.reach.look()
        assert "No admin can be reached" not in caplog.text
        beyond.append(PlatformName("discord"))
        await app.reach.look()
        assert "No admin can be reached to approve a push by a button: `recap approve` does it" in caplog.text


async def test_the_report_of_each_push_names_those_out_of_reach(place: DemoWorld, tmp_path: Path) -> None:
    """As somebody who did not get it; the sums count them."""
    async with running(place, tmp_path, MISTYPED, since=dt.timedelta(minutes=1)):
        report = await heard(place, "8 abonnés sur 11 l’ont reçu")
    for named in ("telegram:@nosuch", "telegram:1001234567890", "discord:77"):
        assert named in report.replace("\\", "")
    assert report.count("de la configuration est injoignable") + report.count("de la configuration sont inj") == 2


async def test_a_notice_that_reached_nobody_is_not_listed_as_told(place: DemoWorld, tmp_path: Path) -> None:
    """The status says whom each notice has reached, and whom not and why."""
    place.manager.accepts_dms = False
    async with running(place, tmp_path) as app:
        while not (notices := (await _facts(app))["notices"]) or notices[-1]["waiting"]:  # noqa: ASYNC110 - announces nothing
            await asyncio.sleep(0.01)
        await until(lambda: len(app.reach.unreached) == 2)
    assert notices[-1]["told"] == []
    assert [each["reason"] for each in notices[-1]["missed"]] == [
        "403 Forbidden: bot can't initiate conversation with a user",
        "Cannot send messages to this user (50007)",
    ]
    assert "→ told to nobody; not to telegram:" in _reached(notices[-1])
