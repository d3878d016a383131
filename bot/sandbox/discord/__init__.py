"""The stand-in of Discord."""
