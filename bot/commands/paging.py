"""Long answers as pages, turned by buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from bot.model.document import CommandButton

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot.model.i18n import Words

T = TypeVar("T")


def pages(items: Sequence[T], size: int, room: int = 0, weight: Callable[[T], int] = lambda _item: 0) -> list[list[T]]:
    """The items in pages of at most `size`; where items have a weight, a page of more than one holds `room` at most."""
    found: list[list[T]] = []
    left = 0
    for item in items:
        left -= weight(item)
        if not found or len(found[-1]) == size or left < 0:
            found.append([])
            left = room - weight(item)
        found[-1].append(item)
    return found


def turning(
    words: Words, command: str, argument: str, page: int, count: int, *, labels: tuple[str, str] | None = None
) -> tuple[CommandButton, ...]:
    """The buttons that lead to the page before and the page after this one, of `count`."""
    _ = words.gettext
    before, after = labels or (_("◀ Newer"), _("Older ▶"))
    buttons = []
    if page > 1:
        buttons.append(CommandButton(before, command, argument, page=page - 1))
    if page < count:
        buttons.append(CommandButton(after, command, argument, page=page + 1))
    return tuple(buttons)
