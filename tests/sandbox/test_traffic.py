"""The measure of a rate, held against its definition, and flood control, held against the measure."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.shared.traffic import EVERYTHING, FloodControl, Limit, Traffic, Wait, most

# Whole seconds, so that the definition and the measure compare the same numbers without rounding.
TIMES = st.lists(st.integers(0, 60), max_size=30).map(sorted)
WINDOWS = st.integers(1, 20)


def _traffic(sends: list[tuple[float, str]]) -> Traffic:
    traffic = Traffic(lambda route: route == "send")
    for at, chat in sends:
        traffic.arrived(at, "send", chat, {})
        traffic.arrived(at, "look", chat, {})
    return traffic


@given(times=TIMES, seconds=WINDOWS)
def test_the_measure_is_the_fullest_window(times: list[int], seconds: int) -> None:
    """Of all windows of that length, wherever they begin, the fullest counts."""
    definition = max((sum(begin <= time < begin + seconds for time in times) for begin in range(-20, 61)), default=0)
    assert most(times, seconds) == definition


def test_a_window_does_not_hold_its_end() -> None:
    """Thirty a second means that the thirty-first may come exactly one second after the first."""
    assert most([0.0, 0.5, 1.0], 1.0) == 2
    assert most([0.0, 0.5, 0.999], 1.0) == 3


@given(sends=st.lists(st.tuples(st.integers(0, 60), st.sampled_from("abc")), max_size=30).map(sorted), seconds=WINDOWS)
def test_a_peak_counts_sends_alone_overall_and_per_chat(sends: list[tuple[int, str]], seconds: int) -> None:
    """Requests that send nothing do not count, and a chat's peak is that of its own sends."""
    traffic = _traffic([(float(at), chat) for at, chat in sends])
    assert traffic.peak(seconds) == most([at for at, _ in sends], seconds)
    by_chat = {name: most([at for at, chat in sends if chat == name], seconds) for name in {chat for _, chat in sends}}
    assert traffic.peak_by_chat(seconds) == by_chat
    assert {name: traffic.peak(seconds, name) for name in by_chat} == by_chat


def test_requests_are_numbered_in_order_of_arrival() -> None:
    """A request's number is its place in the log."""
    traffic = _traffic([(1.0, "a"), (2.0, "b")])
    assert [request.number for request in traffic.requests] == [0, 1, 2, 3]
    assert [traffic.requests[send.number] for send in traffic.sends] == traffic.sends


def test_sends_inside_a_wait_are_found() -> None:
    """A wait holds from after its beginning to before its end, in its chat or in every chat."""
    traffic = _traffic([(1.0, "a"), (2.0, "a"), (2.0, "b"), (4.0, "a"), (11.0, "b"), (13.0, "b")])
    traffic.waits.append(Wait(1.0, 4.0, "a"))
    traffic.waits.append(Wait(10.0, 13.0))
    assert [(send.at, send.chat) for send in traffic.sends_in_waits()] == [(2.0, "a"), (11.0, "b")]
    assert [(send.at, send.chat) for send in traffic.sends_in_waits(grace=1.0)] == []


@given(times=TIMES, count=st.integers(1, 5), seconds=WINDOWS)
def test_what_flood_control_admits_is_within_the_limit(times: list[int], count: int, seconds: int) -> None:
    """No window of the limit's length ever holds more admitted sends than its count, and one at least is admitted."""
    control = FloodControl()
    admitted = [at for at in times if control.admit(at, [(EVERYTHING, Limit(count, seconds))]) is None]
    assert most(admitted, seconds) <= count
    assert admitted[:count] == times[: min(count, len(admitted))]


@given(gap=st.floats(0.0, 0.99), seconds=st.floats(0.5, 20.0))
def test_who_waits_as_long_as_asked_is_admitted(gap: float, seconds: float) -> None:
    """A refusal asks for whole seconds, and they are enough."""
    control, limits = FloodControl(), [("a", Limit(1, seconds))]
    assert control.admit(100.0, limits) is None
    wait = control.admit(100.0 + gap * seconds, limits)
    assert wait is not None
    assert (wait.end - wait.start).is_integer() or abs(wait.end - wait.start - round(wait.end - wait.start)) < 1e-9
    assert wait.end - wait.start > 1 - 1e-9
    assert control.admit(wait.end, limits) is None


def test_a_wait_is_no_longer_than_it_must_be() -> None:
    """It ends when the oldest send leaves the window, not the latest."""
    control, limits = FloodControl(), [("a", Limit(2, 10.0))]
    assert [control.admit(at, limits) for at in (0.0, 4.0, 5.0)] == [None, None, Wait(5.0, 10.0, "a")]


def test_a_wait_refuses_everything_until_it_is_over() -> None:
    """Who does not wait is told the same wait again, even when the window would have room by then."""
    control = FloodControl()
    limits = [("a", Limit(1, 0.25))]
    assert control.admit(0.0, limits) is None
    wait = control.admit(0.125, limits)
    assert wait == Wait(0.125, 1.125, "a")
    assert control.admit(0.5, limits) is wait
    assert control.admit(1.125, limits) is None


def test_a_chat_that_is_full_leaves_the_others_alone() -> None:
    """A limit of one chat refuses that chat's sends only, and what it refuses counts nowhere."""
    control, overall, each = FloodControl(), Limit(3, 1.0), Limit(1, 1.0)

    def admit(chat: str) -> Wait | None:
        return control.admit(0.5, [(EVERYTHING, overall), (chat, each)])

    assert [admit(chat) for chat in "aab"] == [None, Wait(0.5, 1.5, "a"), None]
    assert [admit(chat) for chat in "cd"] == [None, Wait(0.5, 1.5)]
