"""What kws costs; run by hand, not by the tests."""
