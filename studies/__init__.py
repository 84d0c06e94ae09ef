"""Comparisons of a day; see README.md."""
