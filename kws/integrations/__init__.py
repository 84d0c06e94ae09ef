"""Other systems as subscribers of the hub: each off until it is configured."""
