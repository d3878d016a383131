"""The cron lines that the team may write: five fields, weekdays by name.

The scheduler would take more. Numbers of weekdays are left out because they mean different days to different programs;
a step after names is left out because the scheduler reads the step without a complaint and then ignores it.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple, Self

from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop, spoken
from bot.model.problems import BadValueError

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

MONDAY_AT_EIGHT = "0 8 * * mon"

# Because the team most likely follows the habit of crontab, the numbers mean the days of crontab: Sunday is 0 and 7.
_CRONTAB_WEEKDAYS = {"0": "sun"} | {str(number): name for number, name in enumerate(WEEKDAYS, start=1)}
_DAYS_OF_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

_NUMBERS = re.compile(r"(?:\*|(?P<first>\d{1,4})(?:-(?P<last>\d{1,4}))?)(?:/(?P<step>\d{1,4}))?", re.ASCII)
# Because a number after a slash is a step, another mistake, it does not count here.
_NUMBERED_WEEKDAY = re.compile(r"(?<![/\d])\d+")
_NAMES = re.compile(r"\*|(?P<first>[a-z]+)(?:-(?P<last>[a-z]+))?")


@dataclass(frozen=True, slots=True)
class _Field:
    """One of the five fields; `names` stand for the numbers from `low` upwards."""

    label: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    numbers: bool = True

    @property
    def choices(self) -> str:
        """Return the possible values of the field in words."""
        numbers = _("a number from {low} to {high}").format(low=self.low, high=self.high) if self.numbers else ""
        names = spoken().either(self.names) if self.names else ""
        return spoken().either(filter(None, (numbers, names)))

    def values(self, expression: str) -> set[int]:
        """Return the numbers that the expression stands for, or raise a `BadValueError`."""
        return set().union(*map(self._item, expression.split(",")))

    def _item(self, item: str) -> set[int]:
        if self.numbers and (match := _NUMBERS.fullmatch(item)):
            return self._range(*(None if number is None else int(number) for number in match.groups()))
        if self.names and (match := _NAMES.fullmatch(item)):
            return self._range(*(None if name is None else self._number(name) for name in match.groups()))
        raise self._refusal(_("the {label} cannot be read"))

    def _number(self, name: str) -> int:
        if name not in self.names:
            raise self._refusal(_("the {label} is not one of the known names"))
        return self.low + self.names.index(name)

    def _range(self, first: int | None, last: int | None, step: int | None = None) -> set[int]:
        start = self.low if first is None else first
        alone = first is not None and last is None and step is None
        end = start if alone else self.high if last is None else last
        if not (self.low <= start <= self.high and self.low <= end <= self.high):
            raise self._refusal(_("the {label} is out of range"))
        if start > end:
            cure = _(
                "Write the earlier one first; for a range over the turn write a list, as in sat,sun,mon or 22,23,0,1"
            )
            raise self._refusal(_("the {label} ends before it begins"), cure)
        if step is not None and not 1 <= step <= end - start:
            cure = _("Write after the slash a number from 1 to the length of the range, or leave the slash out")
            raise self._refusal(_("the step of the {label} does not fit into its range"), cure)
        return set(range(start, end + 1, step or 1))

    def _refusal(self, reason: str, cure: str = "") -> BadValueError:
        cure = cure or _("Write * or {choices}").format(choices=self.choices)
        return BadValueError(reason.format(label=_(self.label)), cure=cure)


_MINUTE = _Field(gettext_noop("minute"), 0, 59)
_HOUR = _Field(gettext_noop("hour"), 0, 23)
_DAY = _Field(gettext_noop("day of the month"), 1, 31)
_MONTH = _Field(gettext_noop("month"), 1, 12, MONTHS)
_WEEKDAY = _Field(gettext_noop("weekday"), 0, 6, WEEKDAYS, numbers=False)
_FIELDS = (_MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY)


class Days(NamedTuple):
    """The days on which a cron line fires. Monday is 0; a day must fit its weekday, its date and its month."""

    weekdays: tuple[int, ...]
    dates: tuple[int, ...]
    months: tuple[int, ...]

    @classmethod
    def of(cls, line: str) -> Self:
        """Return the days of a line, as `normalise_cron` gives it."""
        dates, months, weekdays = line.split()[2:]
        return cls(
            *(
                tuple(sorted(field.values(text)))
                for field, text in zip((_WEEKDAY, _DAY, _MONTH), (weekdays, dates, months), strict=True)
            )
        )

    @property
    def every_weekday(self) -> bool:
        """Whether no weekday is left out."""
        return len(self.weekdays) == len(WEEKDAYS)

    @property
    def every_date(self) -> bool:
        """Whether no day of the month is left out."""
        return len(self.dates) == max(_DAYS_OF_MONTH)

    @property
    def every_month(self) -> bool:
        """Whether no month is left out."""
        return len(self.months) == len(MONTHS)


def normalise_cron(line: str) -> str:
    """Return the cron line in its one spelling: single spaces, names in lower case.

    A field is `*`, a value, a range `a-b`, either with a step `/n`, or a list of these; months and weekdays have
    names. A day must fit both the day of the month and the weekday.

    Raises:
        BadValueError: the line is not of this form, or no day ever fits it.
    """
    expressions = line.lower().split()
    if len(expressions) != len(_FIELDS):
        order = _("Write minute, hour, day, month and weekday with a space between and none in lists")
        reason = _("a cron line has five fields and this one has {count}").format(count=len(expressions))
        raise BadValueError(reason, cure=f'{order}: "{MONDAY_AT_EIGHT}"')
    if _NUMBERED_WEEKDAY.search(expressions[-1]):
        reason = _("weekdays have no numbers here, because 1 is Monday to some programs and Tuesday to others")
        raise BadValueError(reason, cure=_with_names(expressions))
    _minutes, _hours, days, months, _weekdays = (
        field.values(expression) for field, expression in zip(_FIELDS, expressions, strict=True)
    )
    if min(days) > max(_DAYS_OF_MONTH[month - 1] for month in months):
        raise BadValueError(_("no such day ever comes"), cure=_("Write a day that the month has, or * for every day"))
    return " ".join(expressions)


def _with_names(expressions: list[str]) -> str:
    *others, weekday = expressions
    named = _NUMBERED_WEEKDAY.sub(lambda number: _CRONTAB_WEEKDAYS.get(number[0], "?"), weekday)
    try:
        return _("Write {example}").format(example=f'"{normalise_cron(" ".join([*others, named]))}"')
    except BadValueError:  # the numbers name no weekdays, or more is wrong than the numbers
        return _("Write * or {choices}, or a list as in mon,thu").format(choices=_WEEKDAY.choices)
