"""The commands and buttons of people, and the answers to them: the same on every platform.

`COMMANDS` is the one table: the platforms register from it, and `/help` lists it. A command takes a `Request` and gives
an `Answer`. A command knows neither platform nor database. Each file here answers about one subject.
"""

from bot.commands.completion import suggest
from bot.commands.episodes import to_share
from bot.commands.request import (
    LARGEST_FILE,
    Answer,
    AnswerFile,
    AttachedFile,
    CommandContext,
    Obstacle,
    Request,
    busy,
    for_you_alone,
    outdated,
    slow_down,
    sorry,
)
from bot.commands.subscribing import no_voice
from bot.commands.table import (
    ADMIN,
    COMMANDS,
    SAID,
    START,
    UNKNOWN,
    Answering,
    Argument,
    Command,
    Press,
    answered,
    command_named,
    hello,
    press,
    welcomed,
)
from bot.commands.throttle import Throttle, Verdict

__all__ = [
    "ADMIN",
    "COMMANDS",
    "LARGEST_FILE",
    "SAID",
    "START",
    "UNKNOWN",
    "Answer",
    "AnswerFile",
    "Answering",
    "Argument",
    "AttachedFile",
    "Command",
    "CommandContext",
    "Obstacle",
    "Press",
    "Request",
    "Throttle",
    "Verdict",
    "answered",
    "busy",
    "command_named",
    "for_you_alone",
    "hello",
    "no_voice",
    "outdated",
    "press",
    "slow_down",
    "sorry",
    "suggest",
    "to_share",
    "welcomed",
]
