"""Makes models from recordings; imports `kws`, never the other way."""
