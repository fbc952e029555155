"""Write configs/**/metafile.yml and model-index.yml from the configurations.

    python .ci/metafiles.py

Figures are those of the configurations' own first lines ("Expect .651 …").
"""
from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from mmengine.registry import MODELS

from chtn_plugin.engine.config_files import read_config_file

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ('.', 'chtn', 'features', 'few_labels', 'methods')
#: Part of a configuration's name, and the data it means.
DATA = {'glyphs': 'Unicode glyphs', 'demo': 'Unicode glyphs',
        'wiki': 'Wikipedia', 'webnews': 'web news (zh)',
        'pascal': 'Pascal Sentences', 'openmoji': 'OpenMoji'}
EXPECTED = re.compile(
    r'Expect:? (\.\d+)(?: ± \.\d+)? mean mAP(?: ± \.\d+)?')
PROTOCOL = re.compile(r'chtn-map-all(?::dot)?')
HEAD = """# Written by .ci/metafiles.py, for OpenMMLab's tools (mim search).
"""


def entry(path: Path, method: str) -> dict[str, Any]:
    """Describe one configuration."""
    head = path.read_text('utf-8')
    data = next((data for name, data in DATA.items() if re.search(
        rf'(^|[_-]){name}', path.stem)), 'other')
    found: dict[str, Any] = {
        'Name': path.stem, 'In Collection': method,
        'Config': path.relative_to(ROOT).as_posix(),
        'Metadata': {'Training Data': data}}
    expected = EXPECTED.search(head)
    if expected:
        said = PROTOCOL.search(head, expected.end())
        name = said[0] if said else 'chtn-map-all'
        found['Results'] = [{
            'Task': 'Cross-Modal Retrieval', 'Dataset': data,
            'Metrics': {f'mean mAP ({name})': float(expected[1])}}]
    return found


def main() -> None:
    """Write them all."""
    listed = []
    for folder in FOLDERS:
        models, methods = [], {}
        for path in sorted((ROOT / 'configs' / folder).glob('*.py')):
            if path.stem.startswith('own_'):
                continue
            name = read_config_file(str(path)).model.type
            methods[name] = MODELS.get(name)
            models.append(entry(path, name))
        collections = [
            {'Name': name, **({'Paper': {
                'URL': method.paper, 'Title': method.paper_title or name}}
                if method.paper else {})}
            for name, method in sorted(methods.items())]
        out = ROOT / 'configs' / folder / 'metafile.yml'
        out.write_text(HEAD + yaml.safe_dump(
            dict(Collections=collections, Models=models), sort_keys=False,
            allow_unicode=True), 'utf-8')
        listed.append(out.relative_to(ROOT).as_posix())
    (ROOT / 'model-index.yml').write_text(
        'Import:\n' + ''.join(f'  - {name}\n' for name in listed))


if __name__ == '__main__':
    main()
