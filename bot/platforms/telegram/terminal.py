"""Telegram's messages in a terminal."""

from rich.text import Text

from bot.model.i18n import gettext as _
from bot.model.rendering import Message
from bot.platforms.base import TerminalView
from bot.platforms.telegram.render import ENTITY_LIMIT

_STYLES = {
    "bold": "bold",
    "italic": "italic",
    "strikethrough": "strike",
    "code": "cyan",
    "pre": "cyan",
    "blockquote": "italic dim",
    "expandable_blockquote": "italic dim",
}


def view(message: Message) -> TerminalView:
    """Return the text with the styles of its entities, the page that is previewed, and the buttons."""
    body = message.body
    entities = body.get("entities", ())
    # Entities count UTF-16 units, rich counts characters.
    encoded = body["text"].encode("utf-16-le")

    def characters(units: int) -> int:
        return len(encoded[: units * 2].decode("utf-16-le"))

    text = Text(body["text"])
    for entity in entities:
        start, end = characters(entity["offset"]), characters(entity["offset"] + entity["length"])
        style = f"blue underline link {entity['url']}" if "url" in entity else _STYLES[entity["type"]]
        text.stylize(style, start, end)
    parts = [text]
    if preview := body.get("link_preview_options", {}).get("url"):
        parts.append(Text("\n" + _("preview: {address}").format(address=preview), style="dim"))
    rows = body.get("reply_markup", {}).get("inline_keyboard", ())
    parts += [Text(" ".join(f"[ {button['text']} ]" for button in row), style="reverse") for row in rows]
    uses = [(message.used, message.limit, _("characters")), (len(entities), ENTITY_LIMIT, _("entities"))]
    return TerminalView(parts, uses)
