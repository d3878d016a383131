"""An episode that is not out yet is shown to nobody, whatever button, link or word asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.commands import Request, press, to_share
from bot.model.document import plain
from bot.model.i18n import Language
from bot.model.subscription import PlatformName, Target
from tests.commands.test_completion import make

if TYPE_CHECKING:
    from pathlib import Path

    from bot.commands import CommandContext

TOMORROWS = 121
"""The episode of that context whose day is tomorrow."""
ITS_WORD = "Mot121"
"""A word that all of its segments have, and no other episode."""


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> CommandContext:
    """Three episodes that are out, and one that is not."""
    folder: Path = tmp_path_factory.mktemp("content")
    return make(folder)


@pytest.mark.parametrize("data", ["episode 121", "segment 121-1", "segment 121-tiktok", "rest 121-1", "rest 121-1-2"])
async def test_no_button_shows_it(context: CommandContext, data: str) -> None:
    """A button may be older than the team's second thoughts, and its data may be forged."""
    pressed = press(data)
    assert pressed is not None
    request = Request(pressed.argument, Target(PlatformName("telegram"), "5"), Language.ENGLISH)
    answer = await pressed.command.answer(context, request)
    said = " ".join(plain(section.blocks) for section in answer.document.sections)
    assert said
    assert ITS_WORD not in said


@pytest.mark.parametrize("typed", ["", "121", "121-1", "121-tiktok", ITS_WORD, "tiktok"])
def test_nobody_shares_it(context: CommandContext, typed: str) -> None:
    """Neither by its number nor by what it is about."""
    assert TOMORROWS not in {episode.number for episode, _segment in to_share(context, typed)}
