"""The commands: each module here is one, with its own ``main()``."""
