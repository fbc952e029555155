import os
import re
import shutil

import pytest
import torch
from tiny_run import write_run

from chtn_plugin.apis import RetrievalInferencer, open_run


class _Runs:
    """A pickle that runs a command when it is read."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark), )


def _changed(run, tmp_path, change):
    path = next(run.glob('*.pth'))
    checkpoint = torch.load(path, weights_only=False)
    change(checkpoint)
    changed = tmp_path / 'changed.pth'
    torch.save(checkpoint, changed)
    return changed


def test_moved_and_renamed_run_needs_nothing_else(tmp_path):
    run = write_run(tmp_path / 'here')
    before = RetrievalInferencer(run, show_progress=False).encode_texts('cat')
    moved = tmp_path / 'there' / 'renamed'
    shutil.copytree(run, moved)
    shutil.rmtree(tmp_path / 'here')
    after = RetrievalInferencer(moved, show_progress=False)
    assert (after.encode_texts('cat') == before).all()
    assert after.classes == ('bird', 'cat')


def test_fingerprint_follows_what_decides_the_result(tmp_path):
    same = open_run(write_run(tmp_path / 'a')).fingerprint
    assert open_run(write_run(tmp_path / 'a')).fingerprint == same
    assert open_run(write_run(tmp_path / 'a', seed=1)).fingerprint != same


def test_hidden_program_is_not_run(tiny, tmp_path):
    mark = tmp_path / 'it_ran'
    path = _changed(tiny / 'run', tmp_path, lambda checkpoint:
                    checkpoint['meta'].update(more=_Runs(mark)))
    with pytest.raises(ValueError, match='mkdir, which could run a program'):
        open_run(path)
    assert not mark.exists()
    open_run(path, trust=True)
    assert mark.exists()


def test_program_in_the_configuration_is_not_run(tiny, tmp_path):
    mark = tmp_path / 'it_ran'
    path = _changed(tiny / 'run', tmp_path, lambda checkpoint: checkpoint[
        'meta'].update(cfg=f"import os\nos.mkdir({str(mark)!r})\n"
                       + checkpoint['meta']['cfg']))
    with pytest.raises(ValueError, match='plain values'):
        open_run(path)
    assert not mark.exists()


def test_type_that_is_a_function_is_not_built(tiny, tmp_path):
    path = _changed(tiny / 'run', tmp_path, lambda checkpoint: checkpoint[
        'meta'].update(cfg=checkpoint['meta']['cfg'].replace(
            "'SmallConvNet'", "'subprocess.run'")))
    with pytest.raises(ValueError, match="'subprocess.run' is none"):
        open_run(path)


def test_weights_alone_are_refused(tmp_path):
    torch.save(dict(state_dict={}), tmp_path / 'w.pth')
    with pytest.raises(ValueError, match='must hold its configuration'):
        open_run(tmp_path / 'w.pth')


def test_weights_of_another_model_are_refused(tiny, tmp_path):
    path = _changed(tiny / 'run', tmp_path, lambda checkpoint: checkpoint[
        'state_dict'].pop('common_head.fc8.weight', None) is None
        or checkpoint['state_dict'].update(strange=torch.zeros(1)))
    with pytest.raises(ValueError, match='strange'):
        open_run(path).build_model()


@pytest.mark.parametrize('content', [b'', b'PK\x03\x04 cut', b'hello' * 99])
def test_broken_file_is_named(tmp_path, content):
    path = tmp_path / 'broken.pth'
    path.write_bytes(content)
    with pytest.raises(ValueError, match='broken.pth'):
        open_run(path)


def test_missing_run_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere'):
        open_run(tmp_path / 'nowhere')


def test_a_model_that_no_machine_holds_is_refused_before_it_is_built(
        tiny, tmp_path, monkeypatch):
    # 1.6 million channels: 8 MB of a 3x3 kernel each for the next layer.
    path = _changed(tiny / 'run', tmp_path, lambda checkpoint: checkpoint[
        'meta'].update(cfg=re.sub(r'(?<=channels=\()\s*4', '1600000',
                                  checkpoint['meta']['cfg'])))
    run = open_run(path)
    assert '1600000' in str(run.cfg)
    built = []
    monkeypatch.setattr('torch.nn.Conv2d.reset_parameters',
                        lambda self: built.append(self.weight.device.type))
    with pytest.raises(ValueError, match=r'\(1600000, .* in its config'):
        run.build_model()
    assert set(built) == {'meta'}
