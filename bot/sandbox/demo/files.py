"""Files of the page: static, without a build step, and without files of other hosts."""

import base64
import functools
import hashlib
import html
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from typing import Any

from bot.model.i18n import Language

DRAWING = ("words.js", "build.js", "telegram.js", "discord.js")
"""Scripts that draw messages, in the demo and in the file of a preview."""
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """Content and type of one file."""

    data: bytes
    content_type: str


@functools.cache
def asset(name: str) -> Asset | None:
    """Return a file of the page, or None."""
    folder = resources.files(__package__) / "static"
    known = {file.name: file for file in folder.iterdir()}
    kind = _TYPES.get(name[name.rfind(".") :]) if "." in name else None
    if kind is None or name not in known:
        return None
    return Asset(known[name].read_bytes(), kind)


def index(language: Language) -> str:
    """Return the page of the demo in its first language."""
    return _filled("demo.html", language=language)


def preview(title: str, language: Language, content: Any) -> str:  # noqa: ANN401 - JSON is whatever it holds
    """Return a single file that draws the content, with styles, scripts and JSON inside.

    Its policy allows the script and style by their digests, so that no other script in the file can run.
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
        # Because only a tag or a comment ends a script element, escaping `<` is enough.
        content=json.dumps(content, ensure_ascii=False).replace("<", "\\u003c"),
    )


def preferred_language(accepted: str) -> Language:
    """Return the language of the page with the greatest weight in an `Accept-Language` header; else French."""
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
    """Return the file with each `{{name}}` replaced once; a replacement is not replaced again."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], _text(name))


def _joined(names: Iterable[str]) -> str:
    return "\n".join(map(_text, names))


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _text(name: str) -> str:
    return (resources.files(__package__) / "static" / name).read_text(encoding="utf-8")
