"""From the text of a subject to its summary: whole sentences, the facts, in their order."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.notes.language import is_personal, is_question, leans, sentences, telling_words
from bot.notes.marks import bare_title, is_heading
from bot.notes.model import Line

MIN_LENGTH, MAX_LENGTH = 300, 900
"""Characters of a summary: enough to understand, few enough for a phone."""
_AIM = 600
_LONG_SENTENCE = 320
_SHORT_SENTENCE = 35
_FEWEST_WORDS = 3
_FIRST = 2
"""Sentences at the beginning of a subject, which tell the news."""
_ANNOUNCEMENT = 90
"""Characters of a sentence that may only announce the next one."""
_LONG_LINE = 75
_SAME = 0.6
"""The share of words that a sentence may have in common with a chosen one."""
_NAME = re.compile(r"(?<=[a-zà-ÿ,’'] )[A-ZÀ-Þ]\w+")
_FIGURE = re.compile(r"\d")
_ENDING = re.compile(r"[.!?…][\s\u00a0]*[”»\"’)\]]*$")


@dataclass(slots=True)
class _Sentence:
    text: str
    place: int
    leans: bool
    score: float = 0.0


def summarise(lines: Sequence[Line], about: str) -> list[str]:
    """Return the sentences of the summary by paragraph; empty if the lines hold no sentence.

    A sentence that needs the one before it stands only right after that sentence.
    """
    told = _sentences(lines)
    every = [_ended(text) for line in lines for text in sentences(line.text)]
    if sum(len(text) + 1 for text in every) < MIN_LENGTH or not told:
        # Because the notes say no more, all of it is the summary.
        return every
    wanted = set(telling_words(about))
    for sentence in told:
        sentence.score = _score(sentence, wanted, len(told))
    chosen: list[_Sentence] = []
    for sentence in sorted((each for each in told if not each.leans), key=lambda each: -each.score):
        length = _length(chosen)
        if length + len(sentence.text) + 1 > MAX_LENGTH or _repeats(sentence, chosen):
            continue
        if length >= MIN_LENGTH and (sentence.score <= 0 or length + len(sentence.text) > _AIM):
            continue
        chosen.append(sentence)
    chosen = chosen or told[:1]
    _fill(chosen, told)
    _finish(chosen, told)
    return [sentence.text for sentence in sorted(chosen, key=lambda each: each.place)]


def _fill(chosen: list[_Sentence], told: Sequence[_Sentence]) -> None:
    """Add sentences that lean on a chosen one, right after it, up to the shortest length."""
    while _length(chosen) < MIN_LENGTH:
        places = {sentence.place for sentence in chosen}
        following = [
            each
            for each in told
            if each.place not in places and each.place - 1 in places and _length(chosen) + len(each.text) < MAX_LENGTH
        ]
        if not following:
            return
        chosen.append(max(following, key=lambda each: (each.score, -each.place)))


def _finish(chosen: list[_Sentence], told: Sequence[_Sentence]) -> None:
    """Add the sentence that leans on a short one without a figure, which would only announce by itself."""
    following = {each.place - 1: each for each in told if each.leans}
    for sentence in list(chosen):
        after = following.get(sentence.place)
        if after is None or after in chosen or len(sentence.text) > _ANNOUNCEMENT or _FIGURE.search(sentence.text):
            continue
        if _length(chosen) + len(after.text) < MAX_LENGTH:
            chosen.append(after)
        elif len(chosen) > 1:
            chosen.remove(sentence)


def _sentences(lines: Sequence[Line]) -> list[_Sentence]:
    found: list[_Sentence] = []
    place = 0
    # The items of a list continue the sentence above the list.
    for line in [line for line in lines if not line.item] or lines:
        prose = sentences(line.text)
        if len(prose) == 1 and is_heading(line) and not _reads_as_prose(line):
            # Below a sub-heading, a sentence does not follow the one above the sub-heading.
            place += 1
            continue
        for text in prose:
            place += 1
            if is_personal(text) or is_question(text) or len(telling_words(text)) < _FEWEST_WORDS:
                # A sentence that leans on this one would lean on nothing.
                place += 1
                continue
            # Because the title stands above the first sentence, that one has something to lean on.
            found.append(_Sentence(_ended(text), place, bool(found) and leans(text)))
    return found


def _ended(text: str) -> str:
    return text if _ENDING.search(text) else f"{text.rstrip(' :;,-–')}."


def _reads_as_prose(line: Line) -> bool:
    """Tell whether a line without a full stop is a sentence all the same: long, or with a comma."""
    return (
        bare_title(line.text) == line.text.rstrip(" :")
        and line.level == 0
        and not line.text.endswith(":")
        and len(line.text) > _LONG_LINE
        and " : " not in line.text.replace("\u00a0", " ")
    )


def _score(sentence: _Sentence, wanted: set[str], total: int) -> float:
    found = telling_words(sentence.text)
    score = 2.0 * len(wanted & set(found)) / (len(wanted) or 1)
    score += 1.0 if _FIGURE.search(sentence.text) else 0.0
    score += 0.3 * min(3, len(_NAME.findall(sentence.text)))
    # The first sentences tell the news, the last ones the opinion.
    score += 1.5 * (1 - sentence.place / (2 * total + 2))
    score += 1.5 if sentence.place <= _FIRST else 0.0
    score -= 0.0 if _SHORT_SENTENCE <= len(sentence.text) <= _LONG_SENTENCE else 1.0
    score -= 0.8 if {"aussi", "ainsi"} & set(found) else 0.0
    return score - 1.0


def _repeats(sentence: _Sentence, chosen: Sequence[_Sentence]) -> bool:
    own = set(telling_words(sentence.text))
    return any(len(own & set(telling_words(other.text))) > _SAME * len(own) for other in chosen)


def _length(chosen: Sequence[_Sentence]) -> int:
    return sum(len(sentence.text) + 1 for sentence in chosen)
