"""Every message between a daemon and its clients, as values; no socket, no thread."""
