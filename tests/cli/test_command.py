"""What the commands share: options, and errors in one line."""
import argparse
import sys

import pytest
import torch

from chtn_plugin.cli.command import (
    add_model_arguments,
    as_typed,
    plain_refusals,
)
from chtn_plugin.losses.pairwise import pairwise_distance


def test_what_the_plugin_refuses_is_a_line():
    with pytest.raises(SystemExit, match='^train.py: image and text must'):
        with plain_refusals('train.py'):
            pairwise_distance(torch.ones(2, 3), torch.ones(2, 4))


def test_errors_from_elsewhere_keep_their_traceback():
    with pytest.raises(ValueError, match='of a module of the user'):
        with plain_refusals('train.py'):
            raise ValueError('of a module of the user')


def test_tools_and_shipped_configurations_are_named_as_called(
        monkeypatch, tmp_path):
    text = ('python tools/analysis_tools/get_flops.py configs/chtn_demo.py; '
            'tools/make_manifest.py configs/mine.py')
    monkeypatch.setattr(sys, 'argv', ['tools/train.py'])
    assert as_typed(text) == text
    monkeypatch.setattr(sys, 'argv', ['chtn train'])
    assert 'chtn get-flops configs/chtn_demo.py; chtn make-manifest' in (
        as_typed(text))
    monkeypatch.chdir(tmp_path)
    assert as_typed(text) == ('chtn get-flops chtn_plugin::chtn_demo.py; '
                              'chtn make-manifest configs/mine.py')


@pytest.mark.parametrize('called, shown', [
    ('chtn get-flops', 'chtn get-flops'),
    ('somewhere/tools/analysis_tools/get_flops.py',
     'python tools/analysis_tools/get_flops.py')])
def test_help_says_how_it_was_called(called, shown, monkeypatch, capsys):
    from chtn_plugin.cli.get_flops import parse_args
    monkeypatch.setattr(sys, 'argv', [called, '--help'])
    with pytest.raises(SystemExit):
        parse_args()
    out = ' '.join(capsys.readouterr().out.split())
    assert out.startswith(f'usage: {shown} ')
    assert f'Example: {shown} ' in out


def test_tools_take_a_device_and_trust_unless_they_cannot():
    parser = argparse.ArgumentParser()
    add_model_arguments(parser, bf16=True)
    args = parser.parse_args(['--device', 'cpu', '--bf16'])
    assert vars(args) == dict(device='cpu', bf16=True, trust_checkpoint=False)
    bare = argparse.ArgumentParser()
    add_model_arguments(bare, device=False)
    assert vars(bare.parse_args(['--trust-checkpoint'])) == dict(
        trust_checkpoint=True)
