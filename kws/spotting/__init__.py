"""From samples to detections; pure: no thread, clock, file handle or socket of its own."""
