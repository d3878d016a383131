"""The bot's own words, in French and in English.

The catalogues are gettext's `.po` files, read at the start, so that no compiled file can differ from them.
People who ask are answered in the language of their own `Words`. To the team, the program speaks one language at a
time: the reader's on the command line, and the show's in all that a running bot notes and reports.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import enum
import functools
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path

_QUOTED = re.compile(r'^(?:(\S+) )?(".*")$', re.MULTILINE)
"""A line of a catalogue: the name of a field with its text, or the text alone where it goes on."""
_VALUE = re.compile(r"\{(\w+)\}")
_TELLING = 12
"""Characters of its own by which a sentence is known again; one with fewer could be in the words of others."""


class Language(enum.StrEnum):
    """A language of the bot."""

    FRENCH = "fr"
    ENGLISH = "en"

    @classmethod
    def pick(cls, tag: str | None, default: Language) -> Language:
        """Return the language that a person's app asks for (`fr-CA`, `en_US.UTF-8`), or the default for others."""
        primary = re.split(r"[-_.@]", tag or "")[0].lower()
        return cls(primary) if primary in set(cls) else default


def gettext_noop(message: str) -> str:
    """Return the message, which this call marks for the catalogues. It is translated where it is shown."""
    return message


class Words:
    """The sentences of the bot in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        source = Path(__file__).parent / "locales" / language / "LC_MESSAGES" / "recap.po"
        self._sentences = read_catalogue(source.read_text(encoding="utf-8"))

    def gettext(self, message: str) -> str:
        """Return the sentence in the language."""
        return self._sentences[message][0] if message in self._sentences else message

    def ngettext(self, one: str, many: str, count: int) -> str:
        """Return the form of the sentence for the count."""
        # Nought is singular in French, and plural in English.
        is_many = count > 1 if self.language is Language.FRENCH else count != 1
        return (self._sentences.get(one) or (one, many))[is_many]

    def retell(self, text: str) -> str:
        """Return what the program said, in any of its languages, in this one; the words of others stay as they are.

        Because the ledger keeps a reason as it was said, the catalogues are read backwards for other readers.
        """
        known = self._sentences.get(text)
        return known[0] if known else _retold(text, self)

    @functools.cached_property
    def forms(self) -> list[tuple[list[str], list[str], str]]:
        """The sentences that can be known again: each one's own parts, the names of the values between them, and it."""
        split = [(_VALUE.split(said), message) for message, (said, *plural) in self._sentences.items() if not plural]
        return [
            (parts[::2], parts[1::2], message)
            for parts, message in split
            if len(own := "".join(parts[::2])) >= _TELLING and "{" not in own
        ]

    def date(self, day: dt.date) -> str:
        """Return the date in full: `lundi 4 novembre 2024`."""
        return self._format(day, "full")

    def day(self, when: dt.date) -> str:
        """Return a date, or a moment in its time zone, as tables have them: `4 nov. 2024 à 08:00`."""
        date = self._format(when, "medium")
        return self._at(date, when) if isinstance(when, dt.datetime) else date

    def short_day(self, day: dt.date) -> str:
        """Return a day without its year: `4 nov.`."""
        return self._format(day, "d MMM" if self.language is Language.FRENCH else "MMM d")

    def moment(self, when: dt.datetime) -> str:
        """Return a day and an hour in the time zone of `when`: `lundi 4 novembre 2024 à 08:00`."""
        return self._at(self.date(when.date()), when)

    def weekday(self, when: dt.datetime) -> str:
        """Return a day of the week and an hour in the time zone of `when`: `lundi à 08:00`."""
        return self._at(self._format(when, "EEEE"), when)

    def weekdays(self, numbers: Iterable[int]) -> list[str]:
        """Return the names of days of the week within a sentence; Monday is 0."""
        from babel.dates import get_day_names

        names = get_day_names("wide", "format", self.language)
        return [names[number] for number in numbers]

    def months(self, numbers: Iterable[int]) -> list[str]:
        """Return the names of months within a sentence; January is 1."""
        from babel.dates import get_month_names

        names = get_month_names("wide", "format", self.language)
        return [names[number] for number in numbers]

    def duration(self, time: dt.timedelta) -> str:
        """Return a length of time by its two largest units: `45 s`, `2 min 5 s`, `1 h 3 min`."""
        seconds = max(1, round(time.total_seconds()))
        hours, minutes = divmod(seconds // 60, 60)
        parts = [(hours, "h"), (minutes, "min")] if hours else [(minutes, "min"), (seconds % 60, "s")]
        # Both languages have the same units. The no-break space keeps a number and its unit on one line.
        return " ".join(f"{number}\N{NO-BREAK SPACE}{unit}" for number, unit in parts if number)

    def number(self, value: int) -> str:
        """Return a large number with its thousands apart: `100,000`."""
        from babel.numbers import format_decimal

        return format_decimal(value, locale=self.language)

    def listed(self, items: Sequence[str]) -> str:
        """Return the items as a list in a sentence: `un, deux et trois`."""
        from babel.lists import format_list

        return format_list(items, locale=self.language)

    def either(self, items: Iterable[str]) -> str:
        """Return the items as a choice in a sentence: `un, deux ou trois`."""
        *others, last = items
        return self.gettext("{items} or {last}").format(items=", ".join(others), last=last) if others else last

    def quoted(self, text: str) -> str:
        """Return the text between the language's quotation marks."""
        return self.gettext("“{text}”").format(text=text)

    def _format(self, day: dt.date, form: str) -> str:
        from babel.dates import format_date

        date = format_date(day, form, locale=self.language)
        # Because Babel has no ordinal numbers, it writes the first of a month as French people do not.
        is_first = day.day == 1 and self.language is Language.FRENCH
        return date.replace("1 ", "1er ", 1) if is_first else date

    def _at(self, date: str, when: dt.datetime) -> str:
        from babel.dates import format_time

        # Because Babel converts to UTC unless `tzinfo` is given, it is given.
        time = format_time(when, "short", tzinfo=when.tzinfo, locale=self.language)
        return self.gettext("{date} at {time}").format(date=date, time=time)


def read_catalogue(text: str) -> dict[str, tuple[str, ...]]:
    """Return the translations in a `.po` file by their messages: one, or one for each plural form.

    Because each command reads a catalogue at its start, it is read here: in a tenth of the time that Babel takes.
    """
    found = {}
    for entry in text.split("\n\n"):
        fields: dict[str, str] = {}
        field = ""
        for name, quoted in _QUOTED.findall(entry):
            field = name or field
            fields[field] = fields.get(field, "") + json.loads(quoted)
        if message := fields.get("msgid"):
            found[message] = tuple(text for name, text in fields.items() if name.startswith("msgstr"))
    return found


@functools.cache
def words(language: Language) -> Words:
    """Return the one catalogue of a language, which the first call reads."""
    return Words(language)


@functools.lru_cache(1024)
def _retold(text: str, reader: Words) -> str:
    """Return a sentence, or several behind a label, in the language of the reader."""
    for parts, names, message in itertools.chain.from_iterable(words(language).forms for language in Language):
        if not all(part in text for part in parts):
            continue
        if found := re.fullmatch("(.+)".join(map(re.escape, parts)), text):
            told = reader.gettext(message)
            values = {name: _retold(value, reader) for name, value in zip(names, found.groups(), strict=True)}
            return told.format(**values) if values else told
    label = "{name}: {text}"
    labels = [(words(language).gettext(label), reader.gettext(label)) for language in Language]
    for before, after in [("{name}. {text}",) * 2, ("{name}.{text}",) * 2, *labels]:
        head, mark, tail = text.partition(before.format(name="", text=""))
        if mark and (retold := (_retold(head, reader), _retold(tail, reader))) != (head, tail):
            return after.format(name=retold[0], text=retold[1])
    return text


_team: ContextVar[Callable[[], Language]] = ContextVar("team", default=lambda: Language.ENGLISH)


@contextlib.contextmanager
def speaking(language: Callable[[], Language]) -> Iterator[None]:
    """Speak to the team in the language, here and in the tasks that begin meanwhile."""
    before = _team.set(language)
    try:
        yield
    finally:
        _team.reset(before)


def spoken() -> Words:
    """Return the words of the language in which the program speaks to the team now."""
    return words(_team.get()())


def gettext(message: str) -> str:
    """Return the sentence in the language in which the program speaks to the team now."""
    return spoken().gettext(message)


def ngettext(one: str, many: str, count: int) -> str:
    """Return the form of the sentence for the count, in the language in which the program speaks to the team now."""
    return spoken().ngettext(one, many, count)
