"""Tests that start the real daemon as a process and talk to it as a client would."""
