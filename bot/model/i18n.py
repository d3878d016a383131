"""The bot's own words, in French and in English.

The catalogues are gettext's `.po` files, read as they are: a translator's change shows at the next start, and no
compiled file can be out of step with them.
"""

from __future__ import annotations

import enum
import functools
import gettext
import io
from importlib import resources
from typing import TYPE_CHECKING

from babel.dates import format_date, format_time
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence


class Language(enum.StrEnum):
    """The languages the bot speaks."""

    FRENCH = "fr"
    ENGLISH = "en"

    @classmethod
    def pick(cls, tag: str | None, default: Language) -> Language:
        """The language a person's app asks for (`fr-CA`, `en_US`), or the default when the bot does not speak it."""
        primary = (tag or "").replace("_", "-").partition("-")[0].lower()
        return cls(primary) if primary in set(cls) else default


def gettext_noop(message: str) -> str:
    """Mark a message for the catalogues where it is defined; it is translated where it is shown."""
    return message


class Words:
    """What the bot says, in one language."""

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
        """The date in full: `lundi 4 novembre 2024`."""
        return format_date(day, "full", locale=self.language)

    def moment(self, when: dt.datetime) -> str:
        """A day and an hour in the time zone that `when` carries: `lundi 4 novembre 2024 à 08:00`."""
        return self._at(self.date(when.date()), when)

    def weekday(self, when: dt.datetime) -> str:
        """A day of the week and an hour in the time zone that `when` carries: `lundi à 08:00`."""
        return self._at(format_date(when.date(), "EEEE", locale=self.language), when)

    def duration(self, time: dt.timedelta) -> str:
        """A length of time by its two largest units: `45 s`, `2 min 5 s`, `1 h 3 min`."""
        seconds = max(1, round(time.total_seconds()))
        hours, minutes = divmod(seconds // 60, 60)
        parts = [(hours, "h"), (minutes, "min")] if hours else [(minutes, "min"), (seconds % 60, "s")]
        # The units are the same in both languages; a number and its unit stay on one line.
        return " ".join(f"{number}\N{NO-BREAK SPACE}{unit}" for number, unit in parts if number)

    def listed(self, items: Sequence[str]) -> str:
        """The items as one says them: `un, deux et trois`."""
        return format_list(items, locale=self.language)

    def quoted(self, text: str) -> str:
        """The text between the language's quotation marks."""
        return self.gettext("“{text}”").format(text=text)

    def _at(self, date: str, when: dt.datetime) -> str:
        # The zone is the reader's own, so the hour is enough; `tzinfo` must be named or Babel converts to UTC.
        time = format_time(when, "short", tzinfo=when.tzinfo, locale=self.language)
        return self.gettext("{date} at {time}").format(date=date, time=time)


@functools.cache
def words(language: Language) -> Words:
    """The one catalogue of each language, read when it is first needed."""
    return Words(language)
