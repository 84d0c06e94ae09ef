"""Thresholds for one room: its scores as they are recorded, and what each threshold would give."""
