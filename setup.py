"""Puts configurations and tools into the wheel; all else is in setup.cfg."""
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent


class BuildWithConfigs(build_py):
    """Copies them to ``chtn_plugin/.mim``, where OpenMMLab's tools look."""

    def run(self) -> None:
        """Build; an editable installation has them in the checkout."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib, 'chtn_plugin', '.mim')
        shutil.rmtree(target, ignore_errors=True)
        for name in ('configs', 'tools'):
            shutil.copytree(ROOT / name, target / name, ignore=(
                shutil.ignore_patterns('__pycache__')))
        # Of whoever builds it; those inside _base_ are the package's.
        for path in (target / 'configs').glob('own_*.py'):
            path.unlink()
        shutil.copy(ROOT / 'model-index.yml', target)


setup(cmdclass={'build_py': BuildWithConfigs})
