"""Discord, on discord.py."""

from bot.model.subscription import PlatformName

NAME = PlatformName("discord")
