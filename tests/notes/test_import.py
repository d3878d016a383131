"""Show notes in the shapes that teams write them in, and the draft that comes of each."""

from __future__ import annotations

import datetime as dt
import html
import re
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from bot.document import plain
from bot.episode import Episode, Status
from bot.i18n import Language
from bot.markdown import parse_episode
from bot.notes.draft import Defaults, draft
from bot.notes.feed import notes_from_feed
from bot.notes.language import leans, sentences
from bot.notes.reading import read_notes
from bot.problems import InvalidInputError
from bot.text import words

HERE = Path(__file__).parent
MONDAY = dt.date(2026, 11, 30)
DEFAULTS = Defaults(99, MONDAY)
PARIS = ZoneInfo("Europe/Paris")


class Expected(NamedTuple):
    """A subject as it has to come out."""

    title: str
    topics: tuple[str, ...]
    sources: tuple[str, ...] = ()
    image: str = ""


EXPECTED: dict[str, tuple[int, dt.date, list[Expected]]] = {
    "french-news.txt": (
        41,
        MONDAY,
        [
            Expected(
                "Snapchat passe à la vidéo longue",
                ("snapchat",),
                ("https://newsroom.example.com/snapchat-longues-videos?id=7",),
            ),
            Expected(
                "Pinterest ouvre une boutique de robes",
                ("pinterest",),
                image="https://images.example.com/pinterest/boutique.JPG",
            ),
            Expected("LinkedIn ferme 2 000 groupes", ("linkedin",), ("https://blog.example.org/linkedin-groupes",)),
        ],
    ),
    "english.txt": (
        12,
        MONDAY,
        [
            Expected("Reddit buys a search engine", ("reddit",), ("https://example.com/reddit-search",)),
            Expected("Twitch cuts its fees", ("twitch",), ("https://example.com/twitch-fees",)),
            Expected("Mastodon grows up", ("mastodon",)),
        ],
    ),
    "no-teaser.txt": (
        77,
        MONDAY,
        [
            Expected("Bluesky limite les bots", ("bluesky",), ("https://example.org/bluesky-bots",)),
            Expected("Vinted ouvre une messagerie vocale", ("vinted",)),
        ],
    ),
    "numbered.txt": (
        5,
        dt.date(2025, 3, 3),
        [
            Expected("WhatsApp traduit les messages", ("whatsapp",), ("https://www.example.org/whatsapp/traduction",)),
            Expected("Discord vend des décors", ("discord",)),
            Expected("Canva rachète une police", ("canva",)),
        ],
    ),
    "emoji.txt": (
        88,
        MONDAY,
        [
            Expected("Deezer compte les fausses chansons", ("deezer",), ("https://example.org/deezer",)),
            Expected("Instagram déplace son bouton", ("instagram",)),
            Expected("Meta entraîne ses lunettes", ("meta",)),
        ],
    ),
    "single.txt": (
        9,
        MONDAY,
        [Expected("YouTube donne un prix aux commentaires", ("youtube",), ("https://example.org/youtube/prix",))],
    ),
    "windows.txt": (
        23,
        MONDAY,
        [
            Expected("Threads ajoute des sondages", ("threads",)),
            Expected("Telegram vend des pseudos", ("telegram",), ("https://example.org/pseudos",)),
        ],
    ),
    "markdown.md": (
        301,
        MONDAY,
        [
            Expected(
                "Spotify augmente ses prix",
                ("spotify",),
                ("https://example.org/spotify-chiffres",),
                "https://example.org/affiche.png",
            ),
            Expected("Apple Music copie les listes", ("applemusic",), ("https://example.org/apple-music",)),
        ],
    ),
    "host.html": (
        64,
        MONDAY,
        [
            Expected("Pinterest hides old pins", ("pinterest",), ("https://example.com/pins",)),
            Expected("Kick pays by the hour", ("kick",), (), "https://example.com/kick.webp"),
        ],
    ),
    "page.html": (
        140,
        MONDAY,
        [
            Expected("TikTok apprend à lire", ("tiktok",), ("https://example.org/tiktok-clubs",)),
            Expected("Netflix coupe le son", ("netflix",), ("https://example.org/netflix-son",)),
        ],
    ),
    "capitals.txt": (
        3,
        MONDAY,
        [
            Expected("Google shows the weather in stories", ("google",)),
            Expected("ChatGPT learns to whisper", ("chatgpt",)),
        ],
    ),
    "chapters.txt": (
        58,
        MONDAY,
        [
            Expected("Facebook trie ses groupes", ("facebook",)),
            Expected("Substack ouvre une radio", ("substack",), ("https://example.org/substack-radio",)),
            Expected("BeReal revient au lycée", ("bereal",)),
        ],
    ),
    "commas.txt": (
        31,
        MONDAY,
        [
            Expected("Meta, Google et Apple signent une charte sur les enfants", ("google", "meta", "apple")),
            Expected("Twitch traduit les directs en direct", ("twitch",)),
        ],
    ),
    "chat.txt": (
        99,
        MONDAY,
        [
            Expected(
                "YouTube vend des places de cinéma à Nantes, 9 € la place",
                ("youtube",),
                ("https://example.org/youtube-cinema",),
            ),
            Expected("Snapchat supprime les messages vocaux de plus de 2 minutes", ("snapchat",)),
            Expected("Threads arrive dans les bibliothèques", ("threads",), ("https://example.org/threads",)),
        ],
    ),
    "transcript.txt": (
        99,
        MONDAY,
        [
            Expected("Pinterest", ("pinterest",)),
            Expected("Telegram", ("telegram",)),
            Expected("Deezer", ("deezer",)),
        ],
    ),
    "mail.txt": (
        211,
        MONDAY,
        [
            Expected("Meta", ("meta",), ("https://example.org/lunettes",)),
            Expected("Mastodon", ("mastodon",), ("https://example.org/mastodon",)),
        ],
    ),
    "list.txt": (
        45,
        MONDAY,
        [
            Expected("Meta ferme sa cantine de Lille", ("meta",)),
            Expected("Twitch diffuse les marées en direct pour tous les pêcheurs", ("twitch",)),
            Expected("Reddit ouvre un musée à Dijon", ("reddit",)),
        ],
    ),
    "word.txt": (
        68,
        MONDAY,
        [
            Expected(
                "Instagram prête des appareils photo", ("instagram",), ("https://example.org/instagram-appareils",)
            ),
            Expected("LinkedIn organise des pique-niques", ("linkedin",)),
        ],
    ),
    "slack.txt": (
        99,
        MONDAY,
        [
            Expected("Instagram remet à zéro les anniversaires", ("instagram",), ("https://example.org/zero",)),
            Expected("YouTube : les directs ont un minuteur".replace(" :", "\N{NO-BREAK SPACE}:"), ("youtube",)),
        ],
    ),
    "video.txt": (
        54,
        MONDAY,
        [
            Expected("WhatsApp ferme sur les vieux grille-pain", ("whatsapp",)),
            Expected("Discord et ses nouveaux salons de thé", ("discord",)),
        ],
    ),
    "subjects.txt": (
        213,
        MONDAY,
        [
            Expected(
                "Instagram : les Notes durent 3 jours".replace(" :", "\N{NO-BREAK SPACE}:"),
                ("instagram",),
                ("https://example.org/notes",),
            ),
            Expected("Une appli du jour : Fêtarde".replace(" :", "\N{NO-BREAK SPACE}:"), ()),
        ],
    ),
    "feed.xml": (
        14,
        dt.date(2025, 5, 5),
        [
            Expected("Reddit paie ses modérateurs", ("reddit",)),
            Expected("Zoom dessine les réunions", ("zoom",), ("https://example.org/zoom",)),
        ],
    ),
}

FILES = pytest.mark.parametrize("name", EXPECTED)


def imported(name: str, language: Language = Language.FRENCH) -> tuple[str, Episode]:
    """The draft that a file of notes becomes, as text and as an episode."""
    path = HERE / name
    if path.suffix == ".xml":
        notes = notes_from_feed(path.read_bytes(), path, None, PARIS)
    else:
        notes = read_notes(path.read_bytes(), path)
    text = draft(notes, path, language=language, known=(), defaults=DEFAULTS)
    return text, parse_episode(text, Path("draft.md"))


def of_text(text: str, *, known: tuple[str, ...] = ()) -> tuple[str, Episode]:
    """The same for notes that a test writes itself."""
    path = Path("notes.txt")
    drafted = draft(read_notes(text.encode(), path), path, language=Language.FRENCH, known=known, defaults=DEFAULTS)
    return drafted, parse_episode(drafted, path)


def invented(episode: Episode, notes: str) -> set[str]:
    """The words that people would read in the episode and that do not stand in the notes."""
    said = [episode.title, plain(episode.intro)]
    for segment in episode.segments:
        said += [segment.title, plain(segment.summary), segment.image.alt if segment.image else ""]
        said += [source.title for source in segment.sources]
    return {word for text in said for word in words(text)} - set(words(html.unescape(notes)))


@FILES
def test_the_subjects_come_out_in_order_with_their_topics_sources_and_images(name: str) -> None:
    """Whatever shape the notes have, as a draft that loads."""
    number, date, subjects = EXPECTED[name]
    _text, episode = imported(name)
    assert (episode.number, episode.date, episode.status) == (number, date, Status.DRAFT)
    assert [
        Expected(
            segment.title,
            segment.topics,
            tuple(source.url for source in segment.sources),
            segment.image.url if segment.image else "",
        )
        for segment in episode.segments
    ] == subjects


@FILES
def test_no_word_is_invented(name: str) -> None:
    """Title, introduction, headings, summaries, descriptions and titles of sources are words of the notes."""
    _text, episode = imported(name)
    assert invented(episode, (HERE / name).read_text(encoding="utf-8")) == set()


@FILES
def test_every_sentence_of_a_summary_stands_in_the_notes(name: str) -> None:
    """Whole, and in the order of the notes."""
    _text, episode = imported(name)
    raw = html.unescape((HERE / name).read_text(encoding="utf-8"))
    notes = " ".join(words(re.sub(r"\]\(\S+\)|</?[a-z][^<>]*>", " ", raw)))
    for segment in episode.segments:
        position = 0
        for sentence in sentences(plain(segment.summary).replace("\n\n", " ")):
            found = notes.find(" ".join(words(sentence)))
            assert found >= position
            position = found


def test_the_points_to_look_at_are_said_in_the_shows_language() -> None:
    """As comments, which the episode does not hold."""
    text, episode = imported("english.txt")
    assert "<!-- À vérifier : la date, que les notes ne donnent pas" in text.replace("\N{NO-BREAK SPACE}", " ")
    text, episode = imported("english.txt", Language.ENGLISH)
    assert "<!-- To check: the date, which the notes do not say" in text
    assert "To check" not in plain((*episode.intro, *(block for each in episode.segments for block in each.summary)))


def test_notes_keep_the_typography_of_their_language() -> None:
    """English notes in a French show get no French spaces, and a remark; French ones in it none."""
    notes = "Episode 3: Twitch\n\nTwitch changes\nTwitch is clear: it’s the end of the free channels, and that’s it!\n"
    text, episode = of_text(notes)
    assert "clear: it’s the end of the free channels, and that’s it!" in plain(episode.segments[0].summary)
    assert "la langue des notes, qui n’est pas celle du podcast" in text
    assert "la langue des notes" not in imported("french-news.txt")[0]


def test_a_word_keeps_the_capitals_inside_it() -> None:
    """Of a title in capitals, though the word stands at the beginning of its sentences only."""
    _text, episode = of_text(
        "Épisode 3\n\nTIKTOK EN FRANCE\nTikTok ouvre en France.\n\nDEEZER EN BELGIQUE\nDeezer ferme.\n"
    )
    assert [segment.title for segment in episode.segments] == ["TikTok en France", "Deezer en belgique"]


def test_one_paragraph_is_an_episode_of_one_subject() -> None:
    """Titled with its first fact, however it begins."""
    told = "Dans cet épisode, nous revenons sur Vine. Vine a été lancé en 2013. Twitter a fermé Vine en 2017."
    _text, episode = of_text(told)
    assert [segment.title for segment in episode.segments] == ["Vine a été lancé en 2013"]


def test_a_sentence_that_announces_does_not_stop_there() -> None:
    """The one that leans on it comes with it, though the summary is long enough."""
    facts = [
        "Netflix ouvre un studio de 400 places à Madrid, près de la gare d’Atocha, pour ses séries espagnoles.",
        (
            "Netflix tournera 12 séries par an à Madrid à partir de janvier 2027, disent 3 acteurs et 4 régisseurs, "
            "qui ont parlé au quotidien El Norte et à deux autres."
        ),
        "La cantine de Netflix ne plaît pas à tout le monde à Madrid.",
        "La plateforme prend la place de 20 jardins.",
    ]
    _text, episode = of_text(f"Épisode 3\n\nNetflix ouvre un studio à Madrid\n{chr(10).join(facts)}\n")
    assert sentences(plain(episode.segments[0].summary).replace("\n\n", " ")) == facts


def test_a_subject_begins_with_its_title_rather_than_below_it() -> None:
    """Though the teaser's words stand in a sentence further down."""
    text = (
        "Épisode 3 : Reddit ouvre un musée, Deezer avec Vinted\n\n"
        "Reddit ouvre un musée\nReddit ouvre un musée à Dijon.\nVinted y vend des vestes.\nVinted y chante.\n"
        "Les vestes qui chantent de Vinted\nÀ Rouen, une veste peut chanter.\nDeezer chante avec Vinted.\n"
    )
    _text, episode = of_text(text)
    assert "Rouen" in plain(episode.segments[1].summary)


def test_a_summary_is_as_long_as_a_summary() -> None:
    """300 to 900 characters when there is enough to say."""
    fact = "La chaîne numéro {} a gagné {} abonnés à Paris, à Lyon et à Marseille au mois de mars."
    body = "\n".join(fact.format(number, number * 1000) for number in range(1, 60))
    _text, episode = of_text(f"Épisode 3\n\nYouTube compte ses chaînes\n{body}\n")
    assert 300 <= len(plain(episode.segments[0].summary)) <= 900


def test_a_sentence_that_leans_on_another_only_follows_that_one() -> None:
    """And when there is enough without it, it is left out."""
    facts = [
        "Netflix ouvre un studio de 400 places à Madrid, près de la gare d’Atocha, pour ses séries espagnoles.",
        "Cela coûte cher.",
        "Le studio de Netflix tournera 12 séries par an à partir de janvier 2027, d’après le quotidien El Norte.",
        "Elle en est ravie.",
        "La mairie de Madrid donne à Netflix un terrain de 30 000 mètres carrés pour une durée de cinquante ans.",
    ]
    _text, episode = of_text(f"Épisode 3\n\nNetflix ouvre un studio\n{chr(10).join(facts)}\n")
    told = sentences(plain(episode.segments[0].summary).replace("\n\n", " "))
    assert told == facts[::2]
    assert not any(map(leans, told))


@pytest.mark.parametrize(
    "sentence",
    [
        "Elle est arrivée hier.",
        "Cette option est nouvelle.",
        "En effet, le prix monte.",
        "La plateforme compte dix bureaux.",
        "À Paris, cet outil est déjà là.",
        "However, nobody came.",
        "This feature costs 3 euros.",
        "In Paris, these phones are free.",
        "Le prix a pourtant doublé.",
    ],
)
def test_sentences_that_lean_on_what_was_said_before(sentence: str) -> None:
    """By a pronoun, a connective or a pointing word."""
    assert leans(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Cette semaine, Netflix ouvre un studio.",
        "Netflix a fermé ce lundi son bureau de Lyon.",
        "Alors que TikTok attend, Meta avance.",
        "This week, Netflix opens a studio.",
        "Selon Netflix, 80 % des clients restent.",
    ],
)
def test_sentences_that_stand_alone(sentence: str) -> None:
    """Time may be pointed at."""
    assert not leans(sentence)


def test_topics_of_the_archive_come_before_others() -> None:
    """And a topic that the team writes as a hashtag is one."""
    text = (
        "Épisode 3\n\nSnapchat et la messagerie\nSnapchat ajoute une messagerie. La messagerie de Snapchat a un son.\n"
    )
    _text, episode = of_text(text, known=("messagerie",))
    assert episode.segments[0].topics == ("messagerie", "snapchat")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no words"),
        (b"\n \n", "no words"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not a text file"),
        ("Épisode 3".encode("latin-1"), "not UTF-8"),
        (b"12 34 %%%", "no words"),
        (b"a" * 10_000_000, "longer than 100,000 characters"),
        (("é" * 5_000_000).encode()[:-1], "longer than 100,000 characters"),
        (b"a" * 100_001, "longer than 100,000 characters"),
        (b"<script>alert(1)</script>", "no words"),
        (b"%PDF-1.4\n%\xe2\xe3", "this is a PDF"),
        (b"{\\rtf1 Bonjour}", "this is an RTF document"),
        (b"PK\x03\x04\x14\x00", "an office program or an archive"),
        (b'<?xml version="1.0"?>\n<rss version="2.0">', "this is a feed"),
        (b"---\ntitle: Un titre\nnumber: 3\n---\n\n## Un\n\nTexte.\n", "an episode file already"),
        (b'{"episode": 3}', "data for programs"),
        (b"numero;sujet;lien\n3;TikTok;https://a.fr\n", "rows of a table"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_a_cure(data: bytes, reason: str) -> None:
    """Never a wrong file in silence."""
    with pytest.raises(InvalidInputError, match=reason) as caught:
        read_notes(data, Path("notes.txt"))
    assert all(problem.cure for problem in caught.value.problems)


def test_notes_in_utf_16_are_read() -> None:
    """What Windows calls Unicode says so by its first bytes."""
    text = (HERE / "single.txt").read_text(encoding="utf-8")
    assert read_notes(text.encode("utf-16"), Path("notes.txt")) == read_notes(text.encode(), Path("notes.txt"))


@pytest.mark.parametrize(
    ("data", "number", "reason"),
    [
        (b"no feed", None, "no episode in this feed"),
        (b"", None, "no episode in this feed"),
        ((HERE / "feed.xml").read_bytes(), 99, "no episode 99"),
        (b" " * 20_000_001, None, "too large"),
    ],
)
def test_feeds_that_do_not_help(data: bytes, number: int | None, reason: str) -> None:
    """No feed, or not the episode that was asked for, which is told with what there is."""
    with pytest.raises(InvalidInputError, match=reason):
        notes_from_feed(data, Path("feed.xml"), number, PARIS)


def test_an_episode_of_a_feed_is_found_by_the_number_in_its_title() -> None:
    """Where the feed does not state it."""
    notes = notes_from_feed((HERE / "feed.xml").read_bytes(), Path("feed.xml"), 13, PARIS)
    assert (notes.number, notes.title) == (13, "Épisode 13 : Uber chante")


def test_notes_of_a_feed_in_plain_text_keep_their_lines() -> None:
    """Few hosts write them so, and HTML knows no line ends."""
    teaser = "Au programme :\n- Reddit danse\n- Zoom dort\n\n"
    text = f"{teaser}Reddit danse\nReddit danse à L&amp;rsquo;Isle.\n\nZoom dort\nZoom dort à Metz."
    feed = f"<rss><channel><item><title>Épisode 70</title><description>{text}</description></item></channel></rss>"
    path = Path("feed.xml")
    notes = notes_from_feed(feed.encode(), path, None, PARIS)
    drafted = draft(notes, path, language=Language.FRENCH, known=(), defaults=DEFAULTS)
    first, second = parse_episode(drafted, path).segments
    assert (first.title, plain(first.summary)) == ("Reddit danse", "Reddit danse à L’Isle.")
    assert second.title == "Zoom dort"


def test_an_episode_of_a_feed_without_notes_is_refused_by_the_name_of_the_feed() -> None:
    """Not by that of a file that nobody has."""
    feed = b"<rss><channel><item><title>Un titre</title></item></channel></rss>"
    with pytest.raises(InvalidInputError, match=r"feed\.xml: there are no words in these notes"):
        notes_from_feed(feed, Path("feed.xml"), None, PARIS)


def test_a_list_at_the_top_that_is_told_again_below_announces_the_subjects() -> None:
    """Without a line that says so."""
    text = (
        "🎙 Le récap, épisode 65\n👉 Facebook retire un onglet\n👉 Snapchat fête 15 ans\n\n"
        "👉 Facebook retire un onglet : la décision prend effet en avril à Sydney.\n"
        "👉 Snapchat fête 15 ans : le gâteau pèse 443 kilos à Lyon.\n"
    )
    _text, episode = of_text(text)
    assert [(segment.title, "kilos" in plain(segment.summary)) for segment in episode.segments] == [
        ("Facebook retire un onglet", False),
        ("Snapchat fête 15 ans", True),
    ]


def test_a_title_without_end_makes_no_name_without_end() -> None:
    """Names for links are cut between words."""
    _text, episode = of_text(f"Épisode 3 : {'un long titre ' * 50}\n\nOn change encore de nom à Paris.\n")
    assert (len(episode.title), episode.segments[0].slug) == (200, "un-long-titre-un-long-titre-un-long")


def test_boxes_to_tick_are_no_words() -> None:
    """As in lists of things to do."""
    _text, episode = of_text("Épisode 3\n- [x] Meta range\n- [ ] Zoom dort\n")
    assert [segment.title for segment in episode.segments] == ["Meta range", "Zoom dort"]


def test_an_address_loses_what_tells_who_follows_it() -> None:
    """And stays as it was written otherwise."""
    text = (
        "Épisode 3\n\nMeta change\nMeta change de nom à Paris et à Lyon.\nhttps://a.fr/b?utm_source=x&c=%20d&fbclid=1\n"
    )
    _text, episode = of_text(text)
    assert [source.url for source in episode.segments[0].sources] == ["https://a.fr/b?c=+d"]
