"""The data of a training: recordings, images, synthetic words, and where they come from."""
