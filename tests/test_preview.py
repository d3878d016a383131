"""What a push looks like on the screen of somebody who writes it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console
from rich.text import Text

from bot.cli.preview import _bar, _Prose, panels, renderings
from bot.config import Show
from bot.content.parser import parse_episode
from bot.model.document import Layout
from bot.model.subscription import PlatformName
from bot.platforms.discord.terminal import markdown
from bot.platforms.registry import PLATFORMS

if TYPE_CHECKING:
    from bot.model.episode import Episode

HEAD = "---\nnumber: 1\ntitle: Un titre\ndate: 2024-11-04\n---\n\n"
BODY = "## Un sujet\n\n**Gras**, [ici](https://a.fr/b).\n\n![Image](https://a.fr/c.png)\n\n## Autre\n\n> Cité.\n"


@pytest.fixture
def episode() -> Episode:
    """Two subjects with a bit of everything."""
    return parse_episode(HEAD + BODY, Path("1.md"))


def drawn(episode: Episode, platform: PlatformName, layout: Layout = Layout.DIGEST, width: int = 100) -> str:
    """The panels as text, on a screen of this width."""
    console = Console(width=width, markup=False, emoji=False, highlight=False)
    [rendering] = renderings(Show(), episode, (), layout, [platform]).values()
    with console.capture() as capture:
        for panel in panels(platform, rendering):
            console.print(panel)
    return capture.get()


def test_each_limit_is_told_with_what_is_used_of_it(episode: Episode) -> None:
    """In the platform's own units: entities on Telegram, components on Discord, characters on both."""
    [message] = renderings(Show(), episode, (), Layout.DIGEST, [PlatformName("telegram")])[
        PlatformName("telegram")
    ].messages
    text = drawn(episode, PlatformName("telegram"))
    assert f"{message.used} of 4096 characters" in text
    assert f"{len(message.body['entities'])} of 100 entities" in text
    [message] = renderings(Show(), episode, (), Layout.DIGEST, [PlatformName("discord")])[
        PlatformName("discord")
    ].messages
    text = drawn(episode, PlatformName("discord"))
    assert f"{message.used} of 4000 characters" in text
    # The container, the opening, a separator before each subject, two texts, and a gallery between them; two rows,
    # the buttons of both subjects, the settings, and the way out.
    assert "13 of 40 components" in text


@pytest.mark.parametrize("width", [30, 45, 60, 80])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_no_figure_is_cut_on_a_narrow_screen(episode: Episode, platform: PlatformName, width: int) -> None:
    """It would be another figure: 7 of 100 is not 7 of 10."""

    def figures(columns: int) -> list[str]:
        lines = drawn(episode, platform, width=columns).splitlines()
        return re.findall(r"\d+ of \d+ [a-z]+", " ".join(" ".join(line.strip("│ ") for line in lines).split()))

    assert len(figures(200)) == 2 * len(re.findall(f"{platform} \\d/", drawn(episode, platform)))
    assert figures(width) == figures(200)


@pytest.mark.parametrize("space", ["\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_no_line_is_broken_at_a_no_break_space(platform: PlatformName, space: str) -> None:
    """Whatever the width; an author would look for a mistake that is not there."""
    text = f"{HEAD}## Un sujet\n\nLe mot de la fin, et **«{space}gras{space}»** à 10{space}%{space}!\n"
    episode = parse_episode(text, Path("1.md"))
    for width in range(30, 60):
        shown = drawn(episode, platform, width=width)
        assert f"«{space}gras{space}»" in shown
        assert f"10{space}%{space}!" in shown


def test_styles_stay_where_lines_are_broken() -> None:
    """The words in bold are in bold on whichever line they land."""
    space = "\N{NO-BREAK SPACE}"
    text = _Prose(f"un deux trois{space}quatre cinq")
    text.stylize("bold", 8, 20)
    first, second = text.wrap(Console(), 18)
    assert (first.plain.rstrip(), second.plain) == ("un deux", f"trois{space}quatre cinq")
    assert [second.plain[span.start : span.end] for span in second.spans] == [f"trois{space}quatre"]


@pytest.mark.parametrize(
    ("used", "colour"), [(0, "green"), (50, "green"), (91, "yellow"), (100, "yellow"), (101, "red"), (900, "red")]
)
def test_a_bar_warns_by_its_colour(used: int, colour: str) -> None:
    """Of the last tenth, and of what is too much; it never grows beyond its frame."""
    bar = _bar(used, 100, "entities")
    assert bar.spans[0].style == colour
    assert bar.plain[:10].count("▰") == min(10, round(used / 10))
    assert bar.plain[10:] == f" {used} of 100 entities"


def test_a_message_per_segment_shows_which_one_rings(episode: Episode) -> None:
    """Only the first."""
    for platform in PLATFORMS:
        text = drawn(episode, platform, Layout.SEGMENTS)
        assert f"{platform} 1/3 ─" in text
        assert f"{platform} 3/3 · silent" in text


def test_the_markdown_of_discord_is_shown_as_discord_shows_it() -> None:
    """Without its signs, and with its styles and addresses."""
    content = "## Titre\n-# petit\n> cité\n- un **gras** \\*là\\* [ici](<https://a.fr/b>)\n```\n**a**\n```"
    text = markdown(content)
    assert text.plain.split("\n") == ["Titre", "petit", "▎ cité", "• un gras *là* ici", "**a**"]
    assert {str(span.style).strip() for span in text.spans} >= {
        "bold underline",
        "dim",
        "italic dim",
        "bold",
        "blue underline link https://a.fr/b",
        "cyan",
    }


def test_emoji_do_not_shift_the_styles_of_telegram() -> None:
    """Telegram counts two units where a terminal counts one character."""
    text = "---\nnumber: 1\ntitle: Un titre\ndate: 2024-11-04\n---\n\n## Un sujet\n\n🎉🎉 **Gras** fin.\n"
    rendering = renderings(Show(), parse_episode(text, Path("1.md")), (), Layout.DIGEST, [PlatformName("telegram")])[
        PlatformName("telegram")
    ]
    [panel] = panels(PlatformName("telegram"), rendering)
    shown = panel.renderable.renderables[0]  # type: ignore[union-attr]
    assert isinstance(shown, Text)
    assert "Gras" in [shown.plain[span.start : span.end] for span in shown.spans if span.style == "bold"]
