"""Build the bot from its config, run its parts, and shut them down in order."""
