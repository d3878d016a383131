"""`/topic` and `/topics`: all topics, the segments about one, and the topic that somebody means."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from bot.commands.request import Answer, Page, notice
from bot.content.formatter import SEPARATOR
from bot.model.document import CommandButton, Document, Heading, Note, Paragraph, Section, Span
from bot.model.figures import Counted, Sum
from bot.model.text import normalise_topic, shortened

if TYPE_CHECKING:
    from bot.commands.request import CommandContext, Request
    from bot.content.archive import Archive
    from bot.model.episode import Episode, Segment

PAGE_SIZE = 4
"""Segments on one page about a topic, if they are short."""
PAGE_TEXT = 3600
"""Characters on a page. A page fits into one message of every platform (Discord: 4,000, marks included), so that the
next page can replace it."""
_REFERENCE = 60
"""Characters of the line with episode and date."""

TOPIC_WORDS = 4
"""Words that one topic may be typed in (`l amour ouf`), when several topics stand side by side."""
COMPARED = 100
"""Characters of a typed topic that are compared with the known topics; the longest known topic has fewer."""
_QUOTED_MAX = 40
"""Characters of a typed text that an answer quotes."""


async def topic(context: CommandContext, request: Request) -> Answer:
    """Show the segments about one topic, the newest first, a page at a time."""
    catalogue = request.words
    _ = catalogue.gettext
    archive = context.archive()
    if not normalise_topic(request.argument):
        return notice(_with_example(context, request), all_topics(request))
    name = archive.resolve_topic(request.argument)
    if name is None:
        return unknown_topic(context, request, request.argument, "topic")
    if request.page is None:
        context.count(Sum(Counted.TOPIC, request.target.platform, name))
    hits = archive.topic(name, context.today)
    if not hits:
        nothing = _("Nothing about {topic} so far. It will come!")
        return notice(nothing.format(topic=archive.hashtag(name)), all_topics(request))
    page = Page.of(request, hits, PAGE_SIZE, PAGE_TEXT, _length)
    hint = catalogue.ngettext("{count} subject in the archive", "{count} subjects in the archive", len(hits))
    hint = hint.format(count=len(hits)) + page.place(catalogue)
    turn = page.turning("topic", name, _("◀ Newer"), _("Older ▶"))
    document = context.formatter(request).excerpts(archive.hashtag(name), page.items, hint=hint, buttons=turn)
    return Answer(document, replaces=request.page is not None)


async def topics(context: CommandContext, request: Request) -> Answer:
    """List every topic with the number of its segments, the most frequent first."""
    _ = request.words.gettext
    archive = context.archive()
    counts = archive.topics(context.today)
    if not counts:
        return notice(_("There are no topics yet."))
    title = _("Topics")
    listing = SEPARATOR.join(f"{archive.hashtag(name)} ({count})" for name, count in counts.items())
    hint = _("To read about one of them: /topic followed by its name.")
    sections = (
        Section((Heading((Span(title),), level=1), Paragraph((Span(listing),)))),
        Section((Note((Span(hint),)),)),
    )
    top = tuple(CommandButton(archive.hashtag(name), "topic", name) for name in [*counts][:6])
    return Answer(Document(title, sections, top))


def _with_example(context: CommandContext, request: Request) -> str:
    """Ask for a topic, with the most frequent one as an example."""
    archive, ask = context.archive(), request.words.gettext("Which topic?")
    frequent = next(iter(archive.topics(context.today)), None)
    example = request.words.gettext("For example: {command}")
    return ask if frequent is None else f"{ask} {example.format(command=f'/topic {archive.hashtag(frequent)[1:]}')}"


def parse_topics(archive: Archive, text: str, held: Collection[str] = ()) -> tuple[tuple[str, ...], str]:
    """Read the topics that somebody typed, in any spelling and with any separator.

    A topic that the chat holds counts also when no episode has it any more.

    Returns:
        The topics, and the first word that is no topic; no topics if there is such a word.
    """
    found: list[str] = []
    for part in re.split(r"[,;\n]+", text):
        rest = part.split()
        while rest:
            for length in range(min(TOPIC_WORDS, len(rest)), 0, -1):
                typed = " ".join(rest[:length])
                name = archive.resolve_topic(typed) or next(
                    (each for each in held if each == normalise_topic(typed)), None
                )
                if name is not None:
                    found.append(name)
                    rest = rest[length:]
                    break
            else:
                return (), rest[0]
    return tuple(sorted(set(found))), ""


def unknown_topic(
    context: CommandContext, request: Request, typed: str, command: str, meant: Callable[[str], str] = lambda name: name
) -> Answer:
    """Say that the topic is unknown, with the nearest topics as buttons: each runs `command` with `meant(topic)`."""
    _ = request.words.gettext
    archive = context.archive()
    nearest = archive.nearest_topics(typed[:COMPARED])
    sentence = _("I do not know the topic {typed}.").format(typed=request.words.quoted(as_quoted(typed)))
    if nearest:
        sentence += " " + _("Did you mean:")
    suggestions = (CommandButton(archive.hashtag(name), command, meant(name)) for name in nearest)
    return notice(sentence, *suggestions, all_topics(request))


def all_topics(request: Request) -> CommandButton:
    """Return the button that lists all topics."""
    return CommandButton(request.words.gettext("All topics"), "topics")


def as_quoted(text: str) -> str:
    """Return a typed text, cut to the length that an answer quotes."""
    return shortened(" ".join(text.split()), _QUOTED_MAX)


def _length(hit: tuple[Episode, Segment]) -> int:
    """Return the approximate characters of the segment in a message, addresses and reference included."""
    _episode, segment = hit
    return segment.length + _REFERENCE
