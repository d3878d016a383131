"""A podcast's host on loopback, with a feed that a test writes, and every answer that a server can give."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import email.utils
import ssl
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from aiohttp import web as server
from aiohttp.test_utils import TestServer

from tests.world import MONDAY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

NOTES = """<p>Netflix laisse partager ses scènes.</p><h3>Netflix laisse partager ses scènes</h3>
<p>Netflix laisse ses 280 millions d’abonnés partager une scène en entier, sur tous les réseaux, dès ce mardi.</p>
<p><a href="https://www.example.org/netflix">L’annonce de Netflix</a></p><h3>TikTok fait appel en Europe</h3>
<p>TikTok fait appel de sa qualification de contrôleur d’accès, que la Commission européenne lui a donnée en 2023.</p>
<p><a href="https://www.example.org/tiktok">La plainte de TikTok</a></p>"""


OVER = server.AppKey("over", asyncio.Event)
"""Set when the host shuts down, so that answers without an end get one."""


def item(number: int | None, published: dt.datetime = MONDAY - dt.timedelta(hours=14), **tags: str) -> str:
    """An item of a feed; a tag that is given takes the place of its own, an empty one leaves it out."""
    known = {
        "title": f"Le récap {number}",
        "guid": f"id-{number}",
        "itunes:episode": "" if number is None else str(number),
        "link": f"https://show.example/{number}",
        "pubDate": email.utils.format_datetime(published),
        "description": NOTES,
        "itunes:episodeType": "full",
    }
    audio, more = tags.pop("audio", f"https://show.example/{number}.mp3"), tags.pop("more", "")
    known |= {name.replace("_", ":"): text for name, text in tags.items()}
    written = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in known.items() if text)
    return f'<item>{written}<enclosure url="{audio}" type="audio/mpeg" length="1"/>{more}</item>'


def feed(*items: str) -> str:
    """A feed of these items."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" '
        'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:psc="http://podlove.org/simple-chapters" '
        f'xmlns:podcast="https://podcastindex.org/namespace/1.0"><channel><title>Le récap</title>{"".join(items)}'
        "</channel></rss>"
    )


@dataclass
class Podcast:
    """A host. Without an `answer` for a path, it gives `text` as a server does that knows ETags."""

    url: str = ""
    path: str = "/feed.xml"
    text: str = field(default_factory=lambda: feed(item(1207)))
    asked: list[str] = field(default_factory=list)
    """The path of each request, and the status of the answer if the host gave its feed."""
    answers: dict[str, Callable[[server.Request], Awaitable[server.StreamResponse]]] = field(default_factory=dict)

    @property
    def feed(self) -> str:
        """The address of the feed."""
        return f"{self.url}{self.path}"

    async def answer(self, request: server.Request) -> server.StreamResponse:
        """Answer any request."""
        if own := self.answers.get(request.path):
            self.asked.append(request.path)
            return await own(request)
        etag = f'"{hash(self.text)}"'
        status = 304 if request.headers.get("If-None-Match") == etag else 200
        self.asked.append(f"{request.path} {status}")
        return server.Response(status=status, text=self.text if status == 200 else None, headers={"ETag": etag})


@contextlib.asynccontextmanager
async def podcast(secure: ssl.SSLContext | None = None) -> AsyncIterator[Podcast]:
    """A host with a feed of one episode, with an encrypted way to it on demand."""
    found = Podcast()
    app = server.Application()
    app.router.add_get("/{path:.*}", found.answer)
    app[OVER] = asyncio.Event()
    running = TestServer(app, host="127.0.0.1", scheme="https" if secure else "http")
    await running.start_server(ssl=secure)
    async with running:
        found.url = str(running.make_url("")).rstrip("/")
        yield found
        app[OVER].set()
