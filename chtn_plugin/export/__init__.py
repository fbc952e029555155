"""Taking a trained model elsewhere: ONNX, and publishing."""
