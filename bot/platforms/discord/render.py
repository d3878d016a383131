"""Documents as Discord messages: Components V2, within every limit, as the bodies of the create-message request.

A message is one container: the text of each section, a line between sections, pictures in galleries in their places,
buttons at the end of the last. Because such messages show no previews of links, `Section.preview` is ignored.
"""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias, TypeVar

from bot.model import document as doc
from bot.model.rendering import JsonObject, Message, Rendering
from bot.model.split import Break, cut, most, text_of
from bot.platforms.discord.markdown import clean, is_blank, link_to, plain_address, write
from bot.platforms.discord.section import ROLE

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
"""Bytes of a button's data: Discord takes 100 characters, but a button means the same on every platform."""
MAX_ROW = 5
"""Buttons of an action row."""
MAX_BUTTONS = 25
"""Buttons of a message: each is one of its components, and more would leave no room for text."""
MAX_POST_NAME = 100
"""Characters of a forum post's name."""

SUPPRESS_NOTIFICATIONS = 1 << 12
"""The flag of a message that does not ring."""
IS_COMPONENTS_V2 = 1 << 15
"""The flag of a message that consists of components alone."""

ACTION_ROW, BUTTON, TEXT_DISPLAY, MEDIA_GALLERY, SEPARATOR, CONTAINER = 1, 2, 10, 12, 14, 17
SECONDARY, LINK = 2, 5

ACCENT_COLOUR = 0x3E7BFA
COMMAND_PREFIX = "recap:"
"""The beginning of a command button's custom id."""

_STEP = 250
"""Characters less for the next try where a cut does not fit, which is rare."""

_Button: TypeAlias = doc.LinkButton | doc.CommandButton
_Blocks: TypeAlias = tuple[doc.Block, ...]
_Fits: TypeAlias = Callable[[_Blocks], bool]
_Part: TypeAlias = tuple[JsonObject, ...]
"""Components that stay together in one message."""
_Page: TypeAlias = tuple[_Part, ...]
_T = TypeVar("_T")


def render(document: doc.Document, *, silent: bool = False) -> Rendering:
    """Return the document as Discord messages, of which only the first rings, or none if `silent`.

    Text that does not fit is cut between sections, else blocks, else sentences, else words. Pictures and buttons beyond
    the limits become text with a link.
    """
    buttons, others = _buttons(document.buttons)
    sections = document.sections
    if others:
        sections = (*sections, doc.Section(tuple(map(_in_words, others))))
    role = document.mention.removeprefix(ROLE)
    mention: _Part = ({"type": TEXT_DISPLAY, "content": f"<@&{role}>"},) if role else ()
    pages = _with_buttons(_pages(sections, document.layout, mention), buttons)
    if len(pages) > 1 and (more := _displays(document.continued)):
        begun, *following = _with_buttons(_pages(sections, document.layout, mention, below=(more,)), buttons)
        pages = [(*begun, more), *following]
    return Rendering(
        title=_shortened(" ".join(document.title.split()), MAX_POST_NAME),
        messages=tuple(
            _message(page, rings=index == 0 and not silent, role="" if index else role)
            for index, page in enumerate(pages)
        ),
    )


def _message(page: _Page, *, rings: bool, role: str) -> Message:
    components = _components(page)
    body = {
        "flags": IS_COMPONENTS_V2 | (0 if rings else SUPPRESS_NOTIFICATIONS),
        "components": [{"type": CONTAINER, "accent_color": ACCENT_COLOUR, "components": components}],
        # Because `parse` stays empty, nothing in the content alerts anybody but this role.
        "allowed_mentions": {"parse": [], "roles": [role]} if role else {"parse": []},
    }
    return Message(body, used=sum(map(len, _texts(components))), limit=MAX_TEXT)


def _components(page: _Page) -> list[JsonObject]:
    """Return the components of the parts, with a line between two parts but none above the buttons."""
    components: list[JsonObject] = []
    for part in page:
        if components and part[0]["type"] != ACTION_ROW:
            components.append({"type": SEPARATOR, "divider": True, "spacing": 1})
        components += part
    return components


def _texts(components: Sequence[JsonObject]) -> list[str]:
    return [component["content"] for component in components if component["type"] == TEXT_DISPLAY]


def component_count(components: Sequence[JsonObject]) -> int:
    """Return the number of components, those inside others included, as Discord counts them."""
    return sum(1 + component_count(component.get("components", ())) for component in components)


def _fits(page: _Page, *, room: int = MAX_TEXT) -> bool:
    components = _components(page)
    texts = _texts(components)
    # Less room in characters is less room in bytes, in proportion.
    size = sum(len(text.encode()) + DISPLAY_BYTES for text in texts) * MAX_TEXT / MAX_TEXT_BYTES
    return max(size, sum(map(len, texts))) <= room and 1 + component_count(components) <= MAX_COMPONENTS


def _pages(sections: Sequence[doc.Section], layout: doc.Layout, above: _Part, below: _Page = ()) -> list[_Page]:
    """Return the pages of the sections, the first with what stands `above` and with room for what stands `below`."""
    pages: list[_Page] = []
    for section in sections:
        for written in _parts(section, () if pages else (*filter(None, [above]), *below)):
            part = written if pages else (*above, *written)
            room_for = below if len(pages) == 1 else ()
            if layout is not doc.Layout.SEGMENTS and pages and _fits((*pages[-1], part, *room_for)):
                pages[-1] += (part,)
            else:
                pages.append((part,))
    return pages


def _with_buttons(pages: Sequence[_Page], below: _Part) -> Sequence[_Page]:
    """Return the pages with the buttons on the last. Where that one is full, its last part moves to one with them."""
    if not below:
        return pages
    *before, last = pages or [()]
    together = next(parts for parts in (last, last[-1:], ()) if _fits((*parts, below)))
    stays = last[: len(last) - len(together)]
    return [*before, *filter(None, [stays]), (*together, below)]


def _parts(section: doc.Section, below: _Page) -> Iterator[_Part]:
    """Return the section as one part, or as few as possible where no message holds the whole.

    The first one leaves room for what stands `below`.
    """
    rest = tuple(map(_allowed, section.blocks))
    while rest:
        blocks, rest = _beginning(rest, below)
        if part := _displays(blocks):
            yield part
            below = ()


def _beginning(blocks: _Blocks, below: _Page) -> tuple[_Blocks, _Blocks]:
    """Return as much of the blocks as fits into a message with what stands `below`, and the rest."""
    # Because a part of a link can be longer in markdown than the whole, with the label on other words, a cut found for
    # a full message may not fit. Then the next cut is made for less room.
    cuts = (
        _cut_blocks(blocks, functools.partial(_fit, below=below, room=room), Break.INSIDE)
        for room in range(MAX_TEXT, 0, -_STEP)
    )
    return next((head, tail) for head, tail in cuts if _fit(head, below, room=MAX_TEXT))


def _fit(blocks: _Blocks, below: _Page, *, room: int) -> bool:
    """Return True if the blocks fit into a message of their own with what stands `below`."""
    words = doc.plain(tuple(block for block in blocks if not isinstance(block, doc.Picture)))
    # Because writing takes long, text that is too long without markup is not written; else a cut would take minutes.
    return len(words) <= room and _fits((_displays(blocks), *below), room=room)


def _allowed(block: doc.Block) -> doc.Block:
    """Return the block, or the link to a picture that no gallery takes."""
    if not isinstance(block, doc.Picture):
        return block
    address = plain_address(block.url)
    if address is None or len(address) > MAX_PICTURE_URL:
        return link_to(block)
    return doc.Picture(address, block.alt)


def _displays(blocks: _Blocks) -> _Part:
    """Return the text in text displays, and pictures between in galleries."""
    components: list[JsonObject] = []
    for in_gallery, group in itertools.groupby(blocks, key=lambda block: isinstance(block, doc.Picture)):
        if in_gallery:
            pictures = [_gallery_item(block) for block in group if isinstance(block, doc.Picture)]
            components += ({"type": MEDIA_GALLERY, "items": list(items)} for items in _batches(pictures, MAX_GALLERY))
        elif text := write(group):
            components.append({"type": TEXT_DISPLAY, "content": text})
    return tuple(components)


def _gallery_item(picture: doc.Picture) -> JsonObject:
    item: JsonObject = {"media": {"url": picture.url}}
    return item if is_blank(picture.alt) else {**item, "description": _shortened(picture.alt, MAX_DESCRIPTION)}


def _buttons(buttons: Sequence[doc.Button]) -> tuple[_Part, list[_Button]]:
    """Return the buttons in rows, and those beyond the limits. Discord has no links to share a bot by."""
    # Because Discord refuses a message in which two buttons do the same.
    unique: dict[object, _Button] = {}
    for button in buttons:
        if not isinstance(button, doc.ShareButton | doc.JoinButton):
            unique.setdefault(button if isinstance(button, doc.LinkButton) else _custom_id(button), button)
    possible = {button: component for button in unique.values() if (component := _button(button))}
    shown = dict(itertools.islice(possible.items(), MAX_BUTTONS))
    rows: list[list[JsonObject]] = []
    for button, component in shown.items():
        if not rows or len(rows[-1]) == MAX_ROW or (isinstance(button, doc.CommandButton) and button.opens_row):
            rows.append([])
        rows[-1].append(component)
    below = tuple({"type": ACTION_ROW, "components": row} for row in rows)
    return below, [button for button in unique.values() if button not in shown]


def _button(button: _Button) -> JsonObject | None:
    label = _shortened(button.label, MAX_LABEL)
    if isinstance(button, doc.LinkButton):
        address = plain_address(button.url)
        if address is None or len(address) > MAX_BUTTON_URL:
            return None
        return {"type": BUTTON, "style": LINK, "label": label, "url": address}
    custom_id = _custom_id(button)
    if len(custom_id.encode()) > MAX_CUSTOM_ID:
        return None
    return {"type": BUTTON, "style": SECONDARY, "label": label, "custom_id": custom_id}


def _custom_id(button: doc.CommandButton) -> str:
    return f"{COMMAND_PREFIX}{button.data}"


def _in_words(button: _Button) -> doc.Paragraph:
    if isinstance(button, doc.LinkButton):
        return doc.Paragraph((doc.Span(button.label, url=button.url),))
    return doc.Paragraph(
        (doc.Span(f"{button.label} "), doc.Span(f"/{button.command} {button.argument}", doc.Style.CODE))
    )


def _shortened(text: str, limit: int) -> str:
    """Return the text, cut between words and ended with an ellipsis where it is longer than the limit."""
    text = clean(text)
    if len(text) <= limit:
        return text
    head, _ = cut((doc.Span(text),), lambda spans: len(text_of(spans)) < limit)
    return text_of(head) + "…"


def _batches(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _cut_blocks(blocks: _Blocks, fits: _Fits, worst: Break) -> tuple[_Blocks, _Blocks]:
    """Cut off a beginning that fits: between blocks, but inside of one that is too long for any message.

    A heading stays with the block below.
    """
    longest = most(len(blocks), lambda count: fits(blocks[:count]))
    if longest == len(blocks):
        return blocks, ()
    between = longest
    while between and isinstance(blocks[between - 1], doc.Heading):
        between -= 1
    if between and fits(blocks[between : longest + 1]):
        return blocks[:between], blocks[between:]
    before, block, after = blocks[:longest], blocks[longest], blocks[longest + 1 :]
    head, tail = _cut_block(block, lambda some: fits((*before, *some)), Break.WORD if before else worst)
    if head:
        return (*before, *head), (*tail, *after)
    return blocks[: between or longest], blocks[between or longest :]


def _cut_block(block: doc.Block, fits: _Fits, worst: Break) -> tuple[_Blocks, _Blocks]:
    """Cut off a beginning of one block. The head is empty without a place good enough."""
    match block:
        case doc.Heading() | doc.Paragraph() | doc.Note():
            return _cut_text(block.spans, lambda spans: dataclasses.replace(block, spans=spans), fits, worst)
        case doc.CodeBlock(text):
            return _cut_text((doc.Span(text),), lambda spans: doc.CodeBlock(text_of(spans)), fits, worst)
        case doc.Picture():
            return _cut_block(link_to(block), fits, worst)
        case doc.Quote(blocks):
            head, tail = _cut_blocks(blocks, lambda some: fits((doc.Quote(some),)), worst)
            return (doc.Quote(head),) if head else (), (doc.Quote(tail),)
        case doc.Fold():
            return _cut_blocks(block.unfolded, fits, worst)
        case doc.Listing():
            return _cut_listing(block, fits, worst)


def _cut_text(
    spans: doc.Spans, block_of: Callable[[doc.Spans], doc.Block], fits: _Fits, worst: Break
) -> tuple[_Blocks, _Blocks]:
    head, tail = cut(spans, lambda some: fits((block_of(some),)), worst=worst)
    return (block_of(head),) if head else (), (block_of(tail),) if tail else ()


def _cut_listing(listing: doc.Listing, fits: _Fits, worst: Break) -> tuple[_Blocks, _Blocks]:
    """Cut between items, else in the first, whose rest begins with the same mark again."""
    items, start = listing.items, listing.start
    count = most(len(items), lambda count: fits((doc.Listing(items[:count], start),)))
    if count:
        after = None if start is None else start + count
        return (doc.Listing(items[:count], start),), (doc.Listing(items[count:], after),)
    head, tail = _cut_blocks(items[0], lambda some: fits((doc.Listing((some,), start),)), worst)
    if not head:
        return (), (listing,)
    return (doc.Listing((head,), start),), (doc.Listing((tail, *items[1:]), start),)
