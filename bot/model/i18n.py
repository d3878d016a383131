"""The bot's own words, in French and in English.

The catalogues are gettext's `.po` files, read at the start, so that no compiled file can differ from them.
"""

from __future__ import annotations

import datetime as dt
import enum
import functools
import gettext
import io
from collections.abc import Iterable, Sequence
from importlib import resources

from babel.dates import format_date, format_time, get_day_names, get_month_names
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po


class Language(enum.StrEnum):
    """A language of the bot."""

    FRENCH = "fr"
    ENGLISH = "en"

    @classmethod
    def pick(cls, tag: str | None, default: Language) -> Language:
        """Return the language that a person's app asks for (`fr-CA`, `en_US`), or the default for other languages."""
        primary = (tag or "").replace("_", "-").partition("-")[0].lower()
        return cls(primary) if primary in set(cls) else default


def gettext_noop(message: str) -> str:
    """Return the message, which this call marks for the catalogues. It is translated where it is shown."""
    return message


class Words:
    """The sentences of the bot in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        source = resources.files("bot.model") / "locales" / language / "LC_MESSAGES" / "recap.po"
        compiled = io.BytesIO()
        with source.open("rb") as file:
            write_mo(compiled, read_po(file, locale=language))
        compiled.seek(0)
        catalogue = gettext.GNUTranslations(compiled)
        self.gettext = catalogue.gettext
        self.ngettext = catalogue.ngettext

    def date(self, day: dt.date) -> str:
        """Return the date in full: `lundi 4 novembre 2024`."""
        return format_date(day, "full", locale=self.language)

    def moment(self, when: dt.datetime) -> str:
        """Return a day and an hour in the time zone of `when`: `lundi 4 novembre 2024 à 08:00`."""
        return self._at(self.date(when.date()), when)

    def weekday(self, when: dt.datetime) -> str:
        """Return a day of the week and an hour in the time zone of `when`: `lundi à 08:00`."""
        return self._at(format_date(when.date(), "EEEE", locale=self.language), when)

    def weekdays(self, numbers: Iterable[int]) -> list[str]:
        """Return the names of days of the week within a sentence; Monday is 0."""
        names = get_day_names("wide", "format", self.language)
        return [names[number] for number in numbers]

    def months(self, numbers: Iterable[int]) -> list[str]:
        """Return the names of months within a sentence; January is 1."""
        names = get_month_names("wide", "format", self.language)
        return [names[number] for number in numbers]

    def duration(self, time: dt.timedelta) -> str:
        """Return a length of time by its two largest units: `45 s`, `2 min 5 s`, `1 h 3 min`."""
        seconds = max(1, round(time.total_seconds()))
        hours, minutes = divmod(seconds // 60, 60)
        parts = [(hours, "h"), (minutes, "min")] if hours else [(minutes, "min"), (seconds % 60, "s")]
        # Both languages have the same units. The no-break space keeps a number and its unit on one line.
        return " ".join(f"{number}\N{NO-BREAK SPACE}{unit}" for number, unit in parts if number)

    def listed(self, items: Sequence[str]) -> str:
        """Return the items as a list in a sentence: `un, deux et trois`."""
        return format_list(items, locale=self.language)

    def quoted(self, text: str) -> str:
        """Return the text between the language's quotation marks."""
        return self.gettext("“{text}”").format(text=text)

    def _at(self, date: str, when: dt.datetime) -> str:
        # Because Babel converts to UTC unless `tzinfo` is given, it is given.
        time = format_time(when, "short", tzinfo=when.tzinfo, locale=self.language)
        return self.gettext("{date} at {time}").format(date=date, time=time)


@functools.cache
def words(language: Language) -> Words:
    """Return the one catalogue of a language, which the first call reads."""
    return Words(language)
