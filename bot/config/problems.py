"""The mistakes of a configuration, in plain words.

Because a token may stand anywhere by mistake, no message repeats a value that somebody wrote. Messages show known words
and numbers of the settings' own, and by `shown` the keys and names that cannot be tokens.
"""

import json
import re
import typing
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from bot.config.hidden import shown
from bot.config.sources import DELIMITER, PREFIX, Fault, KeyPath, Sources, variable_name
from bot.config.toml import commented_header
from bot.model.i18n import gettext as _
from bot.model.i18n import gettext_noop, spoken
from bot.model.problems import Change
from bot.model.text import normalise_topic

SCHEDULE_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")

_NEAR = 75
"""The likeness, from 0 to 100, from which a message offers a known word for an unknown one."""

_REASONS = {
    "missing": gettext_noop("this key is missing"),
    "extra_forbidden": gettext_noop("there is no such key"),
    "string_too_short": gettext_noop("this must not be empty"),
    "int_parsing_size": gettext_noop("this number is too large"),
    "greater_than": gettext_noop("this must be more than {gt}"),
    "greater_than_equal": gettext_noop("this must be at least {ge}"),
    "less_than_equal": gettext_noop("this must be at most {le}"),
    "string_too_long": gettext_noop("this must have at most {max_length} characters"),
    "tuple_type": gettext_noop("this must be a list"),
    **dict.fromkeys(
        ("int_type", "int_parsing", "int_from_float", "finite_number"), gettext_noop("this must be a whole number")
    ),
    **dict.fromkeys(("bool_type", "bool_parsing"), gettext_noop("this must be true or false")),
    **dict.fromkeys(("enum", "literal_error"), gettext_noop("this must be {expected}")),
    **dict.fromkeys(("string_type", "path_type"), gettext_noop("this must be text")),
    **dict.fromkeys(("dict_type", "model_type"), gettext_noop("this must be a section with keys of its own")),
}
_USELESS = gettext_noop("this value cannot be used")


def refusal(reason: str, cure: str = "") -> PydanticCustomError:
    """Return the error of a validator that gives its own reason and cure; without a cure, an example is told."""
    return PydanticCustomError("refused", "{reason}", {"reason": reason, "cure": cure})


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is nearest to this one; None when none is near."""
    # Because it takes four megabytes, which an idle bot does not need, the library is loaded for a word that is wrong.
    from rapidfuzz import process, utils  # noqa: PLC0415

    found = process.extractOne(word, list(known), processor=utils.default_process, score_cutoff=_NEAR)
    return found[0] if found else None


def contradictions(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield the mistakes between values that may be right by themselves.

    The values come as somebody wrote them, so that a wrong one hides no mistake of the others.
    """
    yield from _topic_clashes(values.get("topics"))
    if values.get("schedules") == []:
        cure = _("Take this line out for Mondays at eight")
        yield Fault(("schedules",), _("an empty list of schedules would push nothing"), cure)
    schedules: list[object] = []
    for number, entry in _entries(values, "schedules"):
        if (name := entry.get("name")) and name in schedules:
            yield Fault(
                ("schedules", number, "name"), _("another schedule has this name"), _("Give each schedule its own")
            )
        if entry.get("approval") == "one" and not _has_admins(values):
            reason = _("nobody could approve: there is no admin in the config")
            cure = _('Write the number of a person as admins of a platform, or approval = "none"')
            yield Fault(("schedules", number, "approval"), reason, cure)
        if entry.get("rehearsal") and not (_has_admins(values) or values.get("staff")):
            reason = _("nobody would see the rehearsal: there is neither an admin nor a chat of the team in the config")
            cure = _('Write the number of a person as admins of a platform, or rehearsal = ""')
            yield Fault(("schedules", number, "rehearsal"), reason, cure)
        schedules.append(name)
    yield from _channel_clashes(values, schedules)


def _has_admins(values: Mapping[str, Any]) -> bool:
    return any(isinstance(section, dict) and section.get("admins") for section in values.values())


def switched_off(values: Mapping[str, Any], platforms: Container[str]) -> Iterator[Fault]:
    """Yield the declared channels and the team's chats on platforms without a section."""
    places = [(key, *entry) for key in ("channels", "staff") for entry in _entries(values, key)]
    for key, number, entry in places:
        platform = entry.get("platform")
        if isinstance(platform, str) and platform in platforms and platform not in values:
            reason = _("this platform is switched off: there is no [{platform}] section").format(platform=platform)
            cure = _("Add a [{platform}] section with its token, or take this channel out").format(platform=platform)
            yield Fault((key, number, "platform"), reason, cure)


def _entries(values: Mapping[str, Any], key: str) -> Iterator[tuple[int, dict[str, Any]]]:
    entries = values.get(key)
    for number, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict):
            yield number, entry


def _channel_clashes(values: Mapping[str, Any], schedules: Sequence[object]) -> Iterator[Fault]:
    names = [name for name in schedules if isinstance(name, str) and SCHEDULE_NAME.fullmatch(name)]
    known = spoken().either([f'schedule = "{shown(name)}"' for name in dict.fromkeys(names)] or [""])
    seen: list[list[str]] = []
    for number, entry in _entries(values, "channels"):
        place = ("channels", number, "schedule")
        if names and "schedule" not in entry:
            yield Fault(
                place,
                _("with several schedules each channel must name its own"),
                _("Write {known}").format(known=known),
            )
        # Because the channel may mean a schedule whose own name is wrong, all names must be right.
        elif names and names == schedules and entry["schedule"] not in names:
            yield Fault(
                place,
                _("there is no schedule of this name"),
                _("Write {known}, or add the schedule").format(known=known),
            )
        identity = [str(entry.get(key) or "").strip().casefold() for key in ("platform", "chat", "thread", "schedule")]
        if identity in seen:
            cure = _("Keep one of the two, or give one another schedule or thread")
            yield Fault(("channels", number), _("this channel stands here twice with the same schedule"), cure)
        seen.append(identity)


def _topic_clashes(topics: object) -> Iterator[Fault]:
    if not isinstance(topics, dict):
        return
    names = [normalise_topic(topic) for topic in topics]
    owners: dict[str, str] = {}
    for (topic, aliases), name in zip(topics.items(), names, strict=True):
        if names.count(name) > 1:
            yield Fault(("topics", topic), _("this topic stands here twice"), _("Put all its aliases into one line"))
        for number, alias in enumerate(aliases if isinstance(aliases, list) else []):
            word = normalise_topic(alias) if isinstance(alias, str) else ""
            place = ("topics", topic, number)
            if word in names and word != name:
                yield Fault(
                    place, _("this alias is a topic itself"), _("Take the alias out, or the topic of that name")
                )
            elif word and owners.setdefault(word, name) != name:
                owner = shown(owners[word])
                yield Fault(
                    place,
                    _("this alias already belongs to {owner}").format(owner=owner),
                    _("Leave it with one of the two"),
                )


def strangers(sources: Sources, settings: type[BaseModel]) -> Iterator[Fault]:
    """Yield the sections that do not exist, and the variables that look like the bot's and are not."""
    sections = {name: _model_in(section.annotation) for name, section in settings.model_fields.items()}
    for section in sources.table.keys() - sections.keys():
        homes = [f"[{name}]" for name, model in sections.items() if model and section in model.model_fields]
        cure = (
            _("Put it below {homes}").format(homes=spoken().either(homes))
            if homes
            else _offer(section, sections, _("sections"))
        )
        yield Fault((section,), _("there is no such section"), cure)
    known = [name + DELIMITER + key for name, model in sections.items() if model for key in model.model_fields]
    for variable in sources.variables:
        name = variable.removeprefix(PREFIX.lower())
        section, delimiter, key = name.partition(DELIMITER)
        ours = bool(delimiter) or section.startswith(tuple(f"{known_section}_" for known_section in sections))
        if ours and section not in sections:
            cure = _("Write RECAP_, a section, two underscores, a key")
            if meant := nearest(name, known):
                cure = _("Did you mean {value}?").format(value=variable_name((meant,)))
            yield Fault((section, key) if delimiter else (section,), _("there is no such variable"), cure)


def _offer(word: str, known: Mapping[str, object], kind: str, place: KeyPath | None = None) -> str:
    """Return the cure for an unknown word; with the place of a section, it names a variable of that section."""
    if meant := nearest(word, known):
        return _("Did you mean {value}?").format(value=meant if place is None else variable_name((*place, meant)))
    return _("The {kind} are {known}").format(kind=kind, known=", ".join(known))


def translated(errors: list[ErrorDetails], settings: type[BaseModel], sources: Sources) -> Iterator[Fault]:
    """Yield the errors of pydantic as faults, one for each cause."""
    told: set[Change] = set()
    for error in errors:
        # pydantic marks a mistake in a table's key by a last part of its own.
        place = tuple(part for part in error["loc"] if part != "[key]")
        context = error.get("ctx", {})
        if error["type"] == "extra_forbidden" and (astray := _astray(place, settings, sources)):
            if astray.change not in told:
                yield astray
            told |= {astray.change} if astray.change else set()
        elif error["type"] == "refused" and context["cure"]:
            yield Fault(place, context["reason"], context["cure"])
        else:
            if "expected" in context:
                context |= {"expected": spoken().either(re.split(", | or ", context["expected"]))}
            sentence = _REASONS.get(error["type"], _USELESS)
            reason = context.get("reason") or _(sentence).format_map(context)
            yield Fault(place, reason, *_cure(error["type"], place, settings, sources))


def _astray(place: KeyPath, settings: type[BaseModel], sources: Sources) -> Fault | None:
    """Return the fault of an unknown key that belongs to a section whose header a `#` switches off."""
    line = None if sources.variable(place) else sources.line(place)
    off = commented_header(sources.text, line) if line else None
    if off is None:
        return None
    header, change = off
    field = settings.model_fields.get(header.strip("[] "))
    model = _model_in(field.annotation) if field else None
    if model is None or place[-1] not in model.model_fields:
        return None
    return Fault(
        place,
        _("this key belongs to {header}, whose line is switched off").format(header=header),
        change.cure,
        _(_AS_SHOWN),
        change=change,
    )


_AS_SHOWN = gettext_noop("Write it as config.example.toml shows")


def _cure(kind: str, place: KeyPath, settings: type[BaseModel], sources: Sources) -> tuple[str, str, object]:
    """Return the cure, the one without literal words, and the value that the first one names; None if it names none."""
    keys = [part for part in place if isinstance(part, str)]
    model, field = _at(keys, settings)
    from_variable = (sources.variable(place) or "").startswith(variable_name(place))
    if model and kind == "extra_forbidden":
        return _offer(keys[-1], model.model_fields, _("keys here"), place[:-1] if from_variable else None), "", None
    if field is None or len(keys) == 1:
        is_list = typing.get_origin(settings.model_fields[keys[0]].annotation) is tuple
        header = f"[[{keys[0]}]]" if is_list else f"[{keys[0]}]"
        return (
            _("Write {header} on a line of its own in the config file and the keys below it").format(header=header),
            "",
            None,
        )
    value = field.examples[0] if field.examples else field.default
    example = json.dumps(value, ensure_ascii=False, default=str)
    otherwise = getattr(model, "token_cure", _AS_SHOWN) if keys[-1] == "token" else _AS_SHOWN
    instead = json.loads(example)
    if from_variable:
        written = example.strip('"')
        return (
            _("Write for example {prefix}{upper}={written}").format(
                prefix=PREFIX, upper=DELIMITER.join(map(shown, keys)).upper(), written=written
            ),
            _(otherwise),
            instead,
        )
    return (
        _("Write for example {keys} = {example}").format(keys=shown(keys[-1]), example=example),
        _(otherwise),
        instead,
    )


def _at(keys: Sequence[str], settings: type[BaseModel]) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """Return the model that the last key belongs to, and the field of that key."""
    owner: type[BaseModel] | None = None
    model: type[BaseModel] | None = settings
    field: FieldInfo | None = None
    for key in keys:
        owner = model
        # Because a table of free keys has no fields of its own, a key in the table has the table's field.
        if model:
            field = model.model_fields.get(key)
            model = _model_in(field.annotation) if field else None
    return owner, field


def _model_in(annotation: object) -> type[BaseModel] | None:
    """Return the model that the annotation is, or is a list or an option of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, typing.get_args(annotation))), None)
