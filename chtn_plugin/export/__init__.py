"""Export a trained model to ONNX, or publish it."""
