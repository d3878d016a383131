"""The parts of notes that are no subject, recognised by their words: ads, calls, greetings, contents, chores, credits.

A short text is one of these if nearly all of its words are those of making a show. A longer one must speak to the
listener, or of the episode: news about an ad is news.
"""

import itertools
import re
from collections.abc import Sequence

from bot.model.text import fold, fold_words, sentences
from bot.notes.language import telling_words, words_of
from bot.notes.model import Line

_FEW, _HELLO, _THANKS = 2, 12, 14
"""Words of a greeting to somebody, of one to all, and of thanks, that hold nothing else."""
_MAX_ADDRESSED = 90
"""Characters of a line that only says where to write to."""
_SHORT, _MOST = 9, 0.66
"""Telling words of a short text, and the share of them that are words of making a show."""
_FRAME, _OWN, _FITTING, _SECTION, _TO_LISTENER, _GREETING, _TO_ALL, _SHOW, _TO_BE_DONE = (
    re.compile(words_of(name))
    for name in ["frame", "own", "fitting", "section", "to_listener", "greeting", "to_all", "show", "to_be_done"]
)
_LABEL = re.compile(rf"\W*{words_of('label')}\s*(?::|[–—-]\s|\bet\b|\bpar\b|\bby\b|$)")
_CALL = re.compile(r"\W*(?!chez|assez|nez)\w{3,}ez\b[^.]{0,80}!\W*$", re.IGNORECASE)
_COLON = re.compile(r"\s?(?::|\s[–—-]\s)")
_NO_LABEL = re.compile(rf"\W*{words_of('no_label')}")
_STAGE = re.compile(r"[\[(/{]\s?([^\[\](){}]{1,90}?)\s?[\])/}]\W?")
"""A line in brackets, as stage directions are."""
_ADDRESS = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}\.\w")
_CODE_WORD = re.compile(
    r"\b[Cc]ode\s+(?:promo\s+)?[A-Z][A-Z0-9]{2,}\b|-\s?\d+\s?%.{0,40}\b[A-Z]{4,}\d*\b|"
    r"(?i:^(?:\w+ ){0,3}?(?:free trial|essai gratuit)\b)"
)


def is_chaff_title(text: str) -> bool:
    """Tell whether a title heads something that is no subject."""
    is_own = _share(text) == 1 and not (_COLON.search(text) or text.endswith((".", "!", ",")))
    return is_own or _SECTION.fullmatch(" ".join(fold_words(text))) is not None


def is_frame(title: str) -> bool:
    """Tell whether a title of what is no subject has no text of its own below it."""
    return _FRAME.match(" ".join(fold_words(title))) is not None


def is_chaff(line: Line) -> bool:
    """Tell whether a line speaks of the episode or to the listener, and tells no news."""
    if stage := None if line.links else _STAGE.fullmatch(line.text):
        words = telling_words(stage[1])
        return stage[1][0].islower() or any(_OWN.fullmatch(word) or _FITTING.fullmatch(word) for word in words)
    told = [line.text, *(link.title for link in line.links)]
    said = sentences(line.text)
    # "Two stories today" says nothing beside a greeting.
    is_whole = len(said) > 1 and says_chaff(said[0]) and all(says_chaff(text) or is_about_show(text) for text in said)
    return line.aside or is_whole or any(map(says_chaff, filter(None, told)))


def says_chaff(text: str) -> bool:
    """Tell whether a text is an ad, a call, a greeting, a credit or a chore."""
    flat = " ".join(fold_words(text))
    if _TO_LISTENER.search(flat) or _CODE_WORD.search(text) or _CALL.match(text) or _LABEL.match(fold(text)):
        return True
    if len(text) <= _MAX_ADDRESSED and _ADDRESS.search(text):
        return True
    label = _COLON.split(text, maxsplit=1)[0]
    if _share(text) >= _MOST or (label != text and _share(label) == 1 and not _NO_LABEL.match(fold(label))):
        return True
    greeting = _GREETING.match(flat)
    if greeting is None:
        return False
    is_to_all = _TO_ALL.search(flat) or text.rstrip().endswith((",", "!", ":")) or len(flat.split()) <= _FEW
    is_short = len(flat.split()) <= (_THANKS if greeting[0].endswith(("merci", "thanks", "thank you")) else _HELLO)
    return bool((is_to_all and is_short) or (any(map(_SHOW.fullmatch, flat.split())) and len(sentences(text)) == 1))


def _share(text: str) -> float:
    """Return the share of a short text's words that belong to the making of a show, if one belongs to nothing else."""
    words = [word for word in telling_words(text) if not word[0].isdigit()]
    own = sum(_OWN.fullmatch(word) is not None for word in words)
    fitting = sum(_FITTING.fullmatch(word) is not None for word in words)
    return (own + fitting) / len(words) if own and len(words) <= _SHORT else 0


def is_about_show(text: str) -> bool:
    """Tell whether all words of a text belong to a show, and so none to a subject."""
    return all(word[0].isdigit() or _OWN.fullmatch(word) or _FITTING.fullmatch(word) for word in telling_words(text))


def chores(lines: Sequence[Line]) -> set[int]:
    """Return the items of lists of things to do: no links, and each begins with a verb in its dictionary form."""
    found: set[int] = set()
    marks = [line.item and bool(line.text) and not line.links for line in lines]
    for is_item, group in itertools.groupby(range(len(lines)), key=marks.__getitem__):
        run = list(group)
        if is_item and len(run) > 1 and all(_TO_BE_DONE.match(fold(lines[each].text)) for each in run):
            above = lines[run[0] - 1] if run[0] else Line("")
            is_titled = len(above.text.split()) <= (_HELLO if above.text.endswith(":") else _FEW) and not above.links
            found.update(run, [run[0] - 1] if is_titled else [])
    return found
