"""The things the bot speaks of, and how they are written: pure, without input or output, importing no other room."""
