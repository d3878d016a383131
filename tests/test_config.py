"""The configuration: what a good one means, where it comes from, and what never leaves it."""

from __future__ import annotations

import datetime as dt
import json
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from sqlalchemy.engine import make_url

from bot.config import (
    Channel,
    Config,
    ConfigSection,
    ContentFolder,
    DeliveryRules,
    PlatformSection,
    Schedule,
    Show,
    Storage,
    reread,
)
from bot.model.document import Layout
from bot.model.i18n import Language
from bot.model.problems import InvalidInputError
from bot.model.subscription import Choices, Origin, PlatformName, Subscription, Target
from bot.platforms.discord.section import Discord
from bot.platforms.registry import PLATFORMS, load
from bot.platforms.telegram.section import Telegram
from bot.storage.database import name_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.model.problems import Problem

S = TypeVar("S", bound=PlatformSection)

TELEGRAM_TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0"
DISCORD_TOKEN = "MTA5NzQ0.GhJkLm.abcdefghijklmnopqrstuvwxyz"
SERVER = "postgresql://recap:geheim@db/recap"
TELEGRAM = f'[telegram]\ntoken = "{TELEGRAM_TOKEN}"\n'
DISCORD = f'[discord]\ntoken = "{DISCORD_TOKEN}"\n'
SECTIONS: tuple[type[BaseModel], ...] = (
    Show,
    ContentFolder,
    Storage,
    Telegram,
    Discord,
    Schedule,
    Channel,
    DeliveryRules,
)


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    """Where a test may write its config file."""
    return tmp_path / "config.toml"


def loaded(file: Path, text: str, environ: Mapping[str, str] | None = None) -> Config:
    """The configuration of this text and these variables."""
    file.write_text(text, "utf-8")
    return load(file, environ or {})


def refused(file: Path, text: str, environ: Mapping[str, str] | None = None) -> InvalidInputError:
    """The error that the text and the variables are refused with."""
    with pytest.raises(InvalidInputError) as caught:
        loaded(file, text, environ)
    return caught.value


def problems_of(environ: Mapping[str, str]) -> tuple[Problem, ...]:
    """What is wrong with these variables, if anything."""
    try:
        load(None, environ)
    except InvalidInputError as error:
        return error.problems
    return ()


def section(config: Config, kind: type[S]) -> S:
    """The config's only section of this kind: that of a platform which is switched on."""
    (found,) = (each for each in config.platforms.values() if isinstance(each, kind))
    return found


class TestDefaults:
    """What holds when nothing is written."""

    def test_without_a_file_everything_has_its_default(self) -> None:
        """The defaults are those of the example in the design; both platforms are off."""
        config = load(None, {})
        paris = ZoneInfo("Europe/Paris")
        assert config.show == Show(name="Le récap du lundi", language=Language.FRENCH, timezone=paris)
        assert str(config.content.folder) == "content"
        assert config.storage.url.get_secret_value() == "sqlite:///recap.db"
        assert config.delivery.on_unknown == "resend"
        assert (config.platforms, config.topics, config.channels) == ({}, {}, ())

    def test_without_schedules_there_is_one_on_mondays_at_eight(self, config_file: Path) -> None:
        """It is called monday and follows the show's time zone."""
        config = loaded(config_file, '[show]\ntimezone = "America/Montreal"\n')
        (monday,) = config.schedules
        assert (monday.name, monday.cron, monday.timezone) == ("monday", "0 8 * * mon", ZoneInfo("America/Montreal"))
        assert (monday.max_lateness, monday.max_age) == (dt.timedelta(hours=6), dt.timedelta(days=6))

    def test_the_process_environment_is_what_counts_when_none_is_given(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Tests and tools may hand over another one."""
        monkeypatch.setenv("RECAP_SHOW__NAME", "From the process")
        assert load(None).show.name == "From the process"
        assert load(None, {}).show.name == "Le récap du lundi"

    def test_a_configuration_never_changes(self) -> None:
        """A reload makes a new one."""
        config = load(None, {})
        with pytest.raises(ValidationError, match="frozen"):
            config.show.name = "Another"  # type: ignore[misc] # the point of the test


class TestEnvironment:
    """Variables override the file, key by key."""

    def test_a_variable_overrides_its_key_alone(self, config_file: Path) -> None:
        """The other keys of the section stay as the file has them."""
        text = '[show]\nname = "A"\nlanguage = "en"\n' + TELEGRAM
        config = loaded(config_file, text, {"RECAP_SHOW__NAME": "B", "RECAP_TELEGRAM__RATE": "20"})
        assert (config.show.name, config.show.language) == ("B", "en")
        assert section(config, Telegram).rate == 20

    def test_a_token_in_the_environment_switches_the_platform_on(self) -> None:
        """Containers need no file."""
        config = load(None, {"RECAP_TELEGRAM__TOKEN": TELEGRAM_TOKEN, "recap_discord__token": DISCORD_TOKEN})
        assert section(config, Telegram).token.get_secret_value() == TELEGRAM_TOKEN
        assert section(config, Discord).token.get_secret_value() == DISCORD_TOKEN

    def test_an_empty_variable_is_no_variable(self, config_file: Path) -> None:
        """Compose files pass variables on that nobody set."""
        empty = {"RECAP_SHOW__NAME": "", "RECAP_DISCORD__TOKEN": "", "RECAP_NONSENSE__KEY": ""}
        config = loaded(config_file, '[show]\nname = "A"\n', empty)
        assert config.show.name == "A"
        assert config.platforms == {}

    def test_lists_are_written_as_in_the_file(self) -> None:
        """Admins, aliases and whole lists of tables are JSON."""
        environ = {
            "RECAP_TELEGRAM__TOKEN": TELEGRAM_TOKEN,
            "RECAP_TELEGRAM__ADMINS": "[1, 2]",
            "RECAP_TOPICS__TIKTOK": '["bytedance"]',
            "RECAP_CHANNELS": '[{"platform": "telegram", "chat": "@example"}]',
        }
        config = load(None, environ)
        assert section(config, Telegram).admins == (1, 2)
        assert config.topics == {"tiktok": ("bytedance",)}
        assert config.channels[0].target == Target(PlatformName("telegram"), "@example")

    def test_a_list_that_is_no_json_is_refused_like_any_value(self) -> None:
        """Together with all other mistakes."""
        (problem,) = problems_of({"RECAP_TELEGRAM__TOKEN": TELEGRAM_TOKEN, "RECAP_TELEGRAM__ADMINS": "me, you"})
        assert (problem.key, problem.message) == ("RECAP_TELEGRAM__ADMINS", "this must be a list")
        assert problem.cure == "Write for example RECAP_TELEGRAM__ADMINS=[123456789]"

    def test_variables_of_other_programs_do_not_matter(self) -> None:
        """Container platforms add variables named after the service."""
        assert problems_of({"RECAP_PORT": "tcp://10.0.0.1", "RECAP_SERVICE_HOST": "10.0.0.1", "PATH": "/bin"}) == ()


class TestTokens:
    """A token comes from the file, from a file beside it, or from the environment."""

    @pytest.fixture
    def token_file(self, tmp_path: Path) -> Path:
        """A file that holds the Telegram token, as an editor leaves it."""
        file = tmp_path / "secret"
        file.write_text(f"\N{BYTE ORDER MARK}  {TELEGRAM_TOKEN}\r\n", "utf-8")
        return file

    def test_a_token_file_is_seen_from_the_config_files_folder(self, config_file: Path, token_file: Path) -> None:
        """Its content is trimmed."""
        config = loaded(config_file, '[telegram]\ntoken_file = "secret"\n')
        assert section(config, Telegram).token.get_secret_value() == TELEGRAM_TOKEN
        assert section(config, Telegram).token_file == token_file

    def test_an_empty_token_beside_a_token_file_is_none(self, config_file: Path, token_file: Path) -> None:
        """The example's empty token may stay where it is."""
        config = loaded(config_file, f'[telegram]\ntoken = ""\ntoken_file = "{token_file}"\n')
        assert section(config, Telegram).token.get_secret_value() == TELEGRAM_TOKEN

    def test_a_token_is_trimmed_wherever_it_stands(self, config_file: Path) -> None:
        """People copy the space after it as well."""
        environ = {"RECAP_TELEGRAM__TOKEN": f" {TELEGRAM_TOKEN} "}
        config = loaded(config_file, f'[discord]\ntoken = " {DISCORD_TOKEN}\\n"\n', environ)
        assert section(config, Telegram).token.get_secret_value() == TELEGRAM_TOKEN
        assert section(config, Discord).token.get_secret_value() == DISCORD_TOKEN

    @pytest.mark.parametrize("written", ['token = "1:old"', 'token_file = "missing"'])
    @pytest.mark.parametrize("variable", ["token", "token_file"])
    def test_the_environments_way_replaces_the_files(
        self, config_file: Path, token_file: Path, written: str, variable: str
    ) -> None:
        """Token and token file are two ways to say one thing, and the environment wins."""
        value = TELEGRAM_TOKEN if variable == "token" else token_file.name
        config = loaded(config_file, f"[telegram]\n{written}\n", {f"RECAP_TELEGRAM__{variable.upper()}": value})
        assert section(config, Telegram).token.get_secret_value() == TELEGRAM_TOKEN


class TestPaths:
    """Relative paths start from the config file's folder, and addresses end without a slash."""

    def test_an_address_ends_without_a_slash(self, config_file: Path) -> None:
        """Paths can be put behind it as they are."""
        config = loaded(config_file, TELEGRAM + 'api_url = "http://localhost:8081/api/"\n')
        assert section(config, Telegram).api_url == "http://localhost:8081/api"

    def test_the_content_and_the_ledger_lie_beside_the_config_file(self, config_file: Path) -> None:
        """Wherever the bot is started from."""
        config = loaded(config_file, '[content]\nfolder = "episodes"\n')
        assert config.content.folder == config_file.parent / "episodes"
        assert config.storage.path == config_file.parent / "recap.db"
        assert config.storage.url.get_secret_value() == f"sqlite:///{config_file.parent}/recap.db"

    def test_a_path_from_the_environment_starts_there_too(self, config_file: Path) -> None:
        """A setting means the same wherever it is written."""
        environ = {"RECAP_CONTENT__FOLDER": "episodes", "RECAP_STORAGE__URL": "sqlite:///data/bot.db"}
        config = loaded(config_file, "", environ)
        assert config.content.folder == config_file.parent / "episodes"
        assert config.storage.path == config_file.parent / "data/bot.db"

    def test_full_paths_stay(self, config_file: Path) -> None:
        """Four slashes are a full path, as SQLite addresses have it."""
        config = loaded(config_file, '[content]\nfolder = "/srv/a"\n[storage]\nurl = "sqlite:////srv/b.db"\n')
        assert str(config.content.folder) == "/srv/a"
        assert config.storage.url.get_secret_value() == "sqlite:////srv/b.db"


class TestServers:
    """The ledger may be a PostgreSQL database, whose address comes from the config, the environment, or a file."""

    @pytest.mark.parametrize("beginning", ["postgresql", "postgres", "postgresql+psycopg"])
    def test_each_usual_spelling_is_the_same_address(self, config_file: Path, beginning: str) -> None:
        """Hosts of databases give either of the first two; a server has no file."""
        config = loaded(config_file, f'[storage]\nurl = "{beginning}://recap:s%2Fecret@db:5432/recap"\n')
        assert config.storage.url.get_secret_value() == "postgresql://recap:s%2Fecret@db:5432/recap"
        assert config.storage.path is None

    @pytest.mark.parametrize("written", ['url = "sqlite:///old.db"', 'url_file = "missing"'])
    @pytest.mark.parametrize("variable", ["url", "url_file"])
    def test_the_environments_way_replaces_the_files(self, config_file: Path, written: str, variable: str) -> None:
        """As with tokens; the file of the address is seen from the config's folder, and trimmed."""
        (config_file.parent / "address").write_text(f" {SERVER}\n", encoding="utf-8")
        value = SERVER if variable == "url" else "address"
        config = loaded(config_file, f"[storage]\n{written}\n", {f"RECAP_STORAGE__{variable.upper()}": value})
        assert config.storage.url.get_secret_value() == SERVER

    @given(middle=st.text(st.characters(exclude_categories=["Cs"]), max_size=9))
    def test_a_password_is_understood_or_refused_and_never_shown(self, middle: str) -> None:
        """Written as it is, where it may look like another part of the address, or in the way of addresses."""
        password = f"Zq7{middle}x9K"
        for written in (password, quote(password, safe="")):
            environ = {"RECAP_STORAGE__URL": f"postgresql://recap:{written}@db/recap"}
            try:
                config = load(None, environ)
            except InvalidInputError as error:
                assert written == password
                shown = "".join(traceback.format_exception(error)) + repr(error.problems)
            else:
                assert {unquote(written), written} == {each.get_secret_value() for each in config.storage.secrets}
                address = config.storage.url.get_secret_value()
                assert make_url(address).password == unquote(written)
                shown = repr(config) + config.model_dump_json() + name_of(address)
            assert written not in shown


class TestSchedulesAndChannels:
    """What the admin declares, as the bot uses it."""

    def test_a_schedule_may_have_its_own_zone_and_limits(self, config_file: Path) -> None:
        """The cron line is kept in its one spelling."""
        text = """
            [[schedules]]
            name = "a"
            cron = "0  8 * * MON"
            timezone = "Asia/Tokyo"
            max_lateness = "90m"
            max_age = "6 d"
        """
        (schedule,) = loaded(config_file, text).schedules
        assert (schedule.cron, schedule.timezone) == ("0 8 * * mon", ZoneInfo("Asia/Tokyo"))
        assert (schedule.max_lateness, schedule.max_age) == (dt.timedelta(minutes=90), dt.timedelta(days=6))

    @pytest.mark.parametrize(
        ("keys", "lead"),
        [("", 0), ('rehearsal = ""', 0), ('rehearsal = "14h"', 14), ('approval = "one"', 1)],
    )
    def test_the_team_sees_a_push_so_long_before(self, config_file: Path, keys: str, lead: int) -> None:
        """Never, unless a rehearsal is wanted; one that waits for an approval is seen an hour before at the latest."""
        text = TELEGRAM + "admins = [5]\n" + f'[[schedules]]\nname = "a"\ncron = "0 8 * * mon"\n{keys}'
        (schedule,) = loaded(config_file, text).schedules
        assert schedule.lead == dt.timedelta(hours=lead)

    @pytest.mark.parametrize(
        ("channel", "target"),
        [
            ('platform = "telegram"\nchat = "@Example"', "telegram:@example"),
            ('platform = "telegram"\nchat = -1001234567890', "telegram:-1001234567890"),
            ('platform = "telegram"\nchat = " -1001234567890 "\nthread = 7', "telegram:-1001234567890:7"),
            ('platform = "telegram"\nchat = 1234567890\npublish = false', "telegram:1234567890"),
            ('platform = "discord"\nchat = 1234567890', "discord:1234567890"),
        ],
    )
    def test_a_channel_is_a_target(self, config_file: Path, channel: str, target: str) -> None:
        """Names are compared without case, as Telegram does; numbers may stand in quotation marks. So is staff."""
        entries = "".join(
            f"[[{section}]]\n{channel}\n" for section in ("channels", "staff") if "publish" not in channel
        )
        config = loaded(config_file, TELEGRAM + DISCORD + (entries or "[[channels]]\n" + channel))
        assert {each.target for each in (*config.channels, *config.staff)} == {Target.parse(target, PLATFORMS)}

    def test_channels_are_subscriptions_of_the_config(self, config_file: Path) -> None:
        """Topics are normalised and aliases resolved, each topic once; the only schedule need not be named."""
        text = f"""
            [topics]
            tiktok = ["tik tok", "bytedance"]
            {DISCORD}
            [[schedules]]
            name = "friday"
            cron = "0 8 * * fri"
            [[channels]]
            platform = "discord"
            chat = 5
            topics = ["Byte-Dance", "#TikTok", "Médias"]
            layout = "segments"
            silent = true
            publish = true
        """
        choices = Choices(topics=("tiktok", "medias"), layout=Layout.SEGMENTS, silent=True, publish=True)
        expected = Subscription(Target(PlatformName("discord"), "5"), "friday", choices, Origin.CONFIG)
        assert loaded(config_file, text).subscriptions() == [expected]

    def test_a_channel_may_declare_rich_messages(self, config_file: Path) -> None:
        """Telegram's alone; left out, messages are simple."""
        text = f"""
            {TELEGRAM}
            [[channels]]
            platform = "telegram"
            chat = "@example"
            rich = true
            [[channels]]
            platform = "telegram"
            chat = "@other"
        """
        assert [each.choices.rich for each in loaded(config_file, text).subscriptions()] == [True, False]

    def test_one_chat_may_have_several_threads_and_schedules(self, config_file: Path) -> None:
        """Only the same chat, thread and schedule together are the same channel."""
        schedules = "".join(f'[[schedules]]\nname = "{day}"\ncron = "0 8 * * {day}"\n' for day in ("mon", "tue"))
        channels = "".join(
            f'[[channels]]\nplatform = "telegram"\nchat = "@example"\nschedule = "{day}"\nthread = {thread}\n'
            for day in ("mon", "tue")
            for thread in (7, 8)
        )
        assert len(loaded(config_file, TELEGRAM + schedules + channels).channels) == 4


class TestSecrets:
    """Whatever happens, a token is not shown."""

    def test_a_configuration_hides_its_tokens(self, config_file: Path) -> None:
        """In every form that ends up in a log."""
        config = loaded(config_file, TELEGRAM + DISCORD)
        forms = (repr(config), str(config), str(config.model_dump()), config.model_dump_json(), f"{config.platforms}")
        assert not any(token in form for form in forms for token in (TELEGRAM_TOKEN, DISCORD_TOKEN))

    @pytest.mark.parametrize("token", [TELEGRAM_TOKEN, DISCORD_TOKEN, "110201543:short", "Bot " + DISCORD_TOKEN])
    @pytest.mark.parametrize(
        ("section", "key"), [(model, key) for model in SECTIONS for key in (*model.model_fields, "tokn", "TOKEN")]
    )
    def test_a_token_under_the_wrong_key_is_not_repeated(
        self, config_file: Path, section: type[BaseModel], key: str, token: str
    ) -> None:
        """Neither the error nor its traceback shows what was written, whichever key it was pasted under."""
        name = section.__name__.lower()
        header = f"[[{name}s]]" if section in {Schedule, Channel} else f"[{name}]"
        try:
            loaded(config_file, f'{header}\n{key} = "{token}"\n')
        except InvalidInputError as error:
            forms = ("".join(traceback.format_exception(error)), repr(error), repr(error.problems))
            assert not any(token.removeprefix("Bot ") in form for form in forms)

    @pytest.mark.parametrize(
        "text",
        [
            f"[telegram]\ntoken = {TELEGRAM_TOKEN}\n",
            f'[telegram]\ntoken = "{TELEGRAM_TOKEN}\n',
            f'[telegram]\ntoken = ["{TELEGRAM_TOKEN}"]\n',
            f'telegram = "{TELEGRAM_TOKEN}"\n',
            f'token = "{TELEGRAM_TOKEN}"\n',
            f'[[channels]]\nplatform = "telegram"\nchat = "@example"\nschedule = "{TELEGRAM_TOKEN}"\n',
            f'[topics]\ntiktok = ["{TELEGRAM_TOKEN}"]\nnetflix = ["{TELEGRAM_TOKEN}"]\n',
            f'[telegram]\napi_url = "https://localhost/bot{TELEGRAM_TOKEN}"\n',
        ],
    )
    def test_a_token_in_the_wrong_form_is_not_repeated(self, config_file: Path, text: str) -> None:
        """Not even when the file is not TOML."""
        error = refused(config_file, text)
        assert TELEGRAM_TOKEN not in "".join(traceback.format_exception(error)) + repr(error.problems)

    @pytest.mark.parametrize("model", [Telegram, Discord])
    def test_a_section_made_by_code_does_not_repeat_a_token_either(self, model: type[BaseModel]) -> None:
        """Whoever builds one by hand sees pydantic's own error."""
        with pytest.raises(ValidationError) as caught:
            model(token="no token at all")
        assert "no token at all" not in str(caught.value)

    @pytest.mark.parametrize("section", ["telegram", "discord"])
    def test_a_password_in_an_address_is_refused_unseen(self, config_file: Path, section: str) -> None:
        """Addresses are shown freely, so they may not hold secrets."""
        error = refused(config_file, f'[{section}]\napi_url = "https://user:hunter2@localhost"\n')
        assert "an address must hold neither a token nor a password" in str(error)
        assert "hunter2" not in str(error)


VALUES = st.recursive(
    st.text(st.characters(codec="utf-8"), max_size=12)
    | st.integers()
    | st.booleans()
    | st.floats()
    | st.none()
    | st.sampled_from(["telegram", "discord", "monday", "sqlite:///", "0 8 * * 1", "9999999d", "https://[", "tiktok"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
TABLES = st.dictionaries(
    st.sampled_from(sorted({key for model in SECTIONS for key in model.model_fields} | {"odd"})), VALUES, max_size=6
)
ENVIRONMENTS = st.dictionaries(
    st.sampled_from([f"RECAP_{section.upper()}" for section in Config.model_fields]),
    (VALUES | TABLES | st.lists(TABLES, max_size=3)).map(json.dumps),
)


def test_a_file_that_is_empty_for_a_moment_changes_nothing(config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some editors empty it before they write: the text that is looked at is the one that counts."""
    monkeypatch.setenv("RECAP_TELEGRAM__TOKEN", TELEGRAM_TOKEN)
    config_file.write_text('[[channels]]\nplatform = "telegram"\nchat = 1\n', "utf-8")
    running, texts = load(config_file), iter([b"", config_file.read_bytes()])
    monkeypatch.setattr(Path, "read_bytes", lambda _path: next(texts))
    with pytest.raises(InvalidInputError, match="the file is empty"):
        reread(config_file, running)


def test_a_section_is_built_when_it_is_first_used() -> None:
    """Else each would be built alone, and again within each config that holds it, before a start has read a line."""

    class Section(ConfigSection):
        key: int = 1

    assert not Section.__pydantic_complete__
    assert Section().key == 1


@given(ENVIRONMENTS)
def test_whatever_is_written_is_a_configuration_or_refused_in_words(environ: dict[str, str]) -> None:
    """No value leads to another error, and every refusal says where, why and how to mend it."""
    for problem in problems_of(environ):
        assert problem.key is not None
        assert problem.key.startswith("RECAP_")
        assert problem.message not in {"", "this value cannot be used"}
        assert problem.cure
