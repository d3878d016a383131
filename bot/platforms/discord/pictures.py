"""Pictures on Discord: a message of its own before the text, with the picture in a gallery."""

from __future__ import annotations

import dataclasses

from bot.model.document import Document
from bot.model.rendering import JsonObject, Message, Rendering, Upload
from bot.platforms.discord.render import IS_COMPONENTS_V2, MEDIA_GALLERY, SUPPRESS_NOTIFICATIONS

FILE_NAME = "figures.png"


def with_picture(document: Document, rendering: Rendering, *, silent: bool) -> Rendering:
    """Return the document's rendering after a message with its picture, if it has one."""
    if document.attachment is None:
        return rendering
    picture = document.attachment
    shown = {"media": {"url": f"attachment://{FILE_NAME}"}, "description": picture.alt}
    flags = IS_COMPONENTS_V2 | (SUPPRESS_NOTIFICATIONS if silent else 0)
    body = {"flags": flags, "components": [{"type": MEDIA_GALLERY, "items": [shown]}]}
    upload = Upload(picture.source, picture.key, is_picture=True)
    first = Message(body, 0, 0, fallback=rendering.messages, upload=upload)
    return dataclasses.replace(rendering, messages=(first, *rendering.messages))


def picture_of(message: Message) -> JsonObject | None:
    """Return the part of a form with the message's picture; None without one."""
    if message.upload is None:
        return None
    return {"name": "files[0]", "value": message.upload.held, "filename": FILE_NAME, "content_type": "image/png"}
