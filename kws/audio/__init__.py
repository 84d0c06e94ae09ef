"""From a device, a file or a pipe to samples in a ring."""
