"""Discord, on discord.py."""

from bot.model.subscription import PlatformName

NAME = PlatformName("discord")
EDITS = "/edits"
"""After the id of a channel: the route of its edits, which have a limit of their own."""
