"""Every command that README and the documentation show is one the tool takes.

Options are read by the tool's own parser; the command itself is not run.
"""
import argparse
import importlib
import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(path.relative_to(ROOT) for path in [
    *ROOT.glob('README*.md'), *ROOT.glob('docs/*.md'),
    *ROOT.glob('configs/**/README.md'),
    *ROOT.glob('projects/**/README.md')])
_TOOL = re.compile(r'^(?:PYTHONPATH=\S+ )?'
                   r'(?:python (?:tools/)(\w+)\.py|chtn ([a-z-]+))\b')


class Parsed(Exception):
    """The parser took the arguments."""


def commands():
    """Lines of code, in fences of a shell or none and indented by four."""
    for page in PAGES:
        language = None
        text = (ROOT / page).read_text('utf-8').replace('\\\n', ' ')
        for line in text.splitlines():
            if line.lstrip().startswith('```'):
                language = (line.strip('` ') or 'text'
                            if language is None else None)
                continue
            code = (language in ('bash', 'sh', 'shell', 'text')
                    if language else line.startswith('    '))
            if code and _TOOL.match(line.strip()):
                yield page, line.strip()


COMMANDS = list(commands())


def test_the_pages_have_commands():
    assert len(COMMANDS) > 40
    assert {Path('README.md'), Path('docs/data.md')} <= {
        page for page, _ in COMMANDS}


@pytest.mark.parametrize('page, line', COMMANDS,
                         ids=[f'{p}-{line[:60]}' for p, line in COMMANDS])
def test_the_tool_takes_the_documented_options(monkeypatch, capsys, page,
                                               line):
    tool = _TOOL.match(line)
    name = (tool[1] or tool[2]).replace('-', '_')
    words = shlex.split(re.sub(r'\$\w+', '1', line[tool.end():]),
                        comments=True)
    # What a shell would do with pipes and redirections is not the tool's.
    for mark in ('|', '>', '&', '&&', ';'):
        if mark in words:
            words = words[:words.index(mark)]
    parse = argparse.ArgumentParser.parse_args

    def stop(self, *args, **kwargs):
        parse(self, *args, **kwargs)
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, 'parse_args', stop)
    monkeypatch.setattr('sys.argv', [f'{name}.py', *words])
    main = importlib.import_module(f'chtn_plugin.cli.{name}').main
    try:
        main()
    except Parsed:
        return
    except SystemExit:
        pytest.fail(f'{page}: {line}\n{capsys.readouterr().err}')
    pytest.fail(f'{page}: {line}: nothing parsed')


@pytest.mark.parametrize('page', PAGES, ids=str)
def test_configurations_that_a_page_names_exist(page):
    text = (ROOT / page).read_text('utf-8')
    named = set(re.findall(r'\bconfigs/[\w/.-]+\.py\b', text))
    missing = {name for name in named if not (ROOT / name).exists()
               and not Path(name).name.startswith(('mine', 'my_', 'own'))}
    assert not missing
