"""The days of a schedule in words: `every Monday`, `the first Friday of each month`."""

from bot.config.cron import Days
from bot.model.i18n import Words, gettext_noop

_WEEKS = {
    tuple(range(1, 8)): gettext_noop("the first {weekdays} of each month"),
    tuple(range(8, 15)): gettext_noop("the second {weekdays} of each month"),
    tuple(range(15, 22)): gettext_noop("the third {weekdays} of each month"),
    tuple(range(22, 29)): gettext_noop("the fourth {weekdays} of each month"),
}
"""Days of the month that hold each weekday once."""


def in_words(days: Days, words: Words) -> str:
    """Return on which days a schedule pushes, as a piece of a sentence."""
    _ = words.gettext
    weekdays = words.listed(words.weekdays(days.weekdays))
    dates = words.listed([_("day 1") if day == 1 else _("day {day}").format(day=day) for day in days.dates])
    match days.every_weekday, days.every_date:
        case True, True:
            text = _("every day")
        case False, True:
            text = _("every {weekdays}").format(weekdays=weekdays)
        case True, False:
            text = _("on {dates} of each month").format(dates=dates)
        case _ if days.dates in _WEEKS:
            text = _(_WEEKS[days.dates]).format(weekdays=weekdays)
        case _:
            text = _("every {weekdays} that is {dates} of the month").format(weekdays=weekdays, dates=dates)
    if days.every_month:
        return text
    return _("{days}, in {months}").format(days=text, months=words.listed(words.months(days.months)))
