"""From the team's episode files to the archive, and from an episode to the document that says it."""
