"""One run of the daemon: start, ready, watchdog, reload, stop."""
