"""Run the tutorials one after another and keep what they print.

    python docs/tutorials/execute.py          # minutes on two CPU cores

Needs `pip install -e .[docs,encoders]`. They share one folder, as the second
reads what the first has drawn.
"""
from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path

import nbclient
import nbformat

HERE = Path(__file__).resolve().parent
#: Bars and colours are for a terminal; a page keeps what was said.
QUIET = dict(TQDM_DISABLE='1', HF_HUB_DISABLE_PROGRESS_BARS='1',
             NO_COLOR='1')
_COLOUR = re.compile(r'\x1b\[[0-9;]*m')


def tutorials() -> list[Path]:
    """Return the notebooks in their order."""
    return sorted(HERE.glob('*.ipynb'))


def execute(path: Path, folder: Path) -> nbformat.NotebookNode:
    """Run a notebook in a folder; a cell that fails raises.

    A command of a ``!`` line that fails does not end the cell, so its exit
    code is looked at, too.
    """
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == 'code' and cell.source.startswith('!'):
            cell.source += '\nassert _exit_code == 0'
    bin_folder = str(Path(sys.executable).parent)
    os.environ.update(QUIET, PATH=f'{bin_folder}{os.pathsep}'
                                  f'{os.environ["PATH"]}')
    nbclient.NotebookClient(
        notebook, timeout=1800, kernel_name='python3',
        resources=dict(metadata=dict(path=str(folder)))).execute()
    for cell in notebook.cells:
        cell.source = cell.source.removesuffix('\nassert _exit_code == 0')
        cell.metadata.pop('execution', None)
        if cell.cell_type != 'code':
            continue
        cell.outputs = _joined(cell.get('outputs', []))
        for output in cell.outputs:
            if 'text' in output:
                output.text = _COLOUR.sub('', _last_states(output.text.replace(
                    f'{folder.resolve()}/', '').replace(f'{folder}/', '')))
    return notebook


def _joined(outputs: list[nbformat.NotebookNode]
            ) -> list[nbformat.NotebookNode]:
    """Put what was printed piece by piece together."""
    joined: list[nbformat.NotebookNode] = []
    for output in outputs:
        if 'text' in output and joined and 'text' in joined[-1]:
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def _last_states(text: str) -> str:
    """Leave of each progress bar its last state, as a terminal does."""
    return '\n'.join(line.rsplit('\r', 1)[-1] for line in
                     text.replace('\r\n', '\n').split('\n'))


def main() -> None:
    """Execute all and write them back."""
    with tempfile.TemporaryDirectory() as folder:
        for path in tutorials():
            print(path.name, flush=True)
            notebook = execute(path, Path(folder))
            notebook.metadata.pop('language_info', None)
            nbformat.write(notebook, path)


if __name__ == '__main__':
    main()
