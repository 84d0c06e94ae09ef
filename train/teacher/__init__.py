"""The teacher: a pretrained encoder tuned to the keywords, which smaller networks learn from."""
