"""What `python -m train` can be told, and how its words become settings."""
