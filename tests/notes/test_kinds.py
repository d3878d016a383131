"""The kinds of notes that a cut gets wrong easily, each in its smallest form."""

from __future__ import annotations

import base64
import datetime as dt
import io
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from bot.content.parser import parse_episode
from bot.model.address import clean_address
from bot.model.dates import date_in
from bot.model.document import plain
from bot.model.episode import Episode
from bot.model.i18n import Language
from bot.notes.draft import draft
from bot.notes.head import read_head
from bot.notes.reading import read_notes
from tests.notes.drafting import DEFAULTS

NETFLIX, TELEGRAM = "Netflix change de prix", "Telegram durcit ses règles"
PRICES, RULES = "Les abonnements augmentent.", "Les annonces devront afficher un avertissement."
BOTH: list[tuple[str, list[str]]] = [(NETFLIX, []), (TELEGRAM, [])]
LINKED = [(NETFLIX, ["https://a.example/1"]), (TELEGRAM, ["https://a.example/2"])]


class Kind(NamedTuple):
    """Notes, their subjects with their links, their number, and words that are left out."""

    text: str
    subjects: list[tuple[str, list[str]]]
    number: int = DEFAULTS.number
    out: str = ""
    name: str = "notes.txt"


def _drafted(data: bytes, name: str) -> tuple[str, Episode]:
    path = Path(name)
    text = draft(read_notes(data, path), path, language=Language.FRENCH, known=("snapchat",), defaults=DEFAULTS)
    return text, parse_episode(text, path)


KINDS = {
    "an ad between subjects": Kind(
        f"Épisode 1\n\n{NETFLIX}\n{PRICES}\nhttps://a.example/1\n\nPUB\nUn mot de notre partenaire.\nFIN PUB\n\n"
        f"{TELEGRAM}\n{RULES}\nhttps://a.example/2\n",
        LINKED,
        1,
        "partenaire",
    ),
    "links above their titles": Kind(
        f"Épisode 5 : Netflix, Telegram\n\nhttps://a.example/1\n{NETFLIX}\n{PRICES}\n\n"
        f"https://a.example/2\n{TELEGRAM}\n{RULES}\n",
        LINKED,
        5,
    ),
    "chapters above the texts": Kind(
        f"Épisode 7\n00:01:24 {NETFLIX}\n00:12:34 {TELEGRAM}\n\n00:01:24 {NETFLIX}\n{PRICES}\n\n"
        f"00:12:34 {TELEGRAM}\n{RULES}\n",
        BOTH,
        7,
    ),
    "a list above the texts, in other words": Kind(
        f"Épisode 7\nSommaire\n- Les prix de Netflix\n- Telegram et ses règles\n\n{NETFLIX}\n{PRICES}\n\n"
        f"{TELEGRAM}\n{RULES}\n",
        BOTH,
        7,
    ),
    "another order than announced": Kind(
        f"Épisode 8 : au programme, les règles de Telegram, les prix de Netflix.\n{NETFLIX}\n{PRICES}\n"
        f"{TELEGRAM}\n{RULES}\n",
        BOTH,
        8,
    ),
    "a teaser with a lead": Kind(
        f"Épisode 9 : Comme chaque lundi les actus, {NETFLIX}, {TELEGRAM}.\nEn ce début de semaine, deux actus.\n"
        f"{NETFLIX}\n{PRICES}\n{TELEGRAM}\n{RULES}\n",
        BOTH,
        9,
    ),
    "a sponsor and the life of the show": Kind(
        f"Épisode 10\n\nPartenaire\nCet épisode est sponsorisé par un VPN : https://vpn.example/r\n\n"
        f"{NETFLIX}\n{PRICES}\n\n"
        "Vie du podcast\nLe live de Lyon est complet.\n",
        BOTH[:1],
        10,
        "VPN",
    ),
    "numerals": Kind(f"I. {NETFLIX}\n{PRICES}\nII. {TELEGRAM}\n{RULES}\n", BOTH),
    "speakers": Kind(
        "Animatrice : Bienvenue dans l’épisode 11, au programme WhatsApp sur iPad et la fin de Pocket.\n"
        f"Animatrice : Premier sujet, {NETFLIX}. {PRICES}\nChroniqueur : Deuxième sujet, {TELEGRAM}. {RULES}\n",
        BOTH,
        11,
        "Animatrice",
    ),
    "chores at the end": Kind(
        f"Récap 1296\n\n{NETFLIX}\n{PRICES}\n\t•\thttps://a.example/1\n\n{TELEGRAM}\n{RULES}\n"
        f"\t•\thttps://a.example/2\n\n"
        "◦ recharger le micro\n◦ rappeler le studio\n",
        LINKED,
        1296,
        "micro",
    ),
    "broken lines": Kind(
        f"Épisode 118\n\n{NETFLIX}\n\nL’application enverra un simple oui ou non. Ni le nom ni la date\n"
        f"de naissance ne sortent "
        f"du téléphone. TikTok et Snapchat testent\nle système avec mille volontaires.\n\n{TELEGRAM}\n\n{RULES}\n",
        BOTH,
        118,
    ),
    "footnotes": Kind(
        f"Épisode 6\n\n## {NETFLIX}\n\n{PRICES}[^1]\n\n## {TELEGRAM}\n\n{RULES}[^2]\n\n"
        f"[^1]: https://a.example/1\n[^2]: https://a.example/2\n",
        LINKED,
        6,
    ),
    "numbers in brackets": Kind(
        f"Épisode 6\n\n{NETFLIX}\n{PRICES} [1]\n\n{TELEGRAM}\n{RULES} [2]\n\nSources\n"
        f"[1] https://a.example/1\n[2] https://a.example/2\n",
        LINKED,
        6,
    ),
    "an ad inside a subject": Kind(
        f"Épisode 5\n\n## {NETFLIX}\n\n{PRICES}\n\n"
        f"Petite pause pub : dix pour cent avec le code PAUSE sur https://b.example/\n\n{RULES}\n",
        BOTH[:1],
        5,
        "PAUSE",
    ),
    "titles in the line of the text": Kind(
        f"<p><strong>{NETFLIX}</strong> : {PRICES}</p><p><strong>{TELEGRAM}</strong> : {RULES}</p>", BOTH, name="n.html"
    ),
    "labels alone, and times": Kind(
        f"Invitée :\n[0:06] Bonjour, ici l’épisode 12.\nInvitée :\n[0:16] {NETFLIX}. {PRICES}\nHôte :\n"
        f"[0:26] {TELEGRAM}. {RULES}\n",
        BOTH,
        12,
        "Hôte",
    ),
    "a link that is its own words": Kind(
        f"<"
        f"h2>{NETFLIX}</h2><p>{PRICES}</p><p><a href='https://a.example/1'>https://a.example/1</a></p><h2>{TELEGRAM}</h2><p>{RULES}</p>",
        [LINKED[0], BOTH[1]],
        name="n.html",
    ),
    "titles between the turns of a talk": Kind(
        f"Numéro 212\n\nÉLODIE : Bonjour à tous.\n\n{NETFLIX}\n\nKARIM : {PRICES}\n\n"
        f"ÉLODIE : Et pourquoi ?\n\nKARIM : Nul ne sait.\n\nLien : https://a.example/1\n\n{TELEGRAM}\n\n"
        f"ÉLODIE : {RULES}\n\nKARIM : Merci Élodie. Demain on reçoit un juge.\n",
        [LINKED[0], BOTH[1]],
        212,
        "Demain",
    ),
    "titles between stamped turns": Kind(
        f"[00:00:14] ÉLODIE : Bonjour à tous, épisode 3.\n\n[00:00:31] {NETFLIX.upper()}\n"
        f"[00:00:35] ÉLODIE : {PRICES}\n[00:00:47] KARIM : Et pourquoi ?\n\n"
        f"[00:04:22] DROIT : {TELEGRAM.upper()}\n[00:04:26] KARIM : {RULES}\n",
        [BOTH[0], (f"Droit\u00a0: {TELEGRAM}", [])],
        3,
    ),
    "an item without an address among those with one": Kind(
        f"Épisode 57\n\n- {NETFLIX} → https://a.example/1\n\t{PRICES}\n\n- {TELEGRAM} → https://a.example/2\n"
        f"\t{RULES}\n\n- Le Bon Coin ouvre un service de troc\n\tUn échange se fait sans argent.\n",
        [*LINKED, ("Le Bon Coin ouvre un service de troc", [])],
        57,
    ),
    "several links above a paragraph": Kind(
        f"Épisode 4\n\nhttps://a.example/1\n{NETFLIX}. {PRICES}\n\nhttps://a.example/2\n"
        f"https://a.example/3\n{TELEGRAM}. {RULES}\n\n"
        f"https://a.example/4\nLe tram de Brest. La ligne B ouvre enfin.\n\nnot for air:\njas, send me the receipts\n",
        [
            LINKED[0],
            (TELEGRAM, ["https://a.example/2", "https://a.example/3"]),
            ("Le tram de Brest", ["https://a.example/4"]),
        ],
        4,
        "receipts",
    ),
    "labels of a script": Kind(
        f"Épisode 4\n\nOUVERTURE\nBonjour à tous.\n\n{NETFLIX}\nLANCEMENT : {PRICES}\nSON : 1'20\n"
        "LIEN : https://a.example/1\n\n"
        f"{TELEGRAM}\nLANCEMENT : {RULES}\nLIEN : https://a.example/2\n\nMÉTÉO ET TRAFIC\nEn direct du studio.\n",
        LINKED,
        4,
        "En direct",
    ),
    "the number in a sentence of the show": Kind(
        f"le 1302\n\n{NETFLIX}\n{PRICES}\n\n{TELEGRAM}\n{RULES}\n", BOTH, 1302
    ),
    "a rundown whose cells hold titles, texts and links": Kind(
        "<h1>Conducteur – L’Écho</h1><p>Émission n° 76</p><table><tr><td colspan=3>Heures de Paris</td></tr>"
        "<tr><td>Heure</td><td>Contenu</td><td>Qui</td></tr><tr><td>19:00</td><td>Bonsoir</td><td>Léa</td></tr>"
        f"<tr><td>19:02</td><td><p>{NETFLIX}</p><p>{PRICES}</p><p>Liens : "
        "<a href='https://a.example/1'>la lettre</a> / "
        "<a href='https://a.example/3'>le prix</a></p></td><td>Léa</td></tr><tr><td colspan=3>PAGE 2</td></tr><tr>"
        f"<td>19:09</td><td><p>{TELEGRAM}</p><p>{RULES}</p><p><a href='https://a.example/2'>le texte</a></p></td>"
        "<td>Ali</td></tr><tr><td>19:20</td><td>Wrap</td><td>Léa</td></tr></table>"
        "<p>Téléphone du studio : 02 00 00 00 00</p>",
        [(NETFLIX, ["https://a.example/1", "https://a.example/3"]), LINKED[1]],
        76,
        "Téléphone",
        "n.html",
    ),
    "a letter with its marks, its ad and the footer of its program": Kind(
        f"**TOGETHER WITH TORRÉA**\nTorréa does your coffee. [Essai](https://ad.example/x)\n\n**{NETFLIX}.** {PRICES} "
        f"([Lettre](https://a.example/1))\n\n**{TELEGRAM}.** {RULES} ([Texte](https://a.example/2))\n\n**That's all "
        "for this week.** See you.\n\n— Léa\n\n*You receive this because you signed up. [Unsubscribe](https://u.example/1)*\n",
        LINKED,
        out="Torréa",
        name="n.md",
    ),
    "the mark of a table of contents": Kind(
        f"*La lettre et le podcast bilingues de Lyon.*\n\n* TOC\n{{:toc}}\n\n## {NETFLIX}\n\n{PRICES}\n",
        BOTH[:1],
        out="TOC",
        name="n.md",
    ),
    "names in capitals": Kind(
        "Numéro: 1309\n\nLE CANADA ET TIKTOK\nOttawa change d’avis.\n\nLA FRANCE ET X\nParis aussi change d’avis.\n",
        [("Le Canada et TikTok", []), ("La France et X", [])],
        1309,
    ),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_each_kind_is_cut_where_its_subjects_begin(kind: Kind) -> None:
    """With its number, each link at its subject, and nothing of what is no subject."""
    text, episode = _drafted(kind.text.encode(), kind.name)
    assert episode.number == kind.number
    assert [(each.title, [source.url for source in each.sources]) for each in episode.segments] == kind.subjects
    told = " ".join([plain(episode.intro), *(f"{each.title} {plain(each.summary)}" for each in episode.segments)])
    assert not kind.out or kind.out not in told
    assert not kind.out or kind.out in text or kind.out in {"Animatrice", "Hôte"}


def test_the_times_of_the_chapters_stand_beside_their_subjects() -> None:
    """Behind the names for links, where an episode file has them."""
    _text, episode = _drafted(KINDS["chapters above the texts"].text.encode(), "notes.txt")
    assert [each.begins for each in episode.segments] == [84, 754]


def test_a_company_that_no_list_knows_is_the_topic_of_its_title() -> None:
    """Rather than one that the archive knows and that the text names in passing."""
    notes = "Récap 4\n\nLa panne d’AWS éteint le web\nSnapchat a cessé de marcher. Snapchat est revenu.\n"
    assert _drafted(notes.encode(), "notes.txt")[1].segments[0].topics[:1] == ("aws",)


def test_notes_in_a_document_of_word() -> None:
    """Its titles and links are those of the document."""
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    bold, end = "<w:p><w:r><w:rPr><w:b/></w:rPr><w:t>", "</w:t></w:r></w:p>"
    texts = (f"{bold}Épisode 3{end}", f"{bold}{NETFLIX}{end}", f"<w:p><w:r><w:t>{PRICES} https://a.example/1{end}")
    rest = f"{bold}{TELEGRAM}{end}<w:p><w:r><w:t>{RULES} https://a.example/2{end}"
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Override PartName="/word/document.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
    )
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="r1" Type="{kind}" Target="word/document.xml"/></Relationships>'
    )
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("[Content_Types].xml", types)
        archive.writestr("_rels/.rels", relations)
        archive.writestr(
            "word/document.xml", f"<w:document {space}><w:body>{''.join(texts)}{rest}</w:body></w:document>"
        )
    _text, episode = _drafted(data.getvalue(), "notes.docx")
    assert [(each.title, [source.url for source in each.sources]) for each in episode.segments] == LINKED


@pytest.mark.parametrize("field", [r"{\*\fldinst{@}}", r"{\*\fldinst @}", r'{\*\fldinst {\cf1 @ \\o "La note" }}'])
def test_notes_in_rtf(field: str) -> None:
    """With the link of a field, as each program writes it."""
    link = r"{\field" + field.replace("@", 'HYPERLINK "https://a.example/#"') + r"{\fldrslt La page}}"
    first, second = (
        f"{title}\\par {text}\\par {link.replace('#', str(count))}\\par\\par "
        for count, (title, text) in enumerate([(NETFLIX, PRICES), (TELEGRAM, RULES.replace("é", "\\'e9"))], 1)
    )
    data = rf"{{\rtf1\ansi\ansicpg1252 \'c9pisode 9\par\par {first}{second}}}".replace("è", r"\'e8").encode("ascii")
    _text, episode = _drafted(data, "notes.rtf")
    assert [(each.title, [source.url for source in each.sources]) for each in episode.segments] == LINKED


@pytest.mark.parametrize("data", [b"PK\x03\x04", b"PK\x05\x06" + b"\0" * 18, b"{\\rtf1 }"])
def test_damaged_documents_are_refused(data: bytes) -> None:
    """With a cure."""
    with pytest.raises(Exception, match=r"office program|no words|not a text") as caught:
        read_notes(data, Path("notes.docx"))
    assert "Give" in str(caught.value) or "Copy" in str(caught.value) or "Save" in str(caught.value)


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


_NESTED = _encoded('{"e":"https://a.example/n"}')
_SIGNED = "https://files.example/n?token=" + _encoded('{"iss":"https://b.example/"}')


@pytest.mark.parametrize(
    ("address", "clean"),
    [
        ("https://www.google.com/url?q=https://a.example/n&sa=D", "https://a.example/n"),
        ("https://l.facebook.com/l.php?u=https%3A%2F%2Fa.example%2Fn%3Futm_source%3Dx", "https://a.example/n"),
        ("https://a.example/n?e=12&fbclid=x", "https://a.example/n?e=12"),
        ("https://shop.us1.list-manage.com/track?id=7&e=12", "https://shop.us1.list-manage.com/track?id=7"),
        ("https://www.google.com/search?q=netflix", "https://www.google.com/search?q=netflix"),
        (f"https://substack.com/redirect/2/{_NESTED}.kQ3?utm_source=x", "https://a.example/n"),
        (f"https://click.mails.example/8f/{_encoded('https://a.example/n')}", "https://a.example/n"),
        (f"https://www.bing.com/ck/a?p=1&u=a1{_encoded('https://a.example/n')}", "https://a.example/n"),
        ("https://urldefense.com/v3/__https://a.example/n__;!!x$", "https://a.example/n"),
        (_SIGNED, _SIGNED),
    ],
)
def test_an_address_is_that_of_the_page_and_of_nobody(address: str, clean: str) -> None:
    """Behind redirects, and without the parameters of the person who copied it."""
    assert clean_address(address) == clean


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("lundi 12 mai", dt.date(2025, 5, 12)),
        ("Monday, May 12", dt.date(2025, 5, 12)),
        ("12 mai", None),
        ("14 décembre", dt.date(2026, 12, 14)),
        ("Jan 5", dt.date(2027, 1, 5)),
        ("Le 14 décembre, tout change", None),
        ("mardi 12 mai 2025", dt.date(2025, 5, 12)),
        ("26/01/2026", dt.date(2026, 1, 26)),
        ("Jan 5, 2026", dt.date(2026, 1, 5)),
        ("31/02/2026", None),
        ("jeu. 3 déc. 2026", dt.date(2026, 12, 3)),
        ("Mon 7 Dec", dt.date(2026, 12, 7)),
        ("Monday the 7th of December, 2026", dt.date(2026, 12, 7)),
        ("2026/12/07", dt.date(2026, 12, 7)),
        ("lundi 7/12", dt.date(2026, 12, 7)),
        ("une note de 7/12", None),
    ],
)
def test_a_weekday_tells_the_year_that_is_missing(text: str, date: dt.date | None) -> None:
    """The nearest year in which the day is one; a day alone tells it only if it is near."""
    assert date_in(text, dt.date(2026, 11, 30)) == date


@pytest.mark.parametrize(
    ("head", "number", "date", "title"),
    [
        ("Conducteur 76 – lundi 16 février 2026", 76, dt.date(2026, 2, 16), ""),
        ("Récap 14 avril 2025", DEFAULTS.number, dt.date(2025, 4, 14), ""),
        ("Numéro 73 | Lundi 26 janvier 2026 | Rédaction : Marion, Idriss", 73, dt.date(2026, 1, 26), ""),
        ("#80 – Récap du 2 mars 2026", 80, dt.date(2026, 3, 2), ""),
        ("EPISODE 64 (à relire svp)", 64, DEFAULTS.date, ""),
        ("Sujets pour lundi (ép. 61)", 61, DEFAULTS.date, ""),
        ("épisode 59 !! voilà mes 2 sujets", 59, DEFAULTS.date, ""),
        ("Ep. 12: Netflix (and chill)", 12, DEFAULTS.date, "Netflix (and chill)"),
        ("Ep. 72: Netflix, Telegram and Frogs", 72, DEFAULTS.date, "Netflix, Telegram and Frogs"),
        ("---\ntitle: null\nnumber: 71\nlayout: x\n---", 71, DEFAULTS.date, ""),
        ("---\ntitle: ~\ntitre: Deux prix\nnumber: null\nlayout: x\n---", DEFAULTS.number, DEFAULTS.date, "Deux prix"),
    ],
)
def test_the_title_of_the_episode_is_one(head: str, number: int, date: dt.date, title: str) -> None:
    """Neither its date nor its authors, its state or the word for nothing; without a title, its subjects name it."""
    _text, episode = _drafted(f"{head}\n\n{NETFLIX}\n{PRICES}\n\n{TELEGRAM}\n{RULES}\n".encode(), "notes.txt")
    assert (episode.number, episode.date, episode.title) == (number, date, title or "Netflix, Telegram")


@pytest.mark.parametrize(
    ("lines", "date"),
    [
        (["Episode 12", "Out Monday 7 December. Hosts: Jo and Kim."], dt.date(2026, 12, 7)),
        (["Programme 12", "First broadcast: Monday 7 December 2026"], dt.date(2026, 12, 7)),
        (["Episode 12", "Recorded: 1 December 2026", "Released: 7 December 2026"], dt.date(2026, 12, 7)),
        (["Épisode 12", "Enregistré le 1er décembre 2026, diffusé le 7 décembre 2026"], dt.date(2026, 12, 7)),
        (["Episode 12", "Posted on Dec 7 by Jo Park · 4 comments"], dt.date(2026, 12, 7)),
        (["Bon, l’épisode 12, c’est pour le 7 décembre."], dt.date(2026, 12, 7)),
        (["Épisode 12", "Prochain enregistrement : mardi 8 décembre 2026"], None),
        (["Épisode 12", "Le lundi 7 décembre, Apple sort un casque"], None),
        (["Episode 12", "Out on 7 December 2026, the new Zelda costs 90 euros"], None),
    ],
)
def test_the_day_of_the_show_is_told_beside_its_number_or_alone(lines: list[str], date: dt.date | None) -> None:
    """Published goes before recorded; the day in a title above its text is that of the news."""
    notes = read_notes(("\n\n".join(lines) + f"\n{PRICES}\n").encode(), Path("notes.txt"))
    head, _below = read_head(notes, Path("notes.txt"), DEFAULTS.date)
    assert (head.number, head.date) == (12, date)


def test_the_words_of_a_source_behind_a_text_are_no_sentence() -> None:
    """They name the source below."""
    first = f"## {NETFLIX}\n\n{PRICES} [Annonce](https://a.example/1)"
    second = f"## {TELEGRAM}\n\n{RULES} ([Le texte](https://a.example/2))"
    _text, episode = _drafted(f"Épisode 4\n\n{first}\n\n{second}\n".encode(), "notes.md")
    assert [plain(each.summary) for each in episode.segments] == [PRICES, RULES]
    assert [source.title for each in episode.segments for source in each.sources] == ["Annonce", "Le texte"]
