"""The topics of a subject, those of the archive first, and the names in the notes, with their capitals."""

import functools
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from babel import Locale

from bot.content.segments import TOPIC, TOPICS_LINE
from bot.model.i18n import Language
from bot.model.text import LONGEST_TOPIC, fold, fold_words, normalise_topic
from bot.notes.language import STOP_WORDS, WEAKENING, words_of

MAX_TOPICS = 4
_SHORTEST_NAME, _LONGEST_NAME, _IN_TITLE = 3, 3, 4
"""Letters and words of a name, as more words with capitals are a title, and how much more one in a title weighs."""

_NAMED = re.compile(rf"(?<!\w){words_of('name')}(?!\w)", re.IGNORECASE)
_ALSO_WORDS = re.compile(words_of("name_and_word"), re.IGNORECASE)


def names_in(text: str) -> list[str]:
    """Return the platforms and products of a text, in its spelling and order."""
    found = (match[0] for match in _NAMED.finditer(text))
    return [name for name in found if not _ALSO_WORDS.fullmatch(name) or name == name.capitalize()]


def topics_of(titles: Sequence[str], texts: Sequence[str], known: Iterable[str], spelling: "Spelling") -> list[str]:
    """Return up to `MAX_TOPICS` normalised topics, the likeliest first; `known` are those of the archive."""
    written = [normalise_topic(tag) for text in texts if TOPICS_LINE.fullmatch(text) for tag in TOPIC.findall(text)]
    counts: Counter[str] = Counter()
    archive = set(known)
    named = [normalise_topic(name) for title in titles for name in spelling.names_in(title)]
    for weight, text in (*((_IN_TITLE, title) for title in titles), *((1, text) for text in texts)):
        for topic in map(normalise_topic, names_in(text)):
            counts[topic] += weight
        counts.update(dict.fromkeys(_known_in(text, archive), weight))
    counts.update(2 * named)
    # A name that occurs in passing is not the subject, nor is any name of the text where the title has its own.
    least = _IN_TITLE if named else 2
    frequent = [topic for topic, count in counts.items() if topic in named or count >= least]
    likely = sorted(frequent, key=lambda topic: (topic not in archive, -counts[topic]))
    usable = (topic for topic in (*filter(None, written), *likely) if len(topic.encode()) <= LONGEST_TOPIC)
    return list(dict.fromkeys(usable))[:MAX_TOPICS]


def _known_in(text: str, archive: set[str]) -> set[str]:
    found = fold_words(text)
    # The words of a topic may stand apart: `apple music` is `applemusic`.
    pairs = itertools.product(range(len(found)), (1, 2, 3))
    return {topic for at, size in pairs if len(topic := "".join(found[at : at + size])) > 1 and topic in archive}


_WORD = re.compile(r"[^\W\d_]+")
# In the middle of a sentence, a capital marks a name.
_INSIDE_SENTENCE = re.compile(r"(?<=[\w,][ \u00a0])(?:[LlDd][’'])?([^\W\d_]+)|(?<=\w[’'])([^\W\d_]+)")
# A capital inside a word, as in TikTok, marks a name also at the beginning of a sentence.
_OWN_CAPITALS = re.compile(r"(?<![\w’'])[^\W\d_]*[a-zà-ÿ][A-ZÀ-Þ][^\W\d_]*")
_PROPER = re.compile(r"(?<!\w)(?:[LD][’'])?[A-ZÀ-Þ][\w-]*(?:[ ’'](?:[LD][’'])?[A-ZÀ-Þ][\w-]*)*")
_ELISION = re.compile(r"^[LlDd][’']")


@functools.cache
def _spellings() -> tuple[dict[str, str], re.Pattern[str]]:
    """Return the spelling of the names that are known anyway: platforms, and countries in both languages."""
    countries = (name for language in Language for name in Locale(language.value).territories.values())
    spelt = {name.lower(): name for name in (*words_of("name")[3:-1].split("|"), *countries) if not name[0].isdigit()}
    names = "|".join(re.escape(name) for name in sorted(spelt, key=len, reverse=True) if len(name) > 1)
    return spelt, re.compile(rf"(?<!\w)(?:{names})(?!\w)", re.IGNORECASE)


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

    def names_in(self, title: str) -> list[str]:
        """Return the names in a title, known ones and those that capitals tell."""
        found = names_in(title)
        places: list[str] = []
        for match in _PROPER.finditer(title):
            words, above = match[0], title[: match.start()].rstrip()
            first, count = words.split()[0], len(words.split())
            if fold(first) in STOP_WORDS or len(words) < _SHORTEST_NAME or count > _LONGEST_NAME:
                continue
            forms = self._forms.get(first.lower(), Counter())
            is_sure = (words.isupper() and not title.isupper()) or any(form[:1].isupper() for form in forms)
            if is_sure or not (above.endswith((".", ":", "!", "?")) or not above.rstrip('«“"–— ')):
                is_place = _ELISION.match(words) or (above and fold(above.split()[-1]).rstrip("’'") in WEAKENING)
                (places if is_place else found).append(_ELISION.sub("", words))
        # "À Nantes" is no topic where somebody else acts there.
        return sorted(dict.fromkeys(found), key=title.find) or places

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
                return _spellings()[0].get(word.lower(), word.lower())
            form, count = forms.most_common(1)[0]
            return form if 2 * count > forms.total() else word.lower()

        phrase = _WORD.sub(spelt, phrase)
        if shouted:
            spelling, names = _spellings()
            phrase = names.sub(lambda match: spelling[match[0].lower()], phrase)
        return phrase[:1].upper() + phrase[1:]
