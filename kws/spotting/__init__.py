"""From samples to detections, without threads, clocks or sockets; only `model_file` opens files."""
