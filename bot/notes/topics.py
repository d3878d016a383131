"""The topics of a subject, those of the archive first, and the names in the notes, with their capitals."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from bot.model.text import fold, fold_words, normalise_topic
from bot.notes.language import STOP_WORDS

MAX_TOPICS = 4
_HASHTAGS = re.compile(r"(?:#[^\s#,]+[\s,]*)+")
_HASHTAG = re.compile(r"#([^\s#,]+)")

# A name that begins with another name stands before that one; else the shorter one would match.
_NAMES = (
    "TikTok|Instagram|Facebook|WhatsApp|Messenger|Threads|Meta|YouTube|Twitch|Snapchat|Snap|Twitter|Telegram|Discord|"
    "LinkedIn|Pinterest|Reddit|Bluesky|Mastodon|BeReal|Signal|Substack|Patreon|Tumblr|WeChat|ByteDance|CapCut|Lemon8|"
    "Spotify|Deezer|Apple Music|Apple|Netflix|Disney|Prime Video|SoundCloud|Vimeo|Kick|Dailymotion|Yubo|Truth Social|"
    "Google|Gemini|OpenAI|ChatGPT|Mistral|Claude|Perplexity|Microsoft|Amazon|Nvidia|Samsung|Shein|Temu|Vinted|"
    "Roblox|Fortnite|Uber|Airbnb|Slack|Zoom|Notion|Canva|Adobe|Shopify|PayPal|Wikipedia|X"
)
_NAMED = re.compile(rf"(?<!\w)(?:{_NAMES})(?!\w)", re.IGNORECASE)
# Names that are words too, so that only this spelling counts.
_ALSO_WORDS = re.compile(
    "threads|meta|signal|snap|apple|gemini|mistral|kick|slack|zoom|notion|x|claude|uber", re.IGNORECASE
)


def names_in(text: str) -> list[str]:
    """Return the platforms and products of a text, in its spelling and order."""
    return [
        match[0]
        for match in _NAMED.finditer(text)
        if not _ALSO_WORDS.fullmatch(match[0]) or match[0] == match[0].capitalize()
    ]


def is_hashtags(text: str) -> bool:
    """Tell whether a line holds nothing but hashtags."""
    return _HASHTAGS.fullmatch(text) is not None


def topics_of(title: str, texts: Sequence[str], known: Iterable[str]) -> list[str]:
    """Return up to `MAX_TOPICS` normalised topics, the likeliest first; `known` are those of the archive."""
    written = [normalise_topic(tag) for text in texts if is_hashtags(text) for tag in _HASHTAG.findall(text)]
    counts: Counter[str] = Counter()
    archive = set(known)
    for weight, text in ((4, title), *((1, text) for text in texts)):
        for name in names_in(text):
            counts[normalise_topic(name)] += weight
        counts.update(dict.fromkeys(_known_in(text, archive), weight))
    # A name that occurs once in passing is not the subject.
    frequent = (topic for topic, count in counts.items() if count > 1)
    likely = sorted(frequent, key=lambda topic: (topic not in archive, -counts[topic]))
    return list(dict.fromkeys((*filter(None, written), *likely)))[:MAX_TOPICS]


def _known_in(text: str, archive: set[str]) -> set[str]:
    found = fold_words(text)
    # The words of a topic may stand apart: `apple music` is `applemusic`.
    return {
        topic
        for size in (1, 2, 3)
        for index in range(len(found) - size + 1)
        if len(topic := "".join(found[index : index + size])) > 1 and topic in archive
    }


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
