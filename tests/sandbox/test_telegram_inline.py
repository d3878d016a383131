"""Inline queries on the stand-in of Telegram: asked, answered, and what somebody chooses to send."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from telegram import Bot, InlineQueryResultArticle, InputTextMessageContent, Update
from telegram.error import BadRequest

if TYPE_CHECKING:
    from bot.sandbox.telegram.model import Chat
    from bot.sandbox.telegram.server import TelegramStandIn


async def _update(client: Bot) -> Update:
    """The one update that is waiting."""
    (update,) = await client.get_updates()
    return update


async def test_an_inline_query_is_answered(standin: TelegramStandIn, client: Bot) -> None:
    """What the bot offers for the words somebody types."""
    inquiry = standin.inquire(standin.add_user(), "tik", offset="20")
    query = (await _update(client)).inline_query
    assert query is not None
    assert (query.query, query.offset) == ("tik", "20")
    await query.answer([InlineQueryResultArticle("1", "TikTok", InputTextMessageContent("x"))], next_offset="40")
    answer = await standin.wait_for(lambda: inquiry.answer)
    assert answer is not None
    assert [result["title"] for result in answer["results"]] == ["TikTok"]
    assert (answer["next_offset"], answer["cache_time"]) == ("40", 300)


async def test_what_is_chosen_from_an_inline_answer_is_the_persons(
    standin: TelegramStandIn, client: Bot, ada: Chat
) -> None:
    """It says who sent it and which bot made it; what was not offered cannot be sent."""
    inquiry = standin.inquire(ada.person, "tik")
    asked = await _update(client)
    query = asked.inline_query
    assert query is not None
    await query.answer([InlineQueryResultArticle("1", "TikTok", InputTextMessageContent("x"))])
    standin.choose(inquiry, "1", ada)
    (sent,) = await client.get_updates(offset=asked.update_id + 1)
    message = sent.message
    assert message is not None
    assert (message.text, message.from_user, message.via_bot) == ("x", query.from_user, client.bot)
    with pytest.raises(ValueError, match="1"):
        standin.choose(inquiry, "2", ada)


async def test_an_article_must_be_a_message_that_could_be_sent(standin: TelegramStandIn, client: Bot) -> None:
    """With a title, a text, and buttons that are some."""
    inquiry = standin.inquire(standin.add_user(), "tik")
    for article in (
        InlineQueryResultArticle("1", "", InputTextMessageContent("x")),
        InlineQueryResultArticle("1", "TikTok", InputTextMessageContent(" ")),
        InlineQueryResultArticle("1", "TikTok", InputTextMessageContent("x" * 4097)),
    ):
        with pytest.raises(BadRequest):
            await client.answer_inline_query(inquiry.id, [article])
    assert inquiry.answer is None
