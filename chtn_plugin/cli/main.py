"""One command for everything: chtn COMMAND [options].

Every command is a tool of its own; chtn COMMAND --help explains it.
"""
from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Optional, Union

from .command import as_typed

_HERE = Path(__file__).parent
#: Modules of this room that are no commands.
_NONE = ('__init__', 'command', 'json_output', 'main')


def commands() -> dict[str, str]:
    """Return a line on each command, by its name.

    Read from the modules' docstrings without importing them.
    """
    summaries = {}
    for path in sorted(_HERE.glob('*.py')):
        if path.stem not in _NONE:
            text = ast.get_docstring(ast.parse(path.read_text('utf-8'))) or ''
            summaries[path.stem.replace('_', '-')] = text.partition('\n')[0]
    return summaries


def completion(names: list[str], shell: str) -> str:
    """Return a script that lets a shell complete the commands' names."""
    words = ' '.join(names)
    if shell == 'fish':
        return ("complete -c chtn -n '__fish_use_subcommand' -f "
                f"-a '{words}'")
    script = ('_chtn() { if [ "$COMP_CWORD" -eq 1 ]; then '
              f'COMPREPLY=($(compgen -W "{words}" -- "$2")); '
              'else COMPREPLY=($(compgen -f -- "$2")); fi; }\n'
              'complete -o filenames -F _chtn chtn')
    if shell == 'zsh':
        return f'autoload -U +X bashcompinit && bashcompinit\n{script}'
    return script


def main(argv: Optional[list[str]] = None) -> Union[int, str, None]:
    """Run a command; return its exit status."""
    known = commands()
    width = max(map(len, known))
    parser = argparse.ArgumentParser(
        prog='chtn', description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='commands:\n' + '\n'.join(
            f'  {name:{width}}  {text}' for name, text in known.items()))
    parser.add_argument('--version', action='store_true',
                        help='print the version')
    parser.add_argument('--completion', choices=['bash', 'zsh', 'fish'],
                        help='print a script that completes the names of the '
                        'commands: eval "$(chtn --completion bash)"')
    parser.add_argument('command', nargs='?', metavar='COMMAND')
    parser.add_argument('options', nargs=argparse.REMAINDER,
                        help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.version:
        from chtn_plugin.version import __version__
        print(f'chtn-plugin {__version__}')
        return 0
    if args.completion:
        print(completion(list(known), args.completion))
        return 0
    if args.command is None:
        parser.print_help()
        return 2
    if args.command not in known:
        parser.error(f'a command must be one of {", ".join(known)}, got '
                     f'{args.command!r}')
    return run_command(args.command, args.options)


def run_command(name: str, options: Sequence[str]) -> Union[int, str, None]:
    """Run one command in this process; return its exit status.

    Args:
        name: As a user types it behind ``chtn``.
        options: Words behind that.
    """
    # The command's own parser shows this name.
    sys.argv = [f'chtn {name}', *options]
    module = import_module(f'chtn_plugin.cli.{name.replace("-", "_")}')
    try:
        return module.main()
    except SystemExit as stop:
        if isinstance(stop.code, str):
            raise SystemExit(as_typed(stop.code)) from None
        raise
