"""The registry: a third platform is a row of it, and nothing else in the bot knows that there is one more."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from rich.text import Text
from typer.testing import CliRunner

from bot import cli
from bot.commands import COMMANDS, Request, answered
from bot.config import BY_ENVIRONMENT, Network, PlatformSection
from bot.config.problems import refusal
from bot.model.document import Document, plain
from bot.model.problems import InvalidInputError
from bot.model.rendering import Message, Rendering
from bot.model.subscription import NO_CHOICES, Choices, PlatformName, SubscriptionState, Target
from bot.platforms.abilities import Finder, Pinner, Publisher
from bot.platforms.base import Account, ChatLimit, Feature, PlatformRow, TerminalView
from bot.platforms.registry import PLATFORMS, load
from bot.runtime.app import opened
from tests.running import at_work
from tests.world import CONTENT, MONDAY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot.commands import CommandContext
    from bot.model.i18n import Language
    from bot.platforms.base import Post, Sender

PIGEON = PlatformName("pigeon")
LONGEST = 500
ANNA = Target(PIGEON, "7")

CONFIG = """
[content]
folder = "{content}"
[pigeon]
token = "coo"
admins = [7]
[[channels]]
platform = "pigeon"
chat = 5
"""


class Pigeon(PlatformSection):
    """The pigeons' section of the config."""

    title = "Pigeons"
    token_cure = "Write the word that your pigeons answer to"

    token: SecretStr
    token_file: Path | None = None
    api_url: str = "https://example.org"
    rate: int = 1000
    admins: tuple[int, ...] = ()

    @classmethod
    def read_chat(cls, text: str) -> str:
        """Return the number of a loft."""
        if not text.isdecimal():
            raise refusal("this is no loft", "Write its number")
        return text

    @classmethod
    def check_choice(cls, key: str, value: object) -> None:
        """Refuse rich messages."""
        if (key, value) == ("rich", True):
            raise refusal("pigeons carry plain paper", "Take this line out")


def render(document: Document, *, silent: bool = False) -> Rendering:
    """Return the document as slips of paper."""
    text = "\n".join(plain(section.blocks) for section in document.sections)
    slips = [text[start : start + LONGEST] for start in range(0, len(text), LONGEST)]
    messages = (Message({"paper": slip, "quiet": silent}, len(slip), LONGEST) for slip in slips)
    return Rendering(document.title, tuple(messages))


class Loft(Account):
    """The pigeons: what they have brought to each chat, and the commands that they bring back."""

    name = PIGEON

    def __init__(self, section: Pigeon, _network: Network) -> None:
        self.token = section.token
        self.brought: dict[str, list[str]] = {}
        self.arrival = asyncio.Event()
        self.answer: Callable[[str, Target], asyncio.Task[None]] | None = None

    def render(self, document: Document, *, silent: bool = False, rich: bool = False) -> Rendering:
        """Return the document as slips of paper."""
        del rich
        return render(document, silent=silent)

    async def send(self, post: Post) -> str:
        """Bring a slip."""
        slips = self.brought.setdefault(post.target.chat, [])
        slips.append(post.message.body["paper"])
        self.arrival.set()
        return str(len(slips))

    async def inspect(self, target: Target, choices: Choices = NO_CHOICES) -> Sequence[str]:
        """Find every loft."""
        del target, choices
        return ()

    async def connect(self) -> None:
        """Open the loft."""

    async def listen(self) -> None:
        """Wait for pigeons that come back."""
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Close the loft."""

    def read(self, chat: str) -> str:
        """Everything that was brought to the chat."""
        return "".join(self.brought.get(chat, ()))


class PigeonHandlers:
    """Answers every command that a pigeon brings."""

    def __init__(self, account: Loft, context: CommandContext, _sender: Sender, language: Language) -> None:
        self._account = account
        self.use(context, language)

    def use(self, context: CommandContext, language: Language) -> None:
        """Answer from this context, in this language."""
        self._context, self._language = context, language

    def register(self) -> None:
        """Have the account call them."""
        self._account.answer = lambda typed, target: asyncio.create_task(self._answer(typed, target))

    async def _answer(self, typed: str, target: Target) -> None:
        (command,) = (each for each in COMMANDS if f"/{each.name}" == typed)
        request = Request("", target, self._language)
        _, rendering = await answered(self._context, command.answer, request, self._account.render)
        self._account.brought.setdefault(target.chat, []).extend(each.body["paper"] for each in rendering.messages)


@pytest.fixture
def lofts(monkeypatch: pytest.MonkeyPatch) -> list[Loft]:
    """The registry with one row more, and every account that the bot makes with it."""
    made: list[Loft] = []

    def connect(section: Pigeon, network: Network) -> Loft:
        made.append(Loft(section, network))
        return made[-1]

    row = PlatformRow(
        name=PIGEON,
        section=Pigeon,
        load=lambda: (connect, PigeonHandlers),
        limits=lambda _target: (ChatLimit(100, 1.0),),
        render=render,
        is_silent=lambda message: bool(message.body["quiet"]),
        terminal=lambda message: TerminalView(
            [Text(message.body["paper"])], [(message.used, message.limit, "characters")]
        ),
        colour="white",
        private_chat=str,
        features=frozenset(),
    )
    monkeypatch.setitem(PLATFORMS, PIGEON, row)
    return made


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config with pigeons alone, in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RECAP_CONFIG", raising=False)
    file = tmp_path / "config.toml"
    file.write_text(CONFIG.format(content=CONTENT), encoding="utf-8")
    return file


def recap(*arguments: str) -> str:
    """What the command prints; it must not fail."""
    result = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"}).invoke(cli.cli, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


async def test_a_third_platform_gets_the_push_and_answers(lofts: list[Loft], config: Path) -> None:
    """The episode comes to its channel, the report to its admin, and the answer to whoever asks, in the same words."""
    async with opened(load(config, {}), lambda: MONDAY) as app, at_work(app), asyncio.timeout(20):
        (loft,) = lofts
        while "montre patte blanche" not in loft.read("5") or "Épisode 1207" not in loft.read("7"):
            loft.arrival.clear()
            await loft.arrival.wait()
        assert loft.answer is not None
        await loft.answer("/latest", Target(PIGEON, "9"))
        assert loft.read("9") == loft.read("5")
        await loft.answer("/subscribe", Target(PIGEON, "9"))
        (subscription,) = await app.ledger.subscriptions.of(Target(PIGEON, "9"))
        assert subscription.state is SubscriptionState.ACTIVE


@pytest.mark.usefixtures("lofts", "config")
def test_a_third_platform_is_known_to_every_command() -> None:
    """It is previewed as it looks, checked, subscribed and told of; what it does not have is refused."""
    shown = recap("preview", "1207", "--platform", "pigeon")
    assert "pigeon 1/" in shown
    assert re.search(r"\d+ of 500 characters", shown)
    assert list(json.loads(recap("preview", "1207", "--json"))) == list(PLATFORMS)
    assert recap("preview", "1207", "--html", "page.html") == ""
    assert '"name": "Pigeons"' in Path("page.html").read_text("utf-8")
    assert "Next push on schedule monday" in recap("check")
    assert "Subscribed: pigeon:7 on schedule monday" in recap("subscriptions", "add", "pigeon:7")
    assert [row["target"] for row in json.loads(recap("subscriptions", "list", "--json"))] == ["pigeon:7"]
    assert "would go to 2 subscriptions" in recap("send", "1207", "--dry-run")
    assert "2 sent" in recap("send", "1207")
    assert json.loads(recap("status", "--json"))["broadcasts"][0]["sent"] == {"pigeon": 2}
    refused = CliRunner().invoke(cli.cli, ["subscriptions", "add", "pigeon:7", "--rich"])
    assert "only Telegram has rich messages: leave --rich out" in refused.output


@pytest.mark.usefixtures("lofts")
@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ('platform = "icq"\nchat = 5', "this must be 'telegram', 'discord' or 'pigeon'"),
        ('platform = "pigeon"\nchat = "roof"', "this is no loft. Write its number."),
        ('platform = "pigeon"\nchat = 5\nrich = true', "pigeons carry plain paper"),
        ('platform = "discord"\nchat = 5', "this platform is switched off: there is no [discord] section"),
    ],
)
def test_the_config_asks_the_row_what_a_channel_can_be(config: Path, channel: str, said: str) -> None:
    """In the row's own words where it has some."""
    config.write_text(CONFIG.format(content=CONTENT) + f"[[channels]]\n{channel}\n", encoding="utf-8")
    with pytest.raises(InvalidInputError, match=re.escape(said)):
        load(config, {})


def test_a_word_that_no_row_has_is_no_platform() -> None:
    """Neither in a target nor in the config, whatever it will be one day."""
    assert Target.parse("telegram:5", PLATFORMS).platform == "telegram"
    for text in ("pigeon:7", "Telegram:5", "telegram"):
        with pytest.raises(ValueError, match="is not a target: write PLATFORM:CHAT"):
            Target.parse(text, PLATFORMS)


@pytest.mark.parametrize("name", PLATFORMS)
def test_what_a_row_promises_its_account_can_do(name: PlatformName) -> None:
    """Passing on, looking and replacing are methods of the account; the help of the preview names the platform."""
    row = PLATFORMS[name]
    token = {"telegram": "123456789:AAEloopbackloopbackloopbackloopback"}.get(name, "loopback")
    make_account, _ = row.load()
    account = make_account(row.section(token=SecretStr(token)), BY_ENVIRONMENT)
    methods = {Feature.PUBLISH: Publisher.publish, Feature.FIND: Finder.find, Feature.PIN: Pinner.pin}
    for feature, method in methods.items():
        assert (feature in row.features) == hasattr(account, method.__name__)
    assert name in recap("preview", "--help")
