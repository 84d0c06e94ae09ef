"""One page that says whether to ship a model."""
