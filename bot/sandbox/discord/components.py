"""Discord's rules for message components, from its documentation and its published API description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bot.sandbox.discord.errors import INTERNAL_ERROR, ApiError
from bot.sandbox.discord.messages import TEXT_DISPLAY, UPLOAD

if TYPE_CHECKING:
    from collections.abc import Collection

    from bot.sandbox.discord.errors import FormErrors, Path

MAX_COMPONENTS = 40
"""Components of one message, those inside others counted too."""
MAX_TEXT = 4000
"""Characters over all text displays of one message."""
MAX_TEXT_BYTES = 10_170
TEXT_OVERHEAD_BYTES = 12
"""People measured a 500 when the UTF-8 of the text displays, and this for each, is more: no rule says so."""
MAX_LEGACY_ROWS = 5
"""Action rows of a message without the components flag."""
ROW_WIDTH = 5
"""Buttons beside each other; a menu fills the row."""
MAX_SECTION_TEXTS = 3
MAX_GALLERY = 10
MAX_LABEL = 80
MAX_BUTTON_URL = 512
MAX_MEDIA_URL = 2048
MAX_DESCRIPTION = 1024
MAX_CUSTOM_ID = 100
MAX_OPTIONS = 25
MAX_OPTION_TEXT = 100
MAX_PLACEHOLDER = 150
MAX_COLOUR = 0xFFFFFF

ROW, BUTTON, STRING_SELECT = 1, 2, 3
SECTION, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER = 9, 11, 12, 13, 14, 17
SELECTS = (STRING_SELECT, 5, 6, 7, 8)
LINK, PREMIUM = 5, 6
BUTTON_STYLES = (1, 2, 3, 4, LINK, PREMIUM)
BUTTON_SCHEMES = ("http", "https", "discord")
MEDIA_SCHEMES = ("http", "https", "attachment")

_IN_CONTAINER = (ROW, SECTION, TEXT_DISPLAY, GALLERY, FILE, SEPARATOR)
_AT_TOP = (*_IN_CONTAINER, CONTAINER)


class ComponentRules:
    """Checks the components of one message, with or without the Components V2 flag, and notes the errors.

    `filenames` are the message's uploads, which media may refer to.
    """

    def __init__(self, errors: FormErrors, *, v2: bool, filenames: Collection[str]) -> None:
        self._errors = errors
        self._v2 = v2
        self._filenames = filenames
        self._custom_ids: set[str] = set()
        self._texts: list[str] = []
        self._count = 0
        self._checks = {
            ROW: self._row,
            BUTTON: self._button,
            SECTION: self._section,
            TEXT_DISPLAY: self._text,
            THUMBNAIL: self._thumbnail,
            GALLERY: self._gallery,
            FILE: self._file,
            SEPARATOR: self._separator,
            CONTAINER: self._container,
            **dict.fromkeys(SELECTS, self._select),
        }

    def check(self, components: object) -> None:
        """Check them all.

        Raises:
            ApiError: 500, where the real Discord breaks although no rule forbids the message.
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

    def _children(self, path: Path, value: object, allowed: tuple[int, ...], *, low: int = 1, high: int) -> list[Any]:
        children = self._errors.items(path, value, low=low, high=high)
        for index, child in enumerate(children):
            self._component((*path, index), child, allowed)
        return children

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
        inside = (*path, "components")
        children = self._children(inside, row.get("components"), (BUTTON, *SELECTS), high=ROW_WIDTH)
        menus = [child for child in children if isinstance(child, dict) and child.get("type") in SELECTS]
        if menus and len(children) > 1:
            self._errors.add(
                (*inside, len(children) - 1),
                "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
                "The specified component exceeds the maximum width",
            )

    def _container(self, path: Path, container: dict[str, Any]) -> None:
        self._children((*path, "components"), container.get("components"), _IN_CONTAINER, high=MAX_COMPONENTS)
        colour = container.get("accent_color")
        if colour is not None and not (isinstance(colour, int) and 0 <= colour <= MAX_COLOUR):
            self._errors.add(
                (*path, "accent_color"), "NUMBER_TYPE_MAX", f"int value should be less than or equal to {MAX_COLOUR}."
            )

    def _section(self, path: Path, section: dict[str, Any]) -> None:
        self._children((*path, "components"), section.get("components"), (TEXT_DISPLAY,), high=MAX_SECTION_TEXTS)
        accessory = section.get("accessory")
        if accessory is None:
            self._errors.required((*path, "accessory"))
        else:
            self._component((*path, "accessory"), accessory, (BUTTON, THUMBNAIL))

    def _text(self, path: Path, text: dict[str, Any]) -> None:
        self._texts.append(self._errors.text((*path, "content"), text.get("content"), low=1, high=MAX_TEXT))

    def _thumbnail(self, path: Path, thumbnail: dict[str, Any]) -> None:
        self._media((*path, "media"), thumbnail.get("media"))
        self._described(path, thumbnail)

    def _gallery(self, path: Path, gallery: dict[str, Any]) -> None:
        inside = (*path, "items")
        for index, value in enumerate(self._errors.items(inside, gallery.get("items"), low=1, high=MAX_GALLERY)):
            item = self._errors.mapping((*inside, index), value)
            self._media((*inside, index, "media"), item.get("media"))
            self._described((*inside, index), item)

    def _file(self, path: Path, file: dict[str, Any]) -> None:
        self._media((*path, "file"), file.get("file"), schemes=("attachment",))

    def _separator(self, path: Path, separator: dict[str, Any]) -> None:
        if separator.get("spacing") not in (None, 1, 2):
            self._errors.choices((*path, "spacing"), (1, 2))

    def _described(self, path: Path, media: dict[str, Any]) -> None:
        if media.get("description") is not None:
            self._errors.text((*path, "description"), media["description"], low=1, high=MAX_DESCRIPTION)

    def _media(self, path: Path, value: object, *, schemes: tuple[str, ...] = MEDIA_SCHEMES) -> None:
        url = self._errors.mapping(path, value).get("url")
        self._url((*path, "url"), url, schemes, MAX_MEDIA_URL)
        filename = url.removeprefix(UPLOAD) if isinstance(url, str) and url.startswith(UPLOAD) else None
        if filename is not None and filename not in self._filenames:
            self._errors.add(
                (*path, "url"),
                "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND",
                f"The referenced attachment was not found: {url}",
            )

    def _button(self, path: Path, button: dict[str, Any]) -> None:
        style, label = button.get("style"), button.get("label")
        self._errors.text((*path, "label"), label, high=MAX_LABEL)
        if style not in BUTTON_STYLES:
            self._errors.choices((*path, "style"), BUTTON_STYLES)
        elif style == LINK:
            self._url((*path, "url"), button.get("url"), BUTTON_SCHEMES, MAX_BUTTON_URL)
            self._absent(path, button, "custom_id")
        elif style != PREMIUM:
            self._custom_id(path, button)
            self._absent(path, button, "url")
        if style != PREMIUM and not label and not button.get("emoji"):
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

    def _select(self, path: Path, select: dict[str, Any]) -> None:
        self._custom_id(path, select)
        self._errors.text((*path, "placeholder"), select.get("placeholder"), high=MAX_PLACEHOLDER)
        if select["type"] != STRING_SELECT:
            return
        inside = (*path, "options")
        values: set[str] = set()
        for index, item in enumerate(self._errors.items(inside, select.get("options"), low=1, high=MAX_OPTIONS)):
            option = self._errors.mapping((*inside, index), item)
            self._errors.text((*inside, index, "label"), option.get("label"), low=1, high=MAX_OPTION_TEXT)
            self._errors.text((*inside, index, "description"), option.get("description"), high=MAX_OPTION_TEXT)
            value = self._errors.text((*inside, index, "value"), option.get("value"), low=1, high=MAX_OPTION_TEXT)
            if value in values:
                self._errors.add(
                    (*inside, index, "value"),
                    "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
                    "The specified option value is already used",
                )
            values.add(value)

    def _url(self, path: Path, value: object, schemes: tuple[str, ...], high: int) -> None:
        url = self._errors.text(path, value, low=1, high=high)
        if not url:
            return
        scheme, rest = _split(url)
        if scheme not in schemes:
            self._errors.add(
                path,
                "URL_TYPE_INVALID_SCHEME",
                f'Scheme "{scheme}" is not supported. Scheme must be one of {schemes}.',
            )
        elif not rest or any(character.isspace() for character in url):
            self._errors.add(path, "URL_TYPE_INVALID_URL", "Not a well formed URL.")


def _split(url: str) -> tuple[str, str]:
    """The scheme and the host; no host when the address cannot be read."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.partition(":")[0].lower(), ""
    return parts.scheme, parts.netloc
