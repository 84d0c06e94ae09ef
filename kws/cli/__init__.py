"""One module a command: its arguments, and what it does. Heavy imports wait until it runs."""
