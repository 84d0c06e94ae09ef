"""How training windows are made: words put into surroundings, varied, drawn by a seed."""
