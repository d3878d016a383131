"""Discord's rules for the content of messages, from its documentation and its published API description.

Refusals carry the real API's error body: 50006 for an empty message, 50035 with the path of every wrong field. The
stand-in knows the components that the bot sends: rows of buttons, texts, galleries, files, separators and containers.
It refuses all others as ones that may not stand there.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bot.sandbox.discord.errors import EMPTY_MESSAGE, INTERNAL_ERROR, ApiError, FormErrors, Path
from bot.sandbox.discord.messages import TEXT_DISPLAY, Content, Flag

if TYPE_CHECKING:
    from bot.sandbox.shared.webserver import Json

MAX_CONTENT = 2000
MAX_NONCE = 25
MAX_MENTIONS = 100
"""People, or roles, that `allowed_mentions` may list."""
MENTION_KINDS = ("users", "roles", "everyone")

LEGACY_FIELDS = ("content", "embeds", "poll", "sticker_ids")
"""Fields that a message of components must not have."""

SETTABLE_BY_BOT = Flag.SUPPRESS_EMBEDS | Flag.SUPPRESS_NOTIFICATIONS | Flag.COMPONENTS_V2
SETTABLE_BY_ANSWER = SETTABLE_BY_BOT | Flag.EPHEMERAL
SETTABLE_BY_EDIT = Flag.SUPPRESS_EMBEDS | Flag.COMPONENTS_V2

MAX_COMPONENTS = 40
"""Components of one message, including those inside others."""
MAX_TEXT = 4000
"""Characters over all text displays of one message."""
MAX_TEXT_BYTES = 10_170
TEXT_OVERHEAD_BYTES = 12
"""Reports measured a 500 above `MAX_TEXT_BYTES` of UTF-8, counting this overhead for each text; no rule says so."""
MAX_LEGACY_ROWS = 5
"""Action rows of a message without the components flag."""
ROW_WIDTH = 5
"""Buttons beside each other."""
MAX_GALLERY = 10
MAX_LABEL = 80
MAX_BUTTON_URL = 512
MAX_MEDIA_URL = 2048
MAX_DESCRIPTION = 1024
MAX_CUSTOM_ID = 100
MAX_COLOUR = 0xFFFFFF

ROW, BUTTON, GALLERY, FILE, SEPARATOR, CONTAINER = 1, 2, 12, 13, 14, 17
LINK = 5
BUTTON_STYLES = (1, 2, 3, 4, LINK)
BUTTON_SCHEMES = ("http", "https", "discord")
MEDIA_SCHEMES = ("http", "https")

_AUTHORITY = re.compile(
    r"(?:(?:[\w.~!$&'()*+,;=:-]|%[0-9a-f]{2})*@)?(?:\[[0-9a-f:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[0-9a-f]{2})+)(?::[0-9]+)?",
    re.IGNORECASE | re.ASCII,
)

_IN_CONTAINER = (ROW, TEXT_DISPLAY, GALLERY, SEPARATOR)
_AT_TOP = (*_IN_CONTAINER, CONTAINER, FILE)


def compose(
    body: Mapping[str, Any], *, settable: Flag, before: Content | None = None, files: Collection[str] = ()
) -> Content:
    """Return the content that the request makes, or makes of `before`.

    Flags outside `settable` are ignored, as the real API ignores them. `files` are the names of those that came along.

    Raises:
        ApiError: the message breaks a rule.
    """
    errors = FormErrors()
    old = before or Content()
    flags = _flags(errors, body.get("flags"), settable, old.flags)
    shown: Json = {"content": old.text, "components": old.components, **body}
    text = errors.text(("content",), shown["content"], high=MAX_CONTENT)
    _check_nonce(errors, body.get("nonce"))
    _check_mentions(errors, body.get("allowed_mentions"))
    if Flag.COMPONENTS_V2 in flags:
        _check_legacy(errors, shown)
    components = shown["components"]
    rules = _ComponentRules(errors, v2=Flag.COMPONENTS_V2 in flags, files=files)
    rules.check(list(components) if isinstance(components, tuple) else components)
    if not (text.strip() or components):
        raise ApiError(EMPTY_MESSAGE)
    return Content(text, tuple(components or ()), flags)


def _flags(errors: FormErrors, value: object, settable: Flag, old: Flag) -> Flag:
    if value is None:
        return old
    if not isinstance(value, int):
        errors.add(("flags",), "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
        return old
    # An edit can neither take the components flag back nor touch a flag that it may not set.
    return (Flag(value) & settable) | (old & ~settable) | (old & Flag.COMPONENTS_V2)


def _check_nonce(errors: FormErrors, nonce: object) -> None:
    if isinstance(nonce, bool) or not isinstance(nonce, str | int | None):
        errors.add(("nonce",), "NONCE_TYPE_INVALID_TYPE", "This field must be a string or integer.")
    elif isinstance(nonce, str) and len(nonce) > MAX_NONCE:
        errors.add(("nonce",), "NONCE_TYPE_TOO_LONG", f"Must be {MAX_NONCE} or fewer characters long.")


def _check_mentions(errors: FormErrors, value: object) -> None:
    if value is None:
        return
    path = ("allowed_mentions",)
    allowed = errors.mapping(path, value)
    parse = errors.items((*path, "parse"), allowed.get("parse"), high=len(MENTION_KINDS))
    for index, kind in enumerate(parse):
        if kind not in MENTION_KINDS:
            errors.choices((*path, "parse", index), MENTION_KINDS)
    for kind in ("users", "roles"):
        ids = errors.items((*path, kind), allowed.get(kind), high=MAX_MENTIONS)
        for index, listed in enumerate(ids):
            if not str(listed).isdecimal():
                errors.add((*path, kind, index), "NUMBER_TYPE_COERCE", f'Value "{listed}" is not snowflake.')
        if ids and kind in parse:
            errors.add(
                path,
                "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.',
            )


def _check_legacy(errors: FormErrors, shown: Mapping[str, Any]) -> None:
    for field in LEGACY_FIELDS:
        if shown.get(field):
            errors.add(
                (field,),
                "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                f"The '{field}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
            )


class _ComponentRules:
    """Check of the components of one message, with or without the Components V2 flag."""

    def __init__(self, errors: FormErrors, *, v2: bool, files: Collection[str] = ()) -> None:
        self._errors = errors
        self._files = files
        self._v2 = v2
        self._custom_ids: set[str] = set()
        self._texts: list[str] = []
        self._count = 0
        self._checks = {
            ROW: self._row,
            BUTTON: self._button,
            TEXT_DISPLAY: self._text,
            GALLERY: self._gallery,
            SEPARATOR: self._separator,
            CONTAINER: self._container,
            FILE: self._file,
        }

    def check(self, components: object) -> None:
        """Check all components.

        Raises:
            ApiError: 50035 with every error; 500 where the real Discord breaks although no rule forbids the message.
        """
        path: Path = ("components",)
        high = MAX_COMPONENTS if self._v2 else MAX_LEGACY_ROWS
        self._children(path, components, _AT_TOP if self._v2 else (ROW,), low=0, high=high)
        if self._count > MAX_COMPONENTS:
            self._errors.add(
                path,
                "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
                f"Must be {MAX_COMPONENTS} or fewer components in total.",
            )
        if sum(map(len, self._texts)) > MAX_TEXT:
            self._errors.add(
                path,
                "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED",
                f"The displayable text of all components must be {MAX_TEXT} or fewer in length.",
            )
        self._errors.raise_if_any()
        if sum(len(text.encode()) + TEXT_OVERHEAD_BYTES for text in self._texts) > MAX_TEXT_BYTES:
            raise ApiError(INTERNAL_ERROR)

    def _children(self, path: Path, value: object, allowed: tuple[int, ...], *, low: int = 1, high: int) -> None:
        for index, child in enumerate(self._errors.items(path, value, low=low, high=high)):
            self._component((*path, index), child, allowed)

    def _component(self, path: Path, value: object, allowed: tuple[int, ...]) -> None:
        component = self._errors.mapping(path, value)
        if not component:
            return
        self._count += 1
        kind = component.get("type")
        if kind in allowed:
            self._checks[kind](path, component)
        else:
            choices = ", ".join(map(str, allowed))
            self._errors.add(
                (*path, "type"), "UNION_TYPE_CHOICES", f'Value of field "type" must be one of ({choices}).'
            )

    def _row(self, path: Path, row: dict[str, Any]) -> None:
        self._children((*path, "components"), row.get("components"), (BUTTON,), high=ROW_WIDTH)

    def _container(self, path: Path, container: dict[str, Any]) -> None:
        self._children((*path, "components"), container.get("components"), _IN_CONTAINER, high=MAX_COMPONENTS)
        colour = container.get("accent_color")
        if colour is not None and not (isinstance(colour, int) and 0 <= colour <= MAX_COLOUR):
            self._errors.add(
                (*path, "accent_color"), "NUMBER_TYPE_MAX", f"int value should be less than or equal to {MAX_COLOUR}."
            )

    def _text(self, path: Path, text: dict[str, Any]) -> None:
        self._texts.append(self._errors.text((*path, "content"), text.get("content"), low=1, high=MAX_TEXT))

    def _gallery(self, path: Path, gallery: dict[str, Any]) -> None:
        inside = (*path, "items")
        for index, value in enumerate(self._errors.items(inside, gallery.get("items"), low=1, high=MAX_GALLERY)):
            item = self._errors.mapping((*inside, index), value)
            media = self._errors.mapping((*inside, index, "media"), item.get("media"))
            if media.get("url") not in {f"attachment://{name}" for name in self._files}:
                self._url((*inside, index, "media", "url"), media.get("url"), MEDIA_SCHEMES, MAX_MEDIA_URL)
            if item.get("description") is not None:
                described: Path = (*inside, index, "description")
                self._errors.text(described, item["description"], low=1, high=MAX_DESCRIPTION)

    def _file(self, path: Path, component: dict[str, Any]) -> None:
        url = self._errors.mapping((*path, "file"), component.get("file")).get("url")
        if url not in {f"attachment://{name}" for name in self._files}:
            told = "The specified file was not found among the attachments"
            self._errors.add((*path, "file", "url"), "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND", told)

    def _separator(self, path: Path, separator: dict[str, Any]) -> None:
        if separator.get("spacing") not in (None, 1, 2):
            self._errors.choices((*path, "spacing"), (1, 2))

    def _button(self, path: Path, button: dict[str, Any]) -> None:
        style, label = button.get("style"), button.get("label")
        self._errors.text((*path, "label"), label, high=MAX_LABEL)
        if style not in BUTTON_STYLES:
            self._errors.choices((*path, "style"), BUTTON_STYLES)
        elif style == LINK:
            self._url((*path, "url"), button.get("url"), BUTTON_SCHEMES, MAX_BUTTON_URL)
            self._absent(path, button, "custom_id")
        else:
            self._custom_id(path, button)
            self._absent(path, button, "url")
        if not label and not button.get("emoji"):
            self._errors.add((*path, "label"), "BASE_TYPE_REQUIRED", "A label or an emoji is required")

    def _absent(self, path: Path, button: dict[str, Any], key: str) -> None:
        if button.get(key) is not None:
            self._errors.add(
                (*path, key),
                "COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE",
                "A custom id and url cannot both be specified",
            )

    def _custom_id(self, path: Path, component: dict[str, Any]) -> None:
        custom_id = self._errors.text((*path, "custom_id"), component.get("custom_id"), low=1, high=MAX_CUSTOM_ID)
        if custom_id and custom_id in self._custom_ids:
            self._errors.add(
                (*path, "custom_id"), "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated"
            )
        self._custom_ids.add(custom_id)

    def _url(self, path: Path, value: object, schemes: tuple[str, ...], high: int) -> None:
        url = self._errors.text(path, value, low=1, high=high)
        if not url:
            return
        scheme, host = _split(url)
        if scheme not in schemes:
            self._errors.add(
                path,
                "URL_TYPE_INVALID_SCHEME",
                f'Scheme "{scheme}" is not supported. Scheme must be one of {schemes}.',
            )
        elif not host or any(character.isspace() for character in url):
            self._errors.add(path, "URL_TYPE_INVALID_URL", "Not a well formed URL.")


def _split(url: str) -> tuple[str, str]:
    """Return the scheme and the host; the host is empty when the address cannot be parsed.

    Because no document tells how Discord parses addresses, the stand-in takes only those that RFC 3986 allows.
    """
    try:
        parts = urlsplit(url)
        is_good = _AUTHORITY.fullmatch(parts.netloc) and parts.port != 0
        if parts.netloc.rpartition("@")[2].startswith("["):
            ipaddress.IPv6Address(parts.hostname or "")
    except ValueError:
        return url.partition(":")[0].lower(), ""
    return parts.scheme, parts.netloc if is_good else ""
