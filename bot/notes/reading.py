"""From files of notes to `Notes`: their format, decided by evidence, and the facts that the format itself carries."""

import contextlib
import dataclasses
import email
import email.policy
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from email.message import EmailMessage
from pathlib import Path, PurePath
from typing import Any

from markdown_it import MarkdownIt

from bot.content.chats import messages_in
from bot.content.foreign import foreign_head
from bot.content.mails import mail_subject
from bot.content.office import GIVE_NOTES, SAVE_AS_TEXT, document_text, refuse_other_files
from bot.model.episode import seconds_in
from bot.model.i18n import gettext as _
from bot.model.i18n import spoken
from bot.model.markup import as_markdown, with_footnotes
from bot.model.plaintext import clean, text_in
from bot.model.problems import InvalidInputError, Problem
from bot.model.text import fold_words
from bot.model.wrapping import rejoined, unquoted
from bot.notes.addresses import with_addresses
from bot.notes.head import number_in
from bot.notes.html import html_tags, read_html
from bot.notes.language import words_of
from bot.notes.marks import counted
from bot.notes.model import Line, Notes
from bot.notes.plain import is_framed, marked_lines, plain_lines, told_in
from bot.notes.tables import is_head, tabbed

MAX_LENGTH, _MARKUP_SHARE = 100_000, 8
"""Characters of a text, ten times the notes of an hour, and those of a document's markup for each of its words."""
_BEGINNING, _NEARLY_ALL, _FEW, _MOMENT = 4_000, 0.8, 2, 100
"""Bytes at the beginning of a file that tell its format, and seconds of a jingle."""

_MARKDOWN = re.compile(
    r"^#{1,6} \S|^\s{0,3}(?:[-*] )?\*\*[^*\n]+\*\*|^\s{0,3}[-*] \[[ xX]\] |\]\(<?https?://|^\[\^\w+\]:|^\|.+\|\s*$",
    re.MULTILINE,
)
_OF_MAIL = frozenset({"mime-version", "content-type", "content-transfer-encoding", "message-id"})
_CODE = re.compile(
    r"^(?:import|export)\s[^\n]*(?:from|=|;)[^\n]*$|\{\{[<%][^\n]*?[%>]\}\}|\{%[^\n]*?%\}|\{:[^{}\n]{1,80}\}|(?<=^>)\s?\[!\w+\][+-]?|%%.{0,2000}?%%|==(?=\S)|(?<=\S)==",
    re.MULTILINE,
)
_OF_SPONSOR = rf"[^\n]*\b(?i:{words_of('sponsor')}|publicit\w*)\b[^\n]*"
_CALLOUT = re.compile(rf"^> ?\[!{_OF_SPONSOR}(?:\n>[^\n]*)*", re.MULTILINE)
# A box around an ad opens and closes as Hugo, Docusaurus and MDX write it.
_OPENS = re.compile(rf"^(?:\{{\{{[<%]|:::|<(?=[A-Z])){_OF_SPONSOR}$", re.MULTILINE)
_CLOSES = re.compile(r"^(?:\{\{[<%] ?/[^\n]*|:::+ *|</[A-Z]\w*>)$", re.MULTILINE)
_AUDIO = re.compile(r"(?i)\.(?:mp3|m4a|ogg|opus|aac)(?:\?\S*)?$")
_PRIME = re.compile("['’]")
_TIME = r"\d{1,2}[:hH'’][0-5]\d(?:[:'’][0-5]\d)?(?!\d)"
# Behind the time, its end or the duration may stand.
_TIME_FIRST = re.compile(
    rf"^\W{{0,3}}({_TIME})(?:\W{{1,9}}(?:(?:à|to)\s)?(?:{_TIME}|\d{{1,3}}\s?(?:mi?n\b|['’](?!\w))))?\W{{0,5}}"
)
_PEOPLE = re.compile(
    r"(?<!\s)\s{0,3}(?:\(|(?<=\s)[–—|/-]\s{1,3})((?:(?:[A-ZÀ-Þ][\w’'.-]*|[&+/,]|et|and|avec|with)(?!\w)\s?){1,6})\)?$"
)
"""The names of those who tell a subject, behind its title."""
_TIME_LAST = re.compile(r"\s{0,3}(?:[–—-]\s*\(?|\(|\[)(\d{1,2}:[0-5]\d(?::[0-5]\d)?)[)\]]?$")


def read_notes(data: bytes, path: Path) -> Notes:
    """Read notes in any format that teams have them in; errors name `path`.

    Raises:
        InvalidInputError: The data are no text, or no text that could be notes.
    """
    if data.startswith((b"PK\x03\x04", b"{\\rtf")):
        text = document_text(data, path, _MARKUP_SHARE * MAX_LENGTH)
        if text is None:
            raise _too_long(path)
        return (
            notes_in(text, path.with_suffix(".txt")) if data[:1] == b"{" else _whole(read_html(clean(text)), path, {})
        )
    beginning = data[:_BEGINNING].decode(errors="replace").replace("\r\n", "\n")
    refuse_other_files(beginning, path)
    # A character has at most four bytes, so a longer file is refused before it is decoded.
    if len(data) > 4 * MAX_LENGTH:
        raise _too_long(path)
    try:
        mail = email.message_from_bytes(data, policy=email.policy.default)
        if len(mail) > 1 and _OF_MAIL & set(map(str.lower, mail)):
            return _of_mail(mail, path)
    except RecursionError:
        raise refusal(path, _("too many parts of this mail stand in each other"), _(SAVE_AS_TEXT)) from None
    text = text_in(data)
    if text is None:
        cure = _("Save the notes as text, Markdown or HTML, and give that file")
        raise refusal(path, _("this is not a text file"), cure)
    is_data = re.match(r"\s*(?:\{\s*\"|\[\s*(?:\{|\[\s*[\"\d\[{]))", text)
    if is_data and foreign_head(text, path)[1].strip() in {"", text.strip()}:
        return _of_chat(text, path)
    return notes_in(text, path)


def notes_in(text: str, path: Path) -> Notes:
    """Return a text as notes.

    Raises:
        InvalidInputError: The text is too long, or has no words.
    """
    if len(text) > MAX_LENGTH:
        raise _too_long(path)
    source = text = clean(text)
    found, text = foreign_head(unquoted(text), path)
    text = as_markdown(text, is_org=path.suffix == ".org" or text.startswith("#+"))
    suffix = PurePath(path).suffix.lower()
    blocks, inline = html_tags(text)
    marks = len(_MARKDOWN.findall(text))
    begins = text.lstrip().startswith("<")
    is_named = suffix in {".html", ".htm"} and blocks + inline > 0
    if is_framed(text):
        lines: Iterable[Line] = plain_lines(rejoined(text))
    elif is_named or (blocks + inline and (begins or blocks > 1) and blocks + inline > 2 * marks and suffix != ".mdx"):
        lines = read_html(text if blocks else re.sub(r"\n(?:\s*\n)?", "<br>", text))
    elif marks or suffix in {".md", ".markdown", ".mdx"}:
        text = _CALLOUT.sub(lambda box: re.sub(r"(?m)^> ?", "", f"> <aside>\n\n{box[0]}\n\n</aside>\n"), text)
        text = _CLOSES.sub("\n</aside>\n", _OPENS.sub("\n<aside>\n", text))
        text = _CODE.sub("", text) if found else text
        # Because a person means a line of its own as one, a single break ends a line here.
        text = MarkdownIt("commonmark", {"breaks": True}).enable("table").render(with_footnotes(rejoined(text)))
        lines = read_html(text)
    else:
        told = with_footnotes(text if inline > 1 else rejoined(text))
        lines = read_html(re.sub(r"\n(\s*\n)?", r"<br>\1", told)) if inline > 1 else plain_lines(told)
    return _whole(lines, path, found, source)


def _whole(lines: Iterable[Line], path: Path, found: dict[str, Any], source: str = "") -> Notes:
    kept = [line for line in _timed(map(with_addresses, tabbed(lines))) if line.text or line.links or line.images]
    if not any(character.isalpha() for line in kept for character in line.text):
        raise refusal(path, _("there are no words in these notes"), _("Give a file with show notes"))
    # The recording itself is no source.
    audio = [link for line in kept for link in line.links if _AUDIO.search(link.url)]
    found["audio"] = found.get("audio") or next((link.url for link in audio), "")
    kept = [dataclasses.replace(line, links=tuple(link for link in line.links if link not in audio)) for line in kept]
    return Notes(tuple(_rows(counted(kept))), source=source, **found)


def _rows(lines: Sequence[Line]) -> Iterator[Line]:
    """Yield the lines of a rundown, with the names behind titles apart, and the moments between the subjects aside."""
    ends = [_PEOPLE.search(line.text) if line.time or line.level else None for line in lines]
    names = Counter(name for end in ends if end for name in fold_words(end[1]))
    is_habit = sum(map(bool, ends)) > _FEW <= max(names.values(), default=0)
    pairs = list(itertools.pairwise(seconds_in(line.time) for line in (*lines, *lines[-1:])))
    brief = [begin is not None and end is not None and begin <= end < begin + _MOMENT for begin, end in pairs]
    is_rundown = sum(begin is not None and end is None for begin, end in pairs) >= _FEW
    for line, end, is_brief in zip(lines, ends, brief, strict=True):
        is_aside = line.aside or (is_rundown and is_brief) or is_head(line.text)
        yield dataclasses.replace(line, text=line.text[: end.start() if end and is_habit else None], aside=is_aside)
        yield from [Line(end[1], aside=True)] if end and is_habit else []


def _timed(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield the lines with their times: before their words, behind them in brackets, or in the line above."""
    above = ""
    for line in lines:
        match = None if line.time else _TIME_FIRST.search(line.text) or _TIME_LAST.search(line.text)
        rest = line.text[: match.start()] + line.text[match.end() :] if match else line.text
        if match and not (rest or line.links):
            above = match[1]
            continue
        if match and any(map(str.isalpha, rest)):
            lead = line.lead if match.start() else line.lead[match.end() :]
            yield dataclasses.replace(line, text=rest.strip(), time=_PRIME.sub(":", match[1]), lead=lead)
        else:
            yield dataclasses.replace(line, time=line.time or above)
        above = ""


def refusal(path: Path, what: str, cure: str) -> InvalidInputError:
    """Return the error that says what is wrong with notes, and its cure."""
    return InvalidInputError([Problem(path, what, cure)])


def _too_long(path: Path) -> InvalidInputError:
    what = _("the notes are longer than {count} characters").format(count=spoken().number(MAX_LENGTH))
    return refusal(path, what, _("Give the notes of one episode"))


def _of_mail(mail: EmailMessage, path: Path) -> Notes:
    """Return the notes in a mail as programs keep it.

    Of two forms, the one with links and titles is read, unless the plain one says more.
    """
    forms = []
    for kind, suffix in (("html", ".html"), ("plain", ".txt")):
        with contextlib.suppress(InvalidInputError, LookupError, ValueError):
            part = mail.get_body((kind,))
            found = notes_in(str(part.get_content() if part else ""), path.with_suffix(suffix))
            forms.append((sum(len(line.text) for line in found.lines), found))
    if not forms:
        raise refusal(path, _("there are no words in these notes"), _("Give a mail with show notes"))
    notes = forms[0][1] if forms[0][0] > _NEARLY_ALL * forms[-1][0] else forms[-1][1]
    # The mail of a list is the episode itself, and that of a colleague comes before it.
    day = mail["date"].datetime.date() if "list-unsubscribe" in mail and mail["date"] else None
    subject = mail_subject(" ".join(clean(str(mail.get("subject", ""))).split()))
    return Notes((*([Line(subject)] if subject else []), *notes.lines), source=notes.source, date=day)


def _of_chat(text: str, path: Path) -> Notes:
    """Return the notes in the export of a chat."""
    name, messages = messages_in(text)
    if not messages:
        raise refusal(path, _("these are data for programs, not notes"), _(GIVE_NOTES))
    return _whole(marked_lines(told_in(messages)), path, {"number": number_in(name) or None})
