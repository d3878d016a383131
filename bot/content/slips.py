"""Slips of the pen in the lines of an episode's file: the reader would see something else than the author meant."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.content.frontmatter import quoted
from bot.content.richtext import SOURCES_LINE, TYPED_BULLET
from bot.content.segments import EXCHANGED, TOPICS_LINE
from bot.model.i18n import gettext as _
from bot.model.problems import Change, Mistakes, named_lines
from bot.model.text import normalise_topic

_TITLE = re.compile(r"^## ")
_NO_PROSE = re.compile(r"^(```|~~~).*?^\1|<!--.*?-->", re.DOTALL | re.MULTILINE)
_IN_PARAGRAPH = re.compile(r"\s*(?:[^\s#]|#[^\s#])")
_CODE = re.compile(r"`[^`]*`")
_CUT_TITLE = re.compile(r"^title[ \u00a0]*:[ \u00a0]*(?P<whole>[^\"'|>\s#].*?\s#.*)$")
_LABELLED_TOPICS = re.compile(
    r"[*_]{0,3}(?:hash)?(?:tags?|mots[- ]cl[ée]s?|topics?|keywords?|th[èe]mes?|étiquettes?)\s*:[*_]{0,3}\s*"
    r"(?P<topics>.+)",
    re.IGNORECASE,
)
_LONGEST_LABEL = 3
"""Words of one topic behind `Tags :`; more of them are a sentence."""
_BULLET = re.compile(
    rf"(?:{TYPED_BULLET.pattern}(?=\S)|(?:->|=>|>>)\s*|[a-z]\)\s|[0-9]{{1,2}}[.)](?=[^\W\d])|[0-9]{{1,2}}(?:/|°|\ufe0f?\u20e3|\s[–—])\s*)"
)
_WORD = re.compile(r"\w")
_LIST = re.compile(r"[-*+]\s|[0-9]+[.)]\s|-[0-9-]")
"""Items of a list of Markdown, and numbers below 0."""
_BOX = re.compile(r"(?P<item>^\s*+(?:[-*+]\s++|[0-9]+[.)]\s++)?+)\[[ xX]?\]\s+")
_FOOTNOTE = re.compile(r"\[\^[^\]\s]+\](?::\s*)?")
# Highlights and links of wikis, short codes of Hugo, containers, comments and callouts of Obsidian.
_FOREIGN = re.compile(r"==[^=\s][^=]*==|(?<!\])\[\[[^\[\]]+\]\]|\{\{[^{}]*\}\}|^:::.*|%%[^%]+%%|^\s*>\s*\[!\w+\]")
_DEFINITION = re.compile(r"^ {0,3}\[(?P<label>[^\]^]+)\]:\s*\S+")
_LABEL = re.compile(r"\[([^\[\]]+)\]")
_CUT_ADDRESS = re.compile(r"https?://[^\s<>()\[\]«»\"]*?(?P<end>…|\.\.\.|_)(?=[\s)\]>,;:!?»\"]|\.?$|\.\s)")
_INVISIBLE = re.compile("[\u00ad\u180e\u200b\u200e\u200f\u2060\ufeff]")
# UTF-8 that was read as Windows-1252: the first letter of a pair, three or four, and the bytes that may follow it.
_HIGH = bytes(range(0x80, 0xC0)).decode("cp1252", "ignore") + "\x81\x8d\x8f\x90\x9d"
_MOJIBAKE = re.compile(f"[ÂÃ][{_HIGH}]|â[€\\u201a][{_HIGH}]|Å[“’]|ðŸ[{_HIGH}]{{2}}")

_NO_SOURCES = re.compile(r"[*_]{0,3}sources?[*_]{0,3}(?:\s*:[*_]{0,3}\s*(?P<more>[^\s*_].*))?", re.IGNORECASE)
_OTHER_SOURCES = re.compile(
    r"[*_]{0,3}(?:(?:les |nos )?liens?|links?|r[ée]f[ée]rences?|pour aller plus loin|en savoir plus|further reading)"
    r"\s?:?[*_]{0,3}",
    re.IGNORECASE,
)
_LISTED = re.compile(r"(?:[-*+]\s+)?(?:\[[^\]]*\]\(|<)?https?://", re.IGNORECASE)
_LOST = re.compile("\ufffd|ï¿½")
_BYTE = 256
_TIMES = 3
"""The number of times that a text is garbled at most."""
_SHOWN = 5
"""Words that one message shows."""


@dataclass(frozen=True)
class EpisodeFile:
    """The lines of an episode's file."""

    path: Path
    lines: Sequence[str]

    @classmethod
    def read(cls, path: Path) -> EpisodeFile:
        """Return the file at the path, with one empty line if it cannot be read."""
        try:
            return cls(path, path.read_text(encoding="utf-8-sig").split("\n"))
        except (OSError, UnicodeDecodeError):
            # Because the file was good a moment ago, the next check tells the cause.
            return cls(path, [""])

    def line_of(self, text: str, after: int = 1) -> int:
        """Return the first line with the text, from the line `after` on; `after` itself if no line has the text."""
        return next((at for at, line in enumerate(self.lines[after - 1 :], start=after) if text in line), after)

    def sources_below(self, title: int) -> int:
        """Return the line `Sources :` below the title of a segment; the title's line if none follows."""
        below = enumerate(self.lines[title:], start=title + 1)
        return next((at for at, line in below if SOURCES_LINE.fullmatch(line.strip())), title)

    def prose(self) -> list[str]:
        """Return the lines; those of comments and blocks of code are blank."""
        return _NO_PROSE.sub(lambda match: "\n" * match[0].count("\n"), "\n".join(self.lines)).split("\n")

    def titles(self) -> list[int]:
        """Return the lines of the segments' titles."""
        return [at for at, line in enumerate(self.lines, start=1) if _TITLE.match(line)]

    def body(self) -> int:
        """Return the first line below the front matter."""
        fences = (at for at, line in enumerate(self.lines, start=1) if line.rstrip() == "---")
        return next(itertools.islice(fences, 1, None), 0) + 1


class Slips:
    """The slips in a file, which go to `warnings`."""

    def __init__(self, file: EpisodeFile, warnings: Mistakes) -> None:
        self._file = file
        self._warnings = warnings
        self._body = file.body()
        self._first_title = next(iter(file.titles()), len(file.lines) + 1)
        self._prose = [_CODE.sub("", line) for line in file.prose()]
        self.lines: set[int] = set()
        """The lines that hold a slip."""
        self.sources: set[int] = set()
        """The lines that begin sources which stand in the text."""
        self.topics: set[int] = set()
        """The lines of topics that would be shown as text."""

    def tell(self) -> None:
        """Add a warning for each kind of slip, or for each line with one."""
        self._mojibake()
        self._cut_title()
        for paragraph in self._paragraphs():
            self._topics(paragraph)
            self._bullets(paragraph)
        hidden = next(filter(None, map(_INVISIBLE.search, self._prose)), None)
        before = hidden.string[: hidden.start()].split()[-1:] if hidden else []
        place = _("after '{before}'").format(before=before[0][-20:]) if before else _("at the beginning of the line")
        self._all(
            _INVISIBLE.search,
            _("an invisible character stands here, {place}").format(place=place),
            _("Delete it"),
            lambda line: _INVISIBLE.sub("", line),
        )
        self._all(
            _BOX.search,
            _("a box to tick would be shown as '[ ]' in the text"),
            _("Take it out"),
            lambda line: _BOX.sub(r"\g<item>", line),
        )
        self._all(
            _FOOTNOTE.search,
            _("a footnote's mark would be shown as it stands"),
            _("Put the link of the footnote into the sources of its segment, and take every mark like this out"),
        )
        self._all(
            _FOREIGN.search,
            _("a sign of another program would be shown as it stands"),
            _("Take it out, or say it in words"),
        )
        self._all(
            EXCHANGED.search,
            _("a link has its round and square brackets exchanged"),
            _("Write it as in [text](https://…)"),
            lambda line: EXCHANGED.sub(r"[\1](\2)", line),
        )
        self._sources()
        self._addresses()

    def _all(
        self,
        is_slip: Callable[[str], object],
        message: str,
        cure: str,
        mended: Callable[[str], str] | None = None,
        otherwise: str = "",
    ) -> None:
        """Tell the lines with a slip of one kind, in one warning, because they have one cause."""
        found = [at for at, line in enumerate(self._prose, start=1) if is_slip(line)]
        if not found:
            return
        self.lines |= set(found)
        more = _("; so it is on {found}").format(found=named_lines(found[1:])) if found[1:] else ""
        edits = [(at, self._file.lines[at - 1], mended(self._file.lines[at - 1])) for at in found if mended]
        everywhere = _("{cure} there too").format(cure=cure) if more else cure
        change = (Change(everywhere, tuple(edits)),) if edits else ()
        self._warnings.add(found[0], f"{message}{more}", *change, otherwise or cure)

    def _mojibake(self) -> None:
        words = dict.fromkeys(word for line in self._prose for word in line.split(" ") if _MOJIBAKE.search(word))
        mended = {word: clean for word in words if (clean := _ungarbled(word)) != word}
        if mended:
            word, clean = next(iter(mended.items()))
            message = _(
                "'{word}' stands here, which was '{clean}' before a program read it in another encoding"
            ).format(word=word, clean=clean)
            pairs = ", ".join(
                _("'{mended}' for '{each}'").format(mended=mended[each], each=each) for each in list(mended)[:_SHOWN]
            )
            cure = _("Write {pairs}").format(pairs=pairs) + (_(" and so on") if len(mended) > _SHOWN else "")
            otherwise = _("Copy the text again from where it can be read")
            self._all(lambda line: any(each in line for each in mended), message, cure, _ungarbled, otherwise)
        self._all(_LOST.search, _("a letter is lost here, of which a program has left '�'"), _("Type it again"))

    def _cut_title(self) -> None:
        for at, line in enumerate(self._file.lines[: self._body], start=1):
            if cut := _CUT_TITLE.match(line.rstrip()):
                mended = f"title: {quoted(cut['whole'])}"
                message = _("the title ends before ' #', because YAML leaves out all that follows it")
                self._warnings.add(
                    at,
                    message,
                    Change(_("Write {mended}").format(mended=mended), ((at, line, mended),)),
                    _("Put the title between quotation marks"),
                )

    def _paragraphs(self) -> Iterator[range]:
        """Yield the lines of each paragraph of the body, by their numbers; no title is among them."""
        lines = range(self._body, len(self._prose) + 1)
        for is_text, group in itertools.groupby(lines, lambda at: _IN_PARAGRAPH.match(self._prose[at - 1]) is not None):
            numbers = list(group)
            if is_text:
                yield range(numbers[0], numbers[-1] + 1)

    def _topics(self, paragraph: range) -> None:
        """Tell a line of topics that would be shown as text."""
        texts = {at: self._prose[at - 1].strip() for at in paragraph}
        # The first line below a title may be one of topics, with text right below it.
        above = next((text for at in range(paragraph[0] - 1, 0, -1) if (text := self._prose[at - 1].strip())), "")
        is_first = _TITLE.match(above) is not None
        only_topics = all(TOPICS_LINE.fullmatch(text) for text in texts.values())
        for at, text in texts.items():
            label = _LABELLED_TOPICS.fullmatch(text)
            names = [each.strip("[] \"'") for each in re.split(r"[,;#]+", label["topics"])] if label else []
            if label and all(len(name.split()) <= _LONGEST_LABEL for name in names):
                message = _("'{text}' would be shown as text, and is no topic").format(text=text)
                topics = " ".join(f"#{''.join(name.split())}" for name in names if normalise_topic(name))
            elif (
                TOPICS_LINE.fullmatch(text)
                and not only_topics
                and at > self._first_title
                and not (at == paragraph[0] and is_first)
            ):
                message, topics = _("these hashtags stand inside a paragraph and would be shown as text"), text
            else:
                continue
            self.lines.add(at)
            self.topics.add(at)
            above = "\n" if at - 1 in texts else ""
            edit = (at, self._file.lines[at - 1], f"{above}{topics}" + ("\n" if at + 1 in texts else ""))
            alone = _(", with a blank line around it") if edit[2] != topics else ""
            cure = _("Write {topics} on a line of its own right below the title of the segment").format(topics=topics)
            self._warnings.add(
                at, message, Change(_("Write {topics}{alone}").format(topics=topics, alone=alone), (edit,)), cure
            )

    def _bullets(self, paragraph: range) -> None:
        """Tell lines of a paragraph that begin with a bullet that is no list's, and would run together."""
        found = [at for at in paragraph if _is_typed_bullet(self._prose[at - 1])]
        if not found or (len(found) == 1 and found[0] == paragraph[0]):
            return
        self.lines |= set(found)
        edits = tuple((at, self._file.lines[at - 1], f"- {_without_bullet(self._file.lines[at - 1])}") for at in found)
        cure = _("Begin {found} with '- '").format(found=named_lines(found))
        message = _("a line that begins with '{strip}' is no list, and runs into the line above").format(
            strip=self._prose[found[0] - 1].strip()[0]
        )
        self._warnings.add(
            found[0], message, Change(cure, edits), _("{cure}, with a blank line above the first").format(cure=cure)
        )

    def _sources(self) -> None:
        """Tell sources that stand in the text, because their line is not `Sources :` alone."""
        for at in range(self._body, len(self._prose) + 1):
            text = self._prose[at - 1].strip()
            found = _NO_SOURCES.fullmatch(text)
            if found or (_OTHER_SOURCES.fullmatch(text) and _LISTED.match("\n".join(self._prose[at:]).strip())):
                self.lines.add(at)
                self.sources.add(at)
                message = _("the sources stand in the text, because no line 'Sources :' is above them")
                cure = _(
                    "Write 'Sources :' on a line of its own, and below it each source on a line '- [Title](https://…)'"
                )
                edit = (at, self._file.lines[at - 1], "Sources :")
                changes = () if found and found["more"] else (Change(_("Write 'Sources :' in its place"), (edit,)),)
                self._warnings.add(at, message, *changes, cure)

    def _addresses(self) -> None:
        """Tell addresses that are cut, and those that nothing refers to."""
        labels = Counter(label.lower() for line in self._prose for label in _LABEL.findall(line))
        for at, line in enumerate(self._prose, start=1):
            if cut := _CUT_ADDRESS.search(line):
                end = cut["end"]
                cure = _("Copy the whole address from the browser")
                if end == "_":
                    cure = _("{cure}; if it ends so there too, write %5F in place of the last '_'").format(cure=cure)
                self._warnings.add(
                    at, _("the address {cut} ends in '{end}': perhaps it is cut").format(cut=cut[0], end=end), cure
                )
            if (found := _DEFINITION.match(line)) and labels[found["label"].lower()] <= 1:
                message = _("this line is not shown, because nothing above or below it refers to [{label}]").format(
                    label=found["label"]
                )
                self._warnings.add(at, message, _("Write its address into the list of sources"))


def _ungarbled(text: str) -> str:
    """Return the text before it was read in another encoding, once or several times."""
    for _time in range(_TIMES):
        before, text = text, _MOJIBAKE.sub(lambda match: _as_utf_8(match[0]), text)
        if text == before:
            break
    return text


def _as_utf_8(garbled: str) -> str:
    """Return the letter that was garbled; the text as it is if it was none."""
    data = b"".join(bytes([ord(each)]) if ord(each) < _BYTE else each.encode("cp1252", "ignore") for each in garbled)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return garbled


def _is_typed_bullet(line: str) -> bool:
    text = line.strip()
    if not _WORD.search(text) or _LIST.match(text):
        return False
    is_symbol = unicodedata.category(text[0]) == "So" and text[1:].lstrip("\ufe0f\u200d")[:1] == " "
    return is_symbol or _BULLET.match(text) is not None


def _without_bullet(line: str) -> str:
    text = _BULLET.sub("", line.strip(), count=1)
    return text.lstrip(f"{text[0]}\ufe0f").strip() if unicodedata.category(text[0]) == "So" else text
