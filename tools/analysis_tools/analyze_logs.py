"""Plot curves of training logs, or say how long iterations took."""
from chtn_plugin.cli.analyze_logs import main

if __name__ == '__main__':
    main()
