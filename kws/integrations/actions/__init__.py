"""Commands and webhooks that detections start."""
