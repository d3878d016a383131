"""The interface of a platform on which messages can be changed afterwards."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Protocol

from bot.model.rendering import Message
from bot.model.subscription import Target


class Editor(Protocol):
    """A platform on which the bot can change and delete its messages.

    The target is the place to which the message was sent. In a forum, the post is that of the message `first_id`, or
    without one that of the message itself. A platform calls `leave` as `Post.leave`; without one, each request takes a
    turn of its own.
    """

    deletes_within: dt.timedelta | None = None
    """The age up to which the platform deletes messages; None for any age."""

    def route(self, target: Target) -> Target:
        """Return the target whose limits hold for changes of messages there."""
        return target

    async def edit(
        self,
        target: Target,
        message_id: str,
        message: Message,
        *,
        leave: Callable[[], bool] | None = None,
        first_id: str | None = None,
        title: str | None = None,
        is_caption: bool = False,
    ) -> bool:
        """Replace a message that the bot sent, or with `is_caption` the text below its recording.

        With a `title`, a post that begins with the message gets that name.

        Returns:
            False if that message cannot be replaced, because nobody sees it any more.

        Raises:
            SendError: another refusal, or no answer.
        """

    async def delete(
        self,
        target: Target,
        message_id: str,
        *,
        leave: Callable[[], bool] | None = None,
        first_id: str | None = None,
    ) -> bool:
        """Delete a message that the bot sent.

        Returns:
            False if the platform keeps the message, because of its age.

        Raises:
            SendError: the message is still there, or nobody knows.
        """
