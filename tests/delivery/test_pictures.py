"""The picture of the figures, which comes to the admins before the report of a push."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from bot.delivery import charts
from bot.delivery.admins import AdminNotifier
from bot.model.document import Attachment, Document, Paragraph, Section, Span
from bot.model.facts import PlatformResumed, Pushed
from bot.model.figures import Figures, Week
from bot.model.i18n import Language, words
from bot.sandbox.shared.faults import Fault, Match, Reply
from tests.delivery.ledger_kit import MONDAY
from tests.delivery.side import SEND, Side, now
from tests.world import PARIS, read_discord, read_telegram

if TYPE_CHECKING:
    from typing import Any

    import pytest

    from bot.storage.ledger import Ledger

PNG = "data:image/png;base64,iVBORw0KGgo="
REPORT = Document("Rapport", (Section((Paragraph((Span("Tout est arrivé."),)),)),))
WITH_PICTURE = dataclasses.replace(REPORT, attachment=Attachment(PNG, "key", "Les chiffres"))


def got(place: Any) -> list[str]:  # noqa: ANN401 - a chat or a channel
    """The texts of the messages in a place, captions included."""
    return [
        read_telegram(each) if hasattr(each, "entities") else read_discord(each.components) for each in place.messages
    ]


async def test_the_picture_comes_once_and_the_text_after_it(either: Side, real_ledger: Ledger) -> None:
    """To each admin, on each platform; the picture itself holds what is sent, so that no file has to last."""
    places = either.add(3)
    await either.subscribe(real_ledger, *places)
    push = await either.open_rendering(real_ledger, either.platform.render(WITH_PICTURE))
    assert await either.deliver(real_ledger, push) == {"sent": 3}
    for place in places:
        picture, text = got(place)
        assert "Les chiffres" in picture
        assert "Tout est arrivé." in text


async def test_where_no_picture_comes_the_text_does(either: Side, real_ledger: Ledger) -> None:
    """Alone, and nobody is told of an audio."""
    route = "sendPhoto" if either.name == "telegram" else SEND[either.name]
    reply = Reply(413, {"ok": False, "error_code": 413, "description": "Request Entity Too Large"})
    if either.name == "discord":
        reply = Reply(400, {"message": "Request entity too large", "code": 40005})
    either.standin.faults.add(Fault(reply, Match(route=route), times=1))
    (place,) = either.add(1)
    await either.subscribe(real_ledger, place)
    push = await either.open_rendering(real_ledger, either.platform.render(WITH_PICTURE))
    assert await either.deliver(real_ledger, push) == {"sent": 1}
    assert "Tout est arrivé." in got(place)[-1]
    assert either.told == []


async def test_the_report_of_a_push_alone_has_the_picture(telegram_side: Side, real_ledger: Ledger) -> None:
    """Drawn when there is news, and not for other notices."""
    (place,) = telegram_side.add(1)
    asked: list[None] = []

    async def picture() -> Attachment:
        asked.append(None)
        return Attachment(PNG, "key", "Les chiffres")

    notifier = AdminNotifier(
        ledger=real_ledger,
        platforms={telegram_side.name: telegram_side.platform},
        admins={telegram_side.name: [telegram_side.target(place)]},
        words=words(Language.FRENCH),
        zone=PARIS,
        clock=now,
        on_new=lambda: None,
        picture=picture,
    )
    await notifier.tell(PlatformResumed(telegram_side.name))
    assert asked == []
    for _time in range(2):
        await notifier.tell(Pushed(7, 1207, "monday", MONDAY - MONDAY, {telegram_side.name: 3}))
    assert len(asked) == 1
    async with telegram_side.delivering(real_ledger):
        await telegram_side.standin.wait_for(lambda: len(place.messages) == 3, 30)
    assert [text.splitlines()[0] for text in got(place)][1:] == [
        "Les chiffres",
        "Épisode 1207\N{NO-BREAK SPACE}: envoyé",
    ]


async def test_without_the_library_the_report_comes_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And the log says how to get the library."""

    async def figures() -> Figures:
        return Figures(MONDAY.date(), [Week(MONDAY.date(), {}, {}, {})])

    def missing(*_figures: object) -> bytes:
        raise charts.ChartError("charts need matplotlib")

    monkeypatch.setattr(charts, "picture", missing)
    assert await charts.drawn(figures, words(Language.FRENCH)) is None
    assert "charts need matplotlib" in caplog.text
