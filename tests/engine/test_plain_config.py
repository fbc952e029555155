import math

import pytest
from mmengine.config import Config

from chtn_plugin.engine.plain_config import check_types, plain_config

TEXT = '''
a = 1
b = -2.5
c = dict(type='CHTN', layers=[1, (2, 3)], other={'x': None, 'y': True})
d = float('inf')
e = set()
f = 'text' 'joined'
'''


def test_reads_what_mmengine_writes():
    cfg = Config(dict(a=1, b=[1, (2, )], c=dict(d=None, e='f', g=-1e-3)))
    assert plain_config(cfg.pretty_text) == cfg._cfg_dict


def test_reads_keys_that_are_no_names():
    cfg = Config(dict(paramwise_cfg=dict(
        custom_keys={'trunk.backbone': dict(lr_mult=0.1)})))
    assert 'dict({' in cfg.pretty_text
    assert plain_config(cfg.pretty_text) == cfg._cfg_dict


def test_reads_plain_values():
    cfg = plain_config(TEXT)
    assert (cfg.a, cfg.b, cfg.c.other.x, cfg.d) == (1, -2.5, None, math.inf)
    assert cfg.f == 'textjoined'


@pytest.mark.parametrize('text', [
    "import os", "a = __import__('os')", "a = open('x')", 'a = [].append',
    'a = (lambda: 1)()', 'a = [x for x in ()]', 'a.b = 1', 'print(1)',
    'a = dict(**b)', "a = f'{1}'", 'a = b', "a = float('1')", 'a = -"x"',
    'def f(): pass', 'if True: a = 1', 'a = dict([(1, 2)])', "a = 'x' * 9"])
def test_refuses_programs(text):
    with pytest.raises(ValueError, match='plain values'):
        plain_config(text)


@pytest.mark.parametrize('text', ['a = (', 'a = ' + '(' * 500 + ')' * 500])
def test_refuses_what_is_no_python(text):
    with pytest.raises(ValueError, match='Python'):
        plain_config(text)


def test_registered_types_pass():
    check_types(dict(type='CHTN', a=[dict(type='mmpretrain.Resize')],
                     b=dict(type='LoadImageFromFile')))


@pytest.mark.parametrize('name', ['Pretrained', 'Kaiming', 'TruncNormal'])
def test_initialisers_of_weights_pass(name):
    check_types(dict(type='mmpretrain.ResNet', init_cfg=dict(type=name)))


@pytest.mark.parametrize('name', [
    'subprocess.run', 'os.system', 'mmengine.load', 'builtins.eval', 'nope',
    'mmpretrain.models.os.system', 'mmengine.fileio.load', 7, None])
def test_importable_names_are_no_types(name):
    with pytest.raises(ValueError, match='registered parts only'):
        check_types(dict(model=[dict(type=name)]))
