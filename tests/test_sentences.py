"""No sentence for people stands outside the catalogues, and what the team reads stands in golden files.

`python -m pytest tests/test_sentences.py --golden` writes the files anew. Read aloud what changed before it goes in.
"""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
import time_machine
from typer.testing import CliRunner

from bot import cli as command_line
from bot.model.i18n import Language
from bot.model.problems import ExpectedError, InvalidInputError
from tests.world import CONTENT

BOT = Path(str(resources.files("bot")))
GOLDEN = Path(__file__).parent / "golden"

CATALOGUED = {"_", "gettext", "gettext_noop", "ngettext"}
SPOKEN_TO_NOBODY = {"log", "cast", "compile", "TypeError", "NotImplementedError", "RuntimeError", "text", "replace"}
"""Calls whose words reach no people: the log, types, patterns, bugs, and SQL."""
TYPES = {"TypeVar", "getLogger"}
SHOWN = {"print", "Span", "paragraph", "small_print", "as_notice", "notice", "in_short", "BadParameter"}
SHOWN |= {"CommandButton", "LinkButton", "ShareButton", "Change"}
"""Calls whose first argument people read, as they read the words of every error."""
SENTENCE = re.compile(
    # Two words in a row, of which the second one is small; a word alone that begins large, or behind a space; one
    # that begins large before a quotation.
    r"[A-Za-z’']{2,},? [a-z’']{2,}|^[A-Z][a-zà-ÿ’']+[.,:;!?…]*$|^[,;]? [a-zà-ÿ’']{2,}[ .,:;!?…]*$|^[A-Z][a-z]+ [\"'“«]"
)
WORD = re.compile(r"[A-Za-zà-ÿ’']{2,}")

OF_PROGRAMS = re.compile(
    r"PRAGMA |SELECT |UPDATE |ALTER |sha256|default-src|^Mozilla|\||<\w+|^(?:ol|ul) |italic|underline|dict\[str"
    # Words that a platform or a library says, and by which the bot knows its answers.
    r"|^(?:message (?:is|to|can't)|(?:not found|rights to send|requires)|telegram (?:menu|update)|not take|proxy auth)"
    r"|^(?:other getupdates|asked wait)"
    # Lists of words in which notes and messages are looked for, and names in the demo.
    r"|^(?:a au|à a|le la|the of|zero one|number episode|title titre|audio mp3|address article|thank you|a abonnement)"
    r"|^(?:Les |Le |The listeners|The club|tik tok|one two three|title: )"
    # Names of services, of buttons, of keys of notices, and commands to copy.
    r"|^(?:audio (?:link|file)|A message as a guest|lower left)"
    r"|^(?: ?xx |.*xx$|layout |silent |rich |publish |off |on |pause |at |person |chat |missed |storage |no-episode )"
    r"|^(?:: still|A press could|An inline query|The button|an update cannot|no update has|'xx' has no text|not xx)"
    r"|\{#xx at=xx\}"
    r"|^(?:recap |sent later|not wanted|no answer yet|moved to another|none is scheduled|short lines|the bot$)"
    # Names of people, of headers, of the platforms; steps in the log; classes and codes.
    r"|^(?:Camille|Sacha|Récap|Recap|Server|Location|Origin|Discord|Telegram|Retry|Redirect|Hold|Fail|Cf|So|Database|Creator|Date|Format|Type)$"
    r"|^(?:enum|target|int_type|refused|example\.org|/help)$"
)
"""Texts that programs read, or that stand for something else."""


def test_no_sentence_for_people_stands_outside_the_catalogues() -> None:
    """Each string that reads as one, however short, is a docstring, a log's, a program's, or of the catalogues."""
    found = [
        f"{path.relative_to(BOT)}:{line}: {text}"
        for path in sorted(BOT.rglob("*.py"))
        # The stand-ins speak as the platforms do, and a released migration is never edited.
        if not path.is_relative_to(BOT / "sandbox") or path.is_relative_to(BOT / "sandbox" / "demo")
        # So do the names of metrics, for the people who run a team's servers.
        if "versions" not in path.parts and path.name != "monitor.py"
        for line, text in sentences(ast.parse(path.read_text(encoding="utf-8")))
        if not OF_PROGRAMS.search(text)
    ]
    assert found == []


def test_such_a_sentence_is_found() -> None:
    """In a literal, a formatted one, and one of several lines; not in the catalogues' and the log's."""
    code = """
def tell(name):
    "Tell the name of it."
    log.info("the name is here")
    _("the name is told").format(name=name)
    error("the name is wrong", f"{name} is wrong here", "a long" " sentence of two parts")
    out().print("done", "name")
    told: "Episode" = f"{name} (gone)"
    Change(f"Type {name}", edits)
    cure = f'Write "{name}"'
    raise NameError(f"wrong {name}") from error(told + " indeed", "Saved!", " and ".join(name))
"""
    assert sorted(text for _line, text in sentences(ast.parse(code))) == sorted(
        [
            "xx is wrong here",
            "the name is wrong",
            "a long sentence of two parts",
            "done",
            "wrong xx",
            " indeed",
            "Saved!",
            " and ",
            "Type xx",
            'Write "xx"',
        ]
    )


def sentences(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the lines and texts of strings that people may read, with `xx` for each value."""
    silent, shown = roles(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and node not in silent:
            silent.update(ast.walk(node))
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "xx" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in silent:
            text = node.value
        else:
            continue
        if SENTENCE.search(text) or (node in shown and WORD.search(re.sub(r"xx|\{\w+\}", "", text))):
            yield node.lineno, text


def roles(tree: ast.Module) -> tuple[set[ast.AST], set[ast.AST]]:
    """Return the nodes that no people read, and those that people read however short they are."""
    silent: set[ast.AST] = set()
    shown: set[ast.AST] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant() as docstring):
                silent.add(docstring)
            case ast.Call(func=function) if names_of(function) & (CATALOGUED | SPOKEN_TO_NOBODY | TYPES):
                silent.update(ast.walk(node))
            case ast.Call(func=function, args=[first, *_]) if any(
                name in SHOWN or name.endswith("Error") for name in names_of(function)
            ):
                shown.add(first)
            case ast.arg(annotation=kind) | ast.AnnAssign(annotation=kind) | ast.FunctionDef(returns=kind) if kind:
                silent.update(ast.walk(kind))
            case ast.AsyncFunctionDef(returns=kind) | ast.Assign(targets=[ast.Name("__all__")], value=kind) if kind:
                silent.update(ast.walk(kind))
    return silent, shown


def names_of(function: ast.expr) -> set[str]:
    """Return the name of a function, and that of the object whose method it is."""
    if isinstance(function, ast.Attribute):
        return {function.attr} | (names_of(function.value) if isinstance(function.value, ast.Name) else set())
    return {function.id} if isinstance(function, ast.Name) else set()


TOKEN = "123456789:AAEloopbackloopbackloopbackloopback"
CHANNEL = '[[channels]]\nplatform = "telegram"\nchat = "-1001234567890"\ntopics = ["tiktak"]\n'
BROKEN_CONFIG = """[show]
langage = "fr"
timezone = "Paris"
[shwo]
[telegram]
token = "12:ab"
rate = "fast"
[[schedules]]
name = "Le lundi"
cron = "0 25 * * 1"
max_age = "week"
[[channels]]
platform = "icq"
chat = 5
"""
BROKEN_EPISODE = """---
number: no
titel: Un
date: 2024-02-30
audio: exemple
---

##

Un **mot.

- [Source](exemple.org)

## Deux

#

![](image.png)
"""

COMMANDS = [
    "--help",
    *(f"{name} --help" for name in command_line.COMMANDS),
    *(f"subscriptions {name} --help" for name in ("list", "add", "remove", "export", "import")),
    "chekc",
    "list --jsn",
    "preview x",
    "preview 999",
    "preview --topic tiktak",
    "list",
    "check",
    "status",
    "healthy",
    "new",
    "new",
    "send --dry-run",
    "send 999",
    "subscriptions list",
    "subscriptions add telegram:5 --topic netflix",
    "subscriptions add telegram",
    "subscriptions list",
    "subscriptions remove telegram:5",
    "subscriptions remove telegram:5",
    "import nothing.txt",
    "demo --host 0.0.0.0",
]


@pytest.mark.parametrize("language", Language)
def test_what_the_team_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, language: Language
) -> None:
    """Help, answers, tables and mistakes of the command line; nothing changes by accident."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECAP_LANG", language)
    shutil.copytree(CONTENT, "content")
    config = Path("config.toml")
    for name in ("RECAP_CONFIG", "RECAP_LOG"):
        monkeypatch.delenv(name, raising=False)
    with time_machine.travel("2024-11-02T12:00:00Z", tick=False):
        said = [answer("check"), answer("run")]
        config.touch(mode=0o600)
        config.write_text(f'[telegram]\ntoken = "{TOKEN}"\n{CHANNEL}', encoding="utf-8")
        said += map(answer, COMMANDS)
        for broken in (BROKEN_CONFIG, "[show]\nname = Lundi\n", '[telegram]\ntoken = ""\n'):
            config.write_text(broken, encoding="utf-8")
            said += [answer("check"), answer("run")]
        config.unlink()
        shutil.rmtree("content")
        said += map(answer, ("list", "demo"))
        Path("content").mkdir()
        Path("content/1.md").write_text(BROKEN_EPISODE, encoding="utf-8")
        Path("content/2.md").write_text("Bonjour\n", encoding="utf-8")
        Path("content/3.md").write_bytes(b"\xff\xfe")
        said += map(answer, ("check", "list"))
    text = "\n".join(said).replace(str(tmp_path), "…")
    file = GOLDEN / f"command-line.{language}.txt"
    if request.config.getoption("--golden"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text("utf-8")


def answer(arguments: str) -> str:
    """Return a command as it is typed, all that it says, and its exit code."""
    ended = CliRunner(env={"COLUMNS": "100", "NO_COLOR": "1"}).invoke(command_line.cli, arguments.split())
    said, code = ended.output, ended.exit_code
    if isinstance(ended.exception, InvalidInputError):
        said, code = "".join(f"{problem}\n" for problem in ended.exception.problems), 2
    elif isinstance(ended.exception, ExpectedError):
        said = f"{ended.exception}\n"
    elif not isinstance(ended.exception, SystemExit | None):
        raise ended.exception
    lines = "".join(f"{line.rstrip()}\n" for line in said.splitlines())
    return f"$ recap {arguments}\n{lines}[{code}]\n"
