"""K-fold cross-validation: mean and spread without the test split."""
from chtn_plugin.cli.kfold_cross_valid import main

if __name__ == '__main__':
    main()
