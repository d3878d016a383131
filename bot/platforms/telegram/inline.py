"""Inline mode: whoever types the bot's name and some words, in any chat, gets segments to share there."""

from __future__ import annotations

import logging
import textwrap
from typing import TYPE_CHECKING

from telegram import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InlineQueryResultsButton,
    InputTextMessageContent,
    LinkPreviewOptions,
    MessageEntity,
)
from telegram.error import TelegramError

from bot.commands import CommandContext, to_share
from bot.content.formatter import Formatter, link_to
from bot.model.i18n import Language, words
from bot.platforms.telegram.errors import translate
from bot.platforms.telegram.keyboard import deep_link
from bot.platforms.telegram.render import render

if TYPE_CHECKING:
    from telegram import InlineQuery

    from bot.model.episode import Episode, Segment

log = logging.getLogger(__name__)

RESULTS_MAX = 50
"""Results in one answer; the app asks for the next ones when somebody scrolls that far."""
CACHE_SECONDS = 300
"""How long Telegram may give the same answer to everybody: a new episode shows five minutes later at most."""
_DESCRIPTION = 120
"""Characters of a description: apps show two lines."""


class Sharing:
    """Answers inline queries, in the language of the show: what is shared is for whoever reads it there."""

    def __init__(self, context: CommandContext, language: Language) -> None:
        self._context = context
        self._words = words(language)
        self._formatter = Formatter(context.show, self._words)

    async def answer(self, query: InlineQuery, username: str) -> None:
        """DueEpisode the segments; each is sent by the one who asked, with a link to this bot of that `username`."""
        found = to_share(self._context, query.query)
        # An offset is whatever a client sends.
        first = int(query.offset) if query.offset.isdecimal() else 0
        shown = found[first : first + RESULTS_MAX]
        nothing = InlineQueryResultsButton(
            self._words.gettext("Nothing found. See what I can do"), start_parameter="help"
        )
        try:
            await query.answer(
                [self._result(*hit, username) for hit in shown],
                cache_time=CACHE_SECONDS,
                is_personal=False,
                next_offset=str(first + RESULTS_MAX) if len(found) > first + RESULTS_MAX else "",
                button=None if found else nothing,
            )
        except TelegramError as error:
            # Whoever types on asks again; the answer to what they have typed so far comes too late for nobody.
            log.info("An inline query was not answered: %s", translate(error))

    def _result(self, episode: Episode, segment: Segment, username: str) -> InlineQueryResultArticle:
        message = render(self._formatter.segment(episode, segment)).messages[0].body
        catalogue = self._words
        number = catalogue.gettext("Episode {number}").format(number=episode.number)
        begun = textwrap.shorten(segment.text, _DESCRIPTION, placeholder=" …")
        whole = catalogue.gettext("All of episode {number}").format(number=episode.number)
        return InlineQueryResultArticle(
            id=f"{episode.number}-{segment.number}",
            title=segment.title,
            description=f"{number} · {begun}",
            thumbnail_url=segment.image.url if segment.image else None,
            input_message_content=InputTextMessageContent(
                message["text"],
                entities=[MessageEntity(**entity) for entity in message["entities"]],
                link_preview_options=LinkPreviewOptions(**message["link_preview_options"]),
            ),
            reply_markup=InlineKeyboardMarkup(
                [
                    [
                        InlineKeyboardButton(
                            catalogue.gettext("Read it in the bot"), url=deep_link(username, link_to(episode, segment))
                        ),
                        InlineKeyboardButton(whole, url=deep_link(username, str(episode.number))),
                    ]
                ]
            ),
        )
