"""An episode file to an episode, or to everything that is wrong with the file.

A file is a front matter of YAML, an introduction, and a segment for each `##` title. In a segment, a line that holds
nothing but an image is its picture, the list below `Sources :` holds its sources, the line of hashtags under the title
its topics, and all the rest, in order, is its summary.
"""

import bisect
import functools
import itertools
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from bot.content.frontmatter import EXAMPLE, key_of, read_front_matter
from bot.content.richtext import RichText
from bot.content.segments import Part, read_parts
from bot.model.episode import Episode, Segment
from bot.model.i18n import gettext as _
from bot.model.plaintext import hiding_cause
from bot.model.problems import Change, InvalidInputError, Mistakes, Problem, named_lines

_FENCE = "---"
# Because word processors turn hyphens into dashes, a line of any of them is meant as a fence.
_DASHES = re.compile(r"[-+_\u2010-\u2015\u2212]{2,}|[\u2013-\u2015]")

# Tabs, line feeds, and zero-width joiners, which make emoji, are text. YAML or UTF-8 cannot hold the last three kinds.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# Word joiners, soft hyphens and spaces without a width, which nobody sees: in a hashtag or before a title they end it.
_INVISIBLE = re.compile(r"[\u00ad\u200b\u2060\ufeff]")
_TOML = "+++"
_EQUALS = re.compile(r"^(\s*\w+)\s*=\s*")
_TEXT = re.compile(r"[^\W\d_][^:]*$")
_BLANK_LINE = re.compile(r"\n[^\S\n]+(?=\n)")
# Because a Mac types a no-break space while the Option key of '#' is held down, one may follow a marker.
_HARD_MARKER = re.compile(r"(\n {0,3}(?:#{1,6}|[-*+]))[\u00a0\u202f]")


def parse_episode(text: str, path: Path) -> Episode:
    """Return the episode of a file's text, in Unicode's composed form (NFC). `path` names the file.

    Raises:
        InvalidInputError: with every mistake in the file.
    """
    found = read_episode(text, path)
    if isinstance(found, Episode):
        return found

    def read_again(changed: str) -> Mistakes:
        again = read_episode(changed, path)
        return again if isinstance(again, Mistakes) else Mistakes(path)

    raise InvalidInputError(found.tried(_clean(text, Mistakes(path)), read_again))


def read_episode(text: str, path: Path) -> Episode | Mistakes:
    """Return the episode, or the mistakes if there are any. Their cures are not tried yet."""
    mistakes = Mistakes(path)
    text = _clean(text, mistakes)
    if not text.strip():
        mistakes.add(1, _("the file is empty"), _("Begin it with {example}").format(example=_(EXAMPLE)))
    elif cause := hiding_cause(text, path):
        mistakes = Mistakes(path)
        mistakes.add(*cause)
    else:
        head = _split(text.split("\n"), mistakes)
        values = read_front_matter(head.front_matter, head.first_line, mistakes) if head.first_line else {}
        rich_text = RichText(head.body, mistakes, unclosed=Mistakes(path))
        intro, parts = read_parts(rich_text)
        # Because text that was left out may be the title or the summary that is missing, there is one cause.
        if not parts and not rich_text.left_out:
            cure = _("Begin each subject with a title on a line such as '## Title'")
            mistakes.add(head.end, _("the episode has no segment"), cure)
        for line, name in (
            (intro.topics_line, _("a line of topics")),
            (intro.image_line, _("an image")),
            (intro.sources_line, _("a list of sources")),
        ):
            # Because the first title is missing too in a file without any, there is one cause.
            if line and parts:
                mistakes.add(
                    line,
                    _("{name} stands above the first segment").format(name=name),
                    _("Move it below a title '## …'"),
                )
        segments = _segments(parts, rich_text.left_out, mistakes)
        if not mistakes:
            return Episode(**values, intro=tuple(intro.summary), segments=tuple(segments), path=path)
    return mistakes


def unclosed_emphasis(text: str, path: Path) -> tuple[Problem, ...]:
    """Return the signs of bold, italic and strike that have no partner in a good episode file; they are no mistake."""
    mistakes, unclosed = Mistakes(path), Mistakes(path)
    head = _split(_clean(text, mistakes).split("\n"), mistakes)
    read_parts(RichText(head.body, mistakes, unclosed))
    return tuple(dict.fromkeys(unclosed.tried(text, lambda _changed: Mistakes(path))))


def _clean(text: str, mistakes: Mistakes) -> str:
    """Return the text with one kind of line end and blank line, and without invisible characters."""
    text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    # Because word processors leave these for line breaks inside a paragraph, they become spaces.
    text = text.replace("\u2028", " ").replace("\u2029", " ")

    def told(match: re.Match[str]) -> str:
        mistakes.add(
            match.string.count("\n", 0, match.start()) + 1,
            _("an invisible control character stands here (U+{match:04X})").format(match=ord(match[0])),
            _("Delete it and the characters around it, and type them again"),
        )
        return " "

    text = _CONTROL.sub(told, text)
    return _HARD_MARKER.sub(r"\1 ", _BLANK_LINE.sub("\n", text))


class _Head(NamedTuple):
    """A file in two parts. Blank lines replace the front matter in the body, so that its lines keep their numbers."""

    front_matter: str
    first_line: int
    """The line at which the front matter begins; 0 without one."""
    body: str
    end: int
    """The last line above the body."""


def _split(lines: Sequence[str], mistakes: Mistakes) -> _Head:
    opening = next((index for index, line in enumerate(lines) if line.strip()), 0)
    first = opening + 1
    if not _is_fence(lines[opening]):
        return _without_fence(lines, opening, mistakes)
    closing = next((i for i in range(first, len(lines)) if _is_fence(lines[i])), len(lines))
    title = next((i for i in range(first, len(lines)) if lines[i].startswith("##")), len(lines))
    # Because a rule between two paragraphs looks like its end, no text may stand in a front matter.
    text = next((i for i in range(first, closing) if _TEXT.match(lines[i]) and not lines[i - 1]), closing)
    if text < closing and any(map(key_of, lines[first:text])) and not any(map(key_of, lines[text:closing])):
        closing, title = len(lines), min(text, title)
    if closing < min(title, len(lines)):
        if lines[opening].rstrip() == _TOML:
            return _toml(lines, (opening, closing), mistakes)
        if wrong := [at for at in (opening, closing) if lines[at].rstrip() != _FENCE]:
            cure = _("Write three hyphens (---) on {value}").format(value=named_lines([at + 1 for at in wrong]))
            change = Change(cure, tuple((at + 1, lines[at], _FENCE) for at in wrong))
            mistakes.add(wrong[0] + 1, _("these signs are not the three hyphens of a front matter"), change, cure)
        return _head(lines, first, closing, closing + 1)
    last = next((at for at in range(title - 1, opening, -1) if key_of(lines[at])), opening)
    change = Change(
        _("Write a line '---' below line {last}").format(last=last + 1),
        ((last + 1, lines[last], f"{lines[last]}\n---"),),
    )
    cure = _("Write a line '---' below its last key")
    mistakes.add(first, _("the front matter that begins here has no end"), *((change,) if last > opening else ()), cure)
    # Because the other mistakes are to be found too, reading goes on as if it ended at its first blank line.
    end = next((i for i in range(first, title) if not lines[i]), title)
    return _head(lines, first, end, end)


def _toml(lines: Sequence[str], fences: tuple[int, int], mistakes: Mistakes) -> _Head:
    """Tell how a front matter of TOML becomes YAML; nothing else is told of it."""
    first, last = fences
    edits = [(at + 1, lines[at], _FENCE) for at in fences]
    edits += [(at + 1, lines[at], _EQUALS.sub(r"\1: ", lines[at])) for at in range(first + 1, last)]
    cure = _("Write three hyphens (---) on lines {first} and {last}, and ':' in place of '=' between them").format(
        first=first + 1, last=last + 1
    )
    mistakes.add(
        first + 1, _("the front matter is TOML, and has to be YAML"), Change(cure, tuple(edits), reveals=True), cure
    )
    return _Head("", 0, "\n" * (last + 1) + "\n".join(lines[last + 1 :]), last + 1)


def _head(lines: Sequence[str], first: int, end: int, body: int) -> _Head:
    """Return the file in two parts, by the indexes of the first and last lines of its front matter."""
    return _Head("\n".join(lines[first:end]), first + 1, "\n" * body + "\n".join(lines[body:]), body)


def _is_fence(line: str) -> bool:
    return _DASHES.fullmatch("".join(line.split())) is not None


def _without_fence(lines: Sequence[str], opening: int, mistakes: Mistakes) -> _Head:
    """Tell how to begin a file whose first line of text is no fence; its front matter is read all the same."""
    tell = functools.partial(mistakes.add, opening + 1, _("the file does not begin with a front matter"))
    example = _("Begin it with {example}").format(example=_(EXAMPLE)) + (
        _(", in place of the part in braces") if lines[opening][:1] == "{" else ""
    )
    end = next((at for at in range(opening, len(lines)) if not key_of(lines[at])), len(lines))
    if end > opening:
        is_closed = _is_fence("".join(lines[end : end + 1]))
        edits = [] if is_closed else [(end, lines[end - 1], f"{lines[end - 1]}\n{_FENCE}")]
        edits.append((opening + 1, lines[opening], f"{_FENCE}\n{lines[opening]}"))
        cure = _("Write a line '---' above it") + (
            "" if is_closed else _(", and another below line {end}").format(end=end)
        )
        tell(Change(cure, tuple(edits)), example)
        return _head(lines, opening, end, end + is_closed)
    fence = next((at for at in range(opening, len(lines) - 1) if _is_fence(lines[at]) and key_of(lines[at + 1])), 0)
    if fence:
        tell(
            _("Delete the text above line {fence}, or move it below the front matter that begins there").format(
                fence=fence + 1
            )
        )
        return _split([""] * fence + list(lines[fence:]), mistakes)
    tell(example)
    return _Head("", 0, "\n".join(lines), opening + 1)


def _segments(parts: Sequence[Part], left_out: Iterable[int], mistakes: Mistakes) -> list[Segment]:
    """Return the parts as segments, with or without mistakes."""
    lines_of_slugs: dict[str, int] = {}
    lost = [*sorted(left_out), math.inf]
    for part, following in itertools.zip_longest(parts, parts[1:]):
        is_told = lost[bisect.bisect(lost, part.line)] < (following.line if following else math.inf)
        if part.is_segment and not part.summary and not is_told:
            mistakes.add(part.line, _("the segment has no summary"), _("Write some sentences below its title"))
        # A title that is none of a segment is told already, and takes no name.
        first = lines_of_slugs.setdefault(part.slug, part.line) if part.is_segment else part.line
        if part.slug and first != part.line:
            mistakes.add(
                part.line,
                _("the name '{slug}' is taken by the segment on line {first}").format(slug=part.slug, first=first),
                _("Give this one a name of its own at the end of its title, as in {#another-name}"),
            )
    return [
        Segment(
            number=number,
            slug=part.slug,
            title=part.title,
            topics=tuple(part.topics),
            hashtags=tuple(part.topics.values()),
            summary=tuple(part.summary),
            sources=tuple(part.sources),
            image=part.image,
            begins=part.begins,
        )
        for number, part in enumerate(parts, start=1)
    ]
