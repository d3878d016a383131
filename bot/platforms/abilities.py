"""The abilities that some accounts have beside those of `Account`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bot.model.rendering import Message
    from bot.model.subscription import Target
    from bot.platforms.base import Post


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

    async def exchange(self, post: Post, message_id: str) -> None:
        """Put the recording of the post in the place of one that the bot sent, without a sound.

        One that is the same already, or that nobody sees any more, is no error. Only a platform whose renderings begin
        with a recording is asked.

        Raises:
            SendError: another refusal, or no answer.
        """
        del post
        raise AssertionError(message_id)

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


class Publisher(Protocol):
    """A platform on which channels can follow a channel."""

    async def publish(self, target: Target, message_id: str, leave: Callable[[], bool]) -> None:
        """Pass a sent message on to the followers. Publishing twice is no error. `leave` is that of `Post`.

        Raises:
            SendError: the message was not passed on.
        """


class Pinner(Protocol):
    """A platform on which messages can be pinned."""

    async def pin(self, target: Target, message_id: str, leave: Callable[[], bool], last: str | None = None) -> None:
        """Pin a sent message without a sound. Pinning twice is no error. `leave` is that of `Post`.

        Where a place has room for one pinned message alone, the `last` one is unpinned before.

        Raises:
            SendError: the message was not pinned.
        """

    async def unpin(self, target: Target, message_id: str, leave: Callable[[], bool]) -> None:
        """Unpin a message. One that is pinned no more, or deleted, is no error. `leave` is that of `Post`.

        Raises:
            SendError: the message is perhaps still pinned.
        """


class Finder(Protocol):
    """A platform on which the bot can look up whether a message arrived."""

    async def find(self, post: Post, since: dt.datetime) -> str | None:
        """Return the id of the bot's message to the target with the same text and no older than `since`.

        The first request takes the turn of the post, and each further one a turn of the account's pace.

        Raises:
            TargetClosedError: the bot may not read there.
            SendError: the platform does not tell now.
        """
