"""What training hears: recordings, images, synthetic words, and where they come from."""
