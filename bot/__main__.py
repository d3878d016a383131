"""`python -m bot` is the `recap` command."""

from bot.cli import main

if __name__ == "__main__":
    main()
