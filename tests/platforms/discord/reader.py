"""A small reader of Discord's markdown, independent of what writes it: from text to what people see.

Discord publishes no grammar; these are the rules of its desktop client as users and libraries have found them. What
must never come out of a document (mentions, emoji by name, spoilers, addresses made links on their own) is an error.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from bot.model.document import Style

if TYPE_CHECKING:
    from collections.abc import Iterator

Place: TypeAlias = tuple[str, ...]
"""The marks of the blocks around: `##`, `###`, `-#`, `>`, `-` for an item of any list, the fence of a code block."""


class Seen(NamedTuple):
    """One visible character, or one address that is shown as itself."""

    text: str
    style: Style
    url: str | None
    place: Place


class ActiveMarkupError(AssertionError):
    """Content is about to do something."""


_ITEM = re.compile(r"(?:[-*+]|\d+\.) +")
_LINE_MARK = re.compile(r"(?P<mark>#{1,3}|-#) +(?P<text>\S.*)")

_ACTIVE = re.compile(
    r"""
    <(?:@[!&]?|\#|a?:\w+:|t:-?|/[^:>]+:|id:)\w  # mentions, custom emoji, times, commands
    | @everyone | @here
    | (?!(?<=\d):\d\d:\d\d(?!\d)):[\w~+-]+:    # emoji by name, and no time as in 1:02:03
    | (?:https?|steam|discord)://[^\s<]         # addresses that become links by themselves
    | \|\|.+?\|\|                               # spoilers
    | __.+?__(?!_) | _[^_]+_(?![A-Za-z0-9_])    # underlined, or italic in the other way
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r"\\([^A-Za-z0-9\s])")
_CODE = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(r"\[((?:[^\[\]]|\[[^\[\]]*\])+)\]\(<?((?:[^\s()\\<>]|\([^\s()]*\))+)>?\)")
_ADDRESS = re.compile(r"<(\w+:/[^\s>]+)>")
_STYLES = (
    (re.compile(r"\*\*((?:\\.|[^\\])+?)\*\*(?!\*)", re.DOTALL), Style.BOLD),
    (re.compile(r"\*(?!\s)((?:\\.|\*\*|[^*\\])+?)(?<!\s)\*(?!\*)", re.DOTALL), Style.ITALIC),
    # Not even an escaped tilde is safe inside.
    (re.compile(r"~~(.+?)~~(?!_)", re.DOTALL), Style.STRIKE),
)
_ENCODED_SPACE_OR_INVISIBLE = re.compile(r"[^\S ]|[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_EMOJI = re.compile("[\u203c\u2139\u2194\u231a\u24c2\u25b6\u2600-\u27bf\u2934\u2b50\u3030\u3297\U0001f000-\U0001faff]")


def read(text: str, place: Place = ()) -> Iterator[Seen]:
    """What is to be seen of the text, character by character, without spaces."""
    lines = text.split("\n")
    while lines:
        if lines[0].startswith("```"):
            code = _take_fenced(lines)
            yield from (Seen(character, Style.CODE, None, (*place, "```")) for character in code)
        elif lines[0].startswith("> ") and ">" not in place:
            yield from read("\n".join(_take(lines, "> ")), (*place, ">"))
        elif item := _ITEM.match(lines[0]):
            yield from read("\n".join(_take_item(lines, len(item[0]))), (*place, "-"))
        elif line := _LINE_MARK.fullmatch(lines[0]):
            lines.pop(0)
            # The number signs at the end belong to the mark.
            heading = line["text"].rstrip().rstrip("#") if line["mark"] != "-#" else line["text"]
            yield from _inline(heading, Style.PLAIN, (*place, line["mark"]))
        else:
            yield from _inline("\n".join(_take_plain(lines)), Style.PLAIN, place)


def _take(lines: list[str], mark: str) -> Iterator[str]:
    while lines and lines[0].startswith(mark):
        yield lines.pop(0).removeprefix(mark)


def _take_item(lines: list[str], width: int) -> Iterator[str]:
    yield lines.pop(0)[width:]
    while lines and lines[0].startswith("  "):
        yield re.sub(rf"^ {{1,{width}}}", "", lines.pop(0))


def _take_plain(lines: list[str]) -> Iterator[str]:
    yield lines.pop(0)
    while lines and not re.match(r"```|> |#{1,3} |-# |(?:[-*+]|\d+\.) ", lines[0]):
        yield lines.pop(0)


def _take_fenced(lines: list[str]) -> str:
    assert lines.pop(0) == "```"
    code = []
    while "```" not in lines[0]:
        code.append(lines.pop(0))
    assert lines.pop(0) == "```"
    return "".join(code)


def _inline(text: str, style: Style, place: Place, url: str | None = None) -> Iterator[Seen]:
    position = 0
    while position < len(text):
        if active := _ACTIVE.match(text, position):
            raise ActiveMarkupError(active[0])
        if url is None and (escaped := _ESCAPED.match(text, position)):
            yield Seen(escaped[1], style, url, place)
            position = escaped.end()
        elif code := _CODE.match(text, position):
            yield from (Seen(character, Style.CODE, url, place) for character in code[2])
            position = code.end()
        elif url is None and (link := _LINK.match(text, position)):
            _check_label(link[1])
            yield from _inline(link[1], style, place, link[2])
            position = link.end()
        elif url is None and (address := _ADDRESS.match(text, position)):
            yield Seen(address[1], style, address[1], place)
            position = address.end()
        elif styled := max(_styled(text, position), key=lambda match: match[0].end(), default=None):
            match, inner = styled
            yield from _inline(match[1], style | inner, place, url)
            position = match.end()
        else:
            yield Seen(text[position], style, url, place)
            position += 1


def _styled(text: str, position: int) -> Iterator[tuple[re.Match[str], Style]]:
    for pattern, style in _STYLES:
        if match := pattern.match(text, position):
            yield match, style


def _check_label(label: str) -> None:
    """Discord shows a link raw, or its label changed, when there is anything of this in it."""
    for pattern in (_EMOJI, _ENCODED_SPACE_OR_INVISIBLE, re.compile(r"https?://|\\")):
        if found := pattern.search(label):
            raise ActiveMarkupError(f"{found[0]!r} in the label {label!r}")
