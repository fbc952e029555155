"""Every shipped configuration, from training to a published model."""
from __future__ import annotations

from pathlib import Path

import pytest
from tiny_config import shrunk
from tiny_run import run_tool

ROOT = Path(__file__).parents[1]
# Those of configs/methods differ in the method alone, which the contract's own
# test runs; one of either data set goes all the way.
METHODS = ('asif_webnews.py', 'semantic_matching_wiki.py')
CONFIGS = sorted(path for path in (ROOT / 'configs').rglob('*.py')
                 if '_base_' not in path.parts
                 and (path.parent.name != 'methods' or path.name in METHODS))


def tool(name, *arguments):
    """Run a tool; its output, or a failure that shows it."""
    status, said, err = run_tool(name, *arguments)
    assert status == 0, said[-3000:] + err[-3000:]
    return said


@pytest.mark.slow
@pytest.mark.parametrize(
    'path', CONFIGS,
    ids=[str(path.relative_to(ROOT / 'configs')) for path in CONFIGS])
def test_it_goes_from_training_to_a_published_model(path, tmp_path,
                                                    monkeypatch):
    monkeypatch.chdir(tmp_path)
    config, pictures = shrunk(path, tmp_path)
    work = tmp_path / 'work'
    if 'zeroshot' in path.name:
        # Nothing is trained: no checkpoint to do anything else with.
        assert 'mean_mAP' in tool('test', config, '--work-dir', work)
        return
    tool('train', config, '--work-dir', work)
    assert 'mean_mAP' in tool('test', config, work)
    tool('extract_features', work, '--out', tmp_path / 'test.npz')
    assert 'chtn-map-all' in tool('score', tmp_path / 'test.npz')
    if 'FeaturePairDataset' not in config.read_text():
        # Where texts are words: of files or of ready features alike.
        found = tool('search', work, '--gallery', tmp_path / 'test.npz',
                     '--text', 'word1 of kind0')
        assert 'word1 of kind0' in found
    if pictures == 'files':
        tool('index', 'build', work, next(
            tmp_path.glob('data/*/pairs.tsv'), tmp_path / 'data/source'),
             '--out', tmp_path / 'index')
    tool('report', work, '--no-tsne')
    assert (work / 'report.html').is_file()
    tool('publish_model', work, '--out', tmp_path / 'out', '--name', 'tiny',
         '--data', 'noise', '--licence', 'CC0-1.0')
    published, = (tmp_path / 'out' / 'tiny').glob('*.pth')
    tool('extract_features', published, '--out', tmp_path / 'again.npz')
    pytest.importorskip('onnxruntime', reason='onnx is an extra')
    tool('export_onnx', work, '--out', tmp_path / 'towers')
