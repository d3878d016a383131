"""The text of a document of an office program, by the libraries that read it: RTF as text, Word as HTML.

Files of other programs are refused.
"""

import io
import re
import zipfile
from pathlib import Path

from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop
from bot.model.problems import InvalidInputError, Problem

SAVE_AS_TEXT = gettext_noop("Copy its text into a text file, or save it as HTML, and give that file")
GIVE_NOTES = gettext_noop("Give the notes as text, Markdown, HTML, a mail, a Word or RTF document, or a chat's export")
_FEED = r"\ufeff?\s*+(?:<\?xml[^>]*>)?\s*<(?:rss|feed|rdf:RDF)\b"
_ROWS = r"\ufeff?(?:(?:[^;\n<{]+;(?=\S)){2,}[^;\n<{]*(?:\n|\Z)){2}"
_GIVE_FEED = gettext_noop("Give it with --rss, and --episode for another one than the newest")
_OTHER_FILES = (
    (r"%PDF-", gettext_noop("this is a PDF, not text"), SAVE_AS_TEXT),
    (_FEED, gettext_noop("this is a feed"), _GIVE_FEED),
    (_ROWS, gettext_noop("these are the rows of a table, not notes"), GIVE_NOTES),
)
_MAX_DOCUMENT = 20_000_000
"""Bytes of a document, which may hold pictures."""
_FIELD = re.compile(
    r"\\fldinst\s{0,9}(?:\{[^\"{}]{0,300}?HYPERLINK\s{0,9}\"([^\"]{1,2000})\"[^{}]{0,300}\}"
    r"|[^\"{}]{0,300}?HYPERLINK\s{0,9}\"([^\"]{1,2000})\"[^{}]{0,300})\}"
)
"""The address in a field of RTF, as each program writes it; the library reads one of these forms alone."""
_RTF_LINK = re.compile(r"\(\"(https?://[^\"\s]{1,2000})\"\)")


def refuse_other_files(beginning: str, path: Path) -> None:
    """Refuse a file that begins so, if that shows that it holds no notes.

    Raises:
        InvalidInputError: It shows that.
    """
    for pattern, what, cure in _OTHER_FILES:
        if re.match(pattern, beginning):
            raise InvalidInputError([Problem(path, _(what), _(cure))])


def document_text(data: bytes, path: Path, longest: int) -> str | None:
    """Return the text of a document; None if it is longer than so many characters.

    Raises:
        InvalidInputError: The document is damaged, or of another program.
    """
    if data.startswith(b"{\\rtf"):
        from striprtf.striprtf import rtf_to_text

        # Because the library finds one link in a line, each gets a line; RTF does not count them.
        markup = data.decode("cp1252", errors="replace").replace("{\\field", "\n{\\field")
        markup = _FIELD.sub(r'\\fldinst{HYPERLINK "\1\2"}}', markup)
        try:
            text: str = rtf_to_text(markup, errors="replace") if len(data) <= longest else ""  # type: ignore[no-untyped-call]
        except (ValueError, LookupError) as error:
            raise InvalidInputError([Problem(path, _("this document in RTF is damaged"), _(SAVE_AS_TEXT))]) from error
        return _RTF_LINK.sub(r" (\1)", text) if len(data) <= longest else None
    import mammoth

    try:
        # Because a small archive may hold gigabytes, all of it is counted before anything is read; no part of it can
        # be longer than it says.
        size = sum(each.file_size for each in zipfile.ZipFile(io.BytesIO(data)).infolist())
        is_long = len(data) > _MAX_DOCUMENT or size > _MAX_DOCUMENT
        page = "" if is_long else mammoth.convert_to_html(io.BytesIO(data), ignore_empty_paragraphs=False).value
    except Exception as error:  # a damaged document raises whatever XML and archives raise
        what = _("this is a document of an office program or an archive, not text")
        raise InvalidInputError([Problem(path, what, _(SAVE_AS_TEXT))]) from error
    return None if is_long or len(page) > longest else page
