"""Pages of the site beyond those of ``docs/``.

One for each room of the package and each tutorial. README, the
configurations' pages and the benchmarks' results stay where they are read on
the hub that hosts the repository; here they become pages of the site, and
links between them and ``docs/`` are written anew.
"""
from __future__ import annotations

import ast
import base64
import json
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
#: Where each file of the repository stands in the site.
PAGES = {'README.md': 'index.md'} | {path: path for path in (
    'README.zh-CN.md', 'CHANGELOG.md', 'CONTRIBUTING.md',
    'configs/chtn/README.md', 'configs/few_labels/README.md',
    'configs/methods/README.md',
    'benchmarks/RESULTS.md')}
#: Order of the rooms; each imports only those before it.
ROOMS = ('storage', 'text', 'losses', 'models', 'methods', 'datasets',
         'evaluation', 'reporting', 'engine', 'curation', 'apis', 'export',
         'studies', 'cli')
_LINK = re.compile(r'(!?\[)([^\]]*)\]\(([^)#\s]+)(#[^)\s]*)?\)')


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are no files of ``docs/``."""
    for path, page in PAGES.items():
        text = (ROOT / path).read_text(encoding='utf-8')
        files.append(File.generated(config, page, content=_relinked(
            text, path, page)))
    for room in ROOMS:
        files.append(File.generated(config, f'api/{room}.md',
                                    content=_room_page(room)))
    for path in sorted((ROOT / 'docs' / 'tutorials').glob('*.ipynb')):
        text, pictures = notebook_page(path)
        files.append(File.generated(
            config, f'tutorials/{path.stem}.md', content=text))
        for name, picture in pictures.items():
            files.append(File.generated(
                config, f'tutorials/{name}', content=picture))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any,
                     files: Files) -> str:
    """Point links of the pages of ``docs/`` to where files stand here."""
    path = page.file.src_uri
    if page.file.generated_by:
        return markdown
    return _relinked(markdown, f'docs/{path}', path)


def _relinked(text: str, path: str, page: str) -> str:
    """Rewrite the links of a file of the repository for its page."""
    def target(match: re.Match) -> str:
        opening, name, link, anchor = match.groups(default='')
        if ':' in link:  # of another scheme
            return match[0]
        meant = posixpath.normpath(posixpath.join(posixpath.dirname(path),
                                                  link))
        if meant in PAGES:
            where = PAGES[meant]
        elif meant.startswith('docs/') or not (ROOT / meant).is_file():
            where = meant.removeprefix('docs/')
        else:  # code and records are no pages
            return f'{name} (`{meant}`)'
        if where.endswith('.ipynb'):
            where = where.removesuffix('.ipynb') + '.md'
        link = posixpath.relpath(where, posixpath.dirname(page) or '.')
        return f'{opening}{name}]({link}{anchor})'
    return _LINK.sub(target, text)


def notebook_page(path: Path) -> tuple[str, dict[str, bytes]]:
    """Markdown of an executed notebook, and its pictures by name."""
    lines: list[str] = []
    pictures: dict[str, bytes] = {}
    for cell in json.loads(path.read_text(encoding='utf-8'))['cells']:
        source = ''.join(cell['source'])
        if cell['cell_type'] == 'markdown':
            lines += [source, '']
            continue
        shell = source.startswith('!')
        lines += ['```bash' if shell else '```python',
                  source.removeprefix('!'), '```', '']
        printed = ''
        for output in cell['outputs']:
            data = output.get('data', {})
            if 'image/png' in data:
                name = f'{path.stem}_{len(pictures)}.png'
                pictures[name] = base64.b64decode(data['image/png'])
                lines += [f'![what the cell draws]({name})', '']
            elif 'text/markdown' in data:
                lines += [''.join(data['text/markdown']), '']
            else:
                printed += ''.join(output.get('text')
                                   or data.get('text/plain', ''))
        if printed.strip():
            lines += ['```text', printed.strip('\n'), '```', '']
    return '\n'.join(lines), pictures


def _room_page(room: str) -> str:
    """Reference of the public modules of a room."""
    folder = ROOT / 'chtn_plugin' / room
    module = ast.parse((folder / '__init__.py').read_text(encoding='utf-8'))
    lines = [f'# {room}', '', ast.get_docstring(module) or '', '']
    for path in sorted(folder.rglob('*.py')):
        parts = path.relative_to(ROOT).with_suffix('').parts
        if any(part.startswith('_') for part in parts):
            continue
        lines += [f'::: {".".join(parts)}', '']
    return '\n'.join(lines)
