"""The components of a rendered message as discord.py's items, which know Discord's rules."""

from __future__ import annotations

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

    from bot.model.rendering import JsonObject

    Item = ui.Item[ui.LayoutView]


def layout_view(components: Iterable[JsonObject]) -> ui.LayoutView:
    """Return the view of which discord.py makes these components again. It never times out.

    Raises:
        KeyError: a component of a kind that `render` does not write.
        ValueError: more components than a message takes.
    """
    view = ui.LayoutView(timeout=None)
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
