"""Searching the archive by words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.commands.request import BUTTON_MAX, Answer, Page, notice
from bot.commands.topics import COMPARED, all_topics, as_quoted
from bot.content.formatter import SEPARATOR
from bot.content.search import is_match, wanted
from bot.model.document import Block, CommandButton, Document, Heading, Note, Paragraph, Section, Span, Spans, Style
from bot.model.i18n import Words
from bot.model.text import NARROW_NO_BREAK_SPACE, NO_BREAK_SPACE, fold_words

if TYPE_CHECKING:
    from bot.commands.request import CommandContext, Request
    from bot.model.episode import Episode, Segment

PAGE_SIZE = 5
"""Hits on a page; each has a button of its own, and that many stand side by side."""


async def search(context: CommandContext, request: Request) -> Answer:
    """Show the segments that hold all the words, the best first, a page at a time."""
    catalogue = request.words
    _ = catalogue.gettext
    searched = wanted(request.argument)
    if not searched:
        return notice(_with_example(context, request), all_topics(request))
    hits = context.archive().search(request.argument, context.today)
    state = " ".join(searched)
    typed = catalogue.quoted(as_quoted(request.argument if request.page is None else state))
    if not hits:
        return _nothing(context, request, typed, searched)
    page = Page.of(request, hits, PAGE_SIZE)
    hint = catalogue.ngettext("{count} subject", "{count} subjects", len(hits)).format(count=len(hits))
    # Because a button carries the very search, one that is too long for it has a single page: its best hits will do.
    if len(state.encode()) > BUTTON_MAX and page.count > 1:
        hint += SEPARATOR + _("here are the best; with fewer words you can see them all")
        turn: tuple[CommandButton, ...] = ()
    else:
        hint += page.place(catalogue)
        turn = page.turning("search", state, _("◀ Back"), _("More ▶"))
    title = _("Search: {words}").format(words=typed)
    sections = [Section((Heading((Span(title),), level=1), Note((Span(hint),))))]
    readers = []
    for number, (episode, segment) in enumerate(page.items, start=(page.number - 1) * PAGE_SIZE + 1):
        sections.append(_hit(catalogue, number, episode, segment, searched))
        readers.append(CommandButton(str(number), "segment", f"{episode.number}-{segment.number}"))
    return Answer(Document(title, tuple(sections), (*readers, *turn)), replaces=request.page is not None)


def _with_example(context: CommandContext, request: Request) -> str:
    """Ask for words, with two topics of the newest subject as an example, because the search finds that subject."""
    ask, archive = request.words.gettext("Which words?"), context.archive()
    segments = (segment for episode in archive.published(context.today) for segment in episode.segments)
    topics = next((segment.topics[:2] for segment in segments if segment.topics), None)
    if topics is None:
        return ask
    written = (archive.hashtag(topic)[1:] for topic in topics)
    # Because a search reads words, a topic that is written with a sign between them is given in one word.
    words = " ".join(text if len(fold_words(text)) == 1 else topic for topic, text in zip(topics, written, strict=True))
    return f"{ask} {request.words.gettext('For example: {command}').format(command=f'/search {words}')}"


def _hit(catalogue: Words, number: int, episode: Episode, segment: Segment, searched: Sequence[str]) -> Section:
    reference = catalogue.gettext("Episode {number}").format(number=episode.number)
    blocks: list[Block] = [
        Heading((Span(f"{number}. {segment.title}"),)),
        Note((Span(SEPARATOR.join((reference, catalogue.date(episode.date)))),)),
        Paragraph(snippet(segment.text, searched)),
    ]
    # Because a word may stand in a source alone, that source is shown; else nobody would see the reason for the hit.
    elsewhere = [word for word in searched if not _matches(f"{segment.title} {segment.text}", [word])]
    source = next((each for each in segment.sources if _matches(each.title, elsewhere)), None)
    if source is not None:
        label = Span(catalogue.ngettext("Source: ", "Sources: ", 1))
        blocks.append(Note((label, Span(source.title, url=source.url))))
    return Section(tuple(blocks))


def _nothing(context: CommandContext, request: Request, typed: str, searched: Sequence[str]) -> Answer:
    _ = request.words.gettext
    archive = context.archive()
    nearest = archive.nearest_topics(" ".join(searched)[:COMPARED])
    sentence = _("I found nothing with {words}.").format(words=typed)
    if nearest:
        sentence += " " + _("Perhaps one of these topics:")
    elif len(searched) > 1:
        sentence += " " + _("Try with fewer words.")
    return notice(
        sentence, *(CommandButton(archive.hashtag(name), "topic", name) for name in nearest), all_topics(request)
    )


SNIPPET = 240
"""Characters of a snippet: three or four lines on a phone."""
_BEFORE = 60
"""Characters of context that a snippet shows before the first word it is about."""

_TOKEN = re.compile(r"[^\W_]+")
_GAP = re.compile(r"\s+")
_NO_BREAK = (NO_BREAK_SPACE, NARROW_NO_BREAK_SPACE)


def snippet(text: str, searched: Sequence[str]) -> Spans:
    """Return the best piece of the text, cut between words, with the words searched for in bold.

    A text with none of the words is cut after its beginning.
    """
    text = _GAP.sub(lambda gap: next((sign for sign in gap[0] if sign in _NO_BREAK), " "), text).strip()
    places = _matches(text, searched)
    start, end = _window(text, [begin for begin, _end in places])
    spans = [Span("… ")] if start else []
    done = start
    for begin, after in places:
        if start <= begin and after <= end:
            spans += [Span(text[done:begin]), Span(text[begin:after], Style.BOLD)]
            done = after
    spans += [Span(text[done:end].rstrip()), Span(" …" if end < len(text) else "")]
    return tuple(span for span in spans if span.text)


def _matches(text: str, searched: Sequence[str]) -> list[tuple[int, int]]:
    """Return the places in the text where the words searched for begin and end."""
    return [
        (token.start(), token.end())
        for token in _TOKEN.finditer(text)
        if any(is_match(word, wanted) for word in fold_words(token[0]) for wanted in searched)
    ]


def _window(text: str, places: Sequence[int]) -> tuple[int, int]:
    """Return the piece with the most of the places, the earliest of equals, from one space to another."""
    if len(text) <= SNIPPET:
        return 0, len(text)
    starts = [0, *(max(0, place - _BEFORE) for place in places)]
    best = max(starts, key=lambda start: sum(start <= place < start + SNIPPET - _BEFORE for place in places))
    best = min(best, len(text) - SNIPPET)
    start = text.rfind(" ", 0, best) + 1 if best else 0
    end = text.find(" ", best + SNIPPET)
    return start, len(text) if end < 0 else end
