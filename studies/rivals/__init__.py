"""What `studies.accuracy_rivals` is made of."""
