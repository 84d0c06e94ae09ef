"""A client of a daemon: connecting, watching its events, sending it audio."""
