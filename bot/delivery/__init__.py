"""From an occurrence of a schedule to messages sent and recorded: the promise of delivery."""
