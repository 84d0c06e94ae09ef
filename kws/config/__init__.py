"""What config.yaml may say, and where it and the models are found."""
