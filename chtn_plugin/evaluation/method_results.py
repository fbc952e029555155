"""Gather the results files of methods that are to be compared."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from .results import RESULTS_NAME, Results, read_results


def load_methods(arguments: Sequence[str]) -> dict[str, list[Results]]:
    """Read the results of methods that a command line names.

    Args:
        arguments: ``NAME=PATH[,PATH...]`` or ``PATH``, each path a results
            file or a folder in which all ``results*.json`` are seeds of one
            method; without a name the folder's is taken.

    Raises:
        FileNotFoundError: No such path, or no results in a folder.
        ValueError: A file is no results file, or comes twice, or two
            arguments without a name would have the same.
    """
    methods: dict[str, list[Results]] = {}
    loaded: set[Path] = set()
    given: dict[str, str] = {}
    for argument in arguments:
        name, named, paths = argument.rpartition('=')
        for path in map(Path, paths.split(',')):
            files = sorted(path.rglob('results*.json')) if path.is_dir() else (
                [path])
            if not files:
                raise FileNotFoundError(f'no results*.json in {path}')
            inside = path if path.is_dir() else (
                path.parent if path.name == RESULTS_NAME
                else path.with_suffix(''))
            for file in files:
                if file.resolve() in loaded:
                    raise ValueError(f'{file} came twice')
                loaded.add(file.resolve())
                method = name if named else inside.resolve().name
                if not named and given.setdefault(method,
                                                  argument) != argument:
                    raise ValueError(
                        f'two methods must have two names: {given[method]} '
                        f'and {argument} are both {method!r}. Call them '
                        'NAME=PATH, or join seeds of one, NAME=PATH,PATH')
                methods.setdefault(method, []).append(read_results(file))
    return methods


def named_alike(methods: Mapping[str, Sequence[Results]]
                ) -> dict[str, list[Results]]:
    """Bring results under the protocols that were asked for.

    A protocol that names no similarity is scored with the model's own, so
    methods of different similarities have used protocols of other names.

    Args:
        methods: Results of each method, one per seed.

    Returns:
        The same results; a protocol that all hold keeps its name, and
        ``used`` tells the name that each was scored with.
    """
    every = [r for results in methods.values() for r in results]
    shared = {name for name in every[0]['per_query']
              if all(name in r['per_query'] for r in every)}

    def renamed(result: Results) -> Results:
        names = {name: name if name in shared else
                 result.get('asked', {}).get(name, name)
                 for name in result['per_query']}
        if len(set(names.values())) < len(names):
            names = {name: name for name in names}
        moved = {field: {names[name]: value for name, value in
                         result.get(field, {}).items()}
                 for field in ('per_query', 'weights')}
        figures = [dict(f, protocol=names[f['protocol']])
                   for f in result['figures']]
        return dict(result, **moved, figures=figures, used={
            new: name for name, new in names.items()})

    return {name: [renamed(result) for result in results]
            for name, results in methods.items()}
