"""Buttons below a Telegram message, and the links to the bot that they hold."""

from collections.abc import Iterable
from urllib.parse import quote, urlencode

from bot.model.document import Button, CommandButton, JoinButton, Joined, LinkButton, ShareButton
from bot.model.rendering import JsonObject

CALLBACK_LIMIT = 64
"""Bytes of a button's `callback_data`."""
ROW_WIDTHS = {2: 16, 3: 10, 4: 3, 5: 3}
"""Characters that each label may have where so many buttons share a row: more would not be read on a phone."""

# A member of a group may write there; in a channel only an admin with the right to post may.
_JOINING = {Joined.GROUP: "startgroup", Joined.CHANNEL: "startchannel&admin=post_messages"}


def keyboard(buttons: Iterable[Button], username: str = "") -> list[list[JsonObject]]:
    """Return the buttons in rows, short ones side by side. Without a `username`, those that link to the bot are out."""
    rows: list[list[Button]] = []
    for button in buttons:
        if not username and (isinstance(button, ShareButton | JoinButton) or _is_private(button)):
            continue
        row = [*rows[-1], button] if rows and not (isinstance(button, CommandButton) and button.opens_row) else []
        if row and max(len(each.label) for each in row) <= ROW_WIDTHS.get(len(row), 0):
            rows[-1] = row
        else:
            rows.append([button])
    return [[_button(button, username) for button in row] for row in rows]


def deep_link(username: str, link: str) -> str:
    """Return the address that opens the bot with `/start` and the link."""
    return f"https://t.me/{username}?start={link}"


def _is_private(button: Button) -> bool:
    return isinstance(button, CommandButton) and bool(button.private_link)


def _button(button: Button, username: str) -> JsonObject:
    match button:
        case ShareButton(label, link, title):
            # At this address, Telegram's apps ask for a chat to send the link and the title to.
            query = urlencode({"url": deep_link(username, link), "text": title}, quote_via=quote)
            return {"text": label, "url": f"https://t.me/share/url?{query}"}
        case JoinButton(label, to):
            return {"text": label, "url": f"https://t.me/{username}?{_JOINING[to]}"}
        case LinkButton(label, url):
            return {"text": label, "url": url}
        case CommandButton(label=label, private_link=link) if link:
            return {"text": label, "url": deep_link(username, link)}
        case CommandButton(label=label, data=data):
            if (size := len(data.encode())) > CALLBACK_LIMIT:
                raise ValueError(
                    f"The button '{label}' carries '{data}', {size} bytes: Telegram takes {CALLBACK_LIMIT} at most. "
                    "Give it a shorter argument"
                )
            return {"text": label, "callback_data": data}
