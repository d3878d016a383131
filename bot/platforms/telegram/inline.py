"""Inline mode: segments to share, for people that type the bot's name and some words in any chat."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from bot.commands import CommandContext, to_share
from bot.content.formatter import Formatter, link_to
from bot.model.i18n import Words
from bot.model.rendering import JsonObject
from bot.platforms.telegram.keyboard import deep_link
from bot.platforms.telegram.render import render

if TYPE_CHECKING:
    from telegram import InlineQuery

    from bot.model.episode import Episode, Segment

RESULTS_MAX = 50
"""Results in one answer; the app asks for the next ones when somebody scrolls that far."""
CACHE_SECONDS = 300
"""Seconds for which Telegram may give the same answer to everybody: a new episode shows five minutes later at most."""
_DESCRIPTION = 120
"""Characters of a description: apps show two lines."""


def results(context: CommandContext, query: InlineQuery, username: str, catalogue: Words) -> JsonObject:
    """Return the answer to an inline query: the segments found, each with links to this bot.

    The words are those of the show, whose language the readers of a shared segment know.
    """
    found = to_share(context, query.query)
    formatter = Formatter(context.show, catalogue)
    # Because clients choose the offset, it may be any text.
    first = int(query.offset) if query.offset.isdecimal() else 0
    after = first + RESULTS_MAX
    body: JsonObject = {
        "inline_query_id": query.id,
        "results": [_result(*hit, formatter, username, catalogue) for hit in found[first:after]],
        "cache_time": CACHE_SECONDS,
        "is_personal": False,
        "next_offset": str(after) if len(found) > after else "",
    }
    if found:
        return body
    return {
        **body,
        "button": {"text": catalogue.gettext("Nothing found. See what I can do"), "start_parameter": "help"},
    }


def guest_result(context: CommandContext, asked: str, username: str, catalogue: Words) -> JsonObject:
    """Return the one message that answers a guest: the likeliest segment with its links, or that nothing is found."""
    found = to_share(context, asked)
    if found:
        return _result(*found[0], Formatter(context.show, catalogue), username, catalogue)
    sentence = catalogue.gettext("I have found nothing on this. The bot itself shows all topics.")
    label = catalogue.gettext("See what I can do")
    return {
        "type": "article",
        "id": "nothing",
        "title": sentence,
        "input_message_content": {"message_text": sentence},
        "reply_markup": {"inline_keyboard": [[{"text": label, "url": deep_link(username, "help")}]]},
    }


def _result(episode: Episode, segment: Segment, formatter: Formatter, username: str, catalogue: Words) -> JsonObject:
    message = render(formatter.segment(episode, segment)).messages[0].body
    number = catalogue.gettext("Episode {number}").format(number=episode.number)
    begun = textwrap.shorten(segment.text, _DESCRIPTION, placeholder=" …")
    read = catalogue.gettext("Read it in the bot")
    whole = catalogue.gettext("All of episode {number}").format(number=episode.number)
    buttons = [
        {"text": read, "url": deep_link(username, link_to(episode, segment))},
        {"text": whole, "url": deep_link(username, str(episode.number))},
    ]
    result: JsonObject = {
        "type": "article",
        "id": f"{episode.number}-{segment.number}",
        "title": segment.title,
        "description": f"{number} · {begun}",
        "input_message_content": {
            "message_text": message["text"],
            "entities": message["entities"],
            "link_preview_options": message["link_preview_options"],
        },
        "reply_markup": {"inline_keyboard": [buttons]},
    }
    return {**result, "thumbnail_url": segment.image.url} if segment.image else result
