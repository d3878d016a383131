"""The text of a mail as it is copied, without its headers, and with quotes and signature apart."""

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_HEADER = re.compile(
    r"(?i)(?P<name>de|from|envoyé|sent|date|à|to|cc|objet|subject|reply-to|répondre à)\s?:\s*(?P<value>.*)"
)
_ANSWER = re.compile(r"(?i)^(?:(?:re|fwd?|tr)\s?:\s*)+")
_WROTE = re.compile(r"(?i)^>?\s*(?:on\b.{4,160}\bwrote|le\b.{4,160}\ba écrit)\s?:\s*$")
_FORWARDED = re.compile(
    r"(?i)^(?:begin |début du |\W{3,30})(?:(?:forwarded|original) message|message (?:transféré|réexpédié|d.origine))"
)
_FEW_WORDS, _MOST_HEADERS, _LONGEST_SIGNATURE = 40, 12, 8
"""Words above a forwarded message that only hand it over, lines of headers, and lines below a signature's mark."""


class MailLine(NamedTuple):
    """A line of a mail; `is_out` if it is no part of what its writer tells."""

    text: str
    is_out: bool = False


def mail_subject(text: str) -> str:
    """Return the subject of a mail without the marks of answers."""
    return _ANSWER.sub("", text).strip()


def begins_as_mail(lines: Sequence[str]) -> bool:
    """Tell whether a text begins with the headers of a mail."""
    return _are_headers(_headers(lines[:_MOST_HEADERS]))


def told_by_mail(lines: Sequence[str]) -> list[MailLine]:
    """Return a mail with its subject in place of the headers; other lines unchanged."""
    said: list[MailLine] = []
    is_mail = has_ended = False
    while len(said) < len(lines):
        line = lines[len(said)]
        headers = _headers(lines[len(said) : len(said) + _MOST_HEADERS])
        if _are_headers(headers):
            subject = mail_subject(headers.get("objet") or headers.get("subject") or "")
            said += [MailLine("" if is_mail else subject), *[MailLine("")] * (len(headers) - 1)]
            is_mail = True
            continue
        below = lines[len(said) + 1 : len(said) + _MOST_HEADERS]
        is_quoted = any(each.startswith(">") for each in below)
        is_answer = _WROTE.match(line) or _WROTE.match(" ".join((line, *below[:1])))
        is_handed_on = _FORWARDED.match(line) or (is_answer and not is_quoted)
        is_long = bool(is_handed_on) and sum(len(each.text.split()) for each in said if not each.is_out) > _FEW_WORDS
        below = [each for each in lines[len(said) + 1 :] if each.strip() and not each.startswith(">")]
        is_signed = line.rstrip() == "--" and (is_mail or len(below) <= _LONGEST_SIGNATURE)
        has_ended = has_ended or bool(is_signed or (is_quoted and is_answer) or is_long)
        is_out = has_ended or is_handed_on or (is_mail and line.startswith(">"))
        # The words above a forwarded message only hand it over.
        said = [MailLine(each.text, bool(each.text)) for each in said] if is_handed_on and not is_long else said
        said.append(MailLine(line, bool(is_out and line.strip())))
    return said


def _headers(lines: Sequence[str]) -> dict[str, str]:
    found = itertools.takewhile(bool, (_HEADER.fullmatch(line.strip()) for line in lines))
    return {header["name"].lower(): header["value"] for header in found if header}


def _are_headers(found: Mapping[str, str]) -> bool:
    return len(found) > 1 and bool({"de", "from"} & found.keys())
