"""Count and draw which class is taken for which."""
from chtn_plugin.cli.confusion_matrix import main

if __name__ == '__main__':
    main()
