"""What has to come out of each of the files of show notes in this folder: number, date and subjects."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

MONDAY = dt.date(2026, 11, 30)


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
            Expected("Meta, Google et Apple signent une charte sur les enfants", ("meta", "google", "apple")),
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
        dt.date(2024, 11, 25),
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
