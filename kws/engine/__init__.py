"""Many streams through one model."""
