"""From events to people and programs; knows nothing of audio."""
