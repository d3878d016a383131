"""Monday Recap: delivers a podcast's Monday episode to Telegram and Discord."""
