"""MMEngine's optimisers without transformers, and Adafactor all the same."""
from __future__ import annotations

import subprocess
import sys


def run(*lines: str) -> str:
    """What a program prints in a process of its own."""
    done = subprocess.run([sys.executable, '-c', '\n'.join(lines)],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_runner_is_imported_without_transformers_and_peft():
    assert run('import chtn_plugin, mmengine.runner, sys',
               "print({'transformers', 'peft'} & set(sys.modules))"
               ) == 'set()'


def test_a_configuration_gets_transformers_adafactor():
    # MMEngine's log tells of the two optimisers of that name.
    assert run(
        'import chtn_plugin, torch', 'from mmengine.optim import '
        'build_optim_wrapper', 'wrapper = build_optim_wrapper('
        "torch.nn.Linear(2, 2), dict(optimizer=dict(type='Adafactor')))",
        'print(type(wrapper.optimizer).__module__)'
    ).splitlines()[-1] == 'transformers.optimization'


def test_torchs_adafactor_keeps_its_own_name():
    assert run('import chtn_plugin, mmengine.optim',
               'from mmengine.registry import OPTIMIZERS',
               "print(OPTIMIZERS.get('TorchAdafactor').__module__)"
               ).startswith('torch.optim')


def test_mmengine_lists_adafactor_as_before():
    assert run('import chtn_plugin', 'from mmengine.optim.optimizer import '
               'builder', 'print(builder.TRANSFORMERS_OPTIMIZERS)'
               ) == "['Adafactor']"


def test_a_later_import_of_peft_is_whole():
    assert run('import chtn_plugin, mmengine.runner, peft, transformers',
               'print(peft.LoraConfig.__name__, '
               'transformers.Adafactor.__name__)') == 'LoraConfig Adafactor'


def test_where_transformers_came_first_mmengine_registers_it_itself():
    assert run('import chtn_plugin, transformers, mmengine.optim',
               'from mmengine.registry import OPTIMIZERS',
               "print(OPTIMIZERS.get('Adafactor') is transformers.Adafactor)"
               ) == 'True'
