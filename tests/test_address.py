"""Addresses: each reader finds the same site in what is let through, and nothing ends in a traceback."""

# Because other spellings of an address are what is tested, ambiguous characters are meant.
# ruff: noqa: RUF001

from __future__ import annotations

import string
import time
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from bot.model.address import bare_addresses, site, web_address
from bot.model.problems import BadValueError


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        ("https://Example.org/Page?x=[1]#a", "https://Example.org/Page?x=[1]#a"),
        ("https://www.exämple.org:8080/é ü".replace(" ", ""), "https://www.xn--exmple-cua.org:8080/%C3%A9%C3%BC"),
        ("https://faß.de/100%/%C3%A9", "https://xn--fa-hia.de/100%/%C3%A9"),
        ("https://①②⑦.⓪.⓪.①/", "https://127.0.0.1/"),
        ("https://ｅｘａｍｐｌｅ。org/", "https://example.org/"),
        ("https://example.org./a", "https://example.org/a"),
        ("https://[2001:DB8::1]:80/é", "https://[2001:DB8::1]:80/%C3%A9"),
        ("https://example.org?a=1", "https://example.org?a=1"),
        ("https://user:pass@example.org/", "https://user:pass@example.org/"),
    ],
)
def test_an_address_in_the_spelling_that_all_read_alike(written: str, taken: str) -> None:
    """In ASCII, as a browser reads it."""
    assert web_address(written) == taken


@pytest.mark.parametrize(
    "written",
    [
        *("https://example.org:/x", "https://a.b:0/x", "https://a.b:65536/", "https://a.b:٣/", "https://a.b:x/"),
        *("https://[::1]x/", "https://[::1]é/", "https://[::1", "https://[v1.a]/", "https://[fe80::1%25lo]/"),
        *(
            "https://example.org%/x",
            "https://u%zz@a.b/",
            "https://exa%6dple.org/",
            "https://a..b/",
            "https://.a.b/",
            "https://a.b../",
        ),
        *("https://a@b@example.org/", "https://a.b\\@c.d/", "https://a.b\\c/", "https://a[@b.c/", "https://@/"),
        *("https://127.1/", "https://0x7f.1/", "https://0177.0.0.1/", "https://1.2.3.4.5/", "https://a.b.256/"),
        *("https://a／b.c/", "https://a\u200bb\ud800.c/", f"https://{'a' * 64}.org/", f"https://{'a.' * 130}org/"),
    ],
)
def test_a_site_that_readers_would_find_elsewhere_or_nowhere(written: str) -> None:
    """Is refused."""
    with pytest.raises(BadValueError, match="is malformed"):
        web_address(written)


_SIGNS = "①７.。:/?#[]@\\%&=+é\u00ad\u200b𝟏xé❤ß-_0917\ud800\u2028 \t" + string.ascii_letters


@given(st.text() | st.from_regex(r"https?://[^/]{0,20}(?:/.*)?") | st.builds("https://{}".format, st.text(_SIGNS)))
@example("https://xn--.org/")
@example("https://[::1]é/")
def test_each_reader_finds_the_same_in_an_address(text: str) -> None:
    """An address, or the reason why it is none; an address stays as it is when it is read again."""
    try:
        address = web_address(text)
    except BadValueError:
        return
    assert address.isascii()
    assert web_address(address) == address
    ours, theirs = urlsplit(address), URL(address, encoded=True)
    assert (ours.username or None, ours.hostname, ours.port or theirs.port) == (
        theirs.raw_user,
        (theirs.raw_host or "").lower(),
        theirs.port,
    )
    assert site(address)


def test_what_ends_like_a_sentence_is_cut_off_in_time() -> None:
    """However long it is."""
    begin = time.process_time()
    for ending in (")", "(", "()", ".", "!)"):
        text = f"Voir https://a.fr/{ending * 100_000} et"
        assert [at for at, _address in bare_addresses(text)] == [5]
    assert time.process_time() - begin < 3.0
