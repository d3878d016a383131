"""The neutral tree between the formatter and the platforms: what is said, without anybody's markup.

Inline text is a flat run of `Span`s rather than a tree: every platform can be written from it, and a cut at any
character leaves two valid runs. Blocks and sections do nest, because that is where messages may be cut.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypeAlias


class Style(enum.Flag):
    """How a span of text looks."""

    PLAIN = 0
    BOLD = enum.auto()
    ITALIC = enum.auto()
    STRIKE = enum.auto()
    CODE = enum.auto()


class Layout(enum.StrEnum):
    """How a document becomes messages."""

    DIGEST = "digest"
    """As few messages as fit, cut between sections where possible."""
    SEGMENTS = "segments"
    """Every section begins a message of its own; only the first message rings."""


@dataclass(frozen=True, slots=True)
class Span:
    """A run of text in one style; a line feed inside is a line break. With a `url`, the run is a link."""

    text: str
    style: Style = Style.PLAIN
    url: str | None = None


Spans: TypeAlias = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A title: level 1 for the document's, 2 for a section's."""

    spans: Spans
    level: int = 2


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    spans: Spans


@dataclass(frozen=True, slots=True)
class Note:
    """Small print: sources, dates, hints."""

    spans: Spans


@dataclass(frozen=True, slots=True)
class Listing:
    """A list: bullets, or numbers from `start` when it is given. Items may hold lists."""

    items: tuple[tuple[Block, ...], ...]
    start: int | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """A quotation."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Text to be shown in a fixed-width font, as it stands."""

    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """An image on the web with the words that describe it."""

    url: str
    alt: str


Block: TypeAlias = Heading | Paragraph | Note | Listing | Quote | CodeBlock | Picture


@dataclass(frozen=True, slots=True)
class Section:
    """Blocks that stay together in one message as long as they fit into one.

    `preview` is the address a platform may show a preview of below the message that this section is in.
    """

    blocks: tuple[Block, ...]
    preview: str | None = None


@dataclass(frozen=True, slots=True)
class LinkButton:
    """A button that opens an address."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class CommandButton:
    """A button that does what typing the command with its argument would do.

    With a `page` it turns the pages of an answer, which takes the place of the one the button stands below.
    """

    label: str
    command: str
    argument: str = ""
    page: int | None = None

    @property
    def data(self) -> str:
        """All that the button says when it is pressed: `topic tiktok`, `topic:2 tiktok`."""
        name = self.command if self.page is None else f"{self.command}:{self.page}"
        return f"{name} {self.argument}".rstrip()


@dataclass(frozen=True, slots=True)
class ShareButton:
    """A button that lets people pass something on: a link to the bot that opens it, with its `title`.

    `link` is what the bot is asked for by it. A platform without such links leaves the button out.
    """

    label: str
    link: str
    title: str


Button: TypeAlias = LinkButton | CommandButton | ShareButton


@dataclass(frozen=True, slots=True)
class Document:
    """Everything one push or one answer says, in order.

    `title` names it where a platform wants a name beside the text (a forum post, a notification). The buttons stand
    below the last message.
    """

    title: str
    sections: tuple[Section, ...]
    buttons: tuple[Button, ...] = ()
    layout: Layout = Layout.DIGEST


def plain(blocks: tuple[Block, ...]) -> str:
    """The words of the blocks without style, a blank line between blocks: for searching and measuring."""
    return "\n\n".join(filter(None, map(_plain_block, blocks)))


def _plain_block(block: Block) -> str:
    match block:
        case Heading(spans) | Paragraph(spans) | Note(spans):
            return "".join(span.text for span in spans)
        case Listing(items):
            return "\n".join(plain(item) for item in items)
        case Quote(blocks):
            return plain(blocks)
        case CodeBlock(text):
            return text
        case Picture(_, alt):
            return alt
