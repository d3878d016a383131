"""Searching the archive by words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.commands import episodes
from bot.commands.paging import pages, turning
from bot.commands.request import BUTTON_MAX, Answer, notice
from bot.commands.snippets import matches, snippet
from bot.commands.topics import COMPARED, all_topics, shortened, topic
from bot.content.formatter import SEPARATOR
from bot.content.search import wanted
from bot.model.document import Block, CommandButton, Document, Heading, Note, Paragraph, Section, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.commands.request import CommandContext, Request
    from bot.model.episode import Episode, Segment

PAGE_SIZE = 5
"""Hits on a page; each has a button of its own, and that many stand side by side."""


async def said(context: CommandContext, request: Request) -> Answer:
    """What somebody may want who typed words without a command: an episode, a topic, else what holds them."""
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
