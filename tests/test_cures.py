"""Every cure is true: done as it says, the mistake is gone; and what hides other mistakes is told alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.content.archive import Archive
from bot.content.parser import parse_episode
from bot.model.problems import Change, InvalidInputError, Mistakes, Problem

HEAD = "---\nnumber: 1207\ntitle: Un titre\ndate: 2024-11-04\n---\n\n"
SOURCES = "\n\nSources :\n- [Le Monde](https://a.fr/1)\n"
SEGMENT = "## Un\n\n#netflix\n\nTexte."


def episode(body: str = SEGMENT, head: str = HEAD, sources: str = SOURCES) -> str:
    """A file; its body begins at line 7."""
    return head + body + sources


def head(old: str, new: str) -> str:
    """A good file but for its front matter."""
    return episode(head=HEAD.replace(old, new))


def problems(text: str) -> tuple[Problem, ...]:
    """What is told about the file; nothing about one that is in order."""
    try:
        parse_episode(text, Path("1207.md"))
    except InvalidInputError as error:
        return error.problems
    return ()


# Cures that a version before this one gave, and that were no cures: the file, the words that must not be said, and the
# words of all that is said. A file in which nothing is said is read as it was meant.
FALSE_CURES = {
    "a picture beside the file": (
        episode("## Un\n\nTexte.\n\n![logo](images/photo.jpg)"),
        "https://images/photo.jpg",
        ["11: 'images/photo.jpg' is a file of yours, not an address of the web. Put the file on the web"],
    ),
    "the name of a recording": (
        head("date:", "audio: 1207.mp3\ndate:"),
        "https://1207.mp3",
        ["4: 'audio': '1207.mp3' is a file of yours, not an address of the web. Put the file on the web"],
    ),
    "a picture with a name of several words": (
        episode("## Un\n\nTexte.\n\n![logo](Capture d’écran 2024.png)"),
        "without a space",
        ["11: this image is broken and would be shown with its brackets. Put the file on the web"],
    ),
    "formatted text": (
        "{\\rtf1\\ansi\\deff0\n\\f0 number: 1207\\par\n}",
        "front matter",
        ["1: this is formatted text (RTF), not plain text. Save it from its program as plain text (UTF-8)"],
    ),
    "a web page": (
        "<!DOCTYPE html>\n<html><body><h2>Un</h2></body></html>\n",
        "front matter",
        ["1: this is a web page (HTML), not plain text. Save it"],
    ),
    "titles of another level": (
        episode("### Un\n\nTexte.\n\n### Deux\n\nTexte."),
        "such as '## Title'",
        ["7: the title of a segment begins with two '#', and none here does. Begin lines 7 and 11 with two"],
    ),
    "titles of the first level": (
        episode("# Un\n\nTexte.\n\n# Deux\n\nTexte."),
        "the episode's own title",
        ["7: the title of a segment begins with two '#', and none here does. Begin lines 7 and 11 with two"],
    ),
    "the episode's title above the segments": (
        episode("# Le récap\n\n## Un\n\nTexte."),
        "Write '## Le récap'",
        ["7: the title of a segment begins with two '#'. Delete the line, if it is the episode's title"],
    ),
    "the episode's title above segments of another level": (
        episode("# Le récap\n\n### Un\n\nTexte.\n\n### Deux\n\nTexte."),
        "'## Le récap'",
        ["7: the title of a segment begins with two '#', and none here does. Begin lines 9 and 13 with two"],
    ),
    "topics with spaces": (
        episode("## Un\n\n# netflix, # streaming\n\nTexte."),
        "## netflix",
        ["9: a topic has no space after its '#'. Write '#netflix #streaming'"],
    ),
    "one topic with a space": (
        episode("## Un\n\n# netflix\n\nTexte."),
        "## netflix",
        ["9: a topic has no space after its '#'. Write '#netflix'"],
    ),
    "a tab in the head": (head("title:", "\ttitle:"), "quotation", []),
    "a no-break space before a colon": (head("title:", "title\N{NO-BREAK SPACE}:"), "unknown", []),
    "a no-break space behind a colon": (head("title: ", "title:\N{NARROW NO-BREAK SPACE}"), "YAML", []),
    "no space behind a colon": (head("title: ", "title:"), "YAML", []),
    "a draft in other words": (
        head("date:", "draft: true\ndate:"),
        "'date'",
        ["4: the key 'draft' is unknown. Write 'status: draft'"],
    ),
    "a key that is like one that is there": (
        head("date:", "duration: 35\ndate:"),
        "Write 'date'",
        ["4: the key 'duration' is unknown. Remove the line; the keys are number"],
    ),
    "a key that is like one that needs another value": (
        head("date: 2024-11-04", "dat: lundi"),
        "Write 'date',",
        ["4: the key 'dat' is unknown. Write it as in 'date: 2024-11-04'"],
    ),
    "a mail address": (
        episode("## Un\n\nÉcrire à <marie@example.org>."),
        "https://",
        ["9: the address 'mailto:marie@example.org' is not of the web. Write marie@example.org without < and >"],
    ),
    "a link to a mail address": (
        episode("## Un\n\n[Écrire](marie@example.org)."),
        "https://marie@example.org",
        ["9: the address 'marie@example.org' does not begin with https://. Write the address of a page"],
    ),
    "two slashes and a word": (
        episode("## Un\n\nVoir [ici](//x)."),
        "https:////x",
        ["9: the address '//x' does not begin with https://. Copy the whole address from the browser"],
    ),
    "two slashes and a site": (
        episode("## Un\n\nVoir [ici](//a.fr/x)."),
        "https:////",
        ["9: the address '//a.fr/x' does not begin with https://. Write https://a.fr/x"],
    ),
    "a word in place of an address": (
        episode("## Un\n\nVoir [ici](ici)."),
        "https://ici",
        ["9: the address 'ici' does not begin with https://. Copy the whole address from the browser"],
    ),
    "words around an address": (
        head("date:", "page: Le Monde : https://a.fr/x\ndate:").replace("page: Le Monde :", "page: Le Monde -"),
        "Remove the space",
        ["4: 'page': the address 'Le Monde - https://a.fr/x' holds a space. Write https://a.fr/x alone"],
    ),
    "a title in quotes and more": (
        head("Un titre", '"Netflix" et les autres'),
        'title: "TikTok : la suite"',
        ["3: the value of 'title' is not valid YAML as it stands. Write title: '\"Netflix\" et les autres'"],
    ),
    "a number with its sign": (
        head("1207", "#1207"),
        "double quotes",
        ["2: 'number' is empty. Write number: 1207, because YAML leaves out all that follows a '#'"],
    ),
    "dashes in place of hyphens": (
        episode().replace("---", "———"),
        "does not begin",
        ["1: these signs are not the three hyphens of a front matter. Write three hyphens (---) on lines 1 and 5"],
    ),
    "one dash at the end": (
        HEAD.rstrip().removesuffix("---") + f"—\n\n{SEGMENT}{SOURCES}",
        "has no end",
        ["5: these signs are not the three hyphens of a front matter. Write three hyphens (---) on line 5"],
    ),
    "a front matter without its fences": (
        episode().replace("---\n", ""),
        "then for example",
        ["1: the file does not begin with a front matter. Write a line '---' above it, and another below line 3"],
    ),
    "text above the front matter": (
        f"Brouillon\n\n{episode()}",
        "then for example",
        ["1: the file does not begin with a front matter. Delete the text above line 3, or move it below"],
    ),
    "a merge in the text": (
        episode("## Un\n\n<<<<<<< HEAD\nTexte.\n=======\nTexte 2.\n>>>>>>> autre"),
        "Markdown takes",
        ["9: git has left two versions of some lines here. Keep one of each two versions, and delete every line"],
    ),
    "a merge in the head": (
        head("title: Un titre", "<<<<<<< HEAD\ntitle: Un titre\n=======\ntitle: Deux\n>>>>>>> main"),
        "YAML",
        ["3: git has left two versions of some lines here. Keep one"],
    ),
    "a title of sources": (
        episode(sources="\n\n## Sources\n- https://a.fr\n"),
        "no source",
        ["13: the sources stand under a title. Write 'Sources :' without '#' signs"],
    ),
    "a name of a segment that another one has": (
        episode("## Un {#video-en-ligne}\n\nTexte.\n\n## Deux {#Vidéo en ligne}\n\nTexte."),
        "{#video-en-ligne}",
        ["11: '{#Vidéo en ligne}' is no name for a link: it is made of the letters a to z, digits, '-' and '_'. Take"],
    ),
    "text above a line of equal signs": (
        episode("## Un\n\nTexte.\n==="),
        "blank line",
        ["9: Markdown takes this text for a title, because of the line of '=' right below it. Delete the line"],
    ),
    "text where sources should be": (
        episode("## Un\n\nTexte.\n\nSources :\n\nLe Monde, Libération", sources="\n"),
        "Begin each line",
        ["11: no list of sources follows. Write '- [Title](https://…)' below it for each"],
    ),
    "typed bullets where sources should be": (
        episode(sources="\n\nSources :\n\n• https://a.fr/1\n• https://a.fr/2\n"),
        "Write '- [Title]",
        ["13: no list of sources follows. Begin each line below it with '- '"],
    ),
    "an unknown key with a list below it": (
        head("date:", "tags:\n  - netflix\n  - streaming\ndate:"),
        "Remove the line;",
        ["4: the key 'tags' is unknown. Remove lines 4 to 6; the keys are number"],
    ),
    "a rule that looks like the end of the front matter": (
        HEAD.removesuffix("---\n\n") + f"\nUne introduction.\n\n---\n\n{SEGMENT}{SOURCES}",
        "quotation marks",
        ["1: the front matter that begins here has no end. Write a line '---' below line 4"],
    ),
    "an address between angle brackets": (
        head("date:", "page: <https://a.fr/x>\ndate:"),
        "https://<",
        ["4: 'page': the address '<https://a.fr/x>' does not begin with https://. Write https://a.fr/x alone"],
    ),
    "a link in place of an address": (
        head("date:", "page: '[Le Monde](https://a.fr/x)'\ndate:"),
        "https://[",
        ["4: 'page': the address '[Le Monde](https://a.fr/x)' holds a space. Write https://a.fr/x alone"],
    ),
    "a size behind a picture's address": (
        episode(f"{SEGMENT}\n\n![logo](https://a.fr/a.png =100x50)"),
        "%20",
        ["13: this image is broken and would be shown with its brackets. Take out all that follows the address"],
    ),
    "an apostrophe between apostrophes": (
        head("Un titre", "'L'été'"),
        "\"'L",
        ["3: the value of 'title' is not valid YAML as it stands. Write title: \"L'été\""],
    ),
    "quotation marks between quotation marks": (
        head("Un titre", '"Le "récap" du lundi"'),
        "'\"Le",
        ["3: the value of 'title' is not valid YAML as it stands. Write title: 'Le \"récap\" du lundi'"],
    ),
    "two words in quotation marks": (
        head("Un titre", '"Netflix" et "TikTok"'),
        'Netflix" et "TikTok\'',
        ["3: the value of 'title' is not valid YAML as it stands. Write title: '\"Netflix\" et \"TikTok\"'"],
    ),
    "hashtags right below the sources": (
        episode("## Un\n\nTexte.", sources="\n\nSources :\n- https://a.fr/1\n#netflix\n"),
        "[#netflix]",
        ["12: the text below the source belongs to it. Leave a blank line below it"],
    ),
    "underlined titles": (
        episode("Netflix\n-------\n\nTexte.\n\nTikTok\n---\n\nTexte."),
        "blank line",
        ["7: the title of a segment begins with two '#', and none here does. Write '## Netflix' and no line of '-'"],
    ),
    "titles without a space": (
        episode("##Un\n\nTexte.", sources=""),
        "such as '## Title'",
        ["7: this is text, not a title. Write a space after '##'"],
    ),
    "a front matter of TOML": (
        '+++\ntitle = "Un titre"\ndate = 2024-11-04\nnumber = 1207\n+++\n\n' + SEGMENT + SOURCES,
        "a line '---', then",
        ["1: the front matter is TOML, and has to be YAML. Write three hyphens (---) on lines 1 and 5"],
    ),
    "hyphens with spaces": (
        episode().replace("---", "- - -"),
        "then for example",
        ["1: these signs are not the three hyphens of a front matter. Write three hyphens (---) on lines 1 and 5"],
    ),
    "text behind a comment": (
        episode("## Un\n\n<!-- une note\nde deux lignes --> Texte.", sources=""),
        "some sentences",
        ["9: the comment '<!-- une note' is not alone. Put the text after --> on a line of its own"],
    ),
    "a broken link among the sources": (
        episode(sources="\n\nSources :\n- [Le Monde] (https://a.fr/x)\n"),
        "Write '- [",
        ["14: this link is broken and would be shown with its brackets. Write no space between the brackets"],
    ),
    "a source without https": (
        episode(sources="\n\nSources :\n- lemonde.fr/x\n"),
        "[Title]",
        ["14: the source is not just a link. Write '- https://lemonde.fr/x'"],
    ),
    "a line break at the end of a paragraph": (
        episode("## Un\n\nTexte.<br>"),
        "backslash",
        ["9: '<br>' would be shown as it stands. Remove it"],
    ),
    "keys in bold": (
        head("number: 1207", "**number:** 1207"),
        "quotation marks",
        ["2: the front matter is not valid YAML. Write a line '---', then for example 'number: 1207'"],
    ),
    "segments that are titles of the episode above others": (
        episode("# Un\n\n# Deux\n\n## Un\n\n#netflix\n\nTexte."),
        "name of its own",
        [f"{line}: the title of a segment begins with two '#'. Delete the line" for line in (7, 9)],
    ),
    "signs between and behind hashtags": (episode("## Un\n\n#netflix ;\n\nTexte."), "", []),
    "a title without a space and without text": (
        episode("## Un\n\nTexte.\n\n##Deux", sources=""),
        "after '##'.",
        ["11: this is text, not a title. Write a space after '##', and the text of the segment below it"],
    ),
}


@pytest.mark.parametrize(("text", "never", "said"), FALSE_CURES.values(), ids=FALSE_CURES)
def test_no_false_cure_is_given(text: str, never: str, said: list[str]) -> None:
    """One message for one cause, and a cure that mends it; or the file is read as it was meant."""
    found = [str(problem).removeprefix("1207.md:") for problem in problems(text)]
    assert len(found) == len(said), found
    assert [each[: len(words)] for each, words in zip(found, said, strict=True)] == said
    assert not any(never in each.partition(". ")[2] for each in found)
    if not said:
        assert parse_episode(text, Path("1207.md")) == parse_episode(episode(), Path("1207.md"))


# More files with mistakes whose cures have literal words.
LITERAL_CURES = [
    head("1207", "n° 1207"),
    head("title:", " title:"),
    head("title: Un titre\ndate:", "  title: Un titre\n  date:"),
    head("date:", "audio: [mp3](https://a.fr/1207.mp3)\ndate:"),
    head("2024-11-04", "2024/11/4"),
    head("2024-11-04", "2024-11-04 08:00"),
    head("Un titre", "#tiktok"),
    head("Un titre", "Netflix : la suite"),
    head("Un titre", "@netflix"),
    head("Un titre", '"Netflix'),
    head("Un titre", "'Netflix"),
    head("Un titre", "l'été : un C:\\x"),
    head("Un titre", "[un, deux"),
    head("Un titre", "Netflix : un").replace("date: ", "date: : "),
    head("title", "titre"),
    head("date", "DATE"),
    head("date:", "draft: oui\ndate:"),
    head("date:", "audio: a.fr/1.mp3\ndate:"),
    HEAD.removesuffix("---\n\n") + "\n" + SEGMENT,
    episode(f"{SEGMENT}\n\n## Autre {{#autre\n\nTexte."),
    episode(f"{SEGMENT}\n\n## Autre {{#autre}} sujet\n\nTexte."),
    episode(f"{SEGMENT}\n\n## Autre {{#Une vidéo}}\n\nTexte."),
    episode(f"{SEGMENT}\n\n## Autre {{#}}\n\nTexte."),
    episode(f"{SEGMENT}\n\n# Autre\n\nTexte."),
    episode(f"{SEGMENT}\n\n# netflix #streaming\n\nTexte."),
    episode(f"{SEGMENT}\n\n##Autre\n\nTexte."),
    episode(f"{SEGMENT}\n\nTexte\n---"),
    episode(f"{SEGMENT}\n\nun<br>deux"),
    episode(f"{SEGMENT}\n\nun<br>\ndeux"),
    episode(f"{SEGMENT}\n\n<!-- note --> texte"),
    episode(f"{SEGMENT}\n\n<!-- sans fin"),
    episode(f"{SEGMENT}\n\n[texte] (https://a.fr)"),
    episode(f"{SEGMENT}\n\n[texte](https://a.fr/b c d)"),
    episode(f"{SEGMENT}\n\n![texte](https://a.fr/b c.png)"),
    episode(f"{SEGMENT}\n\nun\n[deux](b.fr/c)"),
    episode(sources="\n\nSource : https://a.fr\n"),
    episode(sources="\n\n**Sources :** [Le Monde](https://a.fr)\n"),
    episode(sources="\nSources :\nhttps://a.fr\nhttps://b.fr\n"),
    episode(sources="\n\n- un\nSources :\n- https://a.fr\n"),
    episode(sources="\n\nSources :\n\nhttps://a.fr\nhttps://b.fr\n"),
    episode(sources="\n\n### Sources :\n\n* https://a.fr\n"),
    episode(sources="\n\nSources :\n- Le Monde : https://a.fr/x\n"),
    episode(sources="\n\nSources :\n- https://a.fr/x (Le Monde)\n"),
    episode(sources="\n\nSources :\n- [a](https://a.fr) et [b](https://b.fr)\n"),
    episode(sources="\n\nSources :\n- https://a.fr, https://b.fr\n"),
    episode(sources="\n\nSources :\n- www.a.fr\n"),
]
ALL = [*LITERAL_CURES, *(text for text, _never, said in FALSE_CURES.values() if said)]


@pytest.mark.parametrize("text", ALL)
def test_each_cure_in_literal_words_ends_its_mistake(text: str) -> None:
    """Done in the file as the cure says, the mistake is told no more, and no other one stands in its line."""
    found = problems(text)
    assert found
    changes = [problem for problem in found if problem.change]
    for problem in changes:
        ended(problem, text)
    assert changes or text not in LITERAL_CURES


def ended(problem: Problem, text: str) -> None:
    """Check that the change of a problem ends it."""
    assert problem.change is not None
    assert problem.cure == problem.change.cure
    mended = problem.change.applied(text)
    assert mended is not None
    after = problems(mended)
    lines = {line for line, _old, _new in problem.change.edits}
    assert not any(each.line in lines and each.message == problem.message for each in after)
    before = {each.message for each in problems(text)}
    assert [each for each in after if each.line in lines and each.message not in before] == []


PIECES = [
    *HEAD.split("\n"),
    *SEGMENT.split("\n"),
    *("———", "## Un", "# Un", "##Un", "### Sources", "Sources :", "• https://a.fr", "- a : https://a.fr/x", "#a #b"),
    *("title: a : b", "draft: true", "# a, # b", "[a](b.fr/c)", "[a] (https://a.fr)", "a<br>b", "<b@c.fr>", "===", "-"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=20).map("\n".join))
def test_whatever_the_file_a_literal_cure_ends_its_mistake(text: str) -> None:
    """In any order of lines, right and wrong."""
    for problem in problems(text):
        if problem.change is not None:
            ended(problem, text)


class TestTrying:
    """The trial of the cures, for a reader of numbers."""

    def read(self, text: str) -> Mistakes:
        """Each line that is no number is a mistake, and each that is 7 another one."""
        mistakes = Mistakes(Path("a"))
        for at, line in enumerate(text.split("\n"), start=1):
            if line == "7":
                mistakes.add(at, "seven", "Write another")
            elif not line.isdecimal():
                again = Change("Write x", ((at, line, "x"),))
                worse = Change("Write 7", ((at, line, "7"),))
                elsewhere = Change("Write y", ((at, "y", "1"),))
                mistakes.add(at, "no number", again, worse, elsewhere, Change("Write 8", ((at, line, "8"),)), "Think")
        return mistakes

    def test_the_first_cure_that_mends_is_given(self) -> None:
        """Neither one that leaves the mistake, nor one that makes another, nor one that cannot be done."""
        found = self.read("1\na").tried("1\na", self.read)
        assert [(each.line, each.cure) for each in found] == [(2, "Write 8")]

    def test_without_a_trial_no_literal_cure_is_given(self) -> None:
        """A file so long that its cures are not tried gets the words that are always true."""
        text = "a\n" * 300_000
        found = self.read("a").tried(text, self.read)
        assert [each.cure for each in found] == ["Think"]

    def test_the_change_of_a_cure_shows_nothing_of_the_file(self) -> None:
        """Because a config holds tokens."""
        change = Change("Write it", ((1, "secret", "other"),))
        assert "secret" not in repr(Problem(Path("a"), "wrong", "Write it", change=change))


class TestOtherFormats:
    """A file that is no plain text in UTF-8 is told alone, with how to make it one."""

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"PK\x03\x04\x14\x00\x06\x00\xff\xfe", "this is a document (of Word, LibreOffice or PDF), not plain text"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "this is a document (of Word, LibreOffice or PDF), not plain text"),
            (b"%PDF-1.7\n%\xe2\xe3", "this is a document (of Word, LibreOffice or PDF), not plain text"),
            (episode().encode("utf-16"), "this is not UTF-8 text, but UTF-16"),
            (episode().encode("utf-16-le"), "this is not UTF-8 text, but UTF-16"),
            (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)), "this is no text"),
            (episode("## Un\n\nÉté.").encode("cp1252"), "this is not UTF-8 text"),
        ],
    )
    def test_it_is_told_alone(self, tmp_path: Path, data: bytes, said: str) -> None:
        """Nothing about UTF-8 of a document, and nothing about the front matter of either."""
        (tmp_path / "1207.md").write_bytes(data)
        [problem] = Archive.load(tmp_path).problems
        assert problem.message == said
        assert ("UTF-8" in problem.cure) is ("no text" not in said)


def test_a_source_whose_title_goes_on_in_the_next_line_is_one() -> None:
    """As in every version so far: only text that is no part of the link is told."""
    found = parse_episode(episode(sources="\n\nSources :\n- [Le\n  Monde](https://a.fr/1)\n"), Path("1207.md"))
    assert [source.title for source in found.segments[0].sources] == ["Le Monde"]
