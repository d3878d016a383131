"""Dates in notes, as people and programs write them."""

import datetime as dt
import re

from babel.dates import get_day_names, get_month_names

from bot.model.i18n import Language
from bot.model.text import fold

_MONTHS = {
    fold(name).rstrip("."): number
    for locale in Language
    for width in ("wide", "abbreviated")
    for number, name in get_month_names(width, locale=locale.value).items()
}
_WEEKDAYS = {fold(name): number for locale in Language for number, name in get_day_names(locale=locale.value).items()}
_MONTH = rf"(?P<month>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})\.?"
_YEAR = r"(?P<year>\d{4})\b"
_WEEKDAY = rf"(?:(?P<weekday>{'|'.join(_WEEKDAYS)}),?\s+)?"
_DATES = (
    re.compile(r"\b(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})(?!\d)"),
    re.compile(rf"{_WEEKDAY}\b(?P<day>\d{{1,2}})(?:er|st|nd|rd|th)?\s+{_MONTH}\s+{_YEAR}"),
    re.compile(rf"{_WEEKDAY}\b{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+{_YEAR}"),
    re.compile(rf"\b(?P<day>\d{{1,2}})[/.](?P<month>\d{{1,2}})[/.]{_YEAR}"),
)
_WITHOUT_YEAR = (
    re.compile(
        rf"\b(?P<weekday>{'|'.join(_WEEKDAYS)}),?\s+(?P<day>\d{{1,2}})(?:er|st|nd|rd|th)?\s+{_MONTH}(?!\s+\d{{4}})"
    ),
    re.compile(
        rf"\b(?P<weekday>{'|'.join(_WEEKDAYS)}),?\s+{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?!,?\s+\d{{4}})"
    ),
)
_REACH = 6
"""Years around today in which a weekday tells the year of a date."""


def date_in(text: str, today: dt.date | None = None) -> dt.date | None:
    """Return the first whole date in a text, or one whose weekday tells the year that is nearest to today."""
    flat = fold(text)
    for pattern in _DATES:
        if match := pattern.search(flat):
            return _date(int(match["year"]), match)
    if today is None:
        return None
    for pattern in _WITHOUT_YEAR:
        if match := pattern.search(flat):
            years = sorted(range(today.year - _REACH, today.year + 2), key=lambda year: abs(year - today.year))
            days = filter(None, (_date(year, match) for year in years))
            return next((day for day in days if day.weekday() == _WEEKDAYS[match["weekday"]]), None)
    return None


def _date(year: int, match: re.Match[str]) -> dt.date | None:
    try:
        return dt.date(year, _MONTHS.get(match["month"]) or int(match["month"]), int(match["day"]))
    except ValueError:
        return None
