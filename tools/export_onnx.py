"""Export the image and the text tower of a trained model to ONNX."""
from chtn_plugin.cli.export_onnx import main

if __name__ == '__main__':
    main()
