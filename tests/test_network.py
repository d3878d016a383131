"""The way to the network: one proxy for both platforms, links and feeds, and none for this machine."""

from __future__ import annotations

import contextlib
import errno
import ssl
from typing import TYPE_CHECKING

import aiohttp
import httpx
import pytest
import trustme
from pydantic import SecretStr

from bot.config import Network
from bot.config.network import ProxyError, certificate_problems, is_loopback, proxy_for
from bot.content.links import Web, WebError
from bot.model.i18n import Language, speaking
from bot.model.problems import InvalidInputError, reason_of
from bot.platforms.base import NotSentError, SendError
from bot.platforms.discord.client import DiscordPlatform
from bot.platforms.discord.section import Discord
from bot.platforms.registry import load
from bot.platforms.telegram.client import TelegramPlatform
from bot.platforms.telegram.section import Telegram
from tests.platforms.telegram import wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ME = b'{"ok":true,"result":{"id":1,"is_bot":true,"first_name":"recap","username":"recap_bot"}}'
TOKEN = SecretStr("123456789:AAEloopbackloopbackloopbackloopback")
PROXY = "http://ada:lovelace@proxy.example.org:3128"
SETTINGS = '[telegram]\ntoken = "123456789:AAEloopbackloopbackloopbackloopback"\n[network]\nproxy = "{proxy}"\n'


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own proxies have no part in these tests."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
async def proxy() -> AsyncIterator[wire.Wire]:
    """A proxy that answers for everybody as Telegram answers `getMe`."""
    async with wire.listening(wire.answering("200 OK", ME)) as made:
        yield made


def by(proxy: wire.Wire) -> Network:
    """The network of a config that names the proxy."""
    return Network(proxy=SecretStr(f"http://ada:lovelace@{wire.HOST}:{proxy.port}"))


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "https://api.telegram.org:8443", None),
        ({"https_proxy": "http://a:1"}, "https://api.telegram.org:8443", "http://a:1"),
        ({"HTTPS_PROXY": "a:1"}, "https://api.telegram.org", "http://a:1"),
        ({"all_proxy": "https://a:1"}, "https://api.telegram.org", "https://a:1"),
        ({"https_proxy": "http://a:1", "all_proxy": "socks5://b:2"}, "https://api.telegram.org", "http://a:1"),
        ({"http_proxy": "http://a:1"}, "https://api.telegram.org", None),
        ({"https_proxy": "http://a:1"}, "wss://gateway.discord.gg", "http://a:1"),
        ({"https_proxy": "http://a:1", "no_proxy": "telegram.org"}, "https://api.telegram.org", None),
        ({"https_proxy": "http://a:1", "no_proxy": "telegram.org:8443"}, "https://api.telegram.org:8443", None),
        ({"https_proxy": "http://a:1", "no_proxy": "telegram.org:8443"}, "https://api.telegram.org", "http://a:1"),
        ({"https_proxy": "http://a:1", "no_proxy": "*"}, "https://api.telegram.org", None),
        ({"https_proxy": "http://a:1", "no_proxy": "example.org"}, "https://api.telegram.org", "http://a:1"),
        *(
            ({"all_proxy": "a:1"}, f"http://{host}:8081", None)
            for host in ("localhost", "127.0.0.1", "127.8.8.8", "[::1]")
        ),
    ],
)
def test_the_environment_names_the_proxy(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], url: str, proxy: str | None
) -> None:
    """One for the scheme goes before one for all; hosts may be exempt, and this machine is."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(url) == proxy


def test_the_config_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With its password, which no text of the config shows; hosts that the environment exempts are exempt."""
    monkeypatch.setenv("https_proxy", "http://a:1")
    monkeypatch.setenv("no_proxy", "discord.com")
    (file := tmp_path / "config.toml").write_text(SETTINGS.format(proxy=PROXY), encoding="utf-8")
    settings = load(file, {})
    assert settings.network.proxy_for("https://api.telegram.org") == PROXY
    assert settings.network.proxy_for("https://discord.com/api/v10") is None
    assert "lovelace" not in f"{settings!r} {settings}"
    assert load(None, {"RECAP_NETWORK__PROXY": PROXY}).network == settings.network
    changed, fixed = load(None, {"RECAP_TELEGRAM__TOKEN": TOKEN.get_secret_value()}).live(settings)
    assert (changed.network, fixed) == (settings.network, ["storage.url", "network.proxy"])


@pytest.mark.parametrize("wrong", ["lovelace", "socks5://lovelace:1080", "http://lovelace:x", "http://lovelace:1/x y"])
def test_a_proxy_that_cannot_be_used_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wrong: str
) -> None:
    """At its line, and without the address, which may hold a password."""
    (file := tmp_path / "config.toml").write_text(SETTINGS.format(proxy=wrong), encoding="utf-8")
    with pytest.raises(InvalidInputError) as refused:
        load(file, {})
    (problem,) = refused.value.problems
    assert str(problem).startswith(
        f"{file}:4: network.proxy: this is no proxy that speaks HTTP. Write its address, as in "
    )
    assert "lovelace" not in str(problem)
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:1080")
    with pytest.raises(ProxyError, match="socks5 proxy: name one that speaks HTTP"):
        proxy_for("https://api.telegram.org")


async def test_a_link_behind_a_proxy_of_another_kind_is_not_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer says why nobody knows, and the other links get theirs."""
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:1080")
    async with Web() as web:
        answer = await web.ask("https://example.org/")
    assert (answer.is_dead, answer.failure) == (False, "the bot cannot use a socks5 proxy: name one that speaks HTTP")


@pytest.mark.parametrize(
    ("text", "reason"), [(None, "No such file or directory"), ("not a certificate", "it holds no certificate")]
)
def test_certificates_that_cannot_be_read_are_told(tmp_path: Path, text: str | None, reason: str) -> None:
    """OpenSSL alone would trust nobody from then on, and say nothing."""
    file = tmp_path / "own.pem"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    (problem,) = certificate_problems({"SSL_CERT_FILE": str(file)})
    assert str(problem) == (
        f"environment: SSL_CERT_FILE: the certificates in {file} cannot be read ({reason}). "
        "Name a file of certificates in PEM, or take the variable away."
    )
    trustme.CA().cert_pem.write_to_path(str(file))
    assert certificate_problems({"SSL_CERT_FILE": str(file)}) == certificate_problems({}) == []


async def test_telegram_and_discord_are_reached_by_the_proxy(proxy: wire.Wire) -> None:
    """With the proxy's password; Discord's gateway takes the same way."""
    telegram = TelegramPlatform(Telegram(token=TOKEN, api_url="http://telegram.invalid"), by(proxy))
    await telegram.connect()
    assert telegram.username == "recap_bot"
    await telegram.close()
    discord = DiscordPlatform(Discord(token=SecretStr("a.b.c"), api_url="http://discord.invalid/api/v10"), by(proxy))
    with contextlib.suppress(SendError):
        await discord.connect()
    await discord.close()
    asked = [each.path for each in proxy.received]
    assert asked[0] == f"http://telegram.invalid/bot{TOKEN.get_secret_value()}/getMe"
    assert asked[1] == "http://discord.invalid/api/v10/users/@me"
    assert {each.headers["proxy-authorization"] for each in proxy.received} == {"Basic YWRhOmxvdmVsYWNl"}
    assert discord.gateway._options["proxy"] == by(proxy).proxy.get_secret_value()


async def test_a_proxy_that_refuses_is_told_without_its_password(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing has left then, so that a message is not in doubt; a link is not dead because of it."""
    async with wire.listening(wire.answering("407 Proxy Authentication Required", b"")) as proxy:
        async with Web(network=by(proxy)) as web:
            for address in ("https://pages.invalid/a", "http://pages.invalid/a"):
                with pytest.raises(WebError) as refused:
                    await web.fetch(address, 10)
                assert str(refused.value) == "the proxy answers 407"
                answer = await web.ask(address)
                assert (answer.is_unsure, answer.is_dead) == (True, False)
        discord = DiscordPlatform(
            Discord(token=SecretStr("a.b.c"), api_url="https://discord.invalid/api/v10"), by(proxy)
        )
        with pytest.raises(NotSentError, match=r"no connection to Discord \(the proxy answers 407\)"):
            await discord.connect()
        await discord.close()
    assert "lovelace" not in caplog.text


async def test_links_and_feeds_are_fetched_by_the_proxy(proxy: wire.Wire) -> None:
    """Hosts that only the proxy knows too; a host inside the house is asked for by nobody."""
    async with Web(network=by(proxy)) as web:
        assert await web.fetch("http://feeds.invalid/rss", 1000) == ME
        assert await web.fetch("http://pages.invalid/a", 10) == ME[:11]
        assert (await web.ask("http://10.1.2.3/a")).failure == "10.1.2.3 is not on the public internet"
        assert "not on the public internet" in (await web.ask(f"http://{wire.HOST}:{proxy.port}/a")).failure
    assert [f"{each.method} {each.path}" for each in proxy.received] == [
        "GET http://feeds.invalid/rss",
        "GET http://pages.invalid/a",
    ]


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://127.0.0.1:9/", "la connexion est refusée"),
        ("http://localhost:9/", "la connexion est refusée"),
        ("http://nowhere.invalid/", "son nom reste introuvable"),
    ],
)
async def test_the_networks_own_words_are_said_in_the_teams_language(address: str, reason: str) -> None:
    """However deep a library hides the system's reason, and whatever it says itself."""
    with speaking(lambda: Language.FRENCH):
        async with aiohttp.ClientSession() as session, httpx.AsyncClient() as client:
            for get in (session.get, client.get):
                with pytest.raises((aiohttp.ClientError, httpx.HTTPError)) as failed:
                    await get(address)
                assert reason_of(failed.value) == reason


def test_a_reason_that_has_no_words_here_is_named_by_its_code() -> None:
    """English words would stand in a French sentence; without the system's reason, the caller's words count."""
    with speaking(lambda: Language.FRENCH):
        assert reason_of(OSError(errno.ENOTTY, "Inappropriate ioctl")) == "le système dit ENOTTY"
        assert reason_of(ssl.SSLError(1, "wrong version"), "sans chiffrement") == "sans chiffrement"
        assert reason_of(ssl.SSLCertVerificationError(1, "x")).startswith("son certificat n’est pas")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_is_loopback(host: str) -> None:
    """Addresses that lead nowhere but here."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "recap.example", "localhost.example", ""])  # noqa: S104 - refused
def test_the_rest_is_not(host: str) -> None:
    """The addresses that stand for every one, and names, which may point anywhere."""
    assert not is_loopback(host)
