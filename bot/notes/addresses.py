"""The links of a line: addresses in its words, wrapped and personal ones, and the words that name them."""

import dataclasses
import re
from urllib.parse import urlsplit

from bot.model.address import bare_addresses, clean_address, site
from bot.model.document import Picture
from bot.model.text import fold
from bot.notes.language import words_of
from bot.notes.model import Line, Link

_IMAGE = re.compile(r"(?i)\.(?:jpe?g|png|gif|webp|avif)$")
_BARE = re.compile(r"(?<![\w/.@:-])(?=www\.\w[\w-]*\.\w|(?:[a-z0-9-]+\.)+[a-z]{2,}/\S+$)")
"""The beginning of an address without `https://`."""
_LABEL_WORD = re.compile(words_of("link_word"))
_MARK = re.compile(r"[\W\d_]+")
_CHECK_BOX = re.compile(r"^\[[ xX]?\]\s+")
_BRACKETS = re.compile(r"\(\s*\)|\[\s*\]|<\s*>|«\s*»")
_BETWEEN = re.compile(r"(?:\s(?:et|and|puis|ou|or|&|\+|/|,|;)){1,9}$")
_ASIDE = re.compile(r"\([^()]{0,40}\)\.?")
"""A remark on the address, such as `(in English)`."""
_TITLE_LENGTH, _LONGEST_LABEL = 80, 60
"""Characters of the words beside an address that may be its title, and of those that only say that it is one."""
_ARROWS = " :-–—→>|👉🔗➡️\ufe0f"


def with_addresses(line: Line) -> Line:
    """Return the line with the valid addresses of its text as links, and the images apart."""
    text = _CHECK_BOX.sub("", line.text)
    is_task = text != line.text
    for link in line.links:
        # The words of a source in brackets, or behind the last sentence, are none of the text.
        text = text.removesuffix(f"({link.title})").rstrip() if link.title else text
        before = text.removesuffix(link.title).rstrip()
        text = before if before.endswith((".", "!", "?", "…")) else text
        # Because a link whose words are its own address is a source, its words are no sentence.
        if link.title and _is_address(link.title, link.url):
            text = text.replace(link.title, " ", 1)
    text = _BARE.sub("https://", text)
    bare = [url for _at, url in bare_addresses(text)]
    for url in bare:
        text = text.replace(url, " ", 1)
    text = re.sub(r" {2,}", " ", re.sub(r"(?<!\s)\s*[:–—-]\s{1,3}\.$", ".", _BRACKETS.sub(" ", text).strip()))
    # Between two addresses a word may stand that is left at the end: "https://a.example and https://b.example".
    text = _BETWEEN.sub("", text) if len(bare) > 1 else text
    words = "".join(link.title for link in line.links)
    is_link = bool(line.links or bare) and _MARK.sub("", text) in {"", _MARK.sub("", words)}
    title, beside = "", text
    for link in line.links:
        beside = beside.replace(link.title, " ", 1)
    # Beside the words of the links, only those that say that there are some may stand: "Links: the report / the map".
    is_listed = is_label(text) or (_MARK.sub("", beside) != "" and is_label(beside))
    if (bare or line.links) and (is_listed or _ASIDE.fullmatch(text)):
        text, is_link = "", True
    elif bare and not line.links and len(text) <= _TITLE_LENGTH and not text.endswith((".", "!", "?", "…")):
        title = text.strip(_ARROWS)
        is_link = text.endswith((":", "-", "–", "→", ",")) or (line.item and not line.level)
    links, images = [], [Picture(src, image.alt) for image in line.images if (src := clean_address(image.url))]
    for link in (*line.links, *(Link(title, url) for url in bare)):
        address = clean_address(link.url)
        if address and _IMAGE.search(urlsplit(address).path):
            images.append(Picture(address, link.title))
        elif address:
            links.append(Link("" if _says_nothing(link.title, address) else link.title, address))
    return dataclasses.replace(
        line, text=text, links=tuple(links), images=tuple(images), is_link=is_link, is_task=is_task
    )


def is_label(text: str) -> bool:
    """Tell whether the words beside a link only say that there is one, such as `Source :`."""
    words = _MARK.sub(" ", fold(text)).split()
    return len(text) <= _LONGEST_LABEL and all(map(_LABEL_WORD.fullmatch, words))


def _is_address(words: str, url: str) -> bool:
    bare = re.sub(r"^https?://(?:www\.)?", "", words.strip()).rstrip("/…")
    return re.fullmatch(r"\S*[./]\S*", bare) is not None and bare in url


def _says_nothing(title: str, url: str) -> bool:
    return title[:1] + title[-1:] == "()" or "://" in title or title in {site(url), url} or is_label(title)
