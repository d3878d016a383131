"""Documents as Discord messages: Components V2, within every limit, ready for the create-message request.

A message is one container: the text of each section, a line between sections, pictures in galleries where they stand,
buttons at the end of the last. Such messages never show previews of links, so `Section.preview` says nothing here.
"""

from __future__ import annotations

import bisect
import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias, TypeVar

from bot.model.document import (
    Block,
    Button,
    CodeBlock,
    CommandButton,
    Document,
    Heading,
    Layout,
    LinkButton,
    Listing,
    Note,
    Paragraph,
    Picture,
    Quote,
    Section,
    ShareButton,
    Span,
    Spans,
    Style,
    plain,
)
from bot.model.rendering import JsonObject, Message, Rendering
from bot.model.split import Break, cut, text_of
from bot.platforms.discord.markdown import clean, is_blank, link_to, web_address, write

# The numbers below are those of Discord's published OpenAPI description and component reference.
MAX_TEXT = 4_000
"""Characters over all text displays of a message."""
MAX_TEXT_BYTES = 10_000
"""UTF-8 bytes over all text displays of a message, `DISPLAY_BYTES` more for each.

Undocumented: past about 10,170 Discord answers with a 500, as its users have measured (discord-api-docs issue 8554).
"""
DISPLAY_BYTES = 12
MAX_COMPONENTS = 40
"""Components of a message, nested ones counted."""
MAX_GALLERY = 10
MAX_PICTURE_URL = 2_048
MAX_DESCRIPTION = 1_024
"""Characters of a picture's description."""
MAX_LABEL = 80
MAX_BUTTON_URL = 512
MAX_CUSTOM_ID = 64
"""Bytes that a button carries: Discord takes 100 characters, but a button is to mean the same on every platform."""
MAX_ROW = 5
"""Buttons of an action row."""
MAX_ROWS = 5
MAX_POST_NAME = 100
"""Characters of a forum post's name."""

SUPPRESS_NOTIFICATIONS = 1 << 12
"""The message flag of one that does not ring."""
IS_COMPONENTS_V2 = 1 << 15
"""The message flag of one that is made of components alone."""

ACTION_ROW, BUTTON, TEXT_DISPLAY, MEDIA_GALLERY, SEPARATOR, CONTAINER = 1, 2, 10, 12, 14, 17
SECONDARY, LINK = 2, 5

ACCENT_COLOUR = 0x3E7BFA
COMMAND_PREFIX = "recap:"
"""What the custom id of a command's button begins with."""

# Characters less to try each time that a cut does not fit: few enough to waste little, and such cuts are rare.
_STEP = 250

_Button: TypeAlias = LinkButton | CommandButton
_Blocks: TypeAlias = tuple[Block, ...]
_Fits: TypeAlias = Callable[[_Blocks], bool]
_Part: TypeAlias = tuple[JsonObject, ...]
"""Components that stay together in one message."""
_Page: TypeAlias = tuple[_Part, ...]
_T = TypeVar("_T")


def render(document: Document, *, silent: bool = False) -> Rendering:
    """The document as Discord messages, of which only the first rings, or none when `silent`.

    Text that does not fit is cut between sections, else blocks, else sentences, else words. What the limits forbid a
    picture or a button to be is said as text with a link.
    """
    buttons, others = _buttons(document.buttons)
    sections = document.sections
    if others:
        sections = (*sections, Section(tuple(map(_in_words, others))))
    pages = _with_buttons(_pages(sections, document.layout), buttons)
    return Rendering(
        title=_shortened(" ".join(document.title.split()), MAX_POST_NAME),
        messages=tuple(_message(page, rings=index == 0 and not silent) for index, page in enumerate(pages)),
    )


def _message(page: _Page, *, rings: bool) -> Message:
    components = _components(page)
    body = {
        "flags": IS_COMPONENTS_V2 | (0 if rings else SUPPRESS_NOTIFICATIONS),
        "components": [{"type": CONTAINER, "accent_color": ACCENT_COLOUR, "components": components}],
        "allowed_mentions": {"parse": []},
    }
    return Message(body, used=_length(components), limit=MAX_TEXT)


def _components(page: _Page) -> list[JsonObject]:
    """The components of the parts, with a line between two parts but none above the buttons."""
    components: list[JsonObject] = []
    for part in page:
        if components and part[0]["type"] != ACTION_ROW:
            components.append({"type": SEPARATOR, "divider": True, "spacing": 1})
        components += part
    return components


def _length(components: Sequence[JsonObject]) -> int:
    return sum(len(component.get("content", "")) for component in components)


def _bytes(components: Sequence[JsonObject]) -> int:
    texts = [component["content"] for component in components if component["type"] == TEXT_DISPLAY]
    return sum(len(text.encode()) + DISPLAY_BYTES for text in texts)


def component_count(components: Sequence[JsonObject]) -> int:
    """How many components there are, those inside others included, as Discord counts them."""
    return sum(1 + component_count(component.get("components", ())) for component in components)


def _fits(page: _Page, *, room: int = MAX_TEXT) -> bool:
    components = _components(page)
    # What is kept free in characters is kept free in bytes, in proportion.
    fits_in_bytes = _bytes(components) * MAX_TEXT <= MAX_TEXT_BYTES * room
    return _length(components) <= room and fits_in_bytes and 1 + component_count(components) <= MAX_COMPONENTS


def _pages(sections: Sequence[Section], layout: Layout) -> list[_Page]:
    pages: list[_Page] = []
    for section in sections:
        for part in _parts(section):
            if layout is Layout.DIGEST and pages and _fits((*pages[-1], part)):
                pages[-1] += (part,)
            else:
                pages.append((part,))
    return pages


def _with_buttons(pages: Sequence[_Page], buttons: Sequence[JsonObject]) -> Sequence[_Page]:
    """The pages with the buttons on the last, the last part moved to a page with them where that one is full."""
    if not buttons:
        return pages
    below = tuple({"type": ACTION_ROW, "components": list(row)} for row in _batches(buttons, MAX_ROW))
    *before, last = pages or [()]
    together = next(parts for parts in (last, last[-1:], ()) if _fits((*parts, below)))
    stays = last[: len(last) - len(together)]
    return [*before, *filter(None, [stays]), (*together, below)]


def _parts(section: Section) -> Iterator[_Part]:
    """The section as one part, or as few as can be where it is more than a message holds."""
    rest = tuple(map(_allowed, section.blocks))
    while rest:
        blocks, rest = _beginning(rest)
        if part := _displays(blocks):
            yield part


def _beginning(blocks: _Blocks) -> tuple[_Blocks, _Blocks]:
    """As much of the blocks as fits into a message, and the rest."""
    if _fit(blocks, room=MAX_TEXT):
        return blocks, ()
    # The beginning of a link may be longer in markdown than more of it, when its label is on other words. Then a cut
    # found for a full message does not fit, and one is looked for in less room.
    cuts = (
        _cut_blocks(blocks, functools.partial(_fit, room=room), Break.INSIDE) for room in range(MAX_TEXT, 0, -_STEP)
    )
    return next((head, tail) for head, tail in cuts if _fit(head, room=MAX_TEXT))


def _fit(blocks: _Blocks, *, room: int) -> bool:
    """Whether the blocks fit into a message of their own."""
    words = plain(tuple(block for block in blocks if not isinstance(block, Picture)))
    # To write what is too long even without markup, again for every cut, would take minutes.
    return len(words) <= room and _fits((_displays(blocks),), room=room)


def _allowed(block: Block) -> Block:
    """The block, or in place of a picture that no gallery takes the link to it."""
    if not isinstance(block, Picture):
        return block
    address = web_address(block.url)
    if address is None or len(address) > MAX_PICTURE_URL:
        return link_to(block)
    return Picture(address, block.alt)


def _displays(blocks: _Blocks) -> _Part:
    """Text in text displays, pictures between in galleries."""
    components: list[JsonObject] = []
    for in_gallery, group in itertools.groupby(blocks, key=lambda block: isinstance(block, Picture)):
        if in_gallery:
            pictures = [_gallery_item(block) for block in group if isinstance(block, Picture)]
            components += ({"type": MEDIA_GALLERY, "items": list(items)} for items in _batches(pictures, MAX_GALLERY))
        elif text := write(group):
            components.append({"type": TEXT_DISPLAY, "content": text})
    return tuple(components)


def _gallery_item(picture: Picture) -> JsonObject:
    item: JsonObject = {"media": {"url": picture.url}}
    return item if is_blank(picture.alt) else {**item, "description": _shortened(picture.alt, MAX_DESCRIPTION)}


def _buttons(buttons: Sequence[Button]) -> tuple[list[JsonObject], list[_Button]]:
    """The buttons as components, and those that the limits forbid. Discord knows no links to a bot, to share."""
    # Discord refuses a message in which two buttons do the same.
    unique: dict[object, _Button] = {}
    for button in buttons:
        if not isinstance(button, ShareButton):
            unique.setdefault(button if isinstance(button, LinkButton) else _custom_id(button), button)
    shown: list[JsonObject] = []
    others: list[_Button] = []
    for button in unique.values():
        component = _button(button)
        if component is None or len(shown) == MAX_ROWS * MAX_ROW:
            others.append(button)
        else:
            shown.append(component)
    return shown, others


def _button(button: _Button) -> JsonObject | None:
    label = _shortened(button.label, MAX_LABEL)
    if isinstance(button, LinkButton):
        address = web_address(button.url)
        if address is None or len(address) > MAX_BUTTON_URL:
            return None
        return {"type": BUTTON, "style": LINK, "label": label, "url": address}
    custom_id = _custom_id(button)
    if len(custom_id.encode()) > MAX_CUSTOM_ID:
        return None
    return {"type": BUTTON, "style": SECONDARY, "label": label, "custom_id": custom_id}


def _custom_id(button: CommandButton) -> str:
    return f"{COMMAND_PREFIX}{button.data}"


def _in_words(button: _Button) -> Paragraph:
    if isinstance(button, LinkButton):
        return Paragraph((Span(button.label, url=button.url),))
    return Paragraph((Span(f"{button.label} "), Span(f"/{button.command} {button.argument}", Style.CODE)))


def _shortened(text: str, limit: int) -> str:
    """The text, cut between words and ended with an ellipsis where it is longer than the limit."""
    text = clean(text)
    if len(text) <= limit:
        return text
    head, _ = cut((Span(text),), lambda spans: len(text_of(spans)) < limit)
    return text_of(head) + "…"


def _batches(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _cut_blocks(blocks: _Blocks, fits: _Fits, worst: Break) -> tuple[_Blocks, _Blocks]:
    """Cut off a beginning that fits: between blocks, but in one when it is too long for any message.

    A heading stays with what it is the heading of.
    """
    longest = _how_many(blocks, fits)
    if longest == len(blocks):
        return blocks, ()
    between = longest
    while between and isinstance(blocks[between - 1], Heading):
        between -= 1
    if between and fits(blocks[between : longest + 1]):
        return blocks[:between], blocks[between:]
    before, block, after = blocks[:longest], blocks[longest], blocks[longest + 1 :]
    head, tail = _cut_block(block, lambda some: fits((*before, *some)), Break.WORD if before else worst)
    if head:
        return (*before, *head), (*tail, *after)
    return blocks[: between or longest], blocks[between or longest :]


def _cut_block(block: Block, fits: _Fits, worst: Break) -> tuple[_Blocks, _Blocks]:
    """Cut off a beginning of one block; the head is empty when there is no place good enough."""
    match block:
        case Heading() | Paragraph() | Note():
            return _cut_text(block.spans, lambda spans: dataclasses.replace(block, spans=spans), fits, worst)
        case CodeBlock(text):
            return _cut_text((Span(text),), lambda spans: CodeBlock(text_of(spans)), fits, worst)
        case Picture():
            return _cut_block(link_to(block), fits, worst)
        case Quote(blocks):
            head, tail = _cut_blocks(blocks, lambda some: fits((Quote(some),)), worst)
            return (Quote(head),) if head else (), (Quote(tail),)
        case Listing():
            return _cut_listing(block, fits, worst)


def _cut_text(spans: Spans, block_of: Callable[[Spans], Block], fits: _Fits, worst: Break) -> tuple[_Blocks, _Blocks]:
    head, tail = cut(spans, lambda some: fits((block_of(some),)), worst=worst)
    return (block_of(head),) if head else (), (block_of(tail),) if tail else ()


def _cut_listing(listing: Listing, fits: _Fits, worst: Break) -> tuple[_Blocks, _Blocks]:
    """Cut between items, else in the first, whose rest then begins with the same mark again."""
    items, start = listing.items, listing.start
    count = _how_many(items, lambda some: fits((Listing(some, start),)))
    if count:
        after = None if start is None else start + count
        return (Listing(items[:count], start),), (Listing(items[count:], after),)
    head, tail = _cut_blocks(items[0], lambda some: fits((Listing((some,), start),)), worst)
    if not head:
        return (), (listing,)
    return (Listing((head,), start),), (Listing((tail, *items[1:]), start),)


def _how_many(items: tuple[_T, ...], fits: Callable[[tuple[_T, ...]], bool]) -> int:
    """How many items from the first fit together."""
    return bisect.bisect_left(range(1, len(items) + 1), x=True, key=lambda count: not fits(items[:count]))
