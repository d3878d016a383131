"""The answer to one interaction: in time, in its place, and seen by those whom it is for."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

import discord

from bot.platforms.discord.errors import NO_ANSWER
from bot.platforms.discord.view import sendable

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from bot.model.rendering import Rendering
    from bot.model.subscription import Target
    from bot.platforms.base import Pace

PATIENCE = 1.5
"""Seconds to think before Discord is asked for more time: it wants a sign within three, the way there included."""

NOBODY = discord.AllowedMentions.none()

T = TypeVar("T")


class Reply:
    """The way to answer one interaction.

    Args:
        interaction: what somebody did.
        pace: what follow-ups wait for; a first answer is outside Discord's limits and has no time to wait.
        target: where they did it.
        shared: whether everybody there sees the answer; else the one who asked does.
        patience: seconds to wait for what is to be said before asking Discord for more time.
    """

    def __init__(
        self,
        interaction: discord.Interaction,
        pace: Pace,
        target: Target,
        *,
        shared: bool = False,
        patience: float = PATIENCE,
    ) -> None:
        self._interaction = interaction
        self._pace = pace
        self._target = target
        self._ephemeral = not shared
        self._patience = patience
        self._promised = False

    async def after(self, thinking: Coroutine[Any, Any, T]) -> T:
        """What the thinking comes to; Discord is told meanwhile when it takes long."""
        task = asyncio.create_task(thinking)
        try:
            done, _still = await asyncio.wait({task}, timeout=self._patience)
            if not done:
                # What stands in the way will stand in the answer's way too, and is told there.
                with contextlib.suppress(*NO_ANSWER):
                    await self._ask_for_time()
            return await task
        finally:
            task.cancel()

    async def send(self, rendering: Rendering, *, replaces: bool = False, private: bool = False) -> None:
        """Answer; with `replaces`, in the place of the message whose button was pressed.

        Only the one who asked for a message has it replaced: what others see, a push above all, stays as it is. Nor
        do several messages take the place of one. A `private` answer is not shared, unless Discord was told so already.

        Raises:
            NO_ANSWER: Discord did not take it.
        """
        self._ephemeral = self._ephemeral or (private and not self._promised)
        in_place = replaces and self._is_theirs and len(rendering.messages) == 1
        for position, message in enumerate(rendering.messages):
            view = sendable(message)
            if position == 0:
                await self._send_first(view, in_place=in_place)
            else:
                await self._pace.answer(self._target)
                await self._follow_up(view)

    @property
    def _is_theirs(self) -> bool:
        """Whether the message with the button is an answer to the one who pressed it."""
        message = self._interaction.message
        if message is None:
            return False
        asked = message.interaction_metadata
        return message.flags.ephemeral or (asked is not None and asked.user.id == self._interaction.user.id)

    async def _ask_for_time(self) -> None:
        if self._is_theirs:
            # Shows nothing, and leaves open whether their message will change or another one come.
            await self._interaction.response.defer()
        else:
            await self._interaction.response.defer(ephemeral=self._ephemeral, thinking=True)
            self._promised = True

    async def _send_first(self, view: discord.ui.LayoutView, *, in_place: bool) -> None:
        response = self._interaction.response
        if response.is_done() and (in_place or self._promised):
            await self._interaction.edit_original_response(view=view, allowed_mentions=NOBODY)
        elif response.is_done():
            await self._follow_up(view)
        elif in_place:
            await response.edit_message(view=view, allowed_mentions=NOBODY)
        else:
            await response.send_message(view=view, ephemeral=self._ephemeral, allowed_mentions=NOBODY)

    async def _follow_up(self, view: discord.ui.LayoutView) -> None:
        await self._interaction.followup.send(view=view, ephemeral=self._ephemeral, allowed_mentions=NOBODY)
