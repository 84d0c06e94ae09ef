"""What runs a network: ONNX Runtime, or PyTorch where it is installed and asked for."""
