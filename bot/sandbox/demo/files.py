"""The page's files: static, without a build step, and nothing from anywhere else."""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import json
import re
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from bot.model.i18n import Language

if TYPE_CHECKING:
    from collections.abc import Iterable

DRAWING = ("words.js", "build.js", "telegram.js", "discord.js")
"""The scripts that draw messages: those of the demo and of a preview file alike."""
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is served."""

    data: bytes
    content_type: str


@functools.cache
def asset(name: str) -> Asset | None:
    """A file that the page may ask for; None for any other name."""
    folder = resources.files(__package__) / "static"
    known = {file.name: file for file in folder.iterdir()}
    kind = _TYPES.get(name[name.rfind(".") :]) if "." in name else None
    if kind is None or name not in known:
        return None
    return Asset(known[name].read_bytes(), kind)


def index(language: Language) -> str:
    """The page of the demo, in the language that it begins with."""
    return _filled("demo.html", language=language)


def preview(title: str, language: Language, content: Any) -> str:  # noqa: ANN401 - JSON is whatever it holds
    """A file of its own that draws the content: styles, scripts and JSON inside, nothing to fetch.

    Its policy names the very script and style by their digests, so that nothing else in the file can ever run.
    """
    style = _joined(("base.css", "messages.css", "preview.css"))
    script = _joined((*DRAWING, "preview.js"))
    policy = f"default-src 'none'; style-src 'sha256-{_digest(style)}'; script-src 'sha256-{_digest(script)}'"
    return _filled(
        "preview.html",
        language=language,
        title=html.escape(title),
        policy=policy,
        style=style,
        script=script,
        # In a script element nothing is escaped: only what looks like a tag or a comment could end it.
        content=json.dumps(content, ensure_ascii=False).replace("<", "\\u003c"),
    )


def preferred_language(accepted: str) -> Language:
    """The first language of an `Accept-Language` header that the page speaks, by the weights; else French."""
    choices = []
    for part in accepted.split(","):
        tag, _, weight = part.strip().partition(";q=")
        primary = tag.partition("-")[0].lower()
        if primary in set(Language):
            choices.append((_weight(weight), Language(primary)))
    return max(choices, key=lambda choice: choice[0], default=(0.0, Language.FRENCH))[1]


def _weight(text: str) -> float:
    try:
        return float(text or 1)
    except ValueError:
        return 0.0


def _filled(name: str, **values: str) -> str:
    """The file with each `{{name}}` in it replaced once: what is put in is not looked at again."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], _text(name))


def _joined(names: Iterable[str]) -> str:
    return "\n".join(map(_text, names))


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _text(name: str) -> str:
    return (resources.files(__package__) / "static" / name).read_text(encoding="utf-8")
