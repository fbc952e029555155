"""Train the demo, test it, search it, and say what to type next."""
from chtn_plugin.cli.demo import main

if __name__ == '__main__':
    raise SystemExit(main())
