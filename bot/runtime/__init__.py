"""Build the bot from its config, run its parts, and shut them down in order."""

from typing import Final

YOUNG: Final = 10_000
"""Objects after which the garbage collector looks among the young ones. Python looks after 700 or 2,000, some hundred
messages, and finds nothing, because the objects of a message are freed without it and those of a start stay."""
