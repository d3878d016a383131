"""The check as the second net: it warns wherever the reader would see something else than was written."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.content.archive import Archive
from bot.content.review import review
from bot.content.slips import EpisodeFile, Slips
from bot.model.address import bare_addresses
from bot.model.i18n import Language, speaking
from bot.model.problems import Mistakes, Problem
from bot.platforms.registry import renderers

if TYPE_CHECKING:
    from bot.model.episode import Episode

PATH = Path("1207.md")
HEAD = "---\nnumber: 1207\ntitle: Un titre\ndate: 2024-11-04\n---\n\n"
SOURCES = "\n\nSources :\n- [Le Monde](https://a.fr/1)\n"


def episode(body: str, *, head: str = HEAD, topics: str = "#netflix\n\n", sources: str = SOURCES) -> str:
    """A file whose segment has a topic on line 9, its text from line 11 on, and a source."""
    return f"{head}## Un sujet\n\n{topics}{body}{sources}"


def warnings(folder: Path, text: str) -> list[Problem]:
    """What is told about a file without mistakes."""
    (folder / "1207.md").write_text(text, encoding="utf-8")
    archive = Archive.load(folder)
    assert archive.problems == ()
    return review(archive, folder, Language.ENGLISH, renderers())


def read(folder: Path) -> Episode:
    """The episode that the folder holds."""
    [found] = Archive.load(folder).episodes
    return found


# The file, what is told about it, the words of its cure, and words that the reader sees once it is mended; for a cure
# without literal words None.
SLIPS = {
    "a title with a sign": (
        episode("Texte.", head=HEAD.replace("Un titre", "Le récap #12 : Netflix")),
        "3: the title ends before ' #'",
        'Write title: "Le récap #12 : Netflix"',
        "Le récap #12 : Netflix",
    ),
    "a title with a sign and quotation marks": (
        episode("Texte.", head=HEAD.replace("Un titre", 'Le "récap" # 12')),
        "3: the title ends before ' #'",
        "Write title: 'Le \"récap\" # 12'",
        'Le "récap" # 12',
    ),
    "bullets": (
        episode("Voici :\n• un\n• deux"),
        "12: a line that begins with '•' is no list, and runs into the line above",
        "Begin lines 12 and 13 with '- '",
        "Voici :\n\nun\ndeux",
    ),
    "dashes": (
        episode("– un\n– deux"),
        "11: a line that begins with '–' is no list, and runs into the line above",
        "Begin lines 11 and 12 with '- '",
        "un\ndeux",
    ),
    "long dashes": (
        episode("Voici :\n— un"),
        "12: a line that begins with '—' is no list",
        "Begin line 12 with '- '",
        "Voici :\n\nun",
    ),
    "hyphens without a space": (
        episode("Voici :\n-un\n-deux"),
        "12: a line that begins with '-' is no list",
        "Begin lines 12 and 13 with '- '",
        "Voici :\n\nun\ndeux",
    ),
    "pictures as bullets": (
        episode("Voici :\n👉 un\n👉 deux"),
        "12: a line that begins with '👉' is no list",
        "Begin lines 12 and 13 with '- '",
        "Voici :\n\nun\ndeux",
    ),
    "numbers that make no list": (
        episode("Voici :\n1/ un\n2/ deux"),
        "12: a line that begins with '1' is no list",
        "Begin lines 12 and 13 with '- '",
        "Voici :\n\nun\ndeux",
    ),
    "a footnote": (
        episode("Texte.[^1]"),
        "11: a footnote's mark would be shown as it stands",
        "Put the link of the footnote into the sources",
        None,
    ),
    "a footnote with its text": (
        episode("Texte.[^note]\n\n[^note]: https://a.fr/2"),
        "11: a footnote's mark would be shown as it stands; so it is on line 13",
        "Put the link of the footnote into the sources",
        None,
    ),
    "boxes": (
        episode("- [ ] appeler\n- [x] écrire"),
        "11: a box to tick would be shown as '[ ]' in the text; so it is on line 12",
        "Take it out there too",
        "appeler\nécrire",
    ),
    "topics behind a word": (
        episode("Texte.", topics="Tags : netflix, vie privée\n\n"),
        "9: 'Tags : netflix, vie privée' would be shown as text, and is no topic",
        "Write #netflix #vieprivée",
        "Texte.",
    ),
    "topics behind a word in a paragraph": (
        episode("Texte.\n**Mots-clés :** Netflix", topics=""),
        "10: '**Mots-clés :** Netflix' would be shown as text, and is no topic",
        "Write #Netflix, with a blank line around it",
        "Texte.",
    ),
    "hashtags in a paragraph": (
        episode("Texte.\n#netflix #streaming\nSuite.", topics=""),
        "10: these hashtags stand inside a paragraph and would be shown as text",
        "Write #netflix #streaming, with a blank line around it",
        "Texte.\n\nSuite.",
    ),
    "no topic": (
        episode("Texte.", topics=""),
        "7: the segment has no topic",
        "Write some right below its title, as in #netflix #streaming",
        None,
    ),
    "a number in the title": (
        episode("Texte.").replace("## Un sujet", "## 1. Un sujet"),
        "7: the title begins with a number, and messages number the subjects themselves",
        "Write '## Un sujet'",
        "Un sujet",
    ),
    "a number and a dash in the title": (
        episode("Texte.").replace("## Un sujet", "## 1 – Un sujet"),
        "7: the title begins with a number",
        "Write '## Un sujet'",
        "Un sujet",
    ),
    "a Roman number in the title": (
        episode("Texte.").replace("## Un sujet", "## I. Un sujet"),
        "7: the title begins with a number",
        "Write '## Un sujet'",
        "Un sujet",
    ),
    "letters of another encoding": (
        episode("Un cÃ©lÃ¨bre cafÃ© â€” câ€™est Â« lÃ\N{NO-BREAK SPACE} Â»."),
        "11: 'cÃ©lÃ¨bre' stands here, which was 'célèbre' before a program read it in another encoding",
        "Write 'célèbre' for 'cÃ©lÃ¨bre', 'café' for 'cafÃ©', '—' for 'â€”', 'c’est' for 'câ€™est'",
        "Un célèbre café — c’est « là ».",
    ),
    "a picture of another encoding in the title": (
        episode("Texte.", head=HEAD.replace("Un titre", "Un ðŸŽ™ titre")),
        "3: 'ðŸŽ™' stands here, which was '🎙'",
        "Write '🎙' for 'ðŸŽ™'",
        "Un 🎙 titre",
    ),
    "letters that were garbled twice": (
        episode("Un Ã©tÃ©.".encode().decode("cp1252")),
        "11: 'ÃƒÂ©tÃƒÂ©.' stands here, which was 'été.'",
        "Write 'été.' for 'ÃƒÂ©tÃƒÂ©.'",
        "Un été.",
    ),
    "a lost letter": (
        episode("Un \ufffdt\ufffd."),
        "11: a letter is lost here, of which a program has left '\ufffd'",
        "Type it again",
        None,
    ),
    "letters with a bracket": (
        episode("Voici :\na) un\nb) deux"),
        "12: a line that begins with 'a' is no list",
        "Begin lines 12 and 13 with '- '",
        "Voici :\n\nun\ndeux",
    ),
    "numbers without a space": (
        episode("Voici :\n1.un\n2.deux"),
        "12: a line that begins with '1' is no list",
        "Begin lines 12 and 13 with '- '",
        "Voici :\n\nun\ndeux",
    ),
    "arrows": (
        episode("Voici :\n-> un\n→ deux"),
        "12: a line that begins with '-' is no list",
        "Begin lines 12 and 13 with '- '",
        "Voici :\n\nun\ndeux",
    ),
    "a box without a list": (
        episode("[ ] appeler"),
        "11: a box to tick would be shown as '[ ]' in the text",
        "Take it out",
        "appeler",
    ),
    "topics in brackets": (
        episode("Texte.", topics='Topics: [netflix, "streaming"]\n\n'),
        "9: 'Topics: [netflix, \"streaming\"]' would be shown as text, and is no topic",
        "Write #netflix #streaming",
        "Texte.",
    ),
    "a word and a number in the title": (
        episode("Texte.").replace("## Un sujet", "## Sujet 1 : Un sujet"),
        "7: the title begins with a number",
        "Write '## Un sujet'",
        "Un sujet",
    ),
    "a picture of a number in the title": (
        episode("Texte.").replace("## Un sujet", "## 3️⃣ Un sujet"),
        "7: the title begins with a number",
        "Write '## Un sujet'",
        "Un sujet",
    ),
    "sources below a word": (
        episode("Texte.", sources="\n\n**Sources**\n\n- https://a.fr/2\n"),
        "13: the sources stand in the text, because no line 'Sources :' is above them",
        "Write 'Sources :' in its place",
        "Texte.",
    ),
    "sources below another word": (
        episode("Texte.", sources="\n\nLiens :\n- https://a.fr/2\n"),
        "13: the sources stand in the text, because no line 'Sources :' is above them",
        "Write 'Sources :' in its place",
        "Texte.",
    ),
    "sources in a line of text": (
        episode("Texte.", sources="\n\nSources : Le Monde, https://a.fr/2\n"),
        "13: the sources stand in the text, because no line 'Sources :' is above them",
        "Write 'Sources :' on a line of its own",
        None,
    ),
    "a link with its brackets exchanged": (
        episode("Voir (Le Monde)[https://a.fr/2]."),
        "11: a link has its round and square brackets exchanged",
        "Write it as in [text](https://…)",
        "Voir Le Monde.",
    ),
    "invisible spaces": (
        episode("Du te\u200bxte.\n\nEt\u00ad là."),
        "11: an invisible character stands here, after 'te'; so it is on line 13",
        "Delete it",
        "Du texte.\n\nEt là.",
    ),
    "two subjects of one title": (
        episode(
            f"Texte.{SOURCES}\n## un Sujet {{#deux}}\n\n#netflix\n\nTexte.", sources="\n\nSources :\n- https://a.fr/2\n"
        ),
        "16: the title is that of line 7 too",
        "Say in each what its subject is",
        None,
    ),
    "a summary that is the title": (
        episode("**Un sujet !**"),
        "7: the summary says the title again and no more",
        "Write some sentences below the title",
        None,
    ),
    "a bare address": (
        episode("Voir https://a.fr/2 pour la suite."),
        "11: the address https://a.fr/2 would be shown in full in the text",
        "Write [some words](https://a.fr/2), or put it into the sources",
        None,
    ),
    "an address in the introduction": (
        episode("Texte.").replace("## Un", "Voir <https://a.fr/2>.\n\n## Un"),
        "7: the address https://a.fr/2 would be shown in full",
        "Write [some words](https://a.fr/2)",
        None,
    ),
    "a cut address": (
        episode("Texte.", sources="\n\nSources :\n- https://a.fr/le-titre-de…\n"),
        "14: the address https://a.fr/le-titre-de… ends in '…': perhaps it is cut",
        "Copy the whole address from the browser",
        None,
    ),
    "a cut address of a link": (
        episode("Voir [ici](https://a.fr/le-titre...)."),
        "11: the address https://a.fr/le-titre... ends in '...': perhaps it is cut",
        "Copy the whole address from the browser",
        None,
    ),
    "an address with a low line": (
        episode("Texte.", sources="\n\nSources :\n- [Le Monde](https://a.fr/wiki/C_)\n"),
        "14: the address https://a.fr/wiki/C_ ends in '_': perhaps it is cut",
        "if it ends so there too, write %5F in place of the last '_'",
        None,
    ),
    "a file's name for an image": (
        episode("Texte.\n\n![Capture d’écran 2024-11-04.png](https://a.fr/a.png)"),
        "13: 'Capture d’écran 2024-11-04.png' is the name of a file, not the description of an image",
        "Say what it shows",
        None,
    ),
    "a camera's name for an image": (
        episode("Texte.\n\n![IMG_2034](https://a.fr/a.png)"),
        "13: 'IMG_2034' is the name of a file",
        "Say what it shows",
        None,
    ),
    "a sign of another program": (
        episode("Voir [[Netflix]] et ==cela==."),
        "11: a sign of another program would be shown as it stands",
        "Take it out, or say it in words",
        None,
    ),
    "an address that nothing refers to": (
        episode("Texte.\n\n[1]: https://a.fr/2"),
        "13: this line is not shown, because nothing above or below it refers to [1]",
        "Write its address into the list of sources",
        None,
    ),
}


@pytest.mark.parametrize(("text", "told", "cure", "seen"), SLIPS.values(), ids=SLIPS)
def test_a_slip_is_told_once_and_its_cure_mends_it(
    tmp_path: Path, text: str, told: str, cure: str, seen: str | None
) -> None:
    """With the words to write. Done as it says, nothing is told any more, and the reader sees what was meant."""
    [warning] = warnings(tmp_path, text)
    assert f"{warning.line}: {warning.message}".startswith(told)
    assert cure in warning.cure
    assert (warning.change is not None) is (seen is not None)
    if warning.change is not None:
        mended = warning.change.applied(text)
        assert mended is not None
        assert warnings(tmp_path, mended) == []
        found = read(tmp_path)
        assert seen in {found.title, found.segments[0].title, found.segments[0].text}
        assert found.segments[0].topics


RIGHT = {
    "a conversation": "— Bonjour.\n\n— Bonsoir.",
    "one bullet alone": "• Seul.",
    "a sum and a temperature": "Il fait\n-5 degrés.",
    "lists": "- un\n- deux\n\n* trois\n\n1. quatre\n2. cinq\n\n1) six",
    "a sentence with a colon": "Le thème : la rentrée des classes dans les petites villes de France, et la suite.",
    "a year": "2024 : une année.",
    "capitals with accents": "L’É\N{NO-BREAK SPACE}» et À\N{NO-BREAK SPACE}! Ça coûte 5\N{NO-BREAK SPACE}€.",
    "an emoji of several people": "Une famille 👨\u200d👩\u200d👧.",
    "code": "Tapez `- [ ]`, `[^1]`, `[[x]]` et `Tags : a`.\n\n```\n• un\n• deux\n[^1]\nhttps://a.fr/…\n```",
    "a comment": "Texte.\n\n<!--\n• un\n• deux\n[^1] https://a.fr/…\n-->",
    "a reference that is used": "Voir [Le Monde][1].\n\n[1]: https://a.fr/2",
    "emphasis around a link": "*[ici](https://a.fr/2)* et _[là](https://a.fr/3)_.",
    "a sentence that ends in three points": "Voir [ici](https://a.fr/2)…",
    "a hashtag in a sentence": "Le mot #MeToo revient, et #netflix aussi.",
    "lines of one paragraph": "Un.\nDeux.\nTrois.",
    "links of another kind": "Liens :\n- le sang,\n- l’amitié.",
    "brackets": "Il dit « [sic] » et [un mot].",
}


@pytest.mark.parametrize("body", RIGHT.values(), ids=RIGHT)
def test_what_is_right_gives_no_warning(tmp_path: Path, body: str) -> None:
    """Because a check that cries wolf is not read."""
    assert warnings(tmp_path, episode(body)) == []


@pytest.mark.parametrize(
    "title", ["5G : la suite", "3 raisons d’y croire", "24 heures du Mans", "1,5 milliard", "X. Y"]
)
def test_a_number_that_belongs_to_the_title_is_none_that_was_typed(tmp_path: Path, title: str) -> None:
    """Only a number with a full stop or a bracket behind it, or the segment's own number, counts the subjects."""
    assert warnings(tmp_path, episode("Texte.").replace("## Un sujet", f"## {title}")) == []


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Voir https://a.fr/wiki/C_.", "https://a.fr/wiki/C_"),
        ("Voir https://a.fr/wiki/C_ et", "https://a.fr/wiki/C_"),
        ("Voir https://a.fr/x[1]", "https://a.fr/x[1]"),
        ("Voir https://a.fr/x].", "https://a.fr/x]"),
        ("[voir https://a.fr/x]", "https://a.fr/x"),
        ("[un] [voir https://a.fr/x[1]]", "https://a.fr/x[1]"),
        ("(voir https://a.fr/x_(1))", "https://a.fr/x_(1)"),
    ],
)
def test_the_reader_keeps_the_end_of_an_address(text: str, address: str) -> None:
    """A low line and a bracket belong to it, unless the text around has opened the bracket."""
    assert [found for _at, found in bare_addresses(text)] == [address]


def test_a_cure_for_several_lines_speaks_one_language() -> None:
    """Its end too."""
    told = Mistakes(PATH)
    with speaking(lambda: Language.FRENCH):
        Slips(EpisodeFile(PATH, [*HEAD.split("\n"), "- [ ] un", "- [ ] deux"]), told).tell()
    (boxes,) = told.found
    assert [str(getattr(cure, "cure", cure)) for cure in boxes.cures] == ["Retirez-la, là aussi", "Retirez-la"]


LETTERS = st.sampled_from("éèàçùôîâëÉÀŒœ’“”«»—–…€ \N{NO-BREAK SPACE}abc ")


# An 'â' right before a '€' is what a garbled dash begins with, and French has no such word.
@given(st.text(LETTERS, min_size=1, max_size=30).filter(lambda text: "â€" not in text))
def test_text_of_french_is_never_taken_for_garbled(text: str) -> None:
    """In any order of letters and marks."""
    told = Mistakes(PATH)
    Slips(EpisodeFile(PATH, [*HEAD.split("\n"), text]), told).tell()
    assert not [each for each in told.tried("", lambda _text: Mistakes(PATH)) if "encoding" in each.message]


@given(st.text("éèàçùôîëÉÈœ’—…€«»", min_size=1, max_size=10))
def test_garbled_text_is_mended_whole(text: str) -> None:
    """Whichever letters and marks of French a program has read in Windows-1252."""
    garbled = "".join(each.encode().decode("cp1252", "replace") for each in text)
    body = f"a {garbled} b"
    if "\ufffd" in garbled:
        return
    told = Mistakes(PATH)
    lines = [*HEAD.split("\n"), body]
    Slips(EpisodeFile(PATH, lines), told).tell()
    [warning] = told.tried("\n".join(lines), lambda _text: Mistakes(PATH))
    assert warning.change is not None
    assert (warning.change.applied("\n".join(lines)) or "").endswith(f"a {text} b")


@pytest.mark.parametrize(
    "line",
    [
        "a\n#netflix",
        "• un",
        "[^1]",
        "- [ ] un",
        "Tags : a, b\n",
        "cÃ©lÃ¨bre",
        "te\u200bxte",
        "[{0}]: https://a.fr/{0}",
        "https://a.fr/{0}…\n",
        "https://a.fr/{0}",
        "## Titre {0}\n",
        "## 1. Titre {0}\n\nTexte.\n",
        "[[a]] (b)[https://a.fr]",
        "## Titre {0}\n\n<br>\n",
        "[texte] (https://a.fr/{0})",
    ],
)
def test_a_long_file_is_read_in_a_time_that_grows_with_its_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """However many slips or mistakes of one kind it has; the trials of cures have a limit of their own."""
    monkeypatch.setattr("bot.model.problems._TRIALS", 0)

    def seconds(count: int) -> float:
        body = "\n".join(line.replace("{0}", str(number)) for number in range(count))
        (tmp_path / "1207.md").write_text(episode(body), encoding="utf-8")
        begin = time.process_time()
        review(Archive.load(tmp_path), tmp_path, Language.ENGLISH, {})
        return time.process_time() - begin

    seconds(10)
    assert seconds(600) < 40 * seconds(60) + 0.1
