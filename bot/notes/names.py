"""Titles made of the words of the notes: their capitals, and the names that stand for a subject."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from bot.model.text import fold
from bot.notes.language import STOP_WORDS
from bot.notes.topics import names_in

_WORD = re.compile(r"[^\W\d_]+")
# In the middle of a sentence, a capital marks a name.
_INSIDE_SENTENCE = re.compile(r"(?<=[\w,][ \u00a0])(?:[LlDd][’'])?([^\W\d_]+)|(?<=\w[’'])([^\W\d_]+)")
# A capital inside a word, as in TikTok, marks a name also at the beginning of a sentence.
_OWN_CAPITALS = re.compile(r"(?<![\w’'])[^\W\d_]*[a-zà-ÿ][A-ZÀ-Þ][^\W\d_]*")
_PROPER = re.compile(r"(?:[LD][’'])?[A-ZÀ-Þ][\w-]*(?:[ ’'](?:[LD][’'])?[A-ZÀ-Þ][\w-]*)*")


class Spelling:
    """The spelling of each word in the notes, where its capitals are its own."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._forms: dict[str, Counter[str]] = {}
        for text in texts:
            if text.isupper():
                continue
            inside = (match[1] or match[2] for match in _INSIDE_SENTENCE.finditer(text))
            for form in (*inside, *_OWN_CAPITALS.findall(text)):
                self._forms.setdefault(form.lower(), Counter())[form] += 1

    def restored(self, phrase: str) -> str:
        """Return the phrase as a title: names with their capitals, and a capital at its beginning."""
        phrase = phrase.strip(" .,;:–-")
        shouted = phrase.isupper()

        def spelt(match: re.Match[str]) -> str:
            word = match[0]
            if not (shouted or word.islower()):
                return word
            forms = self._forms.get(word.lower())
            if not forms:
                return word.lower()
            form, count = forms.most_common(1)[0]
            return form if 2 * count > forms.total() else word.lower()

        phrase = _WORD.sub(spelt, phrase)
        return phrase[:1].upper() + phrase[1:]


def main_name(texts: Sequence[str], taken: Iterable[str]) -> str:
    """Return the name that stands for a subject: a platform's, else a person's or a work's, else an empty text."""
    used = {name.lower() for name in taken}
    platforms = [name for text in texts for name in names_in(text)]
    # The first word of a text has a capital anyway, and two letters are initials.
    proper = [match[0] for text in texts for match in _PROPER.finditer(text) if match.start() and len(match[0]) > 2]  # noqa: PLR2004
    names = (*platforms, *(name for name in proper if fold(name) not in STOP_WORDS))
    return next((name for name in names if name.lower() not in used), "")
