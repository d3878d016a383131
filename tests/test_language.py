"""The language of the command line: the reader's, else the show's, else French."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot import cli as command_line
from bot.cli import console
from bot.cli.wording import reader_language
from bot.delivery.reasons import labelled, out_of_reach
from bot.model.codes import Code
from bot.model.facts import Unreached
from bot.model.i18n import Language, gettext, speaking, spoken
from bot.model.subscription import PlatformName, Subscription, SubscriptionState, Target
from bot.storage.clock import utc_now
from bot.storage.ledger import Ledger
from bot.storage.lock import DeliveryLock

FRENCH, ENGLISH = Language.FRENCH, Language.ENGLISH


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, without a config."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({"RECAP_LANG": "en"}, ENGLISH),
        ({"RECAP_LANG": "en", "LC_ALL": "fr_FR.UTF-8"}, ENGLISH),
        ({"RECAP_LANG": "", "LANG": "en_GB.UTF-8"}, ENGLISH),
        ({"LANG": "en_US.UTF-8"}, ENGLISH),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "fr_CA"}, FRENCH),
        ({"LANG": "fr_FR", "LC_ALL": "en_US"}, ENGLISH),
        ({"LC_ALL": "", "LANG": "en"}, ENGLISH),
        ({"LANG": "fr_BE@euro"}, FRENCH),
        ({"LANG": "C.UTF-8"}, FRENCH),
        ({"LANG": "POSIX"}, FRENCH),
        ({"LANG": "de_DE.UTF-8"}, FRENCH),
        ({}, FRENCH),
    ],
)
def test_the_environment_names_the_language(environ: dict[str, str], language: Language) -> None:
    """RECAP_LANG first, then the locale as POSIX reads it; without a show, French is left."""
    assert reader_language([], environ) is language


@pytest.mark.parametrize("environ", [{}, {"LANG": "C"}, {"LC_ALL": "POSIX"}, {"LANG": "de_DE.UTF-8"}])
@pytest.mark.parametrize(
    "text",
    [
        '[show]\nlanguage = "en"\n',
        "[show]\n# language = 'fr'\nlanguage='en'\n",
        'show = { name = "Lundi", language = "en" }\n',
        'show.language = "en"\n',
        '\N{BYTE ORDER MARK}[show]\nlanguage = "en"\nname = unquoted\n',
    ],
)
def test_else_the_show_names_it(environ: dict[str, str], text: str) -> None:
    """In any spelling of the key, in a config with a mistake too, because that mistake is told in it."""
    Path("config.toml").write_text(text, encoding="utf-8")
    assert reader_language([], environ) is ENGLISH


@pytest.mark.parametrize(
    "arguments",
    [["check", "--config", "en.toml"], ["-c", "en.toml"], ["--config=en.toml", "check"], ["check", "-cen.toml"]],
)
def test_the_show_is_that_of_the_config_that_is_named(arguments: list[str]) -> None:
    """By the option or by the variable; a variable may name the language itself."""
    Path("config.toml").write_text('[show]\nlanguage = "fr"\n', encoding="utf-8")
    Path("en.toml").write_text('[show]\nlanguage = "en"\n', encoding="utf-8")
    assert reader_language(["check"], {}) is FRENCH
    assert reader_language(arguments, {}) is ENGLISH
    assert reader_language(["check"], {"RECAP_CONFIG": "en.toml"}) is ENGLISH
    assert reader_language(["check"], {"RECAP_SHOW__LANGUAGE": "en"}) is ENGLISH


@pytest.mark.parametrize("name", ["nothing.toml", ".", "a\0b"])
def test_a_config_that_cannot_be_read_names_none(name: str) -> None:
    """The command itself tells of the config; the language is French."""
    assert reader_language(["check", "--config", name], {}) is FRENCH


def test_a_task_keeps_the_language_that_it_began_with() -> None:
    """A bot that delivers for a reader of English notes the show's reasons in the show's language."""
    message = "No such file or directory"
    with speaking(lambda: FRENCH):
        assert gettext(message) == "ce fichier ou ce dossier n’existe pas"
        with speaking(lambda: ENGLISH):
            assert gettext(message) == message
        assert gettext(message) != message


def test_what_a_bot_noted_is_told_in_the_readers_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its troubles, the chats out of its reach, and why a subscription is paused; the platforms' words as they are."""

    async def note() -> None:
        async with await Ledger.open("sqlite:///recap.db", utc_now) as ledger:
            await ledger.heartbeat.take()
            target = Target(PlatformName("telegram"), "5")
            place = Unreached(target, Code.CLOSED, "403 Forbidden: bot was kicked", is_admin=False, is_person=False)
            with speaking(lambda: FRENCH):
                troubles = [labelled("Telegram", f"{gettext('no answer from Telegram in time')}.", spoken())]
                await ledger.heartbeat.beat(troubles, [out_of_reach(place, spoken())])
                reason = gettext("the bot is not a member there")
            await ledger.subscriptions.save(
                Subscription(target, "monday", state=SubscriptionState.PAUSED, reason=reason)
            )

    monkeypatch.setenv("RECAP_LANG", "en")
    asyncio.run(note())
    lock = DeliveryLock(Path("recap.db"))
    assert lock.acquire()
    said, listed = (
        CliRunner().invoke(command_line.cli, name.split()).output for name in ("status", "subscriptions list")
    )
    lock.release()
    assert said.splitlines()[:2] == [
        "Telegram: no answer from Telegram in time.",
        "Out of reach: telegram:5\N{NO-BREAK SPACE}: 403 Forbidden: bot was kicked. Then the bot goes on by itself.",
    ]
    assert "the bot is not a member there" in listed


MISTAKES = {
    "chekc": "Erreur : il n’y a pas de commande « chekc ». Vouliez-vous dire check ?",
    "--": "Erreur : il manque une commande.",
    "list --jsn": "Erreur : il n’y a pas d’option --jsn. Vouliez-vous dire --json ?",
    "list --json=3": "Erreur : --json ne prend pas de valeur.",
    "list too much": "Erreur : rien n’attend ceci : too much.",
    "preview --topic": "Erreur : --topic attend une valeur à sa suite.",
    "preview x": "Erreur : N : « x » ne convient pas : écrivez un nombre entier.",
    "preview --layout poster": "Erreur : --layout : « poster » ne convient pas : écrivez digest, segments ou brief.",
    "preview --platform icq": "Erreur : --platform : écrivez telegram, discord ou all.",
    "correct 1207 --platform icq": "Erreur : --platform : écrivez telegram ou discord.",
    "recall 1207207207": "Erreur : N : « 1207207207 » ne convient pas : écrivez un nombre jusqu’à 999999999.",
    "new --date demain": "Erreur : --date : « demain » ne convient pas : écrivez AAAA-MM-JJ.",
    "demo --port 65536": "Erreur : --port : « 65536 » ne convient pas : écrivez un nombre jusqu’à 65535.",
    "demo --port -1": "Erreur : --port : « -1 » ne convient pas : écrivez un nombre à partir de 0.",
    "subscriptions add": "Erreur : il manque PLATEFORME:SALON[:FIL].",
    "subscriptions lsit": "Erreur : il n’y a pas de commande « lsit ». Vouliez-vous dire list ?",
}


@pytest.mark.parametrize("arguments", MISTAKES)
def test_a_mistake_in_the_arguments_is_told_in_words_of_the_bot(arguments: str) -> None:
    """Each kind that typer knows, in French to the last word, with exit code 2 and no traceback."""
    ended = CliRunner(env={"RECAP_LANG": "fr"}).invoke(command_line.cli, arguments.split())
    assert ended.exit_code == 2
    told = ended.stderr.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert told.splitlines()[-1] == MISTAKES[arguments]


@pytest.mark.parametrize("arguments", [[name, "--help"] for name in command_line.COMMANDS] + [["--help"]])
def test_help_has_no_english_word_of_typer(arguments: list[str]) -> None:
    """Its headings, marks and kinds of value are said in French too."""
    told = CliRunner(env={"RECAP_LANG": "fr"}).invoke(command_line.cli, arguments)
    assert told.exit_code == 0
    for word in (
        "Usage:",
        "Options:",
        "Arguments:",
        "Commands:",
        "Show",
        "default",
        "env var",
        "<",
        "required",
        "ARGS",
    ):
        assert word not in told.stdout.replace("<telegram", "").replace("<digest", "").replace("<failed", "")


@pytest.mark.parametrize(
    ("typed", "is_yes"),
    [("oui\n", True), ("O\n", True), ("y\n", True), (" Yes \n", True), ("non\n", False), ("\n", False), ("", False)],
)
@pytest.mark.parametrize(("language", "choice"), [(FRENCH, "[oui/non]"), (ENGLISH, "[yes/no]")])
def test_a_question_is_asked_and_answered_in_the_readers_language(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: str,
    *,
    is_yes: bool,
    language: Language,
    choice: str,
) -> None:
    """All that is no yes is a no."""
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    with speaking(lambda: language):
        assert console.confirms("?") is is_yes
    assert capsys.readouterr().out == f"? {choice} "
