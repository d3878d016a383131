"""The reader's language on the command line, and all that typer would say of itself in it.

Because typer brings its own click, without catalogues, help is drawn here, and refusals are told by their class.
"""

from __future__ import annotations

import difflib
import itertools
import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NoReturn

import typer
from typer._click import exceptions
from typer._completion_shared import install
from typer.core import TyperCommand, TyperGroup

from bot.model.i18n import Language, gettext, gettext_noop, speaking, spoken
from bot.model.i18n import gettext as _

DEFAULT_CONFIG = Path("config.toml")
"""The config that is read when it exists and no other was named."""
CONFIG_VARIABLE = "RECAP_CONFIG"

_LOCALE = ("RECAP_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
"""The variables that name the reader's language; the first that is set counts, as POSIX wants it."""
_WRITTEN = re.compile(rb"""^[^#\n]*\blanguage\s*=\s*["'](\w+)""", re.MULTILINE)
"""The language in a config. A config with a mistake has one too, and its mistake is told in it."""
_CONFIG_OPTION = re.compile(r"(?:--config=|-c)(.+)")


def reader_language(arguments: Sequence[str], environ: Mapping[str, str]) -> Language:
    """Return the language that the environment asks for, else the show's, else French."""
    asked = next(filter(None, map(environ.get, _LOCALE)), None)
    return Language.pick(asked, Language.pick(_show_language(arguments, environ), Language.FRENCH))


def speaking_to_reader(arguments: Sequence[str] | None = None) -> AbstractContextManager[None]:
    """Return a context that speaks the reader's language; the arguments, else the process's own, may name a config."""
    language = reader_language(sys.argv[1:] if arguments is None else arguments, os.environ)
    return speaking(lambda: language)


def _show_language(arguments: Sequence[str], environ: Mapping[str, str]) -> str | None:
    if given := environ.get("RECAP_SHOW__LANGUAGE"):
        return given
    try:
        found = _WRITTEN.search((named_config(arguments, environ) or DEFAULT_CONFIG).read_bytes())
    except (OSError, ValueError):
        return None
    return found and found[1].decode()


def named_config(arguments: Sequence[str], environ: Mapping[str, str]) -> Path | None:
    """Return the config that the arguments name, or the environment."""
    path = environ.get(CONFIG_VARIABLE)
    for argument, following in itertools.pairwise([*arguments, ""]):
        if argument in {"--config", "-c"}:
            path = following
        elif joined := _CONFIG_OPTION.fullmatch(argument):
            path = joined[1]
    return Path(path) if path else None


class _InWords:
    """The help of a command in the reader's language. Its parts are marked where they stand, and translated here."""

    help: str | None
    params: list[Any]

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:  # noqa: ANN401 - typer's own types are private
        """Translate the command and its options before it reads its arguments."""
        self.help = self.help and gettext(self.help)
        for param in self.params:
            if param.name == "install_completion":
                param.callback = _install_completion
            param.metavar = param.metavar and gettext(param.metavar)
            param.help = " ".join(filter(None, [param.help and gettext(param.help), _more(param)]))
        return super().make_context(info_name, args, parent, **extra)  # type: ignore[misc] # a mixin of typer's commands

    def get_short_help_str(self, limit: int = 0) -> str:  # noqa: ARG002 - typer would cut the sentence there
        """Return the whole sentence: a narrow screen folds it."""
        return gettext(str(self.help))

    def get_help_option(self, ctx: Any) -> Any:  # noqa: ANN401 - as above
        """Return typer's option, in our words."""
        option = super().get_help_option(ctx)  # type: ignore[misc] # as above
        option.help = _("Show this help.")
        return option

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - as above
        """Return the options and arguments of the line that shows how the command is called."""
        arguments = [param for param in self.params if param.param_type_name == "argument"]
        return ["[OPTIONS]", *(each.metavar if each.required else f"[{each.metavar}]" for each in arguments)]

    def format_usage(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as above
        """Write the line that shows how the command is called."""
        pieces = " ".join(self.collect_usage_pieces(ctx))
        formatter.write_usage(ctx.command_path, pieces, prefix=_("Usage:") + " ")

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as above
        """Write the arguments, the options, and the commands of a group."""
        params = [param for param in self.get_params(ctx) if not param.hidden]  # type: ignore[attr-defined] # as above
        commands = getattr(self, "commands", {}).items()
        for heading, rows in (
            (_("Arguments:"), [_row(param, ctx) for param in params if param.param_type_name == "argument"]),
            (_("Options:"), [_row(param, ctx) for param in params if param.param_type_name == "option"]),
            (_("Commands:"), [(name, command.get_short_help_str()) for name, command in commands]),
        ):
            if rows:
                formatter.write_paragraph()
                formatter.write(f"{heading}\n")
                with formatter.indentation():
                    formatter.write_dl(rows)


class AdminCommand(_InWords, TyperCommand):
    """A command in the reader's language."""


class AdminGroup(_InWords, TyperGroup):
    """A group of commands in the reader's language."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - as above
        """Return the parts of the line that shows how the group is called."""
        return [_("COMMAND"), "…"]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - as above
        """Return the command that was named."""
        try:
            return super().resolve_command(ctx, args)
        except exceptions.UsageError as error:
            if type(error) is not exceptions.UsageError:
                raise
            told = _("there is no command “{name}”").format(name=args[0])
            raise _Refused(told + _meant(args[0], self.commands), ctx) from None

    def main(self, args: Sequence[str] | None = None, **extra: Any) -> NoReturn:  # type: ignore[override] # noqa: ANN401 - typer passes all else by name
        """Run the command that was named, and exit. A refusal of the arguments ends in a sentence."""
        with speaking_to_reader(args):
            try:
                code = super().main(args, **extra, standalone_mode=False)
            except typer.TyperException as error:
                typer.echo(_refusal(error), err=True)
                code = error.exit_code
                if "--json" in (sys.argv[1:] if args is None else args):
                    typer.echo(json.dumps({"problems": [], "error": _reason(error)}))
        sys.exit(code or 0)


# typer says these of its own options.
gettext_noop("Install completion for the current shell.")
gettext_noop("Show completion for the current shell, to copy it or customize the installation.")


def _install_completion(ctx: Any, _param: Any, is_wanted: bool) -> None:  # noqa: ANN401 - typer calls it so
    """Have the shell complete commands and options, and say where that was written."""
    if is_wanted and not ctx.resilient_parsing:
        shell, path = install()
        told = _("{shell} completes commands from its next start on. Written: {path}.")
        typer.echo(told.format(shell=shell, path=path))
        ctx.exit()


class _Refused(exceptions.UsageError):
    """A mistake in the arguments, with a message of our own."""


def _row(param: Any, ctx: Any) -> tuple[str, str]:  # noqa: ANN401 - typer's own types are private
    """Return the names of a parameter, and its help."""
    return param.metavar if param.param_type_name == "argument" else param.get_help_record(ctx)[0], param.help


def _more(param: Any) -> str:  # noqa: ANN401 - as above
    """Return the default and the variable of an option, for its help."""
    more = []
    if param.envvar:
        more.append(_("variable: {name}").format(name=param.envvar))
    if isinstance(param.default, str | int) and param.default is not False:
        more.append(_("default: {value}").format(value=param.default))
    return f"[{'; '.join(more)}]" if more else ""


def _refusal(error: typer.TyperException) -> str:
    """Return the text that tells a mistake in the arguments, with the way to the help."""
    if isinstance(error, exceptions.NoArgsIsHelpError):
        return error.message
    reason = _reason(error)
    told = _("Error: {message}").format(message=reason if reason.endswith((".", "?")) else f"{reason}.")
    context = getattr(error, "ctx", None)
    if context is None:
        return told
    help_of = _("The help: {command}").format(command=f"`{context.command_path} --help`")
    return f"{context.get_usage()}\n{help_of}\n\n{told}"


def _reason(error: typer.TyperException) -> str:
    """Return the reason of a refusal, for a sentence."""
    param = getattr(error, "param", None)
    name = param and (param.metavar if param.param_type_name == "argument" else param.opts[0])
    labelled = _("{name}: {text}")
    errors = getattr(error.__cause__, "errors", None)
    match error:
        case exceptions.MissingParameter():
            return _("{name} is missing").format(name=name)
        case exceptions.BadParameter() if errors is not None:
            first = errors()[0]
            told = _("“{value}” does not fit: {cure}")
            cure = _right_value(first, param, error.ctx)
            return labelled.format(name=name, text=told.format(value=first["input"], cure=cure))
        case exceptions.BadParameter():
            hint = error.param_hint or name
            return labelled.format(name=hint, text=error.message) if hint else error.message
        case exceptions.NoSuchOption():
            told = _("there is no option {name}").format(name=error.option_name)
            return told + _meant(error.option_name, error.possibilities or ())
        case exceptions.BadOptionUsage():
            # Because typer has one class for both, its words tell them apart.
            told = _("{name} takes no value") if "not take" in error.message else _("{name} needs a value after it")
            return told.format(name=error.option_name)
        case _Refused():
            return error.message
        case exceptions.UsageError() if error.ctx and isinstance(error.ctx.command, AdminGroup):
            return _("a command is missing")
    # typer puts the arguments that nothing takes between brackets, and names them nowhere else.
    surplus = error.message.partition("(")[2].partition("(")[2].rpartition(")")[0]
    return _("nothing takes this: {arguments}").format(arguments=surplus)


def _right_value(first: Mapping[str, Any], param: Any, ctx: Any) -> str:  # noqa: ANN401 - typer's own types are private
    """Return the instruction to write a value that the parameter takes, by the first error of pydantic."""
    match first["type"]:
        case "int_parsing":
            return _("write a whole number")
        case "greater_than_equal":
            return _("write a number from {least} on").format(least=first["ctx"]["ge"])
        case "less_than_equal":
            return _("write a number up to {most}").format(most=first["ctx"]["le"])
    forms = (param.metavar or param.display_type(ctx)).strip("<>").split("|")
    return _("write {form}").format(form=spoken().either(forms))


def _meant(word: str, known: Iterable[str]) -> str:
    """Return the question whether a known word was meant, for the end of a sentence; empty if none is near."""
    near = difflib.get_close_matches(word, known)
    return ". " + _("Did you mean {words}?").format(words=spoken().either(near)) if near else ""
