"""Bad input to any tool ends in one line, and never in a traceback."""
from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from short_run import write_config
from small_set import write_small_set
from tiny_data import write_picture
from tiny_run import run_tool, write_run

from chtn_plugin.evaluation import Embeddings, score_embeddings
from chtn_plugin.evaluation.results import make_results, write_results

#: A model of which one value is of the wrong kind.
WRONG = """dict(
    type='CHTN', num_classes='x', backbone=None, input_shape=(6, ),
    text_encoder=dict(type='VectorTextEncoder', out_features=5),
    image_pathway=dict(type='Pathway', widths=(8, 8)),
    common_head=dict(type='CommonHead', widths=(8, 8)))"""


class Program:
    """What a pickle that runs a program looks like."""

    def __reduce__(self) -> Any:
        return exec, ("raise SystemExit('it ran')", )


@pytest.fixture(scope='module')
def here(tmp_path_factory):
    """A folder with a run, a configuration, arrays and results that are fine.

    Beside them ``bad/`` has what is not.
    """
    folder = tmp_path_factory.mktemp('bad_input')
    (folder / 'bad').mkdir()
    write_run(folder)
    write_config(folder)
    write_small_set(folder / 'small.npz')
    (folder / 'texts.txt').write_text('a bird\na cat\n')
    _write_arrays(folder)
    _write_configs(folder / 'bad')
    _write_checkpoints(folder / 'bad', next((folder / 'run').glob('*.pth')))
    _write_data(folder / 'bad', folder)
    return folder


def _write_arrays(folder: Path) -> None:
    label = np.arange(12) % 3
    image, text = np.random.default_rng(0).normal(size=(2, 12, 5))
    good = dict(image=image, text=text, label=label)
    np.savez(folder / 'good.npz', **good)
    write_results(folder / 'results.json', make_results(score_embeddings(
        Embeddings(image, text, label, label), ['chtn-map-all'])))
    bad = folder / 'bad'
    changes = dict(
        strings=dict(image=np.full((12, 5), 'x')),
        string_labels_of_one_side=dict(label=np.full((3, 2, 2), 'x')),
        complex=dict(image=image + 1j),
        no_dimension=dict(image=np.float64(1)),
        one_dimension=dict(image=np.arange(12.)),
        four_dimensions=dict(image=np.ones((12, 1, 1, 5))),
        no_rows=dict(image=np.ones((0, 5))),
        no_columns=dict(image=np.ones((12, 0)), text=np.ones((12, 0))),
        other_rows=dict(image=np.ones((11, 5))),
        other_columns=dict(image=np.ones((12, 4))),
        nan=dict(image=np.where(image > 1, np.nan, image)),
        infinite=dict(text=np.where(text > 1, np.inf, text)),
        half_labels=dict(label=label + .5),
        dates=dict(image=np.zeros((12, 5), 'datetime64[s]')),
        records=dict(image=np.zeros(12, [('a', 'f4')])),
        objects=dict(image=np.array([[None] * 5] * 12)))
    for name, change in changes.items():
        np.savez(bad / f'{name}.npz', **good | change)
    np.savez(bad / 'empty.npz')
    np.savez(bad / 'unknown_names.npz', a=image, b=text)
    _write_npy(bad / 'terabytes.npy', (10**9, 10**6))
    _write_npy(bad / 'no_number.npy', (10**30, 10**30))
    _write_npy(bad / 'negative.npy', (-3, 5))
    with zipfile.ZipFile(bad / 'terabytes.npz', 'w') as file:
        for name in good:
            file.write(bad / 'terabytes.npy', f'{name}.npy')
    whole = (folder / 'good.npz').read_bytes()
    for name in ('npz', 'npy', 'mat', 'h5', 'hdf5'):
        (bad / f'words.{name}').write_text('these are words')
        (bad / f'nothing.{name}').write_bytes(b'')
        (bad / f'cut_off.{name}').write_bytes(whole[:len(whole) // 2])
        (bad / f'folder.{name}').mkdir()


def _write_npy(path: Path, shape: tuple[int, ...]) -> None:
    """Write the head of an array that is not there."""
    head = repr(dict(descr='<f8', fortran_order=False, shape=shape))
    text = head.ljust(117) + '\n'
    path.write_bytes(b'\x93NUMPY\x01\x00' + len(text).to_bytes(2, 'little')
                     + text.encode())


def _write_configs(bad: Path) -> None:
    for name, text in dict(
            undefined='model = dict(type=b)\n',
            division='model = 1 / 0\n',
            syntax='model = dict(\n',
            index='model = [][0]\n',
            no_model='a = 1\n',
            nothing='',
            model_is_a_number='model = 7\n',
            model_without_a_type='model = dict(num_classes=3)\n',
            unknown_model="model = dict(type='Nothing')\n",
            unknown_option="model = dict(type='CHTN', colour=3)\n",
            wrong_value=f'model = {WRONG}\n',
            no_base="_base_ = ['gone.py']\n",
            base_is_a_number='_base_ = 7\n',
            circle_a="_base_ = ['circle_b.py']\n",
            circle_b="_base_ = ['circle_a.py']\n",
            module="custom_imports = dict(imports=['no.such'])\n",
            reserved='text = 7\n').items():
        (bad / f'{name}.py').write_text(text)
    for name, text in DATA.items():
        (bad / f'{name}.py').write_text(
            '_base_ = ["../tiny.py"]\n' + ''.join(
                f'{split}_dataloader = '
                + text.replace('dict(', 'dict(_delete_=True, ', 1) + '\n'
                for split in ('train', 'val', 'test')))
    (bad / 'letters.py').write_bytes(b'\xff\xfe\x00a = 1')
    (bad / 'list.json').write_text('[1, 2]')
    (bad / 'broken.json').write_text('{"a": ')
    (bad / 'broken.yaml').write_text('a: [1, 2\nb: }')
    (bad / 'words.yaml').write_text('only words')
    (bad / 'words.cfg').write_text('a = 1')
    (bad / 'config_folder.py').mkdir()


def _write_checkpoints(bad: Path, good: Path) -> None:
    checkpoint = torch.load(good, weights_only=False)
    whole = good.read_bytes()
    (bad / 'words.pth').write_text('these are words')
    (bad / 'nothing.pth').write_bytes(b'')
    (bad / 'cut_off.pth').write_bytes(whole[:len(whole) // 2])
    (bad / 'program.pth').write_bytes(pickle.dumps(Program()))
    (bad / 'no_run').mkdir()
    (bad / 'torn_run').mkdir()
    (bad / 'torn_run/iter_3.pth').write_bytes(whole[:len(whole) // 2])
    with zipfile.ZipFile(bad / 'zip.pth', 'w') as file:
        file.writestr('a.txt', 'words')
    meta, weights = checkpoint['meta'], checkpoint['state_dict']
    for name, value in dict(
            list=[1, 2], number=3, tensor=torch.ones(3), no_keys={},
            weights_alone=weights, no_meta=dict(state_dict=weights),
            meta_is_text=dict(checkpoint, meta='text'),
            weights_are_a_list=dict(checkpoint, state_dict=[1]),
            weights_are_text=dict(checkpoint, state_dict=dict(a='b')),
            no_weights=dict(checkpoint, state_dict={}),
            nan=dict(checkpoint, state_dict={
                key: value * torch.nan for key, value in weights.items()}),
            config_is_a_number=dict(checkpoint, meta=dict(meta, cfg=3)),
            config_is_words=dict(checkpoint, meta=dict(meta, cfg='a b c')),
            config_is_a_program=dict(checkpoint, meta=dict(
                meta, cfg='import os\nmodel = os.getcwd()')),
            config_without_model=dict(checkpoint, meta=dict(
                meta, cfg='a = 1')),
            model_is_a_number=dict(checkpoint, meta=dict(
                meta, cfg='model = 7')),
            model_is_unknown=dict(checkpoint, meta=dict(
                meta, cfg="model = dict(type='Nothing')")),
            model_has_unknown_options=dict(checkpoint, meta=dict(
                meta, cfg="model = dict(type='CHTN', colour=3)")),
            model_has_wrong_values=dict(checkpoint, meta=dict(
                meta, cfg=f'model = {WRONG}')),
            data_are_a_number=dict(checkpoint, meta=dict(
                meta, dataset_meta=3)),
            classes_are_a_number=dict(checkpoint, meta=dict(
                meta, dataset_meta=dict(classes=3))),
            later=dict(checkpoint, meta=dict(meta, chtn=dict(
                format=99)))).items():
        torch.save(value, bad / f'{name}.pth')


def _write_data(bad: Path, folder: Path) -> None:
    for name, head in dict(
            list=[], number=3, no_keys={}, format_is_text=dict(format='x'),
            later=dict(format=999), parts_are_a_number=dict(
                format=2, parts=3, size=4, sources=[], skipped=[],
                model='m', fingerprint='f'),
            parts_of_words=dict(
                format=2, parts=['a'], size='b', sources=3, skipped=None,
                model=1, fingerprint=[])).items():
        (bad / f'index_{name}').mkdir()
        (bad / f'index_{name}/index.json').write_text(json.dumps(head))
    (bad / 'index_words').mkdir()
    (bad / 'index_words/index.json').write_text('words')
    for name, results in dict(
            list=[1], number=3, no_keys={}, figures_are_a_number=dict(
                figures=3), figures_of_words=dict(figures=['a']),
            figure_without_values=dict(figures=[dict(protocol='x')]),
            values_are_words=dict(figures=[dict(
                protocol='chtn-map-all', direction='i2t', value='x',
                values=['a'], query_ids=[1], chance=[], per_class={})]),
            ).items():
        (bad / f'results_{name}.json').write_text(json.dumps(results))
    (bad / 'results_words.json').write_text('words')
    (bad / 'results_nan.json').write_text('{"figures": NaN}')
    (bad / 'empty_folder').mkdir()
    header = 'id\tsplit\tclass\timage\ttext\n'
    for name, text in dict(
            nothing='', header=header, columns='a\tb\n1\t2\n',
            doubled='id\tid\tclass\timage\ttext\n', short=header + 'p0\n',
            no_picture=header + 'p0\ttest\ta\tgone.png\tword\n',
            outside=header + 'p0\ttest\ta\t../../etc/passwd\tword\n',
            ).items():
        (bad / f'{name}.tsv').write_text(text)
    (bad / 'bytes.tsv').write_bytes(b'\x00\xff\xfe' * 20)
    (bad / 'bytes.csv').write_bytes(b'\x00\xff\xfe' * 20)
    (bad / 'words.jsonl').write_text('words\n')
    (bad / 'numbers.jsonl').write_text('1\n2\n')
    (bad / 'bytes.txt').write_bytes(b'\xff\xfe\x00')
    (bad / 'picture.png').write_text('no picture')
    (bad / 'postscript.png').write_text('%!PS-Adobe-3.0 EPSF-3.0\nshowpage')
    (bad / 'words.caffemodel').write_text('these are words')
    (bad / 'words.zip').write_text('these are words')
    write_picture(folder / 'good.png', 30, 8)
    for name, text in dict(numbers='1\n2\n', lists='[1]\n', words='words\n',
                           nothing='', text_for_number='{"iter": 1, '
                           '"loss": "x", "time": "y"}\n',
                           text_for_step='{"iter": "x", "loss": 1}\n',
                           list_for_step='{"iter": [1], "loss": 1}\n',
                           ).items():
        (bad / f'log_{name}.json').write_text(text)
    (bad / 'log_bytes.json').write_bytes(b'\xff\xfe\x00')


Arguments = Callable[[Path], list[Any]]
CASES: dict[str, tuple[str, Arguments]] = {}


def case(name: str, tool: str, arguments: Arguments) -> None:
    assert f'{tool} {name}' not in CASES, name
    CASES[f'{tool} {name}'] = tool, arguments


# Configurations, given to every tool that reads one.
CONFIGS = [
    *(f'{name}.py' for name in (
        'undefined', 'division', 'syntax', 'index', 'no_model', 'nothing',
        'model_is_a_number', 'model_without_a_type', 'unknown_model',
        'unknown_option', 'wrong_value', 'no_base', 'base_is_a_number',
        'circle_a', 'module', 'reserved', 'letters', 'config_folder',
        'gone')),
    'list.json', 'broken.json', 'broken.yaml', 'words.yaml', 'words.cfg',
    'picture.png', 'words.pth', '']
READS_CONFIG: dict[str, Callable[[Path, Path], list[Any]]] = {
    'train': lambda here, bad: [bad, '--work-dir', here / 'work'],
    'test': lambda here, bad: [bad, here / 'run'],
    'kfold_cross_valid': lambda here, bad: [
        bad, '--num-splits', '3', '--work-dir', here / 'folds'],
    'analysis_tools/get_flops': lambda here, bad: [bad],
    'browse_dataset': lambda here, bad: [bad, '--output-dir', here / 'seen'],
    'benchmark': lambda here, bad: [bad, '--out', here / 'out'],
    'check_data': lambda here, bad: [bad, '--no-cache'],
    'convert_weights': lambda here, bad: [
        'torchvision', next((here / 'run').glob('*.pth')), here / 'out.pth',
        '--config', bad],
    'suggest_labels': lambda here, bad: [bad, '--out', here / 'labels'],
    'transfer_report': lambda here, bad: [bad, '--out', here / 'transfer'],
    'print_config': lambda here, bad: [bad]}
for _tool, _line in READS_CONFIG.items():
    for _name in CONFIGS:
        case(f'configuration {_name or "a folder"}', _tool,
             lambda here, line=_line, name=_name: line(
                 here, here / 'bad' / name))
#: Configurations that can be read: they are printed as they are.
READABLE = {f'print_config configuration {name}.py' for name in (
    'no_model', 'nothing', 'model_is_a_number', 'model_without_a_type',
    'unknown_model', 'unknown_option', 'wrong_value')} | {
        'print_config --cfg-options model='}

# Data of a configuration, given to every tool that reads them.
DATA = dict(loader_is_a_number='7', loader_is_empty='dict(batch_size=4)',
            data_are_a_number='dict(batch_size=4, dataset=7)',
            unknown_data="dict(batch_size=4, dataset=dict(type='Nothing'))",
            data_without_a_type='dict(batch_size=4, dataset=dict(a=3))',
            unknown_data_option="""dict(batch_size=4, dataset=dict(
    type='FeaturePairDataset', colour=3))""",
            data_that_are_gone="""dict(batch_size=4, dataset=dict(
    type='FeaturePairDataset', file='gone.npz', arrays=dict()))""",
            manifest_that_is_gone="""dict(batch_size=4, dataset=dict(
    type='CrossModalDataset', data_root='gone', ann_file='gone.tsv',
    pipeline=[], text=dict(type='BagOfWords')))""")
for _tool in ('train', 'test', 'kfold_cross_valid', 'browse_dataset',
              'benchmark', 'check_data', 'suggest_labels', 'transfer_report'):
    for _name in DATA:
        case(f'data {_name}', _tool,
             lambda here, tool=_tool, name=_name: READS_CONFIG[tool](
                 here, here / f'bad/{name}.py'))

# Runs, given to every tool that opens one.
RUNS = [*(f'{name}.pth' for name in (
    'gone', 'words', 'nothing', 'cut_off', 'program', 'zip', 'list',
    'number', 'tensor', 'no_keys', 'weights_alone', 'no_meta',
    'meta_is_text', 'weights_are_a_list', 'weights_are_text', 'no_weights',
    'nan', 'config_is_a_number', 'config_is_words', 'config_is_a_program',
    'config_without_model', 'model_is_a_number', 'model_is_unknown',
    'model_has_unknown_options', 'model_has_wrong_values',
    'data_are_a_number', 'classes_are_a_number', 'later')),
    'no_run', 'torn_run', 'picture.png']
READS_RUN: dict[str, Callable[[Path, Path], list[Any]]] = {
    'search': lambda here, bad: [bad, '--gallery', here / 'texts.txt',
                                 '--text', 'bird'],
    'index': lambda here, bad: ['build', bad, here / 'texts.txt', '--out',
                                here / 'index'],
    'serve': lambda here, bad: [bad, '--gallery', here / 'texts.txt'],
    'report': lambda here, bad: [bad, '--out', here / 'report.html'],
    'export_onnx': lambda here, bad: [bad, '--out', here / 'onnx'],
    'publish_model': lambda here, bad: [
        bad, '--out', here / 'published', '--data', 'mine', '--licence',
        'CC0-1.0'],
    'extract_features': lambda here, bad: [bad, '--out', here / 'out.npz'],
    'analysis_tools/confusion_matrix': lambda here, bad: [bad],
    'vis_cam': lambda here, bad: [here / 'good.png', bad, '--save-path',
                                  here / 'cam.png']}
for _tool, _line in READS_RUN.items():
    for _name in RUNS:
        case(f'run {_name}', _tool, lambda here, line=_line, name=_name: line(
            here, here / 'bad' / name))
    if _tool not in ('export_onnx', 'publish_model'):
        for _device in ('banana', 'cuda:99', 'cpu:x', ''):
            case(f'device {_device!r}', _tool,
                 lambda here, line=_line, device=_device: [
                     *line(here, here / 'run'), '--device', device])

# Weights to test and to go on from.
for _name in RUNS:
    if 'config' not in _name and 'model' not in _name and _name not in (
            'weights_alone.pth', 'no_meta.pth', 'data_are_a_number.pth',
            'classes_are_a_number.pth'):
        case(f'checkpoint {_name}', 'test',
             lambda here, name=_name: [here / 'tiny.py', here / 'bad' / name])
        case(f'resume {_name}', 'train',
             lambda here, name=_name: [
                 here / 'tiny.py', '--work-dir', here / 'resumed', '--resume',
                 here / 'bad' / name])
for _name in ('words.pth', 'nothing.pth', 'cut_off.pth', 'program.pth',
              'list.pth', 'weights_are_text.pth', 'no_keys.pth', 'words.npz',
              'strings.npz', 'gone.pth', 'no_run', 'words.caffemodel'):
    for _kind in ('torchvision', 'caffe'):
        case(f'{_kind} {_name}', 'convert_weights',
             lambda here, kind=_kind, name=_name: [
                 kind, here / 'bad' / name, here / 'out.pth'])

# Arrays.
ARRAYS = [*(f'{name}.npz' for name in (
    'strings', 'string_labels_of_one_side', 'complex', 'no_dimension',
    'one_dimension', 'four_dimensions', 'no_rows', 'no_columns',
    'other_rows', 'other_columns', 'nan', 'infinite', 'half_labels', 'dates',
    'records', 'objects', 'empty', 'unknown_names', 'terabytes', 'gone')),
    *(f'{name}.{kind}' for name in ('words', 'nothing', 'cut_off', 'folder')
      for kind in ('npz', 'npy', 'mat', 'h5')),
    'terabytes.npy', 'no_number.npy', 'negative.npy', 'picture.png',
    'words.pth']
for _name in ARRAYS:
    case(f'arrays {_name}', 'score',
         lambda here, name=_name: [here / 'bad' / name])
    case(f'labels {_name}', 'score',
         lambda here, name=_name: [here / 'bad/words.npy',
                                   here / 'bad/words.npy', '--labels',
                                   here / 'bad' / name])
    if 'rows' not in _name or _name == 'no_rows.npz':
        case(f'arrays {_name}', 'benchmark', lambda here, name=_name: [
            here / 'bad' / name, '--methods', 'random', '--out',
            here / 'out'])
    if _name.endswith('.npz') and 'rows' not in _name:
        case(f'embeddings {_name}', 'analysis_tools/confusion_matrix',
             lambda here, name=_name: [here / 'bad' / name])
    case(f'embeddings {_name}', 'report', lambda here, name=_name: [
        here / 'run', '--embeddings', here / 'bad' / name, '--out',
        here / 'report.html'])
    if not _name.endswith(('.png', '.pth')):
        case(f'gallery {_name}', 'search', lambda here, name=_name: [
            here / 'run', '--gallery', here / 'bad' / name, '--text', 'x'])
for _name in ('nothing.npz', 'words.npz', 'strings.npz', 'unknown_names.npz',
              'objects.npz', 'terabytes.npz', 'gone.npz', 'cut_off.npz',
              'empty.npz', 'folder.npz'):
    case(f'features {_name}', 'make_manifest', lambda here, name=_name: [
        here / 'bad' / name, '--config', here / 'made.py'])
    case(f'source {_name}', 'make_class_prior', lambda here, name=_name: [
        here / 'prior.npz', '--classes', 'a', 'b', '--source',
        here / 'bad' / name, '--source-names', here / 'texts.txt'])

# Other things that are read.
for _name in ('list', 'number', 'no_keys', 'format_is_text', 'later',
              'parts_are_a_number', 'parts_of_words', 'words'):
    case(f'index {_name}', 'index', lambda here, name=_name: [
        'inspect', here / f'bad/index_{name}'])
    case(f'index {_name}', 'search', lambda here, name=_name: [
        here / 'run', '--gallery', here / f'bad/index_{name}', '--text',
        'x'])
    case(f'index {_name}', 'export_vectors', lambda here, name=_name: [
        here / f'bad/index_{name}', '--out', here / 'vectors', '--format',
        'parquet'])
    case(f'build on index {_name}', 'index', lambda here, name=_name: [
        'build', here / 'run', here / 'texts.txt', '--out',
        here / f'bad/index_{name}'])
for _name in ('list', 'number', 'no_keys', 'figures_are_a_number',
              'figures_of_words', 'figure_without_values',
              'values_are_words', 'words', 'nan', 'gone'):
    case(f'results {_name}', 'compare', lambda here, name=_name: [
        here / 'results.json', here / f'bad/results_{name}.json'])
    case(f'results {_name}', 'publish_model', lambda here, name=_name: [
        here / 'run', '--out', here / 'published', '--data', 'mine',
        '--licence', 'CC0-1.0', '--results',
        here / f'bad/results_{name}.json'])
for _name in ('nothing', 'words', 'numbers', 'lists', 'bytes',
              'text_for_number', 'text_for_step', 'list_for_step', 'gone'):
    for _task in ('plot_curve', 'cal_train_time'):
        if (_name, _task) != ('text_for_number', 'plot'):
            case(f'{_task} {_name}', 'analysis_tools/analyze_logs',
                 lambda here, task=_task, name=_name: [
                     task, here / f'bad/log_{name}.json',
                     *(['--out', here / 'curve.png']
                       if task == 'plot_curve' else [])])
MANIFESTS = [*(f'{name}.tsv' for name in (
    'nothing', 'header', 'columns', 'doubled', 'short', 'bytes', 'gone')),
    'bytes.csv', 'words.jsonl', 'numbers.jsonl', 'bytes.txt',
    'empty_folder', 'words.zip']
for _name in MANIFESTS:
    case(f'manifest {_name}', 'check_data', lambda here, name=_name: [
        here / 'bad' / name, '--no-cache'])
    case(f'gallery {_name}', 'search', lambda here, name=_name: [
        here / 'run', '--gallery', here / 'bad' / name, '--text', 'x'])
    case(f'source {_name}', 'index', lambda here, name=_name: [
        'build', here / 'run', here / 'bad' / name, '--out', here / 'index'])
    case(f'source {_name}', 'extract_features', lambda here, name=_name: [
        here / 'run', '--source', here / 'bad' / name, '--out',
        here / 'out.npz'])
    case(f'encoded {_name}', 'extract_features', lambda here, name=_name: [
        here / 'bad' / name, '--images', 'offline', '--texts', 'offline',
        '--out', here / 'out.npz'])
    case(f'folder {_name}', 'make_manifest', lambda here, name=_name: [
        here / 'bad' / name, '--no-config'])
    for _set in ('wiki', 'pascal', 'nuswide10k', 'xmedia', 'pairs'):
        case(f'{_set} {_name}', 'prepare_dataset',
             lambda here, name=_name, kind=_set: [
                 kind, '--source', here / 'bad' / name, '--out',
                 here / 'prepared'])

# Options.
for _option, _values in {
        '--topk': ('0', '-1', 'x', '1.5'),
        '--image-weight': ('2', 'nan', 'x'), '--balance': ('-1', 'nan', '7'),
        '--only': ('class', '=', 'colour=red'), '--target': ('sound', ),
        '--image': ('gone.png', 'bad/picture.png', 'bad/postscript.png',
                    'bad', 'bad/words.pth'),
        '--out': ('x.docx', 'no/such/folder/\0.json'),
        '--font': ('gone.ttf', )}.items():
    for _value in _values:
        case(f'{_option} {_value!r}', 'search',
             lambda here, option=_option, value=_value: [
                 here / 'run', '--gallery', here / 'texts.txt',
                 *([] if option == '--image' else ['--text', 'bird']),
                 *(['--out', here / 'sheet.png'] if option == '--font'
                   else []), option,
                 here / value if option in ('--image', '--out') else value])
for _protocol in (
        'precision@100000000000000000000', 'precision@0', 'precision@-1',
        'precision@x', 'precision@', 'nothing', '', 'chtn-map-all:banana',
        'chtn-map-all/split', '@', ':', '/', 'recall@1e3', 'map@1@2'):
    case(f'protocol {_protocol!r}', 'score', lambda here, name=_protocol: [
        here / 'good.npz', '--protocol', name])
    case(f'protocol {_protocol!r}', 'report', lambda here, name=_protocol: [
        here / 'run', '--protocol', name, '--out', here / 'report.html'])
    case(f'protocol {_protocol!r}', 'compare', lambda here, name=_protocol: [
        here / 'results.json', here / 'results.json', '--protocol', name])
for _tool, _options in {
        'score': {
            '--k': ('0', '-1', 'x', '1' + '0' * 20), '--seed': ('-1', 'x'),
            '--bootstrap': ('-1', 'x'), '--threads': ('0', '-1'),
            '--device': ('banana', 'cuda:99', ''),
            '--fields': ('image', 'colour=image', 'image=gone', '='),
            '--labels': ('gone.npy', ), '--directions': ('a2b', ),
            '--out': ('bad', ), '--trec': ('good.npz', )},
        'benchmark': {
            '--labels': ('0%', '200%', '-1/class', 'x', '0/class', 'nan%',
                         '1/x'),
            '--budget': ('0', ), '--draws': ('-1', ), '--jobs': ('0', '-1'),
            '--unseen': ('0', '2', 'nan', '-1'),
            '--dimensions': ('-1', ), '--out': ('good.npz', ),
            '--methods': ('Nothing', 'gone.py:A', ':', 'bad/syntax.py:A')},
        }.items():
    for _option, _values in _options.items():
        for _value in _values:
            case(f'{_option} {_value!r}', _tool,
                 lambda here, tool=_tool, option=_option, value=_value: [
                     here / ('good.npz' if tool == 'score' else 'small.npz'),
                     *(['--methods', 'random'] if tool == 'benchmark'
                       and option != '--methods' else []),
                     option, here / value if (here / value).exists()
                     and value and option != '--methods' else value])
for _value in ('0', '-1', 'x', 'nan'):
    case(f'--samples {_value}', 'export_onnx', lambda here, value=_value: [
        here / 'run', '--out', here / 'onnx', '--samples', value])
    case(f'--shape {_value}', 'analysis_tools/get_flops',
         lambda here, value=_value: [
             'chtn_plugin::chtn_demo', '--shape', value])
    case(f'--text-length {_value}', 'analysis_tools/get_flops',
         lambda here, value=_value: [
             'chtn_plugin::chtn_demo', '--text-length', value])
    case(f'--show-number {_value}', 'browse_dataset',
         lambda here, value=_value: [
             here / 'tiny.py', '--show-number', value, '--output-dir',
             here / 'seen'])
    case(f'--workers {_value}', 'check_data', lambda here, value=_value: [
        here / 'data/pairs.tsv', '--no-cache', '--workers', value])
    case(f'--val-fraction {_value}', 'prepare_dataset',
         lambda here, value=_value + ('5' if _value == '0' else ''): [
             'pairs', '--source', here / 'data', '--out', here / 'prepared',
             '--val-fraction', value])
for _value in ('-1', 'x', 'nan'):
    case(f'--examples {_value}', 'check_data', lambda here, value=_value: [
        here / 'data/pairs.tsv', '--no-cache', '--examples', value])
    case(f'--worst {_value}', 'report', lambda here, value=_value: [
        here / 'run', '--worst', value, '--out', here / 'report.html'])
    case(f'--tolerance {_value}', 'export_onnx', lambda here, value=_value: [
        here / 'run', '--out', here / 'onnx', '--tolerance', value])
    case(f'--bootstrap {_value}', 'compare', lambda here, value=_value: [
        here / 'results.json', here / 'results.json', '--bootstrap', value])
    case(f'--seed {_value}', 'compare', lambda here, value=_value: [
        here / 'results.json', here / 'results.json', '--seed', value])
    case(f'--seed {_value}', 'make_manifest', lambda here, value=_value: [
        here / 'data', '--no-config', '--seed', value])
    case(f'--split {_value}', 'make_manifest', lambda here, value=_value: [
        here / 'data', '--no-config', '--split', value, '.5', '.6'])
    case(f'--batch-size {_value}', 'extract_features',
         lambda here, value=_value: [
             here / 'data/pairs.tsv', '--images', 'offline', '--out',
             here / 'out.npz', '--batch-size', value])
for _value in ('0', '-1', 'x'):
    case(f'--iterations {_value}', 'demo', lambda here, value=_value: [
        '--iterations', value, '--work-dir', here / 'demo'])
    case(f'--number {_value}', 'suggest_labels', lambda here, value=_value: [
        here / 'tiny.py', '--number', value, '--out', here / 'labels'])
    case(f'--draws {_value}', 'transfer_report', lambda here, value=_value: [
        here / 'tiny.py', '--draws', value, '--out', here / 'transfer'])
for _value in ('-1/class', 'x', '200%', ''):
    case(f'--labels {_value!r}', 'transfer_report',
         lambda here, value=_value: [
             here / 'tiny.py', '--labels', value, '--out',
             here / 'transfer'])
for _value in ('-1', '99999999', 'x', '22.5'):
    case(f'--port {_value}', 'serve', lambda here, value=_value: [
        here / 'run', '--gallery', here / 'texts.txt', '--port', value])
for _value in ('Nothing', 'IVF99999,Flat'):
    case(f'--faiss {_value!r}', 'index', lambda here, value=_value: [
        'build', here / 'run', here / 'texts.txt', '--out',
        here / 'faiss_index', '--faiss', value])
for _name in ('nothing', 'chtn_plugin::nothing', 'Offline'):
    for _option in ('--images', '--texts'):
        case(f'{_option} {_name}', 'extract_features',
             lambda here, name=_name, option=_option: [
                 here / 'data/pairs.tsv', option, name, '--out',
                 here / 'out.npz'])
for _line in (['--out', 'x.docx'], ['--show-path', 'x.docx'], ['--cmap', 'x'],
              ['--split', 'middle'], ['--data-root', 'gone'], ['more.pth']):
    case(f'{_line}', 'analysis_tools/confusion_matrix',
         lambda here, line=_line: [
             here / 'run', *line, *(['--show-path', here / 'confusion.png']
                                    if line[0] == '--cmap' else [])])
for _line in (['--num-splits', '1'], ['--num-splits', 'x'],
              ['--num-splits', '99'], ['--num-splits', '3', '--fold', '3'],
              ['--num-splits', '3', '--fold', '-1'],
              ['--num-splits', '3', '--no-validate'],
              ['--num-splits', '3', '--json', 'x.docx']):
    case(f'{" ".join(_line)}', 'kfold_cross_valid',
         lambda here, line=_line: [here / 'tiny.py', '--work-dir',
                                   here / 'few', *line])
for _name in ('gone.png', 'bad/picture.png', 'bad/postscript.png', 'bad'):
    case(f'picture {_name}', 'vis_cam', lambda here, name=_name: [
        here / name, here / 'run', '--save-path', here / 'cam.png'])
for _line in (['--target-category', 'x'], ['--target-category', '99'],
              ['--target-layers', 'x'], ['--method', 'banana'],
              ['--text', 'a', '--target-category', '0'],
              ['--save-path', 'x.docx']):
    case(f'{" ".join(_line)}', 'vis_cam', lambda here, line=_line: [
        here / 'good.png', here / 'run', '--save-path', here / 'cam.png',
        *line])
case('--nothing', 'env', lambda here: ['--nothing'])
case('index gone', 'export_vectors', lambda here: [
    here / 'gone', '--out', here / 'vectors', '--format', 'parquet'])
case('--out there', 'export_vectors', lambda here: [
    here / 'gone', '--out', here / 'data', '--format', 'parquet'])
case('--split', 'extract_features', lambda here: [
    here / 'run', '--split', 'middle', '--out', here / 'out.npz'])
case('--tap', 'extract_features', lambda here: [
    here / 'run', '--tap', 'fc99', '--out', here / 'out.npz'])
case('--data-root', 'extract_features', lambda here: [
    here / 'run', '--data-root', here / 'bad', '--out', here / 'out.npz'])
case('--source', 'export_onnx', lambda here: [
    here / 'run', '--out', here / 'onnx', '--source', here / 'gone'])
case('--name', 'publish_model', lambda here: [
    here / 'run', '--out', here / 'published', '--data', 'mine',
    '--licence', 'CC0-1.0', '--name', '../outside'])
case('--classes', 'make_class_prior', lambda here: [
    here / 'prior.npz', '--classes', 'a', '--texts', 'nothing'])
case('--save-path', 'print_config', lambda here: [
    here / 'tiny.py', '--save-path', here / 'x.docx'])
for _tool in ('train', 'analysis_tools/get_flops', 'print_config',
              'browse_dataset'):
    for _option in ('model=', 'model.=3', 'a', '=', 'model.type.x=3',
                    'no_such_key=3', 'model.mmd.colour=3',
                    'train_dataloader.5.a=3'):
        case(f'--cfg-options {_option}', _tool,
             lambda here, option=_option, tool=_tool: [
                 here / 'tiny.py', *(['--work-dir', here / 'options']
                                     if tool == 'train' else []),
                 '--cfg-options', option])


def _marked() -> list[Any]:
    """All cases; those after the first of a kind and tool are slow."""
    seen: set[tuple[str, str]] = set()
    marked = []
    for name, (tool, _) in CASES.items():
        kind = tool, name.removeprefix(tool).split()[0]
        first = kind not in seen and name not in READABLE
        marked.append(name if first else pytest.param(
            name, marks=pytest.mark.slow))
        if first:
            seen.add(kind)
    return marked


@pytest.mark.parametrize('name', _marked())
def test_bad_input_is_one_line(here, name, monkeypatch):
    if name in READABLE:
        pytest.skip('this tool shows what is in a file, whatever it means')
    tool, arguments = CASES[name]
    monkeypatch.chdir(here)
    monkeypatch.syspath_prepend(str(here))
    # A tool sets these for its own process, which here is that of all tests.
    for variable in ('TORCH_FORCE_WEIGHTS_ONLY_LOAD', 'LOCAL_RANK'):
        monkeypatch.delenv(variable, raising=False)
    if tool == 'serve':
        monkeypatch.setattr('uvicorn.run', lambda *_, **__: None)
    status, _, err = run_tool(tool, *arguments(here))
    lines = [line for line in err.splitlines() if line.strip()
             and '%|' not in line]
    assert status not in (0, None), err
    assert 'Traceback' not in err
    # argparse shows the usage above what is wrong.
    if not any(line.startswith('usage: ') for line in lines):
        assert len(lines) == 1, err
    assert len(lines[-1]) > 20 or lines == [], err


def test_every_tool_is_tried():
    tools = {path.stem for path in (
        Path(__file__).parents[2] / 'tools').rglob('*.py')}
    assert {tool.rpartition('/')[2] for tool, _ in CASES.values()} == tools
