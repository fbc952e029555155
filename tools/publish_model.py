"""Make a trained run ready to be passed on."""
from chtn_plugin.cli.publish_model import main

if __name__ == '__main__':
    main()
