"""Buttons below a Telegram message, and the links to the bot that they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from bot.model.document import Button, CommandButton, LinkButton, ShareButton

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.model.rendering import JsonObject

CALLBACK_LIMIT = 64
"""Bytes of a button's `callback_data`."""
ROW_WIDTHS = {2: 16, 3: 10, 4: 3, 5: 3}
"""Characters that each label may have where so many buttons share a row: more would not be read on a phone."""


def keyboard(buttons: Iterable[Button], username: str = "") -> list[list[JsonObject]]:
    """Return the buttons in rows, short ones side by side. Share buttons link to the bot's `username`."""
    rows: list[list[Button]] = []
    for button in buttons:
        if isinstance(button, ShareButton) and not username:
            continue
        if rows and _share_a_row([*rows[-1], button]):
            rows[-1].append(button)
        else:
            rows.append([button])
    return [[_button(button, username) for button in row] for row in rows]


def deep_link(username: str, link: str) -> str:
    """Return the address that opens the bot with `/start` and the link."""
    return f"https://t.me/{username}?start={link}"


def share_url(url: str, title: str) -> str:
    """Return the address at which Telegram's apps ask for a chat to send the address and the title to."""
    return f"https://t.me/share/url?{urlencode({'url': url, 'text': title}, quote_via=quote)}"


def _share_a_row(buttons: list[Button]) -> bool:
    return all(len(button.label) <= ROW_WIDTHS.get(len(buttons), 0) for button in buttons)


def _button(button: Button, username: str) -> JsonObject:
    match button:
        case ShareButton(label, link, title):
            return {"text": label, "url": share_url(deep_link(username, link), title)}
        case LinkButton(label, url):
            return {"text": label, "url": url}
        case CommandButton(label=label, data=data):
            size = len(data.encode())
            if size > CALLBACK_LIMIT:
                raise ValueError(
                    f"The button '{label}' carries '{data}', {size} bytes: Telegram takes {CALLBACK_LIMIT} at most. "
                    "Give it a shorter argument"
                )
            return {"text": label, "callback_data": data}
