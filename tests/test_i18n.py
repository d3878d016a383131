"""The catalogues: complete, and right in the details that readers notice."""

from __future__ import annotations

import datetime as dt
import re
import string
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.model.i18n import Language, read_catalogue, words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from babel.messages.catalog import Message

BOT = Path(str(resources.files("bot")))
KEYWORDS = {"_": None, "gettext": None, "gettext_noop": None, "ngettext": (1, 2)}


TO_THE_TEAM = [file for file in sorted(BOT.rglob("*.py")) if "i18n import gettext" in file.read_text(encoding="utf-8")]
"""The files that speak to the team: they import the function that speaks the language of the moment."""
TO_PEOPLE = [file for file in sorted(BOT.rglob("*.py")) if file not in TO_THE_TEAM]


def said(files: Iterable[Path]) -> set[object]:
    """The messages in the files, as a catalogue names them."""
    return {row[1] for file in files for row in extract_from_file("python", file, keywords=KEYWORDS)}


def texts(value: object) -> tuple[str, ...]:
    """A message's or a translation's texts: one, or one for each plural form."""
    return tuple(map(str, value)) if isinstance(value, tuple | list) else (str(value or ""),)


def catalogue(language: Language) -> dict[object, Message]:
    """The messages of a language by what they translate."""
    source = resources.files("bot.model") / "locales" / language / "LC_MESSAGES" / "recap.po"
    with source.open("rb") as file:
        return {message.id: message for message in read_po(file) if message.id}


def test_every_message_of_the_code_is_in_each_catalogue_and_nothing_else() -> None:
    """What the bot says is translated, and no translation is left over."""
    everything = said(TO_THE_TEAM) | said(TO_PEOPLE)
    assert [language for language in Language if set(catalogue(language)) != everything] == []


@pytest.mark.parametrize("language", Language)
def test_every_translation_is_there_and_keeps_the_placeholders(language: Language) -> None:
    """No message is empty, and each has exactly the placeholders of its original."""

    def placeholders(text: str) -> set[str | None]:
        return {name for _text, name, _format, _conversion in string.Formatter().parse(text)} - {None}

    for message in catalogue(language).values():
        translations = texts(message.string)
        assert not message.fuzzy
        assert len(translations) == len(texts(message.id))
        wanted = set.union(*map(placeholders, texts(message.id)))
        assert all(translations)
        # A singular may say "the other subject" without its number.
        assert placeholders(translations[-1]) == wanted
        assert all(placeholders(translation) <= wanted for translation in translations)
        # A part of a sentence keeps the spaces that part it from the rest.
        first = texts(message.id)[0]
        for edge in (0, -1):
            assert not first[edge].isspace() or all(translation[edge].isspace() for translation in translations)


@pytest.mark.parametrize("language", Language)
def test_the_catalogue_is_read_as_babel_reads_it(language: Language) -> None:
    """Every message has the same translations, whatever stands between the quotation marks."""
    source = resources.files("bot.model") / "locales" / language / "LC_MESSAGES" / "recap.po"
    text = source.read_text(encoding="utf-8")
    wanted = {texts(message.id)[0]: texts(message.string) for message in catalogue(language).values()}
    assert read_catalogue(text) == wanted
    odd = '#, fuzzy\nmsgid ""\n"One \\"two\\"\\n"\n"three"\nmsgid_plural "Many"\nmsgstr[0] "Un"\nmsgstr[1] ""\n"Deux"\n'
    assert read_catalogue(f'msgid ""\nmsgstr "Language: fr\\n"\n\n{odd}') == {'One "two"\nthree': ("Un", "Deux")}


def test_french_keeps_its_spaces_before_high_punctuation() -> None:
    """A plain space before : ; ! ? or inside « » would leave the sign alone on the next line."""
    for message in catalogue(Language.FRENCH).values():
        for translation in texts(message.string):
            assert not any(wrong in translation for wrong in (" :", " ;", " !", " ?", "« ", " »", "'"))
            # A narrow one before ; ! and ?, a whole one before a colon and inside the quotation marks.
            assert not re.search(r"\N{NO-BREAK SPACE}[;!?]|\N{NARROW NO-BREAK SPACE}[:»]", translation)


def test_english_has_typographic_apostrophes() -> None:
    """As all has that people read on their phones; a terminal shows English as it is typed."""
    to_people = said(TO_PEOPLE)
    for message in catalogue(Language.ENGLISH).values():
        if message.id in to_people:
            assert not any("'" in translation for translation in texts(message.string))


def test_dates_are_written_as_people_say_them() -> None:
    """The day in full; the hour in the zone of the schedule."""
    when = dt.datetime(2024, 11, 4, 8, 0, tzinfo=ZoneInfo("Europe/Paris"))
    assert words(Language.FRENCH).moment(when) == "lundi 4 novembre 2024 à 08:00"
    assert words(Language.ENGLISH).date(when.date()) == "Monday, November 4, 2024"
    assert words(Language.FRENCH).day(when) == "4 nov. 2024 à 08:00"
    first = dt.date(2024, 12, 1)
    assert words(Language.FRENCH).date(first) == "dimanche 1er décembre 2024"
    assert words(Language.FRENCH).day(first) == "1er déc. 2024"
    assert words(Language.ENGLISH).day(first) == "Dec 1, 2024"
    assert words(Language.FRENCH).date(dt.date(2024, 12, 11)) == "mercredi 11 décembre 2024"


def test_numbers_are_written_as_people_write_them() -> None:
    """The thousands apart, by a comma in English and by a space in French."""
    assert {language: words(language).number(100_000) for language in Language} == {
        Language.FRENCH: "100\N{NARROW NO-BREAK SPACE}000",
        Language.ENGLISH: "100,000",
    }


def test_lists_are_written_as_people_say_them() -> None:
    """With a word before the last item."""
    assert words(Language.FRENCH).listed(["#a"]) == "#a"
    assert words(Language.FRENCH).listed(["#a", "#b"]) == "#a et #b"
    assert words(Language.ENGLISH).listed(["#a", "#b", "#c"]) == "#a, #b, and #c"


def test_a_person_is_answered_in_their_language_when_the_bot_speaks_it() -> None:
    """A regional variant counts as its language; a language the bot does not speak falls back to the show's."""
    assert Language.pick("fr-CA", Language.ENGLISH) is Language.FRENCH
    assert Language.pick("en_US", Language.FRENCH) is Language.ENGLISH
    assert Language.pick("de", Language.FRENCH) is Language.FRENCH
    assert Language.pick(None, Language.ENGLISH) is Language.ENGLISH


@given(
    reader=st.sampled_from(Language),
    show=st.sampled_from(Language),
    said=st.sampled_from(["no connection to Telegram ({reason})", "this thread is locked: unlock it"]),
    reason=st.sampled_from(["Connection refused", "the system says {code}", "Unknown Channel (10003)"]),
    line=st.sampled_from(["{told}", "{told}. Then {name}.", "{told}."]),
    is_labelled=st.booleans(),
)
@settings(max_examples=40)
def test_what_was_said_in_one_language_is_told_in_another(
    reader: Language, show: Language, said: str, reason: str, line: str, *, is_labelled: bool
) -> None:
    """A reason with the reason in it, behind a label and before a cure."""

    def told(language: Language) -> str:
        _ = words(language).gettext
        text = line.format(told=_(said).format(reason=_(reason).format(code="EPERM")), name="@x")
        return _("{name}: {text}").format(name="telegram:-5 (admin)", text=text) if is_labelled else text

    assert words(reader).retell(told(show)) == told(reader)


@pytest.mark.parametrize("reader", Language)
@pytest.mark.parametrize(
    "said", ["403 Forbidden: bot was blocked by the user", "Unknown Channel (10003)", "a. topic: file"]
)
def test_the_words_of_others_are_told_as_they_are(reader: Language, said: str) -> None:
    """Also those in which a short word of the catalogues stands."""
    assert words(reader).retell(said) == said
