"""Dates in texts, as people and programs write them."""

import contextlib
import datetime as dt
import re
from collections.abc import Iterator

from babel.dates import get_day_names, get_month_names

from bot.model.i18n import Language
from bot.model.text import fold

_MONTHS = {
    spelt.rstrip("."): number
    for locale in Language
    for width in ("wide", "abbreviated")
    for number, name in get_month_names(width, locale=locale.value).items()
    for spelt in (name.lower(), fold(name))
}
_WEEKDAYS = {
    fold(name).rstrip("."): number
    for locale in Language
    for width in ("wide", "abbreviated")
    for number, name in get_day_names(width, locale=locale.value).items()
}
_MONTH = rf"(?P<month>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})\.?"
_YEAR = r"(?P<year>\d{4})\b"
_WEEKDAY = rf"\b(?P<weekday>{'|'.join(_WEEKDAYS)})\b\.?,?\s+(?:(?:the|le)\s+)?"
_DAY = r"\b(?P<day>\d{1,2})(?:er|st|nd|rd|th)?(?:\s+of(?=\s))?"
_SLASHED = r"(?P<day>\d{1,2})/(?P<month>\d{1,2})(?![/\d])"
_WHOLE = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?P<year>\d{4})(?P<sign>[-/.])(?P<month>\d{2})(?P=sign)(?P<day>\d{2})(?!\d)",
        r"\b(?P<year>20\d\d)(?P<month>\d\d)(?P<day>\d\d)\b",
        rf"(?:{_WEEKDAY})?{_DAY}\s+{_MONTH},?\s+{_YEAR}",
        rf"(?:{_WEEKDAY})?\b{_MONTH}\s+{_DAY},?\s+{_YEAR}",
        r"\b(?P<day>\d{1,2})[/.](?P<month>\d{1,2})[/.](?P<year>\d{4}|\d\d)\b",
    )
]
_WITHOUT_YEAR = [
    re.compile(rf"(?i){_WEEKDAY}{pattern}(?!,?\s+\d{{4}})")
    for pattern in (rf"{_DAY}\s+{_MONTH}(?!\w)", rf"\b{_MONTH}\s+{_DAY}\b", _SLASHED)
]
_SHOW = r"(?:[ée]pisode|[ée]mission|num[ée]ro|r[ée]cap|[ée]dition|notes|show|issue)"
_WITHOUT_YEAR += [
    re.compile(rf"(?i)\b{_SHOW}\s+(?:du|of|for|from)\s+(?:the\s+)?{pattern}(?!\w|,?\s+\d{{4}})")
    for pattern in (rf"{_DAY}\s+{_MONTH}", rf"{_MONTH}\s+{_DAY}", _SLASHED)
]
# A text that is nothing but a day and its month, or has a word before, is a date; others may be of any year.
_ALONE = [
    re.compile(rf"(?i)\A\W*(?:[^\W\d_]+\s+)?{pattern}\W*\Z")
    for pattern in (rf"{_DAY}\s+{_MONTH}", rf"{_MONTH}\s+{_DAY}")
]
_BEFORE = re.compile(r"(?i)(?:\b(?:notes?|du|de la|semaine|the|of|on|le|date|publié|published|week)\b\W{1,3}){1,4}$")
_NEAR = dt.timedelta(days=90)
"""Time between today and a date that has neither year nor weekday; a farther one may be of any year."""
_MONTHS_A_YEAR, _REACH = 12, 6
"""Months of a year, and years around today in which a weekday tells the year of a date."""


def date_in(text: str, today: dt.date | None = None) -> dt.date | None:
    """Return the first whole date in a text, or one whose weekday tells the year that is nearest to today."""
    return apart_from_date(text, today)[0]


def dates_in(text: str, today: dt.date | None = None) -> Iterator[dt.date]:
    """Yield the dates in a text, each found as the first one is."""
    day, rest = apart_from_date(text, today)
    while day:
        yield day
        day, rest = apart_from_date(rest, today)


def apart_from_date(text: str, today: dt.date | None = None) -> tuple[dt.date | None, str]:
    """Return the date in a text, and the text without it and the words that lead to it."""
    for pattern in _WHOLE + ([*_WITHOUT_YEAR, *_ALONE] if today else []):
        match = pattern.search(text)
        day = _date(match, today) if match else None
        if match and day:
            before = _BEFORE.sub("", text[: match.start()]).strip(" –—-|,(/")
            return day, " ".join(filter(None, (before, text[match.end() :].strip(" –—-|,:)"))))
    return None, text


def _date(match: re.Match[str], today: dt.date | None) -> dt.date | None:
    found = match.groupdict()
    month = _MONTHS.get(found["month"].lower()) or int(found["month"])
    number = int(found["day"])
    # Americans write the month first, which only a day above twelve shows.
    month, number = (number, month) if month > _MONTHS_A_YEAR >= number else (month, number)
    around = today.year if today else 0
    is_whole = "year" in found
    days = []
    for year in [int(f"20{found['year']}"[-4:])] if is_whole else range(around - _REACH, around + 2):
        with contextlib.suppress(ValueError):
            days.append(dt.date(year, month, number))
    if today and not is_whole:
        weekday = _WEEKDAYS.get(fold(found.get("weekday") or ""))
        days = [day for day in days if day.weekday() == weekday or (weekday is None and abs(day - today) <= _NEAR)]
    return min(days, key=lambda day: abs(day - (today or day)), default=None)
