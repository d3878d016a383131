"""Reading episodes: the newest, one by its number, one of its subjects."""

from __future__ import annotations

import dataclasses
import itertools
import re
from typing import TYPE_CHECKING

from bot.commands.finding import episodes_with
from bot.commands.request import Answer, notice
from bot.model.document import Button, CommandButton

if TYPE_CHECKING:
    from bot.commands.request import CommandContext, Request
    from bot.model.episode import Episode

LINK = re.compile(r"(?P<number>\d{1,9})(?:-(?P<segment>[A-Za-z0-9_-]+))?")
"""An episode, or a segment of it by its name or number: what deep links and buttons carry."""
MOST_CHOICES = 5
"""Episodes to choose from, where several are meant."""


async def latest(context: CommandContext, request: Request) -> Answer:
    """The newest episode."""
    _ = request.words.gettext
    episode = context.archive().latest(context.today)
    document = episode and context.formatter(request).episode(episode)
    if document:
        return Answer(document)
    return notice(_("No episode has been published yet. The first one will be here on a Monday."))


async def episode(context: CommandContext, request: Request) -> Answer:
    """One episode by its number, or by words of its title or its subjects."""
    _ = request.words.gettext
    if not request.argument.strip(" #"):
        return notice(_("Which episode? Add its number: /episode 1207"), *_newest_buttons(context, request))
    number = re.fullmatch(r"\D*(\d{1,9})\D*", request.argument)
    if number is None:
        return _by_words(context, request)
    found = _published(context, int(number[1]))
    document = found and context.formatter(request).episode(found)
    if document:
        return Answer(document)
    sentence = _("There is no episode {number}.").format(number=int(number[1]))
    return notice(sentence, *_newest_buttons(context, request))


async def segment(context: CommandContext, request: Request) -> Answer:
    """One subject, `1207-netflix` by its name or `1207-1` by its number; the whole episode where there is none such."""
    link = LINK.fullmatch(request.argument.strip())
    found = link and _published(context, int(link["number"]))
    if not link or not found:
        return await episode(context, request)
    wanted = next((each for each in found.segments if link["segment"] in {each.slug, str(each.number)}), None)
    if wanted is None:
        return await episode(context, dataclasses.replace(request, argument=link["number"]))
    return Answer(context.formatter(request).segment(found, wanted))


async def rest(context: CommandContext, request: Request) -> Answer:
    """The subjects of an episode that a push left out, `1207-2-4` by their numbers; without any, the whole episode."""
    number, *wanted = request.argument.strip().split("-")
    found = _published(context, int(number)) if number.isdecimal() else None
    segments = [each for each in found.segments if str(each.number) in wanted] if found else []
    if found is None or not segments:
        return await episode(context, dataclasses.replace(request, argument=number))
    return Answer(context.formatter(request).rest(found, segments))


def _by_words(context: CommandContext, request: Request) -> Answer:
    _ = request.words.gettext
    found = episodes_with(context, request.argument)
    if not found:
        return notice(_("An episode is asked for by its number: /episode 1207"), *_newest_buttons(context, request))
    document = context.formatter(request).episode(found[0])
    if len(found) == 1 and document:
        return Answer(document)
    choices = (CommandButton(f"{each.number} – {each.title}", "episode", str(each.number)) for each in found)
    return notice(_("Several episodes have these words. Which one?"), *itertools.islice(choices, MOST_CHOICES))


def is_link(text: str) -> bool:
    """Whether the text is the payload of a deep link to an episode or a segment."""
    return LINK.fullmatch(text.strip()) is not None


def is_published(context: CommandContext, text: str) -> bool:
    """Whether the text is the number of an episode that one can read."""
    number = re.fullmatch(r"\s*#?(\d{1,9})\s*", text)
    return number is not None and _published(context, int(number[1])) is not None


def _published(context: CommandContext, number: int) -> Episode | None:
    return next((each for each in context.archive().published(context.today) if each.number == number), None)


def _newest_buttons(context: CommandContext, request: Request) -> tuple[Button, ...]:
    _ = request.words.gettext
    return tuple(
        CommandButton(_("Episode {number}").format(number=each.number), "episode", str(each.number))
        for each in context.archive().published(context.today)[:3]
    )
