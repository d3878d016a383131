"""Parts that both stand-ins use: the web server, faults, flood limits and the list of changes."""
