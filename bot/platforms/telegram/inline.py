"""Inline mode: segments to share, for people that type the bot's name and some words in any chat."""

from __future__ import annotations

import functools
import logging
import textwrap
from typing import TYPE_CHECKING

from bot.commands import CommandContext, to_share
from bot.content.formatter import Formatter, link_to
from bot.model.i18n import Language, words
from bot.model.subscription import Target
from bot.platforms.base import Rank, SendError, SendRequest
from bot.platforms.telegram import NAME
from bot.platforms.telegram.keyboard import deep_link
from bot.platforms.telegram.render import render

if TYPE_CHECKING:
    from telegram import InlineQuery

    from bot.model.episode import Episode, Segment
    from bot.model.rendering import JsonObject
    from bot.platforms.base import Sender
    from bot.platforms.telegram.client import TelegramPlatform

log = logging.getLogger(__name__)

WORTH = 5.0
"""Seconds for which somebody waits for results."""
RESULTS_MAX = 50
"""Results in one answer; the app asks for the next ones when somebody scrolls that far."""
CACHE_SECONDS = 300
"""How long Telegram may give the same answer to everybody: a new episode shows five minutes later at most."""
_DESCRIPTION = 120
"""Characters of a description: apps show two lines."""


class Sharing:
    """Answers to inline queries, in the language of the show, which the readers of a shared segment know."""

    def __init__(self, context: CommandContext, sender: Sender, language: Language) -> None:
        self._context = context
        self._sender = sender
        self._words = words(language)
        self._formatter = Formatter(context.show, self._words)

    async def answer(self, query: InlineQuery, platform: TelegramPlatform) -> None:
        """Send the segments found. The person that asked shares one, with a link to this bot."""
        found = to_share(self._context, query.query)
        # Because clients choose the offset, it may be any text.
        first = int(query.offset) if query.offset.isdecimal() else 0
        shown = found[first : first + RESULTS_MAX]
        body: JsonObject = {
            "inline_query_id": query.id,
            "results": [self._result(*hit, platform.username) for hit in shown],
            "cache_time": CACHE_SECONDS,
            "is_personal": False,
            "next_offset": str(first + RESULTS_MAX) if len(found) > first + RESULTS_MAX else "",
        }
        if not found:
            text = self._words.gettext("Nothing found. See what I can do")
            body = {**body, "button": {"text": text, "start_parameter": "help"}}
        call = functools.partial(platform.call, "answerInlineQuery", body)
        target = Target(NAME, str(query.from_user.id))
        try:
            await self._sender.send(SendRequest(target, lambda _leave: call(), Rank.UNCOUNTED, WORTH))
        except SendError as error:
            # Nothing is lost: people who type on ask again.
            log.info("An inline query was not answered: %s", error)

    def _result(self, episode: Episode, segment: Segment, username: str) -> JsonObject:
        message = render(self._formatter.segment(episode, segment)).messages[0].body
        catalogue = self._words
        number = catalogue.gettext("Episode {number}").format(number=episode.number)
        begun = textwrap.shorten(segment.text, _DESCRIPTION, placeholder=" …")
        read = catalogue.gettext("Read it in the bot")
        whole = catalogue.gettext("All of episode {number}").format(number=episode.number)
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
            "reply_markup": {
                "inline_keyboard": [
                    [
                        {"text": read, "url": deep_link(username, link_to(episode, segment))},
                        {"text": whole, "url": deep_link(username, str(episode.number))},
                    ]
                ]
            },
        }
        return {**result, "thumbnail_url": segment.image.url} if segment.image else result
