"""The page over real sockets: what it serves, whom it refuses, what its actions do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import threading
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from discord.gateway import KeepAliveHandler

from bot.sandbox.demo.server import Page, listening
from bot.sandbox.demo.world import Person
from bot.sandbox.discord.gateway import Op
from bot.sandbox.discord.messages import walk
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from bot.sandbox.demo.demo import Demo

    Served = tuple[Demo, Page]

pytestmark = pytest.mark.asyncio(loop_scope="session")


@contextlib.asynccontextmanager
async def visiting(page: Page, **headers: str) -> AsyncIterator[aiohttp.ClientSession]:
    """Somebody's browser, which sends these headers with every request."""
    async with aiohttp.ClientSession(page.url, headers=headers) as session:
        yield session


async def do(page: Page, **action: object) -> tuple[int, dict[str, Any]]:
    """Send an action; the status and what came back."""
    async with visiting(page) as session, session.post("do", json=action) as answer:
        return answer.status, await answer.json()


class Stream:
    """The page's stream of events, put together as the page does it."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.messages: dict[str, dict[str, Any]] = {}
        self.state: dict[str, Any] = {}
        self.sent: list[str] = []

    async def until(self, condition: Callable[[Stream], object]) -> None:
        """Read on until the condition holds."""
        async with asyncio.timeout(PATIENCE):
            while not (self.state and condition(self)):
                line = await self._response.content.readline()
                if line.startswith(b"data: "):
                    self.state = json.loads(line[6:])
                    self.messages |= self.state["messages"]
                    self.sent += self.state["messages"]

    def place(self, key: str) -> dict[str, Any]:
        """A place as it was last told."""
        place: dict[str, Any] = next(place for place in self.state["places"] if place["key"] == key)
        return place

    def texts(self, key: str) -> list[str]:
        """What is to be read in a place."""
        return [json.dumps(self.messages[each]["body"], ensure_ascii=False) for each in self.place(key)["messages"]]


@contextlib.asynccontextmanager
async def watching(page: Page, language: str = "fr") -> AsyncIterator[Stream]:
    """The stream, as a page that was just opened gets it."""
    async with visiting(page) as session, session.get(f"events?language={language}") as response:
        assert response.content_type == "text/event-stream"
        yield Stream(response)


# What it serves


async def test_the_page_needs_nothing_from_anywhere_else(served: Served) -> None:
    """Every file it names is served by itself, and its policy forbids all others."""
    _, page = served
    async with visiting(page) as session:
        async with session.get("/") as answer:
            policy, text = answer.headers["Content-Security-Policy"], await answer.text()
        names = [part.split('"')[0] for attribute in ('src="', 'href="') for part in text.split(attribute)[1:]]
        statuses = []
        for name in names:
            async with session.get(name) as answer:
                statuses.append(answer.status)
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'self'" in policy
    assert not any("//" in name for name in names)
    assert len(names) >= 9
    assert statuses == [200] * len(names)


@pytest.mark.parametrize(
    ("accepted", "language"), [("en-GB,en;q=0.9", "en"), ("de,fr;q=0.5,en;q=0.2", "fr"), ("", "fr")]
)
async def test_the_page_begins_in_the_visitors_language(served: Served, accepted: str, language: str) -> None:
    """As the browser asks for it; French where it asks for neither."""
    _, page = served
    async with visiting(page, **{"Accept-Language": accepted}) as session, session.get("/") as answer:
        assert f'<html lang="{language}">' in await answer.text()


@pytest.mark.parametrize(
    "path", ["../server.py", "..%2fserver.py", "%2e%2e/server.py", "server.py", "demo.html", "x.js"]
)
async def test_no_other_file_is_served(served: Served, path: str) -> None:
    """Not even those beside it."""
    _, page = served
    reader, writer = await asyncio.open_connection("127.0.0.1", page.port)
    writer.write(f"GET /{path} HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\nConnection: close\r\n\r\n".encode())
    status = await reader.readline()
    writer.close()
    assert b" 404 " in status


# Whom it refuses


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("", {"Host": "recap.example"}),
        ("", {"Host": "127.0.0.1.recap.example"}),
        ("", {"Host": "192.0.2.1"}),
        ("", {"Host": "[::1"}),
        ("events", {"Origin": "https://recap.example"}),
        ("events", {"Sec-Fetch-Site": "cross-site"}),
        ("events", {"Sec-Fetch-Site": "same-site"}),
        ("events", {"Origin": "null"}),
    ],
)
async def test_no_other_site_can_look(served: Served, path: str, headers: dict[str, str]) -> None:
    """A name that points to this machine is not this machine's, and another site's script is not the page."""
    _, page = served
    async with visiting(page, **headers) as session, session.get(f"/{path}") as answer:
        assert answer.status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://recap.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "recap.example", "Origin": "http://recap.example"},
    ],
)
async def test_no_other_site_can_do_anything(served: Served, headers: dict[str, str]) -> None:
    """Neither with a form nor with a script nor with a name of its own."""
    demo, page = served
    before = demo.facts()["now"]
    async with visiting(page, **headers) as session, session.post("/do", json={"do": "advance"}) as answer:
        assert answer.status == 403
    assert demo.facts()["now"][:10] == before[:10]


async def test_another_port_of_this_machine_is_another_site(served: Served) -> None:
    """What else runs here has its own pages."""
    _, page = served
    headers = {"Origin": f"http://127.0.0.1:{page.port + 1}"}
    async with visiting(page, **headers) as session, session.post("/do", json={"do": "advance"}) as answer:
        assert answer.status == 403


async def test_what_a_form_could_send_is_no_action(served: Served) -> None:
    """Old browsers name no origin; but without asking first they send no JSON."""
    _, page = served
    async with visiting(page) as session, session.post("/do", data='{"do": "advance"}') as answer:
        assert answer.status == 415


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "[::1]"])
async def test_this_machines_own_names_are_answered(served: Served, host: str) -> None:
    """However the person wrote it in the address bar."""
    _, page = served
    async with visiting(page, Host=f"{host}:{page.port}") as session, session.get("/") as answer:
        assert answer.status == 200


async def test_where_it_was_exposed_it_still_answers_to_addresses_alone(served: Served) -> None:
    """Other machines may use it by its address; no name that somebody made point to it will do, and no other site."""
    with listening("0.0.0.0", 0) as listener:  # noqa: S104 - what `--expose` allows
        async with Page(served[1]._demos, listener) as page:
            for headers, status in (
                ({"Host": f"192.0.2.7:{page.port}"}, 200),
                ({"Host": f"recap.example:{page.port}"}, 403),
            ):
                async with visiting(page, **headers) as session, session.get("/") as answer:
                    assert answer.status == status
            headers = {"Host": f"192.0.2.7:{page.port}", "Origin": "http://192.0.2.8"}
            async with visiting(page, **headers) as session, session.post("/do", json={"do": "restart"}) as answer:
                assert answer.status == 403


# What happens


async def test_the_stream_tells_everything_once(fresh: Served) -> None:
    """The state at each change; a message when it comes or changes, and not again."""
    _, page = fresh
    async with watching(page) as stream:
        await stream.until(lambda now: len(now.texts("telegram-private")) == 2)
        assert stream.state["facts"]["zone"] == "Europe/Paris"
        assert stream.state["facts"]["now"] < stream.state["facts"]["next_push"]
        assert await do(page, do="advance") == (200, {"episode": 1207})
        await stream.until(lambda now: all(now.texts(key) for key in ("telegram-channel", "discord-announcements")))
        await stream.until(lambda now: len(now.texts("telegram-private")) > 3)
    telegram = [key for key in stream.sent if key.startswith("telegram")]
    assert len(telegram) == len(set(telegram))
    first = next(iter(stream.place("telegram-private")["messages"]))
    assert {"key", "author", "by_bot", "body", "used", "limit", "date", "silent", "edited"} <= stream.messages[
        first
    ].keys()


async def test_the_next_monday_without_a_new_episode_pushes_nothing(fresh: Served) -> None:
    """The clock goes on by a week, and that is all."""
    demo, page = fresh
    await do(page, do="advance")
    assert await do(page, do="advance") == (200, {"episode": None})
    assert demo.facts()["now"].startswith("2024-11-11T07:00")


async def test_a_heartbeat_that_seems_late_is_no_matter_for_the_terminal(
    fresh: Served, caplog: pytest.LogCaptureFixture
) -> None:
    """On a busy machine the answer comes before discord.py has noted its question: it measures from the one before."""
    demo, _ = fresh
    hearts = [thread for thread in threading.enumerate() if isinstance(thread, KeepAliveHandler)]
    for heart in hearts:
        heart._last_send -= 41.3
    for session in demo.world.discord.gateway.sessions.values():
        assert session.connection is not None
        session.connection.send_op(Op.HEARTBEAT_ACK)
    await until(lambda: any(10 < heart.latency < 1000 for heart in hearts))
    assert caplog.messages == []


async def test_starting_over_brings_the_evening_back(fresh: Served) -> None:
    """Nothing of before is left, and the same Monday can come again."""
    demo, page = fresh
    before = demo.facts()["session"]
    async with watching(page) as stream:
        await do(page, do="advance")
        await stream.until(lambda now: bool(now.texts("telegram-channel")))
        assert await do(page, do="restart") == (200, {})
        await stream.until(lambda now: now.state["facts"]["session"] > before)
        assert stream.place("telegram-channel")["messages"] == []
        assert await do(page, do="advance") == (200, {"episode": 1207})
        await stream.until(lambda now: bool(now.texts("telegram-channel")))


async def test_only_the_admin_subscribes_a_group(fresh: Served) -> None:
    """As Sacha it is refused in kind words; as Camille the page shows what was chosen."""
    _, page = fresh
    place = {"do": "say", "place": "telegram-group", "text": "/subscribe tiktok"}
    async with watching(page) as stream:
        await do(page, **place, who=Person.MEMBER)
        await stream.until(lambda now: len(now.texts("telegram-group")) == 2)
        assert stream.place("telegram-group")["subscriptions"] == []
        await do(page, **place, who=Person.ADMIN)
        await stream.until(lambda now: bool(now.place("telegram-group")["subscriptions"]))
        assert stream.place("telegram-group")["subscriptions"][0]["topics"] == ["tiktok"]


async def test_discord_completes_and_answers_for_one_persons_eyes(fresh: Served) -> None:
    """Through the bot's real autocompletion and its real answer."""
    _, page = fresh
    here = {"place": "discord-general", "who": Person.MEMBER, "command": "topic"}
    status, found = await do(page, do="complete", **here, option="name", typed="tik")
    assert (status, found["choices"][0]["value"]) == (200, "tiktok")
    async with watching(page) as stream:
        assert await do(page, do="slash", **here, options={"name": "tiktok"}) == (200, {})
        await stream.until(lambda now: bool(now.texts("discord-general")))
        shown = stream.messages[stream.place("discord-general")["messages"][0]]
    assert shown["only_for"] == Person.MEMBER
    assert shown["asked"] == {"who": Person.MEMBER, "command": "topic"}


async def test_each_language_has_people_and_places_of_its_own(fresh: Served) -> None:
    """All speak it from the first message on, pushes and reports too, and no page of another language sees them."""
    _, page = fresh
    says = {
        "fr": ("Abonnement enregistré", "Les auditeurs", "Tous les thèmes", "28 octobre 2024", "l’ont reçu"),
        "en": ("Subscribed!", "The listeners", "All the topics", "October 28, 2024", "It reached"),
    }
    monday = {"fr": "lundi 4 novembre 2024", "en": "Monday, November 4, 2024"}
    await do(page, language="en", do="restart")
    async with watching(page, "fr") as french, watching(page, "en") as english:
        for language, stream in (("en", english), ("fr", french)):
            first, name, topics, day, report = says[language]
            await stream.until(lambda now, first=first: first in "".join(now.texts("telegram-private")))  # type: ignore[misc]
            assert stream.place("telegram-group")["title"] == name
            here = {"language": language}
            for place in ("telegram-private", "telegram-group"):
                await do(page, **here, do="say", place=place, who=Person.ADMIN, text="/help")
            await do(page, **here, do="slash", place="discord-general", who=Person.MEMBER, command="help")
            for place in ("telegram-private", "telegram-group", "discord-general"):
                await stream.until(lambda now, place=place, topics=topics: topics in "".join(now.texts(place)))  # type: ignore[misc]
            # An answer that all people of a place see is in the language of the place too.
            shared = {"command": "latest", "options": {"share": True}}
            await do(page, **here, do="slash", place="discord-announcements", who=Person.ADMIN, **shared)
            await stream.until(lambda now, day=day: day in "".join(now.texts("discord-announcements")))  # type: ignore[misc]
            assert await do(page, **here, do="advance") == (200, {"episode": 1207})
            for place in ("telegram-private", "telegram-channel", "discord-announcements", "discord-forum"):
                pushed = monday[language]
                await stream.until(lambda now, place=place, pushed=pushed: pushed in "".join(now.texts(place)))  # type: ignore[misc]
            await stream.until(lambda now, report=report: report in "".join(now.texts("discord-direct")))  # type: ignore[misc]
        for shown, other in ((french, "en"), (english, "fr")):
            assert not any(
                words in json.dumps(shown.messages, ensure_ascii=False) for words in (*says[other], monday[other])
            )


async def test_the_push_is_rehearsed_on_sunday_evening(fresh: Served) -> None:
    """The admin sees it on Discord, with its card, and can withhold it there: then nothing goes out on Monday."""
    demo, page = fresh
    place = demo.world.discord_place("discord-direct")
    async with watching(page) as stream:
        await stream.until(lambda now: "Répétition de l’épisode 1207" in "".join(now.texts("discord-direct")))
        shown = demo.world.discord_messages(place)
        recap, card = (next(each for each in shown if word in each.text) for word in ("Netflix", "Répétition"))
        assert (recap.id < card.id, demo.facts()["now"] < demo.facts()["next_push"]) == (True, True)
        pressed = {"message": f"discord-direct/{card.id}", "who": Person.ADMIN}
        withhold = next(each["custom_id"] for each in walk(card.components) if each.get("label") == "Retenir")
        await do(page, do="press", **pressed, button=withhold)
        await stream.until(lambda now: "Épisode 1207\u00a0: retenu" in "".join(now.texts("discord-direct")))
        assert await do(page, do="advance") == (200, {"episode": None})
        await do(page, do="slash", place="discord-direct", who=Person.ADMIN, command="admin")
        await stream.until(lambda now: "État du bot" in "".join(now.texts("discord-direct")))


async def test_a_correction_runs_over_both_screens(fresh: Served, content: Path) -> None:
    """A pushed episode's file is edited, the phone of the admin has the card at once, and one press mends them all."""
    demo, page = fresh
    file, phone = content / "1207.md", demo.world.telegram_place("telegram-private")
    good = file.read_text(encoding="utf-8")
    async with watching(page) as stream:
        await stream.until(lambda now: "Répétition de l’épisode 1207" in "".join(now.texts("telegram-private")))
        await do(page, do="say", place="telegram-private", who=Person.ADMIN, text="/admin")
        await stream.until(lambda now: "État du bot" in "".join(now.texts("telegram-private")))
        await do(page, do="advance")
        await stream.until(lambda now: "Épisode 1207\u00a0: envoyé" in "".join(now.texts("telegram-private")))
        try:
            file.write_text(good.replace("Netflix", "Notflix"), encoding="utf-8")
            await stream.until(lambda now: "a changé depuis son envoi" in "".join(now.texts("telegram-private")))
            card = next(each for each in phone.messages if "a changé depuis son envoi" in each.text)
            pressed = {"message": f"telegram-private/{card.id}", "who": Person.ADMIN}
            await do(page, do="press", **pressed, button="Corriger partout")
            for place in ("telegram-channel", "discord-announcements", "discord-forum"):
                await stream.until(lambda now, place=place: "Notflix" in "".join(now.texts(place)))  # type: ignore[misc]
        finally:
            file.write_text(good, encoding="utf-8")


async def test_buttons_are_pressed_for_real(fresh: Served) -> None:
    """The button below the confirmation shows the newest episode of that day."""
    demo, page = fresh
    place = demo.world.telegram_place("telegram-private")
    # The recap comes for rehearsal at the same time.
    (confirmation,) = await demo.world.telegram.wait_for(
        lambda: [each for each in place.messages if "Abonnement enregistré" in each.text]
    )
    label = confirmation.buttons[-1]["text"]
    async with watching(page) as stream:
        status, _ = await do(
            page, do="press", message=f"telegram-private/{confirmation.id}", who=Person.ADMIN, button=label
        )
        assert status == 200
        await stream.until(lambda now: "1206" in "".join(now.texts("telegram-private")))


@pytest.mark.parametrize("place", ["telegram-private", "telegram-group", "discord-general"])
async def test_the_bot_can_be_put_out_and_let_in(fresh: Served, place: str) -> None:
    """Blocked, removed from a group, removed from the server."""
    _, page = fresh
    async with watching(page) as stream:
        for present in (False, True):
            assert (await do(page, do="presence", place=place, present=present))[0] == 200
            await stream.until(lambda now, wanted=present: now.place(place)["bot_is_in"] is wanted)  # type: ignore[misc]


async def test_what_an_editor_breaks_shows_at_once(fresh: Served, content: Path) -> None:
    """With file and line and its cure, in the language of each page, and goes when it is mended."""
    _, page = fresh
    file = content / "1207.md"
    good = file.read_text(encoding="utf-8")
    cures = {"fr": "1207.md:4: .* Écrivez l’année", "en": "1207.md:4: .* Write year"}
    async with watching(page, "fr") as french, watching(page, "en") as english:
        for stream in (french, english):
            await stream.until(lambda now: not now.state["facts"]["problems"])
        file.write_text(good.replace("date: 2024-11-04", "date: demain"), encoding="utf-8")
        for stream, cure in ((french, cures["fr"]), (english, cures["en"])):
            await stream.until(lambda now, cure=cure: re.search(cure, "".join(now.state["facts"]["problems"])))  # type: ignore[misc]
        file.write_text(good, encoding="utf-8")
        for stream in (french, english):
            await stream.until(lambda now: now.state["facts"]["problems"] == [])


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ({"do": "say", "place": "nowhere", "who": "Camille", "text": "x"}, 409),
        ({"do": "say", "place": "telegram-channel", "who": "Sacha", "text": "/latest"}, 409),
        ({"do": "say", "place": "telegram-group", "who": "Mallory", "text": "x"}, 400),
        ({"do": "say", "place": "telegram-group", "who": "Camille", "text": ""}, 400),
        ({"do": "press", "message": "telegram-private/999", "who": "Camille", "button": "x"}, 409),
        ({"do": "press", "message": "telegram-private/x", "who": "Camille", "button": "x"}, 409),
        ({"do": "slash", "place": "discord-general", "who": "Camille", "command": "nothing"}, 409),
        ({"do": "slash", "place": "telegram-group", "who": "Camille", "command": "latest"}, 409),
        ({"do": "presence", "place": "discord-direct", "present": False}, 409),
        ({"do": "inquire", "who": "Camille", "query": "x" * 257}, 400),
        ({"do": "share", "place": "telegram-group", "inquiry": "none", "result": "x"}, 409),
        ({"do": "rm -rf"}, 400),
        ({}, 400),
    ],
)
async def test_what_cannot_be_done_is_refused_in_words(served: Served, action: dict[str, object], status: int) -> None:
    """With a reason, and without a traceback."""
    _, page = served
    answered, result = await do(page, **action)
    assert answered == status
    assert result["error"]


@pytest.mark.parametrize(
    ("language", "reason", "cure"),
    [("fr", "seuls les admin", "rechargez-la"), ("en", "only administrators post", "load it again")],
)
async def test_a_page_hears_in_its_own_language_why_not(served: Served, language: str, reason: str, cure: str) -> None:
    """The language of the tab, and where the page does not tell it that of the browser; never the terminal's."""
    _, page = served
    post = {"do": "say", "place": "telegram-channel", "who": "Sacha", "text": "/latest"}
    assert reason in (await do(page, **post, language=language))[1]["error"]
    async with visiting(page, **{"Accept-Language": language}) as session, session.post("do", json={}) as answer:
        assert cure in (await answer.json())["error"]
