"""Search in the browser: a text box, a place to drop a picture, answers."""
from chtn_plugin.cli.serve import main

if __name__ == '__main__':
    main()
