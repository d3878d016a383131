"""The interface of a platform on which messages can be changed afterwards."""

from typing import Protocol

from bot.model.rendering import Message
from bot.model.subscription import Target


class Editor(Protocol):
    """A platform on which the bot can change and delete its messages.

    The target is the chat of the message. A forum, for the first message of a post in it, means that post.
    """

    async def edit(self, target: Target, message_id: str, message: Message) -> bool:
        """Replace a message that the bot sent.

        Returns:
            False if that message cannot be replaced.

        Raises:
            SendError: another refusal, or no answer.
        """

    async def delete(self, target: Target, message_id: str) -> None:
        """Delete a message that the bot sent.

        Raises:
            SendError: the message is still there, or nobody knows.
        """
