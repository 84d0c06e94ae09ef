"""The configuration: its keys, reading and checking it, and where it, models and the token are."""
