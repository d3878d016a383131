"""Renderings on the admin's screen: the very messages that would be sent, boundaries and lengths shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from bot.formatter import Formatter
from bot.i18n import words
from bot.platforms.discord.render import render as render_for_discord
from bot.platforms.telegram.render import render as render_for_telegram
from bot.sandbox.page.files import preview
from bot.sandbox.page.shown import rendered
from bot.subscription import PlatformName

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rich.console import RenderableType

    from bot.config import Show
    from bot.document import Layout
    from bot.episode import Episode
    from bot.platforms.base import JsonObject, Message, Rendering

_TELEGRAM_STYLES = {
    "bold": "bold",
    "italic": "italic",
    "strikethrough": "strike",
    "code": "cyan",
    "pre": "cyan",
    "blockquote": "italic dim",
    "expandable_blockquote": "italic dim",
}

# Discord's component types: https://discord.com/developers/docs/components/reference
_ACTION_ROW, _BUTTON, _TEXT, _GALLERY, _SEPARATOR = 1, 2, 10, 12, 14


_RENDERERS = {PlatformName.TELEGRAM: render_for_telegram, PlatformName.DISCORD: render_for_discord}


def renderings(
    show: Show, episode: Episode, topics: Iterable[str], layout: Layout, platforms: Iterable[PlatformName]
) -> dict[PlatformName, Rendering]:
    """What a push would send on each of the platforms; nothing when the episode has none of the topics."""
    document = Formatter(show.name, words(show.language)).episode(episode, topics=topics, layout=layout)
    return {} if document is None else {name: _RENDERERS[name](document) for name in platforms}


def panels(platform: PlatformName, rendering: Rendering) -> Iterator[Panel]:
    """A panel for each message, with the length used of the platform's limit."""
    total = len(rendering.messages)
    for index, message in enumerate(rendering.messages, start=1):
        yield Panel(
            _telegram(message.body) if platform is PlatformName.TELEGRAM else _discord(message.body["components"]),
            title=f"{platform} {index}/{total}",
            subtitle=_measure(message),
            title_align="left",
            subtitle_align="right",
        )


def page(show: Show, episode: Episode, topics: Iterable[str], renderings: Mapping[PlatformName, Rendering]) -> str:
    """The messages as a page of its own, drawn as the demo draws them."""
    catalogue = words(show.language)
    number = catalogue.gettext("Episode {number}").format(number=episode.number)
    facts = [show.name, number, catalogue.date(episode.date), *(f"#{topic}" for topic in topics)]
    content = {
        "title": episode.title,
        "subtitle": " · ".join(facts),
        "platforms": [
            {"platform": name, "name": name.title(), "messages": rendered(name, rendering, show.name)}
            for name, rendering in renderings.items()
        ],
    }
    return preview(f"{episode.number} – {episode.title}", show.language, content)


def _measure(message: Message) -> str:
    return f"{message.used} of {message.limit} characters"


def _telegram(body: JsonObject) -> RenderableType:
    # Entities count UTF-16 units, rich counts characters.
    encoded = body["text"].encode("utf-16-le")

    def characters(units: int) -> int:
        return len(encoded[: units * 2].decode("utf-16-le"))

    text = Text(body["text"])
    for entity in body.get("entities", ()):
        start, end = characters(entity["offset"]), characters(entity["offset"] + entity["length"])
        style = f"blue underline link {entity['url']}" if "url" in entity else _TELEGRAM_STYLES[entity["type"]]
        text.stylize(style, start, end)
    rows = body.get("reply_markup", {}).get("inline_keyboard", ())
    buttons = [" ".join(f"[ {button['text']} ]" for button in row) for row in rows]
    preview = body.get("link_preview_options", {}).get("url")
    return Group(
        text,
        *([Text(f"\npreview: {preview}", style="dim")] if preview else ()),
        *(Text(row, style="reverse") for row in buttons),
    )


def _discord(components: list[dict[str, Any]]) -> RenderableType:
    return Group(*_discord_parts(components))


def _discord_parts(components: list[dict[str, Any]]) -> Iterator[Text]:
    for component in components:
        kind = component["type"]
        if kind == _TEXT:
            yield Text(component["content"])
        elif kind == _SEPARATOR:
            yield Text("───", style="dim")
        elif kind == _GALLERY:
            for item in component["items"]:
                yield Text(f"image: {item.get('description', '')} {item['media']['url']}", style="dim")
        elif kind == _ACTION_ROW:
            labels = [button["label"] for button in component["components"] if button["type"] == _BUTTON]
            yield Text(" ".join(f"[ {label} ]" for label in labels), style="reverse")
        else:
            yield from _discord_parts(component.get("components", []))
