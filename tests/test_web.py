"""Asking for addresses that others wrote, from a real server on loopback."""

# Because other spellings of an address are what is tested, ambiguous characters are meant.
# ruff: noqa: RUF001

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web as server
from aiohttp.test_utils import TestServer

from bot.content.links import AT_ONCE, MAX_REDIRECTIONS, IpAddress, LinkAnswer, Web, WebError, ask_all, is_public

Handler = Callable[[server.Request], Awaitable[server.StreamResponse]]


def everywhere(address: IpAddress) -> bool:
    """Tests live on loopback."""
    del address
    return True


class Site:
    """A site whose pages the tests make; it keeps what was asked for."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []
        self.headers: dict[str, str] = {}
        self.pages: dict[str, Handler | int | str] = {}
        """A status, a status with where to go (`301 /there`), or what answers."""

    async def answer(self, request: server.Request) -> server.StreamResponse:
        """Any request."""
        self.asked.append(f"{request.method} {request.path}")
        page = self.pages.get(request.path, 404)
        if callable(page):
            return await page(request)
        if isinstance(page, int):
            return server.Response(status=page, text="x" * 10)
        status, target = page.split()
        return server.Response(status=int(status), headers={"Location": target, **self.headers})

    async def ask(self, path: str, patience: float = 5.0) -> LinkAnswer:
        """Ask for a page."""
        async with Web(everywhere, patience) as web:
            return await web.ask(f"{self.url}{path}")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """An empty site."""
    found = Site()
    app = server.Application()
    app.router.add_route("*", "/{path:.*}", found.answer)
    async with TestServer(app, host="127.0.0.1") as running:
        found.url = f"http://127.0.0.1:{running.port}"
        yield found


async def test_a_page_that_is_there_is_asked_for_without_its_text(site: Site) -> None:
    """One HEAD."""
    site.pages["/a"] = 200
    answer = await site.ask("/a")
    assert (answer, answer.is_dead, site.asked) == (LinkAnswer(200), False, ["HEAD /a"])


async def test_the_text_of_a_refusal_is_not_read(site: Site) -> None:
    """It is for people, and may be endless; that of a page is read."""
    site.pages |= {"/a": 404, "/b": 200}
    async with Web(everywhere) as web:
        assert [(await web.get(f"{site.url}{path}", 99)).body for path in site.pages] == [b"", b"x" * 10]


@pytest.mark.parametrize("refusal", [403, 405, 501])
async def test_a_server_that_wants_no_head_is_asked_again(site: Site, refusal: int) -> None:
    """With GET, whose answer counts."""

    async def page(request: server.Request) -> server.Response:
        return server.Response(status=refusal if request.method == "HEAD" else 200)

    site.pages["/a"] = page
    assert await site.ask("/a") == LinkAnswer(200)
    assert site.asked == ["HEAD /a", "GET /a"]


@pytest.mark.parametrize(("status", "is_dead"), [(404, True), (410, True), (500, True), (403, False), (429, False)])
async def test_dead_is_what_nobody_can_read(site: Site, status: int, *, is_dead: bool) -> None:
    """A site that keeps robots out is not dead."""
    site.pages["/a"] = status
    assert (await site.ask("/a")).is_dead is is_dead


@pytest.mark.parametrize(
    ("status", "guard", "is_refusal"),
    [
        *((status, "nginx", True) for status in (401, 403, 429, 999)),
        *((status, "nginx", False) for status in (200, 404, 500, 503)),
        *((503, guard, True) for guard in ("cloudflare", "AkamaiGHost", "DataDome")),
    ],
)
async def test_a_refusal_of_programs_says_nothing_of_the_page(
    site: Site, status: int, guard: str, *, is_refusal: bool
) -> None:
    """999 is LinkedIn's answer to them; a guard in front of a site refuses them as a server that is busy would."""

    async def page(_request: server.Request) -> server.Response:
        return server.Response(status=status, headers={"Server": guard})

    site.pages["/a"] = page
    answer = await site.ask("/a")
    assert (answer.is_unsure, answer.is_dead) == (is_refusal, status in {404, 500, 503} and not is_refusal)


@pytest.mark.parametrize("status", [301, 308])
async def test_a_permanent_redirection_is_a_move(site: Site, status: int) -> None:
    """Only these two say that the page will stay at its new address (RFC 9110, 15.4)."""
    site.pages |= {"/a": f"{status} /b", "/b": 200}
    assert await site.ask("/a") == LinkAnswer(200, moved=f"{site.url}/b")


@pytest.mark.parametrize("status", [302, 303, 307])
async def test_a_temporary_redirection_is_no_move(site: Site, status: int) -> None:
    """It is followed and not told; of a chain of redirections, only the permanent ones before it are a move."""
    site.pages |= {"/a": f"{status} /b", "/b": 200, "/c": "301 /d", "/d": f"{status} /e", "/e": "308 /b"}
    assert await site.ask("/a") == LinkAnswer(200)
    assert await site.ask("/c") == LinkAnswer(200, moved=f"{site.url}/d")


async def test_redirections_in_circles_end(site: Site) -> None:
    """And are told as such."""
    site.pages["/a"] = "302 /a"
    assert (await site.ask("/a")).failure == "it redirects in circles"
    assert len(site.asked) == MAX_REDIRECTIONS


async def test_a_server_that_does_not_answer_is_dead_in_time(site: Site) -> None:
    """And so is one that nobody listens for."""
    forever = asyncio.Event()

    async def page(request: server.Request) -> server.Response:
        del request
        await forever.wait()
        return server.Response()

    site.pages["/a"] = page
    assert (await site.ask("/a", patience=0.2)).failure == "no answer in time"
    forever.set()
    async with Web(everywhere) as web:
        assert (await web.ask("http://127.0.0.1:9/")).is_dead


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:a00:1::1",
        "0.0.0.0",  # noqa: S104 - nothing is bound
        "224.0.0.1",
    ],
)
def test_addresses_inside_the_house(address: str) -> None:
    """Of this machine, of the network around it, of clouds' own services, however they are written."""
    assert not is_public(ipaddress.ip_address(address))


def test_addresses_of_the_internet() -> None:
    """Of both kinds."""
    assert is_public(ipaddress.ip_address("93.184.215.14"))
    assert is_public(ipaddress.ip_address("2606:2800:21f:cb07:6820:80da:af6b:8b2c"))
    assert is_public(ipaddress.ip_address("64:ff9b::5db8:d70e"))


async def test_nothing_inside_the_house_is_asked_for(site: Site) -> None:
    """By number, by name, or through a redirection from outside."""
    async with Web() as web:
        assert "not on the public internet" in (await web.ask(f"{site.url}/a")).failure
        assert "not on the public internet" in (await web.ask(site.url.replace("127.0.0.1", "[::ffff:7f00:1]"))).failure
        assert (await web.ask("http://localhost/")).is_dead
    site.pages["/a"] = "302 http://10.1.2.3/"
    async with Web(lambda address: str(address) == "127.0.0.1") as web:
        assert (await web.ask(f"{site.url}/a")).failure == "10.1.2.3 is not on the public internet"


@pytest.mark.parametrize(
    "host",
    [
        *("①②⑦.⓪.⓪.①", "１２７.０.０.１", "𝟏𝟐𝟕.𝟎.𝟎.𝟏", "127。0。0。1", "127.0.0.1.", "[::ffff:127.0.0.1]"),
        *("[::ffff:7f00:1]", "example.org@127.0.0.1", "example.org:80@127.0.0.1"),
    ],
)
async def test_this_machine_is_not_asked_however_its_address_is_spelt(site: Site, host: str) -> None:
    """Given as the address, or in a redirection from outside."""
    spelt = site.url.replace("127.0.0.1", host)
    async with Web() as web:
        assert "not on the public internet" in (await web.ask(f"{spelt}/a")).failure
    port = site.url.rpartition(":")[2]
    site.pages["/a"] = f"302 http://{host}:{port}/b"
    visited: list[str] = []

    def once(address: IpAddress) -> bool:
        visited.append(str(address))
        return len(visited) == 1

    async with Web(once) as web:
        site.headers = {"Connection": "close"}
        assert "not on the public internet" in (await web.ask(f"{site.url}/a")).failure
    assert site.asked == ["HEAD /a"]


@pytest.mark.parametrize(
    "host",
    [
        *("127.1", "0177.0.0.1", "0x7f.0.0.1", "0x7f.1", "０x7f.1", "2130706433", "017700000001", "0x7f000001"),
        *("%31%32%37.0.0.1", "127.0.0.1\\@example.org", "a@127.0.0.1@example.org"),
        *("[::1%25lo]", "[::1]é", "localhost。"),
    ],
)
async def test_what_some_read_as_another_machine_is_no_address(site: Site, host: str) -> None:
    """Numbers that only some programs know, names and passwords before the site, escapes in the site."""
    site.pages["/a"] = f"302 http://{host}/"
    async with Web(everywhere) as web:
        assert (await web.ask(f"http://{host}:{site.url.rpartition(':')[2]}/b")).is_dead
        assert "nobody can open" in (await web.ask(f"{site.url}/a")).failure
    assert site.asked == ["HEAD /a"]


async def test_a_redirection_that_no_program_can_read_is_told(site: Site) -> None:
    """An answer like every other, and no traceback."""
    site.pages |= {"/a": "302 //[::1/", "/b": "302 http://[::1]é/"}
    assert (await site.ask("/a")).failure
    assert (await site.ask("/b")).failure


async def test_a_name_leads_to_public_addresses_alone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked up once; of what it stands for then, only what may be visited is connected to."""
    found = [["10.9.9.9", "127.0.0.1"], ["10.9.9.9"]]

    async def resolve(self: object, host: str, port: int = 0, family: int = 0) -> list[dict[str, object]]:
        del self, family
        entry = {"hostname": host, "port": port, "family": 2, "proto": 6, "flags": 0}
        return [{**entry, "host": address} for address in found.pop(0)]

    monkeypatch.setattr("aiohttp.ThreadedResolver.resolve", resolve)
    site.pages["/a"] = 200
    named = site.url.replace("127.0.0.1", "rebinding.example.org")
    for is_alive in (True, False):
        async with Web(lambda address: str(address) == "127.0.0.1") as web:
            answer = await web.ask(f"{named}/a")
        assert answer == (LinkAnswer(200) if is_alive else LinkAnswer(failure="10.9.9.9 is not on the public internet"))
    assert found == []


async def test_a_fetch_takes_no_more_than_it_may(site: Site) -> None:
    """One byte more shows that there is more; and other than a page is an error."""
    site.pages["/a"] = 200
    async with Web(everywhere) as web:
        assert await web.fetch(f"{site.url}/a", 100) == b"x" * 10
        assert await web.fetch(f"{site.url}/a", 4) == b"x" * 5
        with pytest.raises(WebError, match="404"):
            await web.fetch(f"{site.url}/b", 4)
        with pytest.raises(WebError, match="not of the web"):
            await web.fetch("ftp://example.org/a", 4)


async def test_each_site_is_asked_for_one_page_at_a_time(site: Site) -> None:
    """And each address but once, however often it is asked for."""
    now = most = 0

    async def page(request: server.Request) -> server.Response:
        del request
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return server.Response()

    addresses = [f"{site.url}/{number}" for number in range(2 * AT_ONCE)]
    site.pages |= {f"/{number}": page for number in range(2 * AT_ONCE)}
    told: list[None] = []
    async with Web(everywhere) as web:
        answers = await ask_all(web, addresses * 2, lambda: told.append(None))
    assert answers == dict.fromkeys(addresses, LinkAnswer(200))
    assert (most, len(site.asked), len(told)) == (1, len(addresses), len(addresses))
