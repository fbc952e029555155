"""Write one HTML file about a trained run, to look at and to pass on."""
from chtn_plugin.cli.report import main

if __name__ == '__main__':
    main()
