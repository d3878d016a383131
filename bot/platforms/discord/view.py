"""The components of a rendered message as discord.py's items, because its public `send` takes a view only."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import discord
from discord import ui

from bot.platforms.discord.render import (
    ACTION_ROW,
    BUTTON,
    CONTAINER,
    MEDIA_GALLERY,
    SEPARATOR,
    TEXT_DISPLAY,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from bot.model.rendering import JsonObject, Message

    Item = ui.Item[ui.LayoutView]


class _Finished(ui.LayoutView):
    """A view to which nothing is added any more."""

    def to_components(self) -> list[dict[str, Any]]:
        """What Discord gets, worked out once and not for every subscriber."""
        return self._components

    @functools.cached_property
    def _components(self) -> list[dict[str, Any]]:
        components: list[dict[str, Any]] = super().to_components()  # type: ignore[no-untyped-call]
        return components


def sendable(message: Message) -> ui.LayoutView:
    """The message's components as discord.py's; presses are answered by custom id, so it keeps no view in memory."""
    view = layout_view(message.body["components"], _Finished)
    view.stop()
    return view


def layout_view(components: Iterable[JsonObject], kind: type[ui.LayoutView] = ui.LayoutView) -> ui.LayoutView:
    """The view of which discord.py makes these components again, one of this kind.

    It never times out.

    Raises:
        KeyError: a component of a kind that `render` does not write.
        ValueError: more components than a message takes.
    """
    view = kind(timeout=None)
    for component in components:
        view.add_item(_item(component))
    return view


def _item(component: JsonObject) -> Item:
    return _ITEMS[component["type"]](component)


def _container(component: JsonObject) -> Item:
    return ui.Container(*map(_item, component["components"]), accent_colour=component["accent_color"])


def _text_display(component: JsonObject) -> Item:
    return ui.TextDisplay(component["content"])


def _separator(component: JsonObject) -> Item:
    return ui.Separator(visible=component["divider"], spacing=discord.SeparatorSpacing(component["spacing"]))


def _media_gallery(component: JsonObject) -> Item:
    return ui.MediaGallery(
        *(
            discord.MediaGalleryItem(item["media"]["url"], description=item.get("description"))
            for item in component["items"]
        )
    )


def _action_row(component: JsonObject) -> Item:
    return ui.ActionRow(*map(_item, component["components"]))


def _button(component: JsonObject) -> Item:
    return ui.Button(
        style=discord.ButtonStyle(component["style"]),
        label=component["label"],
        url=component.get("url"),
        custom_id=component.get("custom_id"),
    )


_ITEMS: dict[int, Callable[[JsonObject], Item]] = {
    CONTAINER: _container,
    TEXT_DISPLAY: _text_display,
    SEPARATOR: _separator,
    MEDIA_GALLERY: _media_gallery,
    ACTION_ROW: _action_row,
    BUTTON: _button,
}
