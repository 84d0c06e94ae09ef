"""A service of the Wyoming protocol: clients stream audio, and get what is detected in it."""
