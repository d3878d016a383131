"""The cron lines a team may write, held against the scheduler that will run them."""

from __future__ import annotations

import contextlib
import datetime as dt

import pytest
from apscheduler.triggers.cron import CronTrigger
from hypothesis import given
from hypothesis import strategies as st

from bot.config.cron import MONTHS, WEEKDAYS, normalise_cron
from bot.model.problems import BadValueError

MONDAY = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)


def refusal_of(line: str) -> BadValueError:
    """What the line is refused with."""
    with pytest.raises(BadValueError) as caught:
        normalise_cron(line)
    return caught.value


@pytest.mark.parametrize(
    ("line", "normal"),
    [
        ("0 8 * * mon", "0 8 * * mon"),
        ("  0  8 *\t* MON ", "0 8 * * mon"),
        ("*/15 8-20/2 1,15 jan-mar,6 Mon-Wed,sun", "*/15 8-20/2 1,15 jan-mar,6 mon-wed,sun"),
        ("5/10 0 29 2 *", "5/10 0 29 2 *"),
        ("0 18 1-7 * fri", "0 18 1-7 * fri"),
        ("0-30/30 8 * * mon", "0-30/30 8 * * mon"),
    ],
)
def test_a_cron_line_has_one_spelling(line: str, normal: str) -> None:
    """Spaces and capitals do not matter."""
    assert normalise_cron(line) == normal


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("0 8 * * 1", "0 8 * * mon"),
        ("0 8 * * 0", "0 8 * * sun"),
        ("0 8 * * 7", "0 8 * * sun"),
        ("0 8 * * 1-5", "0 8 * * mon-fri"),
        ("0 8 * * 1,4", "0 8 * * mon,thu"),
        ("0 8 * * mon,4", "0 8 * * mon,thu"),
    ],
)
def test_a_weekday_number_is_refused_with_the_name_that_crontab_gives_it(line: str, meant: str) -> None:
    """The scheduler would run `1` on Tuesdays; the cure shows the line that does what crontab's habit means."""
    refusal = refusal_of(line)
    assert "1 is Monday to some programs and Tuesday to others" in str(refusal)
    assert refusal.cure == f'Write "{meant}"'


@pytest.mark.parametrize(
    "line", ["0 8 * * 8", "0 8 * * 12", "0 8 * * 0-6", "0 25 * * 1", "0 8 * * \N{ARABIC-INDIC DIGIT ONE}"]
)
def test_without_a_sure_reading_of_the_number_the_cure_lists_the_names(line: str) -> None:
    """No line is proposed that would not be accepted."""
    assert refusal_of(line).cure.startswith("Write * or mon, tue, wed, thu, fri, sat or sun")


@pytest.mark.parametrize(
    ("line", "reason", "cure"),
    [
        ("", "this one has 0", "minute, hour, day, month and weekday"),
        ("0 8 * *", "this one has 4", "minute, hour, day, month and weekday"),
        ("0 8 * * mon, thu", "this one has 6", "none in lists"),
        ("@weekly", "this one has 1", '"0 8 * * mon"'),
        ("60 8 * * mon", "the minute is out of range", "0 to 59"),
        ("0 24 * * mon", "the hour is out of range", "0 to 23"),
        ("0 8 0 * mon", "the day of the month is out of range", "1 to 31"),
        ("0 8 * 13 mon", "the month is out of range", "jan, feb"),
        ("0 8h * * mon", "the hour cannot be read", "0 to 23"),
        ("0 -8 * * mon", "the hour cannot be read", "0 to 23"),
        ("0 8,, * * mon", "the hour cannot be read", "0 to 23"),
        ("0 8 last * mon", "the day of the month cannot be read", "1 to 31"),
        ("0 8 * jan-3 mon", "the month cannot be read", "jan, feb"),
        ("0 8 * janvier mon", "the month is not one of the known names", "jan, feb"),
        ("0 8 * * lun", "the weekday is not one of the known names", "mon, tue"),
        ("0 8 * * monday", "the weekday is not one of the known names", "mon, tue"),
        ("0 8 * * mon-fri/2", "the weekday cannot be read", "mon, tue"),
        ("0 8 * * */2", "the weekday cannot be read", "mon, tue"),
        ("0 8 * * sat-mon", "the weekday ends before it begins", "sat,sun,mon"),
        ("0 22-2 * * mon", "the hour ends before it begins", "22,23,0,1"),
        ("*/0 8 * * mon", "the step of the minute", "from 1 to"),
        ("*/60 8 * * mon", "the step of the minute", "from 1 to"),
        ("0 5-5/1 * * mon", "the step of the hour", "from 1 to"),
        ("0 8 31 feb,apr mon", "no such day ever comes", "a day that the month has"),
        ("0 8 30,31 2 *", "no such day ever comes", "a day that the month has"),
    ],
)
def test_what_cannot_be_used_is_refused_with_reason_and_cure(line: str, reason: str, cure: str) -> None:
    """Each kind of mistake has its own words, and says what may stand there."""
    refusal = refusal_of(line)
    assert reason in str(refusal)
    assert cure in refusal.cure


def _items(low: int, high: int, names: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    """Expressions of a field, right ones and wrong ones."""
    number = st.integers(low - 1, high + 1).map(str)
    value = number | st.sampled_from(names) if names else number
    item = st.one_of(
        st.just("*"),
        value,
        st.builds("{}-{}".format, value, value),
        st.builds("*/{}".format, number),
        st.builds("{}-{}/{}".format, value, value, number),
        st.builds("{}/{}".format, value, number),
    )
    return st.lists(item, min_size=1, max_size=2).map(",".join)


LINES = st.tuples(
    _items(0, 59),
    _items(0, 23),
    _items(1, 31),
    _items(1, 12, MONTHS),
    _items(0, 6, WEEKDAYS) | st.sampled_from(WEEKDAYS),
).map(" ".join)


@given(LINES)
def test_the_scheduler_runs_every_line_that_is_accepted(line: str) -> None:
    """A line that passes here never fails in the scheduler, whether it is read or asked for its next day."""
    try:
        normal = normalise_cron(line)
    except BadValueError:
        return
    first = CronTrigger.from_crontab(normal, timezone=dt.UTC).get_next_fire_time(None, MONDAY)
    assert first is not None


@given(st.text(max_size=30) | st.lists(st.text("0123456789*/-,monadys", min_size=1), max_size=6).map(" ".join))
def test_any_text_is_a_cron_line_or_refused_as_one(text: str) -> None:
    """Nothing that can be typed leads to another error, and what is normal stays as it is."""
    with contextlib.suppress(BadValueError):
        normal = normalise_cron(text)
        assert normalise_cron(normal) == normal
