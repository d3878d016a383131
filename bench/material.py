"""What is sent: one recap with its links and buttons, as either platform gets it and answers it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bot.model.document import CommandButton, Document, Heading, LinkButton, Note, Paragraph, Section, Span, Style
from bot.platforms.discord.render import render as discord_render
from bot.platforms.telegram.render import render as telegram_render

if TYPE_CHECKING:
    from pathlib import Path

SUBJECTS = ("Netflix", "Telegram", "TikTok", "Instagram")
SUMMARY = (
    "Un texte de la longueur d’un vrai résumé : il dit les faits d’abord, cite « une phrase entière » et finit par "
    "ce que cela change pour celles et ceux qui publient."
)
BOT = {"id": 1234567, "is_bot": True, "first_name": "Récap", "username": "recap_bot"}


def document() -> Document:
    """Four subjects with a source each, and four buttons: nine hundred characters with a dozen entities."""
    return Document(
        title="Épisode 1207",
        sections=(
            Section((Heading((Span("Le récap du lundi · épisode 1207"),), level=1),)),
            *(_section(number, subject) for number, subject in enumerate(SUBJECTS, 1)),
        ),
        buttons=(
            LinkButton("Écouter", "https://example.org/1207.mp3"),
            LinkButton("La page", "https://example.org/1207"),
            *(CommandButton(f"#{subject.lower()}", "topic", subject.lower()) for subject in SUBJECTS[:2]),
        ),
    )


def _section(number: int, subject: str) -> Section:
    return Section(
        (
            Heading((Span(f"{number}. {subject} change ses règles"),)),
            Paragraph((Span(SUMMARY), Span(" En clair", Style.BOLD))),
            Note((Span("Sources : "), Span(f"{subject} Newsroom", url=f"https://example.org/{subject.lower()}"))),
        )
    )


def write(path: Path) -> None:
    """Write the material as JSON: for each platform the message and the answer to it, `%d` for the message's id."""
    (telegram,) = telegram_render(document()).messages
    (discord,) = discord_render(document()).messages
    path.write_text(
        json.dumps(
            {
                "telegram": {"body": telegram.body, "answer": _telegram_answer(dict(telegram.body))},
                "discord": {"body": discord.body, "answer": _discord_answer(dict(discord.body))},
            }
        ),
        encoding="utf-8",
    )


def _telegram_answer(body: dict[str, Any]) -> str:
    """As the real server answers: the whole message, its id first."""
    message = {
        "from": BOT,
        "chat": {"id": 5, "first_name": "Ada", "type": "private"},
        "date": 1730707200,
        **{key: body[key] for key in ("text", "entities", "link_preview_options", "reply_markup")},
    }
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":")).replace("%", "%%")
    return '{"ok":true,"result":{"message_id":%d,' + text[1:] + "}"


def _discord_answer(body: dict[str, Any]) -> str:
    message = {
        "type": 0,
        "channel_id": "5",
        "content": "",
        "mentions": [],
        "mention_roles": [],
        "mention_everyone": False,
        "attachments": [],
        "embeds": [],
        "timestamp": "2024-11-04T07:00:00.000000+00:00",
        "edited_timestamp": None,
        "flags": body["flags"],
        "components": body["components"],
        "author": {"id": "1234567", "username": "recap", "discriminator": "0", "avatar": None, "bot": True},
        "pinned": False,
        "tts": False,
    }
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":")).replace("%", "%%")
    return '{"id":"%d",' + text[1:]
