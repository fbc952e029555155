"""``--json``: what is written, and that every tool with a table has it."""
from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from short_run import write_config
from small_set import write_small_set
from tiny_run import run_tool, write_run

from chtn_plugin.cli.json_output import json_output, json_text, plain
from chtn_plugin.evaluation import Embeddings, score_embeddings
from chtn_plugin.evaluation.results import make_results, write_results

ROOT = Path(__file__).parents[2]

#: Tools that find nothing out: they write files, and say where, or draw.
WITHOUT = {
    'browse_dataset', 'convert_weights', 'demo', 'make_class_prior',
    'make_manifest', 'prepare_dataset', 'publish_model', 'report', 'serve',
    'train'}


def strict(text: str) -> Any:
    """Read JSON, and nothing that only Python takes for it."""
    def refuse(word: str) -> None:
        raise ValueError(f'{word} is no JSON')
    return json.loads(text, parse_constant=refuse)


@dataclasses.dataclass
class Facts:
    value: float
    names: tuple[str, ...]


def test_values_that_json_lacks():
    assert plain(dict(
        nan=math.nan, inf=-math.inf, numpy=np.float32('nan'),
        array=np.array([[1., np.inf]]), tensor=torch.tensor([2, 3]),
        facts=Facts(.5, ('a', )), set={2, 1}, path=Path('a/b'), flag=True,
        scalar=np.int64(7))) == dict(
            nan=None, inf=None, numpy=None, array=[[1., None]],
            tensor=[2, 3], facts=dict(value=.5, names=['a']), set=[1, 2],
            path=str(Path('a/b')), flag=True, scalar=7)
    assert plain({3: 1}) == {'3': 1}


def test_an_object_gets_its_schema_and_keeps_one_that_it_has():
    assert strict(json_text(dict(a=math.nan), 'kind')) == dict(
        schema='chtn_plugin.kind/1', a=None)
    assert strict(json_text(dict(schema='mine'), 'kind')) == dict(
        schema='mine')
    assert strict(json_text([1], 'kind')) == [1]


def test_standard_output_has_the_json_alone(capsys):
    with json_output('-', 'kind') as report:
        print('a table')
        report(dict(a=1))
    out, err = capsys.readouterr()
    assert strict(out)['a'] == 1 and err == 'a table\n'


def test_nothing_is_written_after_an_error(tmp_path, capsys):
    for target in ('-', str(tmp_path / 'a.json')):
        with pytest.raises(ValueError), json_output(target, 'kind') as report:
            report(dict(a=1))
            raise ValueError('later')
    assert capsys.readouterr().out == ''
    assert not list(tmp_path.iterdir())


Arguments = Callable[[Path], list[Any]]
TABLES: dict[str, Arguments] = {
    'analysis_tools/analyze_logs': lambda here: [
        'cal_train_time', here / 'log.json'],
    'analysis_tools/confusion_matrix': lambda here: [here / 'run'],
    'analysis_tools/get_flops': lambda here: [here / 'run.py'],
    'benchmark': lambda here: [
        here / 'small.npz', '--methods', 'random', '--labels', '100%',
        '--draws', '1', '--out', here / 'benchmark'],
    'check_data': lambda here: [here / 'data/pairs.tsv', '--no-cache'],
    'compare': lambda here: [
        here / 'results.json', f'other={here / "other.json"}', '--bootstrap',
        '50', '--flips', '50'],
    'env': lambda here: [],
    'export_onnx': lambda here: [here / 'run', '--out', here / 'onnx'],
    'export_vectors': lambda here: [
        here / 'texts.index', '--format', 'parquet', '--out',
        here / f'vectors{len(list(here.glob("vectors*")))}'],
    'extract_features': lambda here: [
        here / 'run', '--out', here / 'features.npz'],
    'index': lambda here: ['inspect', here / 'texts.index'],
    'kfold_cross_valid': lambda here: [
        here / 'tiny.py', '--num-splits', '2', '--work-dir', here / 'folds',
        '--resume'],
    'print_config': lambda here: [here / 'tiny.py'],
    'score': lambda here: [here / 'good.npz', '--bootstrap', '50'],
    'search': lambda here: [
        here / 'run', '--gallery', here / 'data/images', '--text', 'a bird'],
    'suggest_labels': lambda here: [
        here / 'tiny.py', '--out',
        here / f'labels{len(list(here.glob("labels*")))}'],
    'test': lambda here: [here / 'run.py', here / 'run'],
    'vis_cam': lambda here: [here / 'data/images/1.png', here / 'run',
                             '--text', 'a cat'],
    'transfer_report': lambda here: [
        here / 'tiny.py', '--draws', '1', '--labels', '2/class', '--out',
        here / 'transfer'],
}
SLOW = {'transfer_report'}


@pytest.fixture(scope='module')
def here(tmp_path_factory):
    """A folder with a little of everything that tools read."""
    folder = tmp_path_factory.mktemp('json')
    run = write_run(folder)
    meta = torch.load(next(run.glob('*.pth')), weights_only=False)['meta']
    (folder / 'run.py').write_text(
        meta['cfg'] + "val_dataloader = None\ntest_cfg = dict()\n"
        "test_evaluator = dict(type='RetrievalMetric')\n")
    write_config(folder)
    write_small_set(folder / 'small.npz')
    (folder / 'texts.txt').write_text('a bird\na cat\n')
    (folder / 'log.json').write_text(
        '{"loss": 1, "time": 0.5, "iter": 1}\n')
    label = np.arange(12) % 3
    image, text = np.random.default_rng(0).normal(size=(2, 12, 5))
    np.savez(folder / 'good.npz', image=image, text=text, label=label)
    for name, rows in dict(results=text, other=image).items():
        write_results(folder / f'{name}.json', make_results(score_embeddings(
            Embeddings(image, rows, label, label), ['chtn-map-all'])))
    status, _, err = run_tool('index', 'build', run, folder / 'texts.txt',
                              '--out', folder / 'texts.index')
    assert status == 0, err
    return folder


def test_every_tool_writes_json_or_has_no_table():
    tools = {str(path.relative_to(ROOT / 'tools').with_suffix(''))
             for path in (ROOT / 'tools').rglob('*.py')}
    assert {*TABLES, *WITHOUT} == tools
    assert not WITHOUT & set(TABLES)


@pytest.mark.parametrize('tool', [
    pytest.param(tool, marks=[pytest.mark.slow] if tool in SLOW else [])
    for tool in TABLES])
def test_a_tool_writes_json(here, monkeypatch, tool):
    monkeypatch.chdir(here)
    status, out, err = run_tool(tool, *TABLES[tool](here), '--json')
    assert status == 0, err
    printed = strict(out)
    file = here / f'{Path(tool).name}_found.json'
    for _ in range(2):  # it replaces what it wrote itself
        status, out, err = run_tool(tool, *TABLES[tool](here), '--json', file)
        assert status == 0, err
        assert out  # the table is printed as ever
    written = strict(file.read_text())
    assert type(written) is type(printed)
    if isinstance(printed, dict):
        assert printed['schema'].startswith('chtn_plugin.')
        assert written.keys() == printed.keys() and len(printed) > 1
    foreign = here / 'foreign.json'
    foreign.write_text('{"mine": 1}')
    status, out, err = run_tool(tool, *TABLES[tool](here), '--json', foreign)
    assert status != 0 and 'foreign.json is another' in err
    assert foreign.read_text() == '{"mine": 1}'


def test_a_word_behind_the_option_is_not_written_over(here):
    before = (here / 'good.npz').read_bytes()
    status, _, err = run_tool('score', '--json', here / 'good.npz')
    assert status == 2 and 'a file must end in .json' in err
    assert (here / 'good.npz').read_bytes() == before
