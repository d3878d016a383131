"""`/latest`, `/episode` and the buttons and links that open a segment."""

from __future__ import annotations

import dataclasses
import itertools
import re
from typing import TYPE_CHECKING

from bot.commands.request import Answer, CommandContext, Request, notice
from bot.commands.subscribing import next_push, would_get
from bot.model.document import Button, CommandButton
from bot.model.text import fold, fold_words, normalise_topic

if TYPE_CHECKING:
    from bot.model.episode import Episode, Segment

LONGEST_NUMBER = 9
"""Digits of an episode's number, which no database finds too large then."""
_NUMBER = rf"\d{{1,{LONGEST_NUMBER}}}"
_ONE_NUMBER = re.compile(rf"\D*({_NUMBER})\D*")
_TYPED_ALONE = re.compile(rf"\s*#?({_NUMBER})\s*")
LINK = re.compile(rf"(?P<number>{_NUMBER})(?:-(?P<segment>[A-Za-z0-9_-]+))?")
"""The payload of deep links and buttons: an episode, or a segment of it by its slug or number."""
MOST_CHOICES = 5
"""Episodes offered as buttons, where the words fit several."""


async def latest(context: CommandContext, request: Request) -> Answer:
    """Show the newest episode."""
    return _shown(context, request, context.archive().latest(context.today)) or await _nothing_yet(context, request)


async def episode(context: CommandContext, request: Request) -> Answer:
    """Show an episode by its number, or by words of its title or its segments."""
    _ = request.words.gettext
    newest = context.archive().latest(context.today)
    if newest is None:
        return await _nothing_yet(context, request)
    if not request.argument.strip(" #"):
        which = _("Which episode? Add its number: /episode {number}")
        return notice(which.format(number=newest.number), *_newest_buttons(context, request))
    number = _ONE_NUMBER.fullmatch(request.argument)
    if number is None:
        return _by_words(context, request, newest)
    nothing = _("There is no episode {number}.").format(number=int(number[1]))
    shown = _shown(context, request, _published(context, int(number[1])))
    return shown or notice(nothing, *_newest_buttons(context, request))


async def _nothing_yet(context: CommandContext, request: Request) -> Answer:
    """Say that there is no episode yet, and when the next push comes."""
    nothing = request.words.gettext("No episode has been published yet.")
    return notice(" ".join([nothing, *next_push(context, request, await would_get(context, request))]))


def _shown(context: CommandContext, request: Request, episode: Episode | None) -> Answer | None:
    """Return the whole episode; None without an episode, and for an episode without segments."""
    document = episode and context.formatter(request).episode(episode)
    return Answer(document) if document else None


async def segment(context: CommandContext, request: Request) -> Answer:
    """Show a segment by its slug (`1207-netflix`) or number (`1207-1`), else those that `rest` shows."""
    link = LINK.fullmatch(request.argument.strip())
    found = link and _published(context, int(link["number"]))
    if not link or not found:
        return await episode(context, request)
    wanted = next((each for each in found.segments if link["segment"] in {each.slug, str(each.number)}), None)
    if wanted is None:
        return await rest(context, request)
    return Answer(context.formatter(request).segment(found, wanted))


async def rest(context: CommandContext, request: Request) -> Answer:
    """Show the segments that a push left out, by their numbers (`1207-2-4`); without any, the whole episode."""
    number, *wanted = request.argument.strip().split("-")
    found = _published(context, int(number)) if number.isdecimal() else None
    segments = [each for each in found.segments if str(each.number) in wanted] if found else []
    if found is None or not segments:
        return await episode(context, dataclasses.replace(request, argument=number))
    return Answer(context.formatter(request).rest(found, segments))


def _by_words(context: CommandContext, request: Request, newest: Episode) -> Answer:
    _ = request.words.gettext
    found = episodes_with(context, request.argument)
    if not found:
        by_number = _("An episode is asked for by its number: /episode {number}")
        return notice(by_number.format(number=newest.number), *_newest_buttons(context, request))
    if len(found) == 1 and (shown := _shown(context, request, found[0])):
        return shown
    choices = (CommandButton(f"{each.number} – {each.title}", "episode", str(each.number)) for each in found)
    return notice(_("Several episodes have these words. Which one?"), *itertools.islice(choices, MOST_CHOICES))


def is_published(context: CommandContext, text: str) -> bool:
    """Tell whether the text is the number of a published episode."""
    number = _TYPED_ALONE.fullmatch(text)
    return number is not None and _published(context, int(number[1])) is not None


def _published(context: CommandContext, number: int) -> Episode | None:
    return next((each for each in context.archive().published(context.today) if each.number == number), None)


def _newest_buttons(context: CommandContext, request: Request) -> tuple[Button, ...]:
    _ = request.words.gettext
    return tuple(
        CommandButton(_("Episode {number}").format(number=each.number), "episode", str(each.number))
        for each in context.archive().published(context.today)[:3]
    )


NEAR_TITLE = 70.0
"""The likeness, from 0 to 100, from which a typed text counts as a misspelt title."""
MOST_NEAR = 10
"""Episodes with a misspelt title, at most."""


def episodes_with(context: CommandContext, typed: str) -> list[Episode]:
    """Return the episodes whose number begins with the text, or that hold its words; the best first."""
    archive = context.archive()
    published = archive.published(context.today)
    number = typed.strip().lstrip("#")
    found = [each for each in published if str(each.number) == number]
    found += (each for each in published if str(each.number).startswith(number))
    pieces = fold_words(typed)
    if pieces and not number.isdecimal():
        found += (each for each in published if _begin(pieces, fold_words(each.title)))
        found += (episode for episode, _segment in archive.search(typed, context.today))
    return list({each.number: each for each in found}.values())


def episodes_near(context: CommandContext, typed: str) -> list[Episode]:
    """Return the episodes whose title is like the text, the likest first."""
    from rapidfuzz import fuzz, process  # noqa: PLC0415 - as in `bot.config.problems`

    published = context.archive().published(context.today)
    titles = [fold(each.title) for each in published]
    near = process.extract(fold(typed), titles, scorer=fuzz.partial_ratio, score_cutoff=NEAR_TITLE, limit=MOST_NEAR)
    return [published[index] for _title, _score, index in near]


def _begin(typed: list[str], title: list[str]) -> bool:
    """Tell whether each typed word begins a word of the title."""
    return all(any(word.startswith(piece) for word in title) for piece in typed)


def to_share(context: CommandContext, typed: str) -> list[tuple[Episode, Segment]]:
    """Return the segments that somebody may want to share, the likeliest first.

    No text means the newest episode, `1207` that episode, `1207-netflix` a segment of it, and any other text a topic or
    words to search.
    """
    archive, today = context.archive(), context.today
    reference = LINK.fullmatch(typed.strip())
    if reference or not normalise_topic(typed):
        number = int(reference["number"]) if reference else None
        published = archive.published(today)
        episode = next((each for each in published if number in {None, each.number}), None)
        wanted = reference and reference["segment"]
        if episode is None:
            return []
        return [(episode, each) for each in episode.segments if wanted in {None, each.slug, str(each.number)}]
    topic = archive.resolve_topic(typed)
    return (archive.topic(topic, today) if topic else []) or archive.search(typed, today)
