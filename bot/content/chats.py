"""The messages in a chat's export: those of Telegram and Slack in JSON."""

import json
import re
from collections.abc import Sequence

from bot.model.plaintext import clean


def messages_in(text: str) -> tuple[str, Sequence[tuple[str | None, Sequence[str]]]]:
    """Return the name of the chat, and the lines of each message by its sender, which the program is without a name.

    There are no messages in data of another kind.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return "", ()
    messages = data.get("messages") if isinstance(data, dict) else data
    if not isinstance(messages, list) or not all(isinstance(each, dict) and "text" in each for each in messages):
        return "", ()
    told: list[tuple[str | None, Sequence[str]]] = []
    for message in messages:
        is_system = message.get("type") == "service" or message.get("subtype")
        pieces = message["text"] if isinstance(message["text"], list) else [message["text"]]
        owner = None if is_system else str(message.get("from") or message.get("user") or "")
        told.append((owner, clean("".join(map(_marked, pieces))).split("\n")))
    return str(data.get("name", "")) if isinstance(data, dict) else "", told


def _marked(piece: object) -> str:
    """Return a part of a message as people type it: bold between stars, and the address of a link behind its words."""
    if not isinstance(piece, dict):
        return str(piece)
    words, target = str(piece.get("text", "")), piece.get("href")
    bold = re.sub(r"\S(?:.*\S)?", r"*\g<0>*", words) if piece.get("type") == "bold" else words
    return f"{words} ({target})" if target else bold
