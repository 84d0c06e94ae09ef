"""How a network is fitted to them, stopped and gone on with."""
