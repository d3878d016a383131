"""From files of notes to `Notes`: their format, and the links of their lines."""

import dataclasses
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePath
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from markdown_it import MarkdownIt

from bot.model.address import bare_addresses, site, web_address
from bot.model.document import Picture
from bot.model.problems import BadValueError, InvalidInputError, Problem
from bot.notes.html import looks_like_html, read_html
from bot.notes.model import Line, Link, Notes
from bot.notes.plain import plain_lines

MAX_LENGTH = 100_000
"""Characters: ten times the notes of an hour. A longer text is a transcript or a book."""

_BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_MARKDOWN = re.compile(r"^#{1,6} \S|^\*\*[^*\n]+\*\*\s*$|\]\(https?://", re.MULTILINE)
_BEGINNING = 4_000
"""Bytes at the beginning of a file that tell its format."""
_GIVE_NOTES = "Give the notes as text, Markdown or HTML"
_SAVE_AS_TEXT = "Copy its text into a text file, or save it as HTML, and give that file"
_OTHER_FILES = (
    (r"%PDF-", "this is a PDF, not text", _SAVE_AS_TEXT),
    (r"\{\\rtf", "this is an RTF document, not text", _SAVE_AS_TEXT),
    (r"PK\x03\x04", "this is a document of an office program or an archive, not text", _SAVE_AS_TEXT),
    (
        r"\ufeff?\s*+(?:<\?xml[^>]*>)?\s*<(?:rss|feed|rdf:RDF)\b",
        "this is a feed",
        "Give it with --rss, and --episode for another one than the newest",
    ),
    (
        r"\ufeff?\s*---\n(?=(?:\w+:.*\n)*number:)(?=(?:\w+:.*\n)*title:)",
        "this is an episode file already",
        "Put it into the content folder; 'recap check' looks at it",
    ),
    (r"\ufeff?\s*(?:\{\s*\"|\[\s*[\[{])", "these are data for programs, not notes", _GIVE_NOTES),
    (
        r"\ufeff?(?:(?:(?:[^;\n<{]+;(?=\S)){2,}[^;\n<{]*|(?:[^\t\n<]+\t(?=\S)){2,}[^\t\n<]*)(?:\n|\Z)){2}",
        "these are the rows of a table, not notes",
        _GIVE_NOTES,
    ),
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2060\ufeff\ud800-\udfff\ufffe\uffff]")
_IMAGE = re.compile(r"\.(?:jpe?g|png|gif|webp|avif)$", re.IGNORECASE)
_WWW = re.compile(r"(?<![\w/.])www\.(?=\w[\w-]*\.\w)")
_LABEL = re.compile(r"^\W*+(?:(?:source|lien|link|via|lire|voir|read|see|plus d.info|more)s?\b\W*+)++$", re.IGNORECASE)
_CHECK_BOX = re.compile(r"^\[[ xX]?\]\s+")
_BRACKETS = re.compile(r"\(\s*\)|\[\s*\]|<\s*>")
_TITLE_LENGTH = 80
"""Characters of the words beside an address that may be its title."""
_TRACKING = re.compile(r"utm_.*|fbclid|gclid|dclid|msclkid|mc_[ce]id|igshid|igsh|mkt_tok|_hsenc|_hsmi", re.IGNORECASE)


def read_notes(data: bytes, path: Path) -> Notes:
    """Read notes in text, Markdown or HTML; errors name `path`, whose suffix tells the format.

    Raises:
        InvalidInputError: The data is no text, or no text that could be notes.
    """
    beginning = data[:_BEGINNING].decode(errors="replace").replace("\r\n", "\n")
    for pattern, what, cure in _OTHER_FILES:
        if re.match(pattern, beginning):
            raise InvalidInputError([Problem(path, what, cure)])
    # A character has at most four bytes, so a longer file is refused before it is decoded.
    if len(data) > 4 * MAX_LENGTH:
        raise _too_long(path)
    return notes_in(_decoded(data, path), path)


def notes_in(text: str, path: Path) -> Notes:
    """Return a text as notes.

    Raises:
        InvalidInputError: The text is too long, or has no words.
    """
    if len(text) > MAX_LENGTH:
        raise _too_long(path)
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _CONTROL.sub("", text.replace("\u2028", "\n").replace("\u2029", "\n"))
    suffix = PurePath(path).suffix.lower()
    if suffix in {".html", ".htm"} or looks_like_html(text):
        lines: Iterable[Line] = read_html(text)
    elif suffix in {".md", ".markdown"} or _MARKDOWN.search(text):
        # Because a person means a line of its own as one, a single break ends a line here.
        lines = read_html(MarkdownIt("commonmark", {"breaks": True}).render(text))
    else:
        lines = plain_lines(text)
    found = tuple(line for line in map(_with_addresses, lines) if line.text or line.links or line.images)
    if not any(character.isalpha() for line in found for character in line.text):
        raise InvalidInputError([Problem(path, "there are no words in these notes", "Give a file with show notes")])
    return Notes(found)


def _too_long(path: Path) -> InvalidInputError:
    cure = "Give the notes of one episode"
    return InvalidInputError([Problem(path, f"the notes are longer than {MAX_LENGTH:,} characters", cure)])


def _decoded(data: bytes, path: Path) -> str:
    """Decode a file in UTF-8 or, with a byte order mark, in UTF-16."""
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS.items() if data.startswith(mark)), "utf-8")
    if encoding != "utf-16" and b"\0" in data:
        cure = "Save the notes as text, Markdown or HTML, and give that file"
        raise InvalidInputError([Problem(path, "this is not a text file", cure)])
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        cure = "Open it in an editor and save it again as UTF-8"
        raise InvalidInputError([Problem(path, "this is not UTF-8 text", cure, line)]) from error


def _with_addresses(line: Line) -> Line:
    """Return the line with the valid addresses of its text as links, and the images apart."""
    text = _WWW.sub("https://www.", _CHECK_BOX.sub("", line.text))
    is_link = [link.title for link in line.links] == [line.text]
    bare = [] if is_link else [url for _at, url in bare_addresses(text)]
    for url in bare:
        text = text.replace(url, " ", 1)
    text = re.sub(r" {2,}", " ", _BRACKETS.sub(" ", text).strip())
    title = ""
    if bare and (not text or _LABEL.match(text)):
        text = ""
    elif len(bare) == 1 and len(text) <= _TITLE_LENGTH and not text.endswith((".", "!", "?", "…")):
        title, text = text.strip(" :-–—→>"), "" if line.item or text.endswith((":", "-", "–", "→")) else text
    images = list(line.images)
    links = []
    for link in (*line.links, *(Link(title, url) for url in bare)):
        address = _address(link.url)
        if address and _IMAGE.search(urlsplit(address).path):
            images.append(Picture(address, link.title))
        elif address:
            links.append(Link("" if _says_nothing(link.title, address) else link.title, address))
    pictures = [Picture(src, picture.alt) for picture in images if (src := _address(picture.url))]
    return dataclasses.replace(line, text=text, links=tuple(links), images=tuple(pictures))


def _says_nothing(title: str, url: str) -> bool:
    return (
        not any(map(str.isalpha, title))
        or (title.startswith("(") and title.endswith(")"))
        or "://" in title
        or title in {site(url), url}
        or _LABEL.match(title) is not None
        or title.lower() in {"ici", "here"}
    )


def _address(text: str) -> str | None:
    """Return the address without its tracking parameters; None for an invalid address."""
    try:
        address = web_address(text)
    except BadValueError:
        return None
    parts = urlsplit(address)
    query = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(key, value) for key, value in query if not _TRACKING.fullmatch(key)]
    return address if len(kept) == len(query) else urlunsplit(parts._replace(query=urlencode(kept)))
