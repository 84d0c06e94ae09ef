"""How a network is fitted to them, stopped and continued."""
