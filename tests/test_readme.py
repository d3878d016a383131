"""The README leads a team that follows it word by word to a bot that runs."""

from __future__ import annotations

import configparser
import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from importlib import resources
from pathlib import Path

import pytest
import typer
import typer.main
import yaml
from typer.testing import CliRunner

from bot import cli as command_line
from bot.cli.console import Exit
from bot.cli.run import END_WITHIN
from bot.cli.storage import storage
from bot.cli.subscriptions import subscriptions
from bot.config import Schedule
from bot.content.archive import Archive
from bot.model.i18n import Language, words
from bot.platforms.discord import rights
from bot.platforms.registry import load
from tests.world import CONTENT

TOKEN = "123456789:AAEloopbackloopbackloopbackloopback"
SYSTEMD_ANALYZE = shutil.which("systemd-analyze") or ""
ROOT = CONTENT.parent
READMES = ("README.md", "README.fr.md")


@pytest.fixture(params=READMES)
def readme(request: pytest.FixtureRequest) -> str:
    """The text, in each of its languages."""
    return (ROOT / str(request.param)).read_text(encoding="utf-8")


def test_every_command_of_the_readme_exists_and_every_command_is_in_it(readme: str) -> None:
    """The README speaks of the real commands, and of all of them."""
    groups = {"subscriptions": subscriptions, "storage": storage}
    named = set(re.findall(r"`?recap ((?:subscriptions |storage )?[a-z]+)", readme)) - groups.keys()
    offered = _offered(command_line.cli) - groups.keys()
    nested = {f"{group} {name}" for group, commands in groups.items() for name in _offered(commands)}
    assert named == offered | nested
    for name in named:
        assert CliRunner().invoke(command_line.cli, [*name.split(), "--help"]).exit_code == 0


def test_a_show_begins_in_a_folder_of_its_own_without_the_samples(tmp_path: Path, readme: str) -> None:
    """As the README begins it: the config can be used, and no episode of another show is answered with."""
    (begin,) = [block for block in _blocks("sh", readme) if block.startswith("mkdir")]
    environment = {**os.environ, "HOME": str(tmp_path)}
    subprocess.run(["/bin/sh", "-ec", begin], cwd=ROOT, env=environment, check=True)  # noqa: S603 - our own text
    config = load(tmp_path / "recap" / "config.toml", {"RECAP_TELEGRAM__TOKEN": TOKEN})
    archive = Archive.load(config.content.folder, config.topics)
    assert (archive.episodes, archive.problems) == ((), ())


FIRST_EPISODE = """---
number: 1
title: Un premier épisode
date: {date}
---

Ce que l’on en dit.

## Un sujet

#tiktok

Un résumé de quelques phrases, assez long pour en dire l’essentiel à qui n’a pas écouté.

Sources :
- [Une source](https://example.org/page)
"""


def test_a_first_episode_takes_at_most_six_steps_without_english_and_without_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The French README leads from the clone to an own episode in the demo, and each answer is French."""
    readme = (ROOT / "README.fr.md").read_text(encoding="utf-8")
    chapter = readme.partition("en six étapes\n")[2].partition("\n## ")[0]
    assert re.findall(r"^(\d)\. ", chapter, re.MULTILINE) == list("123456")
    begin, new, check, demo = [block for block in _blocks("sh", chapter) if "preview" not in block]
    environment = {**os.environ, "HOME": str(tmp_path)}
    subprocess.run(["/bin/sh", "-ec", begin], cwd=ROOT, env=environment, check=True)  # noqa: S603 - our own text
    monkeypatch.chdir(tmp_path / "recap")
    runner = CliRunner(env={"RECAP_LANG": "", "LC_ALL": "", "LC_MESSAGES": "", "LANG": "C.UTF-8"})
    written = runner.invoke(command_line.cli, new.split()[1:])
    assert "Remplissez-le" in written.stderr
    (file,) = Path("content").glob("*.md")
    assert str(file) in written.stderr
    date = re.search(r"^date: (.*)$", file.read_text("utf-8"), re.MULTILINE)
    assert date is not None
    file.write_text(FIRST_EPISODE.format(date=date[1]), encoding="utf-8")
    checked = runner.invoke(command_line.cli, check.split()[1:])
    assert checked.exit_code == 0
    assert "il manque le jeton" in checked.stderr
    assert "épisode 1, Un premier épisode" in checked.stdout
    assert demo.split() == ["recap", "demo"]
    assert Archive.load(load(Path("config.toml"), {}, "ignored").content.folder).latest() is not None


def test_systemd_starts_the_program_in_that_folder(readme: str) -> None:
    """With the environment that was installed into, and not again and again with settings that cannot be used."""
    (text,) = _blocks("ini", readme)
    unit = configparser.ConfigParser()
    unit.read_string(text)
    service = unit["Service"]
    program, *arguments = shlex.split(service["ExecStart"])
    home = f"/home/{service['User']}/"
    assert (program, arguments) == (f"{home}monday-recap/.venv/bin/recap", ["run"])
    assert service["WorkingDirectory"] == f"{home}recap"
    assert service["RestartPreventExitStatus"] == str(int(Exit.BAD_INPUT))


@pytest.mark.skipif(not SYSTEMD_ANALYZE, reason="this machine has no systemd")
def test_systemd_finds_the_unit_well_protected(tmp_path: Path, readme: str) -> None:
    """Its own judgement, from 0 for a unit that can do nothing to 10 for one that can do all."""
    (text,) = _blocks("ini", readme)
    (unit := tmp_path / "recap.service").write_text(text, encoding="utf-8")
    judged = subprocess.run(  # noqa: S603 - our own text
        [SYSTEMD_ANALYZE, "security", "--offline=true", unit], capture_output=True, text=True, check=True
    )
    exposure = re.search(r"Overall exposure level for recap.service: ([\d.]+)", judged.stdout)
    assert exposure is not None
    assert float(exposure[1]) < 4


@pytest.mark.parametrize(("version", "is_told"), [((3, 10, 12), True), ((3, 11), False), ((4, 0), False)])
def test_a_python_that_is_too_old_is_told_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, readme: str, version: tuple[int, ...], is_told: bool
) -> None:
    """In both languages, by the first command of all, and before pip could say it in many."""
    (first,) = [block for block in _blocks("sh", readme) if "version_info" in block]
    option, program, *_more = shlex.split(first)[1:]
    assert option == "-c"
    monkeypatch.setattr("sys.version_info", version)
    with pytest.raises(SystemExit) if is_told else contextlib.nullcontext() as ended:
        exec(program)  # noqa: S102 - our own text
    assert str(ended and ended.value) == ("Python 3.11 is needed. Il faut Python 3.11." if is_told else "None")


def test_the_container_follows_the_files_that_an_editor_replaces() -> None:
    """Config and content are one mounted folder, the database is a volume, and tokens come from the environment."""
    service = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]["recap"]
    assert service["volumes"] == ["./show:/show:ro", "recap:/data"]
    settings = load(None, {name: "" if "TOKEN" in name else value for name, value in service["environment"].items()})
    assert settings.storage.path == Path("/data/recap.db")
    assert service["environment"]["RECAP_CONFIG"] == "/show/config.toml"
    assert set(service["environment"]) >= {"RECAP_TELEGRAM__TOKEN", "RECAP_DISCORD__TOKEN"}
    assert int(service["stop_grace_period"].removesuffix("s")) > END_WITHIN


def test_two_containers_share_one_server() -> None:
    """Each is the bot of `compose.yaml`, but for its database; `recap status` tells them apart by their names."""
    services = yaml.safe_load((ROOT / "compose.postgres.yaml").read_text(encoding="utf-8"))["services"]
    alone = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]["recap"]
    password = services["db"]["environment"]["POSTGRES_PASSWORD"]
    assert len({services[name]["hostname"] for name in ("recap-1", "recap-2")}) == 2
    for name in ("recap-1", "recap-2"):
        differing = {key for key in services[name] if services[name][key] != alone.get(key)}
        assert differing == {"depends_on", "environment", "hostname", "volumes"}
        url = services[name]["environment"]["RECAP_STORAGE__URL"].replace(password, "secret")
        assert load(None, {"RECAP_STORAGE__URL": url}).storage.url.get_secret_value() == url
    # The image has the driver, and the charts of the figures.
    assert "'.[postgres,stats]'" in (ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["several-machines.md", "plusieurs-machines.md"])
def test_the_addresses_of_the_guide_are_addresses(page: str) -> None:
    """Those of one server and of several, and those of a copy."""
    guide = (ROOT / page).read_text(encoding="utf-8")
    addresses = re.findall(r"(?:postgresql|sqlite)://[^\s`\"]+", guide)
    assert len(addresses) == 4
    for address in addresses:
        assert load(None, {"RECAP_STORAGE__URL": address}).storage.url.get_secret_value() == address
    assert page in (ROOT / ("README.md" if page.startswith("several") else "README.fr.md")).read_text(encoding="utf-8")


@pytest.mark.parametrize(("page", "language"), [("before-and-after.md", "en"), ("avant-et-apres.md", "fr")])
def test_the_guide_to_a_push_names_what_there_is(page: str, language: str) -> None:
    """Its buttons, commands and keys; the README leads to it."""
    guide = (ROOT / page).read_text(encoding="utf-8")
    said = {text for forms in words(Language(language))._sentences.values() for text in forms}
    buttons = set(re.findall(r"\*([^\W\d_][^*\n]*)\*", guide))
    assert len(buttons) > 9
    assert buttons - said == set()
    named = set(re.findall(r"`recap ([a-z]+)", guide))
    assert {"rehearse", "approve", "withhold", "release", "correct", "recall"} <= named <= _offered(command_line.cli)
    (example,) = _blocks("toml", guide)
    assert tomllib.loads(example)["schedules"][0].keys() <= Schedule.model_fields.keys()
    assert f"]({page})" in (ROOT / ("README.md" if language == "en" else "README.fr.md")).read_text(encoding="utf-8")


def test_what_the_readme_has_written_is_not_there_yet(readme: str) -> None:
    """`recap import … -o` writes no file that exists, and in the clone the samples do."""
    written = re.findall(r"recap import .*-o (\S+\.md)", readme)
    assert written
    assert [name for name in written if (ROOT / name).exists()] == []


def test_the_invitation_to_discord_asks_for_every_permission_that_a_push_takes(readme: str) -> None:
    """Those whose lack the bot complains of."""
    complaints = " ".join([*rights.CLOSED.values(), rights.MUTE_IN_THREADS])
    needed = set(re.findall(r"permission ((?:[A-Z]\w+|in)(?: (?:[A-Z]\w+|in))*)", complaints))
    assert needed == {"View Channel", "Send Messages", "Send Messages in Threads"}
    ticked = set(re.findall(r"\*([A-Z][^*]+)\*", readme))
    assert {name.replace("View Channel", "View Channels") for name in needed} <= ticked


def test_the_button_of_the_demo_reads_as_the_readme_says(readme: str) -> None:
    """In both languages."""
    words = (resources.files("bot.sandbox.demo") / "static" / "words.js").read_text(encoding="utf-8")
    said = json.loads(words.partition("const WORDS = (")[2].partition(");")[0])
    assert f"**{said['fr']['monday'].format(day='lundi', time='08:00')}**" in readme
    assert f"**{said['en']['monday'].format(day='Monday', time='8:00 AM')}**" in readme


def _blocks(language: str, readme: str) -> list[str]:
    """The README's blocks of code in a language, without the indentation of the list they stand in."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", readme, re.MULTILINE | re.DOTALL)
    return [re.sub(f"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]


def _offered(commands: typer.Typer) -> set[str]:
    """The names of the commands that a person is shown."""
    group = typer.main.get_group(commands)
    return {name for name, command in group.commands.items() if not command.hidden}
