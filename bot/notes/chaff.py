"""The parts of notes that are no subject, recognised by their words: ads, calls, greetings, contents, chores, credits.

A short text is one of these if nearly all of its words are those of making a show. A longer one must speak to the
listener, or of the episode: news about an ad is news.
"""

import itertools
import re
from collections.abc import Sequence

from bot.model.text import fold, fold_words, sentences
from bot.notes.language import pattern_of, telling_words, words_of
from bot.notes.model import Line

_FEW, _HELLO, _MAX_ADDRESSED = 2, 14, 90
"""Words of a greeting to somebody and of one to all, and characters of a line that only says where to write to."""
_SHORT, _MOST = 9, 0.66
"""Telling words of a short text, and the share of them that are words of making a show."""
_OWN, _FITTING, _SECTION = map(pattern_of, ("own", "fitting", "section"))
_TO_LISTENER, _TO_COLLEAGUE, _TO_BE_DONE = map(pattern_of, ("to_listener", "to_colleague", "to_be_done"))
_GREETING, _TO_ALL, _SHOW = map(pattern_of, ("greeting", "to_all", "show"))
_OF_SHOW = re.compile(rf"(?:l |the )?(?P<name>\w+(?: \w+){{0,6}}?) {words_of('of_show')}")
_BRACKETS = re.compile(r"\([^()]*\)")
_LABEL = re.compile(rf"\W*{words_of('label')}\s*(?::|[–—-]\s|\bet\b|\bpar\b|\bby\b|[\])*|]|$)")
_CALL = re.compile(r"\W*(?!chez|assez|nez)\w{3,}ez\b[^.]{0,80}!\W*$", re.IGNORECASE)
_COLON = re.compile(r"\s?(?::|\s[–—-]\s)")
_NO_LABEL = re.compile(rf"\W*{words_of('no_label')}")
_STAGE = re.compile(r"[\[(/{]\s?([^\[\](){}]{1,90}?)\s?[\])/}]\W?")
"""A line in brackets, as stage directions are."""
_ADDRESS = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}\.\w")
_CODE_WORD = pattern_of("code_word")


def is_chaff_title(text: str) -> bool:
    """Tell whether a title heads something that is no subject."""
    text = _BRACKETS.sub("", text)
    is_own = _share(text) == 1 and not (_COLON.search(text) or text.endswith((".", "!", ",")))
    return is_own or _SECTION.fullmatch(flat(text)) is not None


def is_chaff(line: Line) -> bool:
    """Tell whether a line speaks of the episode or to the listener, and tells no news."""
    if stage := None if line.links else _STAGE.fullmatch(line.text):
        words = telling_words(stage[1])
        return stage[1][0].islower() or any(_OWN.fullmatch(word) or _FITTING.fullmatch(word) for word in words)
    said = sentences(line.text)
    # "Two stories today" says nothing beside a greeting, nor does "I'll call you".
    told = [says_chaff(text) or _TO_COLLEAGUE.search(flat(text)) for text in said if not is_about_show(text)]
    is_whole = bool(told) and all(told) and not line.speaker
    is_part = bool(line.lead) and is_chaff_title(line.lead.rstrip(" .:"))
    return line.aside or is_whole or is_part or (bool(line.text) and says_chaff(line.text))


def is_of_show(text: str, head: str) -> bool:
    """Tell whether a text begins with a name that stands in the head, and says who pays for that show or makes it."""
    folded = flat(text)
    match = _OF_SHOW.match(folded)
    return match is not None and f" {match['name']} " in f" {flat(head)} ".replace(folded, "")


def says_chaff(text: str) -> bool:
    """Tell whether a text is an ad, a call, a greeting, a credit or a chore."""
    folded = flat(text)
    if _TO_LISTENER.search(folded) or _CODE_WORD.search(text) or _CALL.match(text) or _LABEL.match(fold(text)):
        return True
    if len(text) <= _MAX_ADDRESSED and _ADDRESS.search(text):
        return True
    label = _COLON.split(text, maxsplit=1)[0]
    if _share(text) >= _MOST or (label != text and _share(label) == 1 and not _NO_LABEL.match(fold(label))):
        return True
    if not _GREETING.match(folded):
        return False
    words = folded.split()
    is_to_all = _TO_ALL.search(folded) or text.rstrip().endswith((",", "!", ":")) or len(words) <= _FEW
    names_show = any(map(_SHOW.fullmatch, words)) and len(sentences(text)) == 1
    return bool(is_to_all and len(words) <= _HELLO) or names_show


def flat(text: str) -> str:
    """Return the words of a text, folded, with a space between two."""
    return " ".join(fold_words(text))


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
    """Return the items of lists of things to do: no links, and each has a box, or begins with a verb's dictionary form.

    Where the notes have no sentence apart from boxes, these are the subjects.
    """
    has_prose = any(line.text.endswith(".") and not line.item for line in lines)
    found: set[int] = set()
    marks = [line.item and bool(line.text) and not line.links for line in lines]
    for is_item, group in itertools.groupby(range(len(lines)), key=marks.__getitem__):
        run = list(group)
        is_ticked = has_prose and all(lines[each].is_task for each in run)
        is_to_do = is_ticked or all(_TO_BE_DONE.match(fold(lines[each].text)) for each in run)
        if is_item and len(run) > 1 and is_to_do:
            above = lines[run[0] - 1] if run[0] else Line("")
            is_titled = len(above.text.split()) <= (_HELLO if above.text.endswith(":") else _FEW) and not above.links
            found.update(run, [run[0] - 1] if is_titled else [])
    return found
