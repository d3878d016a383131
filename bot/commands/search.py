"""Searching the archive by words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bot.commands import episodes
from bot.commands.request import BUTTON_MAX, Answer, notice, pages, turning
from bot.commands.topics import COMPARED, all_topics, shortened, topic
from bot.content.formatter import SEPARATOR
from bot.content.search import is_match, wanted
from bot.model.document import Block, CommandButton, Document, Heading, Note, Paragraph, Section, Span, Style
from bot.model.text import fold_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.commands.request import CommandContext, Request
    from bot.model.document import Spans
    from bot.model.episode import Episode, Segment

PAGE_SIZE = 5
"""Hits on a page; each has a button of its own, and that many stand side by side."""


async def said(context: CommandContext, request: Request) -> Answer:
    """Answer words without a command: with an episode, a topic, else the segments that hold the words."""
    if episodes.is_published(context, request.argument):
        return await episodes.episode(context, request)
    if context.archive().resolve_topic(request.argument) is not None:
        return await topic(context, request)
    return await search(context, request)


async def search(context: CommandContext, request: Request) -> Answer:
    """The segments that hold all the words, the best first, a page at a time."""
    catalogue = request.words
    _ = catalogue.gettext
    searched = wanted(request.argument)
    if not searched:
        return notice(_("Which words? For example: /search netflix europe"), all_topics(request))
    hits = context.archive().search(request.argument, context.today)
    typed = catalogue.quoted(shortened(request.argument if request.page is None else " ".join(searched)))
    if not hits:
        return _nothing(context, request, typed, searched)
    book = pages(hits, PAGE_SIZE)
    page = min(max(request.page or 1, 1), len(book))
    hint = catalogue.ngettext("{count} subject", "{count} subjects", len(hits)).format(count=len(hits))
    # A button carries the very search. One that is too long for it is so precise that the best hits will do.
    state = " ".join(searched)
    if len(state.encode()) > BUTTON_MAX and len(book) > 1:
        hint += SEPARATOR + _("here are the best; with fewer words you can see them all")
        turn: tuple[CommandButton, ...] = ()
    else:
        turn = turning(catalogue, "search", state, page, len(book), labels=(_("◀ Back"), _("More ▶")))
        if len(book) > 1:
            hint += SEPARATOR + _("page {page} of {pages}").format(page=page, pages=len(book))
    first = (page - 1) * PAGE_SIZE + 1
    numbered = list(enumerate(book[page - 1], start=first))
    title = _("Search: {words}").format(words=typed)
    opening = Section((Heading((Span(title),), level=1), Note((Span(hint),))))
    hit_sections = (_hit(request, number, hit, searched) for number, hit in numbered)
    readers = (
        CommandButton(str(number), "segment", f"{episode.number}-{segment.number}")
        for number, (episode, segment) in numbered
    )
    return Answer(
        Document(title, (opening, *hit_sections), (*readers, *turn)),
        replaces=request.page is not None,
    )


def _hit(request: Request, number: int, hit: tuple[Episode, Segment], searched: Sequence[str]) -> Section:
    episode, segment = hit
    catalogue = request.words
    reference = catalogue.gettext("Episode {number}").format(number=episode.number)
    text = segment.text
    blocks: list[Block] = [
        Heading((Span(f"{number}. {segment.title}"),)),
        Note((Span(SEPARATOR.join((reference, catalogue.date(episode.date)))),)),
        Paragraph(snippet(text, searched)),
    ]
    # Where a word stands in a source alone, that one is shown.
    elsewhere = [word for word in searched if not matches(f"{segment.title} {text}", [word])]
    source = next((each for each in segment.sources if matches(each.title, elsewhere)), None)
    if source is not None:
        label = Span(catalogue.ngettext("Source: ", "Sources: ", 1))
        blocks.append(Note((label, Span(source.title, url=source.url))))
    return Section(tuple(blocks))


def _nothing(context: CommandContext, request: Request, typed: str, searched: Sequence[str]) -> Answer:
    _ = request.words.gettext
    nearest = context.archive().nearest_topics(" ".join(searched)[:COMPARED])
    sentence = _("I found nothing with {words}.").format(words=typed)
    if nearest:
        sentence += " " + _("Perhaps one of these topics:")
    elif len(searched) > 1:
        sentence += " " + _("Try with fewer words.")
    return notice(sentence, *(CommandButton(f"#{name}", "topic", name) for name in nearest), all_topics(request))


SNIPPET = 240
"""Characters of a snippet: three or four lines on a phone."""
_BEFORE = 60
"""Characters of context that a snippet shows before the first word it is about."""

_TOKEN = re.compile(r"[^\W_]+")


def snippet(text: str, searched: Sequence[str]) -> Spans:
    """The best piece of the text, cut between words; its beginning where none of the words stands in it."""
    text = " ".join(text.split(" ")).replace("\n", " ").strip()
    places = matches(text, searched)
    start, end = _window(text, [begin for begin, _ in places])
    shown = _marked(text[start:end].rstrip(), [(a - start, b - start) for a, b in places if start <= a and b <= end])
    opening = (Span("… "),) if start else ()
    closing = (Span(" …"),) if end < len(text) else ()
    return (*opening, *shown, *closing)


def matches(text: str, searched: Sequence[str]) -> list[tuple[int, int]]:
    """Where the words searched for stand in the text."""
    return [
        (token.start(), token.end())
        for token in _TOKEN.finditer(text)
        if any(is_match(word, wanted) for word in fold_words(token[0]) for wanted in searched)
    ]


def _marked(text: str, places: Sequence[tuple[int, int]]) -> Spans:
    """The text with those places in bold."""
    spans: list[Span] = []
    done = 0
    for begin, end in places:
        spans += [Span(text[done:begin]), Span(text[begin:end], Style.BOLD)]
        done = end
    return tuple(span for span in (*spans, Span(text[done:])) if span.text)


def _window(text: str, places: Sequence[int]) -> tuple[int, int]:
    """The piece with the most of the places, the earliest of equals, from one space to another."""
    if len(text) <= SNIPPET:
        return 0, len(text)
    starts = [0, *(max(0, place - _BEFORE) for place in places)]
    best = max(starts, key=lambda start: sum(start <= place < start + SNIPPET - _BEFORE for place in places))
    best = min(best, len(text) - SNIPPET)
    start = text.rfind(" ", 0, best) + 1 if best else 0
    end = text.find(" ", best + SNIPPET)
    return start, len(text) if end < 0 else end
