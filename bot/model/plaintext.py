"""The plain text of a file that people wrote, and the causes that hide every other mistake in the file."""

import contextlib
import re
import unicodedata
from pathlib import Path

from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop
from bot.model.problems import InvalidInputError, Problem

_MERGE_MARK = re.compile(r"^(?:<{7}|>{7})(?: |$)", re.MULTILINE)
_RTF = "{\\rtf"
_WEB_PAGE = re.compile(r"\s*<(?:!doctype html|html)\b", re.IGNORECASE)
# By their first bytes: the packed files of Word and LibreOffice, older files of Word, and PDF.
_DOCUMENTS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF-")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2060\ufeff\ud800-\udfff\ufffe\uffff]")
_KEYCAP = re.compile(r"(\d)\ufe0f?\u20e3\s?")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_AS_UTF_8 = gettext_noop(
    "in Notepad: Save as, Encoding: UTF-8; in TextEdit: Duplicate, Save, Plain Text Encoding: UTF-8"
)


def decoded(data: bytes, path: Path) -> str:
    """Return the text of a file, without the mark that Windows editors begin UTF-8 with.

    Raises:
        InvalidInputError: the file is no plain text in UTF-8.
    """
    line = None
    if data.startswith(_DOCUMENTS):
        message, cure = _foreign(_("a document (of Word, LibreOffice or PDF)"), path)
    elif data.startswith(_UTF_16) or (b"\0" in data and data.count(b"\0") * 3 > len(data)):
        message, cure = (
            _("this is not UTF-8 text, but UTF-16"),
            _("Save the file again as UTF-8 ({how})").format(how=_(_AS_UTF_8)),
        )
    else:
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            message, cure = _("this is not UTF-8 text"), _("Save the file again as UTF-8")
            if b"\0" in data:
                message, cure = _("this is no text"), _("Move it elsewhere, or write a text file under this name")
    raise InvalidInputError([Problem(path, message, cure, line)])


def text_in(data: bytes) -> str | None:
    """Return the text of a file in UTF-8, in UTF-16 with a byte order mark, or of an old Windows program; else None."""
    encodings = ["utf-16"] if data.startswith(_UTF_16) else [] if b"\0" in data else ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        # Because no text of older Windows programs is valid UTF-8, that encoding comes second.
        with contextlib.suppress(UnicodeDecodeError):
            return data.decode(encoding)
    return None


def clean(text: str) -> str:
    """Return text of a file, or of a part that its format encodes, without the characters that no episode may have."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _KEYCAP.sub(r"\1. ", _CONTROL.sub("", text.replace("\u2028", "\n").replace("\u2029", "\n")))


def hiding_cause(text: str, path: Path) -> tuple[int, str, str] | None:
    """Return the cause that hides every other mistake in the text: its line, what it is, and its cure; None if none."""
    # Because the search looks at every line, this faster look comes first.
    if ("<<<<<<<" in text or ">>>>>>>" in text) and (mark := _MERGE_MARK.search(text)):
        line = text.count("\n", 0, mark.start()) + 1
        cure = _("Keep one of each two versions, and delete every line that begins with <<<<<<<, ======= or >>>>>>>")
        return line, _("git has left two versions of some lines here"), cure
    if text.startswith(_RTF):
        return 1, *_foreign(_("formatted text (RTF)"), path)
    if _WEB_PAGE.match(text):
        return 1, *_foreign(_("a web page (HTML)"), path)
    return None


def _foreign(kind: str, path: Path) -> tuple[str, str]:
    cure = _(
        "Save it from its program as plain text (UTF-8) under the name {name}; in TextEdit: Format, Plain Text"
    ).format(name=path.name)
    return _("this is {kind}, not plain text").format(kind=kind), cure
