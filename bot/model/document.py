"""The neutral tree between the formatter and the platforms: the words of a document, without markup.

Inline text is a flat run of `Span`s, because a cut at any character leaves two valid runs. Blocks and sections nest,
because messages are cut between them.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias


class Style(enum.Flag):
    """The look of a span of text."""

    PLAIN = 0
    BOLD = enum.auto()
    ITALIC = enum.auto()
    STRIKE = enum.auto()
    CODE = enum.auto()


class Layout(enum.StrEnum):
    """The division of a document into messages."""

    DIGEST = "digest"
    """As few messages as fit, cut between sections where possible."""
    SEGMENTS = "segments"
    """A message of its own for every section. Only the first message rings."""
    BRIEF = "brief"
    """The titles, below each of which its summary folds out, in as few messages as fit."""


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
    """Text that is shown in a fixed-width font, unchanged."""

    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """An image on the web with the words that describe it."""

    url: str
    alt: str


@dataclass(frozen=True, slots=True)
class Fold:
    """Blocks that fold out below their title. Where nothing folds, the `teaser` stands in their place."""

    title: Heading
    blocks: tuple[Block, ...]
    teaser: Spans

    @property
    def unfolded(self) -> tuple[Block, ...]:
        """The blocks where nothing folds."""
        return self.title, Paragraph(self.teaser)


Block: TypeAlias = Heading | Paragraph | Note | Listing | Quote | CodeBlock | Picture | Fold


@dataclass(frozen=True, slots=True)
class Section:
    """Blocks that stay in one message if they fit. A platform may show a preview of the address `preview` below it."""

    blocks: tuple[Block, ...]
    preview: str | None = None


@dataclass(frozen=True, slots=True)
class LinkButton:
    """A button that opens an address."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class CommandButton:
    """A button that runs a command with its argument, as if it were typed.

    With a `page`, the answer is that page and replaces the answer above the button. A button that `opens_row` stands
    below those before it. With a `private_link`, the answer is for the person alone who presses: where all people in a
    place would get it, the button opens a private chat with the bot, which is asked for that link.
    """

    label: str
    command: str
    argument: str = ""
    page: int | None = None
    opens_row: bool = False
    private_link: str = ""

    @property
    def data(self) -> str:
        """The data that the platform returns when the button is pressed: `topic tiktok`, `topic:2 tiktok`."""
        name = self.command if self.page is None else f"{self.command}:{self.page}"
        return f"{name} {self.argument}".rstrip()


@dataclass(frozen=True, slots=True)
class ShareButton:
    """A button that shares a link to the bot under a `title`.

    The bot is asked for `link` when somebody opens it. A platform without such links leaves the button out.
    """

    label: str
    link: str
    title: str


class Joined(enum.StrEnum):
    """A kind of place that somebody can bring the bot into."""

    GROUP = "group"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class JoinButton:
    """A button that brings the bot into a place of the presser's choice, with the rights that it needs there.

    A platform without such links leaves the button out.
    """

    label: str
    to: Joined


Button: TypeAlias = JoinButton | LinkButton | CommandButton | ShareButton


@dataclass(frozen=True, slots=True)
class Audio:
    """A recording that comes before a document, from a file or an address, the `source`.

    The `key` stays the same as long as the recording and what is shown with it do. `otherwise` is the document to send
    where the recording cannot come.
    """

    title: str
    performer: str
    source: str
    key: str
    otherwise: Document


@dataclass(frozen=True, slots=True)
class Attachment:
    """A picture in PNG that comes before a document, and the words that describe it.

    The `source` is an address that holds the whole picture (`data:`), so that no file has to last until it is sent.
    """

    source: str
    key: str
    alt: str


@dataclass(frozen=True, slots=True)
class Document:
    """The content of one push or one answer, in order. The buttons stand below the last message.

    `title` is the name where a platform wants one beside the text (a forum post, a notification). `more` is small print
    that stands below the first message if others follow. `mention` is the role that the first message alerts, and it
    alone, as `Choices.mention` names it. With an `audio`, the document is a reply to it, on platforms that play it.
    """

    title: str
    sections: tuple[Section, ...]
    buttons: tuple[Button, ...] = ()
    layout: Layout = Layout.DIGEST
    more: str = ""
    mention: str = ""
    audio: Audio | None = None
    attachment: Attachment | None = None

    @property
    def continued(self) -> tuple[Block, ...]:
        """The blocks below the first message if others follow."""
        return (Note((Span(self.more),)),) if self.more else ()


def titled(title: str, blocks: Iterable[Block], buttons: Iterable[Button] = ()) -> Document:
    """Return the document of one section, whose title stands above the blocks."""
    return Document(title, (Section((Heading((Span(title),), level=1), *blocks)),), tuple(buttons))


def bullets(lines: Iterable[str]) -> list[Block]:
    """Return the lines as a list; no block without lines."""
    items = tuple((Paragraph((Span(line),)),) for line in lines)
    return [Listing(items)] if items else []


def plain(blocks: tuple[Block, ...]) -> str:
    """Return the words of the blocks without style, with a blank line between blocks."""
    return "\n\n".join(filter(None, map(_plain_block, blocks)))


def _plain_block(block: Block) -> str:
    match block:
        case Heading(spans) | Paragraph(spans) | Note(spans):
            return "".join(span.text for span in spans)
        case Listing(items):
            return "\n".join(plain(item) for item in items)
        case Quote(blocks):
            return plain(blocks)
        case Fold(title, blocks):
            return plain((title, *blocks))
        case CodeBlock(text):
            return text
        case Picture(_, alt):
            return alt
