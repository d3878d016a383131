"""How fast the bot is, measured beside what else there is. `python -m bench` runs it; no part of the installed bot."""
