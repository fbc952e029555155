"""Show where in a picture a text, or a class, is found (Grad-CAM)."""
from chtn_plugin.cli.vis_cam import main

if __name__ == '__main__':
    main()
