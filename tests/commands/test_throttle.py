"""People who ask faster than anybody can read."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from bot.commands.throttle import CHAT, PAUSE, PERSON, PRESS, REMEMBERED, Throttle, Verdict

if TYPE_CHECKING:
    from tests.conversation import Talk, TelegramPerson


class Hands:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The seconds."""
        return self.now


def test_a_few_answers_then_one_word_then_silence_for_a_while() -> None:
    """After the pause they are as welcome as before."""
    clock = Hands()
    throttle = Throttle(clock)
    for _ in range(2):
        verdicts = [throttle.admit("ada") for _ in range(30)]
        assert verdicts == [Verdict.ANSWER] * 6 + [Verdict.WARNING] + [Verdict.SILENCE] * 23
        clock.now += PAUSE - 1
        assert throttle.admit("ada") is Verdict.SILENCE
        clock.now += 1


def test_nobody_else_notices() -> None:
    """Neither the others of the chat, nor the same person's neighbours elsewhere."""
    throttle = Throttle(Hands())
    for _ in range(1000):
        throttle.admit("max", "club")
    assert throttle.admit("ada", "club") is Verdict.ANSWER
    assert throttle.admit("bob") is Verdict.ANSWER


def test_a_whole_group_has_a_limit_too() -> None:
    """Many people at once are as many messages in the group as one who hurries."""
    throttle = Throttle(Hands())
    verdicts = [throttle.admit(str(number), "club") for number in range(40)]
    assert verdicts.index(Verdict.WARNING) == CHAT.at_once
    assert set(verdicts[21:]) == {Verdict.SILENCE}


def test_who_ticks_topics_is_not_in_a_hurry() -> None:
    """Presses cost little: most change a message in place."""
    throttle = Throttle(Hands())
    assert {throttle.admit("ada", is_press=True) for _ in range(25)} == {Verdict.ANSWER}


def test_only_so_many_people_are_remembered() -> None:
    """Those who asked last."""
    throttle = Throttle(Hands())
    for number in range(REMEMBERED + 50):
        throttle.admit(str(number))
    assert len(throttle._accounts) == REMEMBERED
    assert [throttle.admit("ada") for _ in range(7)][-1] is Verdict.WARNING


@given(st.lists(st.tuples(st.floats(0, 40), st.booleans()), max_size=200))
def test_nobody_gets_more_than_their_share_in_any_time(asked: list[tuple[float, bool]]) -> None:
    """What is answered in any stretch of time is at most a burst and one more every two seconds; one word a pause."""
    clock = Hands()
    throttle = Throttle(clock)
    answered: list[tuple[float, float]] = []
    warned: list[float] = []
    for wait, is_press in asked:
        clock.now += wait
        verdict = throttle.admit("ada", is_press=is_press)
        if verdict is Verdict.ANSWER:
            answered.append((clock.now, PRESS if is_press else 1.0))
        elif verdict is Verdict.WARNING:
            warned.append(clock.now)
    for index, (start, _) in enumerate(answered):
        total = 0.0
        for at, cost in answered[index:]:
            total += cost
            assert total <= PERSON.at_once + (at - start) / PERSON.seconds_each + 1e-6
    assert all(later - earlier >= PAUSE for earlier, later in itertools.pairwise(warned))


async def test_thirty_commands_in_a_second(talk: Talk, anna: TelegramPerson) -> None:
    """Six answers and one word; somebody else is answered as ever."""
    talk.app.throttle.clock = time.monotonic
    telegram = talk.town.telegram
    for number in range(30):
        telegram.say(anna.chat, anna.chat.person, f"/topics {number}")
    await anna.settled()
    texts = [message.text for message in anna.seen()]
    assert len(texts) == 7
    assert [text for text in texts if text.startswith("Doucement")] == texts[-1:]
    bob = talk.on_telegram()
    assert "Thèmes" in (await bob.says("/topics")).text
    press = telegram.press(anna.seen()[0], "#tiktok")
    await telegram.wait_for(lambda: press.answer is not None)
    assert len(anna.seen()) == 7


async def test_an_anonymous_admin_in_a_hurry_slows_down_no_other_groups(talk: Talk) -> None:
    """Telegram gives all of them one and the same user; the group in whose name they write tells them apart."""
    talk.app.throttle.clock = time.monotonic
    telegram = talk.town.telegram
    hasty, calm = (telegram.add_supergroup(title) for title in ("Les pressés", "Le club"))
    for _ in range(30):
        telegram.say(hasty, hasty, "/topics")
    person = talk.on_telegram(calm, calm)
    assert "Thèmes" in (await person.says("/topics")).text
