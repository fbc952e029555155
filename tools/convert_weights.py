"""Convert an ImageNet classifier to the weights that CHTN starts from."""
from chtn_plugin.cli.convert_weights import main

if __name__ == '__main__':
    main()
