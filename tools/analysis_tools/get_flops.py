"""Count parameters and multiply-adds of encoding one image and one text."""
from chtn_plugin.cli.get_flops import main

if __name__ == '__main__':
    main()
