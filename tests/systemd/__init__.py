"""Tests on a systemd that was really booted, in a container of its own."""
