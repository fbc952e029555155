"""Compare methods on your data, or on a public set, at equal budget.

Every method gets the same rows, the same preparation, the same number of
settings to choose from on folds of the labelled rows, and the same draws;
the test split is read once. DATA is an .npz file with the arrays image, text,
label and train, or a configuration with ready features. What was measured is
kept in OUT/records.jsonl: started again, the command goes on where it was.
"""
from __future__ import annotations

import argparse
import hashlib
import importlib.util
import shlex
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from .command import CommandParser, plain_errors, plain_interrupt
from .json_output import add_json_argument, json_output


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Example: python tools/benchmark.py features.npz --methods '
        'closed --labels 100%% 10%% --out work_dirs/benchmark')
    parser.add_argument('data', nargs='+', metavar='[NAME=]DATA',
                        help='.npz file or configuration, and what to call '
                        'it (default: the name of the file)')
    parser.add_argument('--methods', nargs='+', default=['all'],
                        metavar='NAME', help='all, closed (solved in one '
                        'step), trained, single names, or FILE:CLASS of '
                        'your own (default: all); aligned and zero-shot, '
                        'which train nothing, by name alone: for vectors of '
                        "towers like CLIP's")
    parser.add_argument('--labels', nargs='+', default=['100%', '10%',
                                                        '4/class'],
                        help='shares of the labels, or a number a class '
                        '(default: 100%% 10%% 4/class)')
    parser.add_argument('--budget', type=int, default=8, help='settings a '
                        'closed form may choose from (default: 8)')
    parser.add_argument('--draws', type=int, default=8, help='draws of the '
                        'labelled rows for closed forms (default: 8)')
    parser.add_argument('--trained-budget', type=int, default=4,
                        help='the same for methods that are trained '
                        '(default: 4)')
    parser.add_argument('--trained-draws', type=int, default=3,
                        help='(default: 3)')
    parser.add_argument('--source', nargs='+', default=[],
                        metavar='[SET=]DATA', help='source domain of methods '
                        'that transfer from one, with vectors of the same '
                        'encoders: labelled pairs of another set, or labelled '
                        'images alone (arrays F and label), or a '
                        'configuration that has a source domain')
    parser.add_argument('--class-names', nargs='+', default=[],
                        metavar='[SET=]FILE', help='what the names of the '
                        'classes tell, of tools/make_class_prior.py')
    parser.add_argument('--class-names-scale', type=float, default=16.,
                        help='length of an image vector before it was scaled '
                        'to 1 (default: 16)')
    parser.add_argument('--results', nargs='+', default=[],
                        metavar='[SET/]NAME[@LABELS]=FILE',
                        help='embeddings of the test split that another '
                        'program made, to be tabled under that name '
                        '(default: at 100%% of the labels)')
    parser.add_argument('--write-rows', metavar='FOLDER',
                        help='write which rows each draw trains on, for '
                        'another program, and stop')
    parser.add_argument('--unseen', type=float, metavar='SHARE',
                        help='keep this share of the classes out of training '
                        'and test on them alone')
    parser.add_argument('--dimensions', type=int, default=400,
                        help='principal components that are kept of a '
                        'modality at most; 0: all (default: 400)')
    parser.add_argument('--l2-normalized', nargs='*',
                        default=['image', 'text'],
                        choices=['image', 'text'], help='modalities whose '
                        'vectors are scaled to length 1 (default: both)')
    parser.add_argument('--jobs', type=int, default=1,
                        help='processes (default: 1)')
    parser.add_argument('--report-only', action='store_true',
                        help='measure nothing, write the reports of what '
                        'has been measured')
    parser.add_argument('--out', default='work_dirs/benchmark',
                        help='folder of records and reports')
    add_json_argument(parser, 'the tables')
    return parser.parse_args(argv)


def chosen_methods(names: list[str]) -> tuple[list[str], dict[str, str]]:
    """Return the chosen methods' names, and hashes of users' files.

    Raises:
        KeyError: There is no such method.
        ValueError, FileNotFoundError: A user's file holds no such class.
    """
    from chtn_plugin.studies.benchmark import is_closed_form
    from chtn_plugin.studies.fitting import BASELINES
    from chtn_plugin.studies.spaces import SPACES
    from chtn_plugin.studies.untrained import UNTRAINED
    known = [*BASELINES, *SPACES]
    groups = dict(all=known, closed=[m for m in known if is_closed_form(m)],
                  trained=[m for m in known if not is_closed_form(m)])
    methods: list[str] = []
    code: dict[str, str] = {}
    for name in names:
        if ':' in name:
            own, digest = _own_method(name)
            code[own] = digest
            methods.append(own)
        elif name in groups:
            methods += groups[name]
        elif name in known or name in UNTRAINED:
            methods.append(name)
        else:
            raise KeyError('a method must be one of '
                           f'{[*known, *UNTRAINED]}, all, closed, '
                           f'trained, or FILE:CLASS, got {name!r}')
    return list(dict.fromkeys(methods)), code


def _own_method(name: str) -> tuple[str, str]:
    from mmengine.registry import MODELS

    from chtn_plugin.models import CrossModalModel
    file, _, attribute = name.rpartition(':')
    path = Path(file if file.endswith('.py') else f'{file}.py')
    if not path.is_file():
        raise FileNotFoundError(f'file of a method not found: {path}')
    loaded = sys.modules.get(path.stem)
    if (loaded is not None
            and getattr(loaded, '__file__', None) == str(path.resolve())):
        module = loaded  # of another class in it
    else:
        spec = importlib.util.spec_from_file_location(path.stem,
                                                      path.resolve())
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules.setdefault(path.stem, module)
        spec.loader.exec_module(module)
    method: Any = getattr(module, attribute, None)
    if not (isinstance(method, type) and issubclass(method, CrossModalModel)):
        raise ValueError(f'{path} must hold a CrossModalModel named '
                         f'{attribute}, it holds {type(method).__name__}')
    if MODELS.get(attribute) is None:
        MODELS.register_module(module=method)
    elif MODELS.get(attribute) is not method:
        raise ValueError(f'{attribute} is the name of another method already: '
                         f'call the one of {path} otherwise')
    return attribute, hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def of_set(arguments: list[str], name: str) -> str | None:
    """Return the file that ``[SET=]FILE`` arguments give a set, or None.

    Raises:
        ValueError: Two of them are for the set.
    """
    paths = [path for of, _, path in (
        text.rpartition('=') for text in arguments) if of in ('', name)]
    if len(paths) > 1:
        raise ValueError(f'{name} must have one file of a kind, got '
                         f'{", ".join(paths)}')
    return paths[0] if paths else None


def names_of_sets(arguments: list[str]) -> dict[str, str]:
    """Return what each set is called, and its file.

    Raises:
        ValueError: Two are called alike.
    """
    files: dict[str, str] = {}
    for argument in arguments:
        # An '=' may stand in the name of a file, too.
        name, _, path = ('', '', argument) if Path(argument).is_file() else (
            argument.rpartition('='))
        name = name or Path(path).stem
        if name in files:
            raise ValueError('each set needs a name of its own, NAME=DATA: '
                             f'{files[name]} and {path} are both {name!r}')
        files[name] = path
    return files


def read_set(name: str, path: str, args: argparse.Namespace) -> Any:
    """Read and prepare a set, with what comes beside it."""
    from chtn_plugin.studies.pair_features import (
        prepare,
        read_pair_features,
        with_class_prior,
    )
    from chtn_plugin.studies.source_rows import read_source, with_source
    features = prepare(read_pair_features(path, name),
                       args.dimensions or None, args.l2_normalized)
    source = of_set(args.source, features.name)
    if source is not None:
        features = with_source(features, read_source(source))
    names = of_set(args.class_names, features.name)
    if names is not None:
        features = with_class_prior(features, names, args.class_names_scale)
    return features


def possible_methods(methods: list[str], asked: list[str],
                     features: Any) -> list[str]:
    """Leave out methods that need what a set has not, and say which.

    Raises:
        ValueError: One of them was asked for by its name.
    """
    from chtn_plugin.studies.spaces import (
        needs_names,
        needs_source,
        needs_source_pairs,
    )
    source = features.source
    for need, option, there in (
            (needs_source, '--source', source is not None),
            (needs_source_pairs, '--source with texts',
             source is not None and source.text is not None),
            (needs_names, '--class-names with a classifier of the images',
             'source_weight' in (features.prior or ()))):
        lacking = [name for name in methods if need(name) and not there]
        named = [name for name in lacking if name in asked]
        if named:
            raise ValueError(f'{", ".join(named)} needs {option} for '
                             f'{features.name}')
        if lacking:
            print(f'{features.name}: without {", ".join(lacking)}, which '
                  f'needs {option}')
            methods = [name for name in methods if name not in lacking]
    return methods


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure what is missing, then write the reports."""
    from chtn_plugin.studies.benchmark import Plan, run_benchmark
    from chtn_plugin.studies.benchmark_report import (
        check_reports,
        write_reports,
    )
    from chtn_plugin.studies.benchmark_table import tables
    from chtn_plugin.studies.label_budgets import LabelBudget
    from chtn_plugin.studies.outside import (
        outside_record,
        parse_outside,
        write_rows,
    )
    from chtn_plugin.studies.record_store import RecordStore
    methods, code = chosen_methods(args.methods)
    plan = Plan(methods, [LabelBudget.parse(text) for text in args.labels],
                args.budget, args.draws, args.trained_budget,
                args.trained_draws, args.unseen, code)
    for name in ('draws', 'trained_draws', 'budget', 'trained_budget'):
        if getattr(args, name) < 1:
            raise ValueError(f'{name} must be at least 1, got '
                             f'{getattr(args, name)}')
    if args.dimensions < 0:
        raise ValueError('--dimensions must be 0 or more, got '
                         f'{args.dimensions}')
    store = RecordStore(Path(args.out) / 'records.jsonl')
    check_reports(args.out)
    sets = names_of_sets(args.data)
    records, start, prepared = [], time.time(), ''
    if args.write_rows:
        for name, path in sets.items():
            paths = write_rows(args.write_rows, read_set(name, path, args),
                               plan.labels, args.draws)
            print(f'written: {paths[0]} and {len(paths) - 1} more')
        return {}
    outside = parse_outside(args.results, methods)
    if outside and args.unseen is not None:
        raise ValueError('results of other programs have no unseen classes: '
                         '--results and --unseen exclude each other')
    for name, path in sets.items():
        features = read_set(name, path, args)
        prepared = features.prepared
        records += run_benchmark(
            features, replace(plan, methods=possible_methods(
                methods, args.methods, features)), store, args.jobs,
            measure=not args.report_only)
        mine = [one for one in outside if one.set == features.name or (
            not one.set and len(args.data) == 1)]
        records += [outside_record(features, one) for one in mine]
        outside = [one for one in outside if one not in mine]
    if outside:
        raise ValueError('results must be of a set that is compared, as '
                         f'SET/NAME=FILE: {outside[0].name} of '
                         f'{outside[0].set or "several sets"} is of none')
    if not records:
        raise ValueError('there is nothing to report yet: '
                         f'{store.path} has no test of these methods')
    command = 'python tools/benchmark.py ' + shlex.join(sys.argv[1:])
    how = dict(command=command, prepared=prepared, budget=args.budget,
               trained_budget=args.trained_budget,
               hours=(time.time() - start) / 3600)
    measured = tables(records)
    paths = write_reports(args.out, measured, how)
    errors = [record for record in records if record['kind'] == 'error']
    for error in errors[:10]:
        print(f'failed: {error["method"]}, {error["set"]}, '
              f'{error["labels"]}, draw {error["draw"]}: {error["error"]} '
              f'({error["at"]})', file=sys.stderr)
    print('written: ' + ', '.join(map(str, paths)))
    return dict(how, tables=measured, errors=errors)


@plain_interrupt('benchmark.py',
                 'What was measured is kept; the same command goes on')
def main(argv: list[str] | None = None) -> None:
    """Read the command line and compare."""
    args = parse_args(argv)
    with plain_errors('benchmark.py'), json_output(
            args.json, 'benchmark') as report:
        report(run(args))
