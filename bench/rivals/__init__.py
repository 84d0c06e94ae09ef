"""What `bench.accuracy_rivals` is made of."""
