"""Score embeddings of any origin under named protocols.

    python tools/score.py EMBEDDINGS.npz --protocol all --k 1 10 50
    python tools/score.py image.npy text.npy --labels label.npy
    python tools/score.py --run their.run --qrels their.qrels

Runs on .npz, .mat, .h5 and .npy files; common layouts are recognised, other
field names are given with --fields. Runs and judgements come as TREC files, as
JSON of pytrec_eval or ranx, or as the dictionaries of sentence-transformers'
InformationRetrievalEvaluator.
"""
import argparse
from dataclasses import replace

from chtn_plugin.evaluation import (
    all_protocols,
    get_protocol,
    known_names,
)
from chtn_plugin.evaluation.protocols import (
    DEFAULT_CUTS,
    DEFAULT_PROTOCOL,
    DIRECTIONS,
    FORMULAS,
    PAIR_PROTOCOLS,
    SIMILARITIES,
)
from chtn_plugin.evaluation.reading import FIELDS
from chtn_plugin.evaluation.splits import SPLITS

from .command import AGAIN, CommandParser, plain_errors, plain_interrupt
from .json_output import add_json_argument, json_output


def parse_args(argv=None):
    parser = CommandParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('embeddings', nargs='*', metavar='EMBEDDINGS',
                        help='one file, or one of images and one of texts')
    parser.add_argument('--run', metavar='FILE', help='in place of '
                        'embeddings: what another program found, as TREC run '
                        'or JSON {query: {item: score}}')
    parser.add_argument('--qrels', metavar='FILE', help='what answers which '
                        'query, of a run or of embeddings with ids: TREC '
                        'qrels, JSON {query: {item: gain}} or {query: '
                        '[item]}, or JSON with relevant_docs')
    parser.add_argument('--labels', nargs='+', default=[], metavar='FILE',
                        help='labels of both modalities, or of images and '
                             'of texts (.npy, or text with one a line)')
    parser.add_argument('--fields', nargs='+', default=[],
                        metavar='FIELD=NAME', help='name of the array of a '
                        'field: ' + ', '.join(FIELDS))
    parser.add_argument('--protocol', nargs='+', default=None,
                        metavar='NAME', help='names, or "all": '
                        + ', '.join(known_names()) + f' (default '
                        f'{DEFAULT_PROTOCOL}, and for pairs '
                        + ', '.join(PAIR_PROTOCOLS) + ')')
    parser.add_argument('--row-pairs', action='store_true',
                        help='row i of the images and row i of the texts are '
                             'a pair: what the pair protocols look for')
    parser.add_argument('--similarity', choices=SIMILARITIES, default=None,
                        help='where a protocol names none (default: what the '
                             'embeddings say, or cosine)')
    parser.add_argument('--k', nargs='+', type=int, default=None,
                        help='cuts for "all" and for names without one '
                             f'(default {" ".join(map(str, DEFAULT_CUTS))})')
    parser.add_argument('--split', choices=SPLITS,
                        help='test set that the items must be')
    parser.add_argument('--directions', nargs='+', default=['i2t', 't2i'],
                        choices=DIRECTIONS)
    parser.add_argument('--out', metavar='results.json',
                        help='write figures and the value of each query')
    add_json_argument(parser, 'the figures, as --out does,')
    parser.add_argument('--trec', metavar='FOLDER',
                        help='write TREC run and qrels files')
    parser.add_argument('--per-class', action='store_true',
                        help='print each class too')
    parser.add_argument('--bootstrap', type=int, default=2000,
                        help='samples for the intervals, 0 for none')
    parser.add_argument('--seed', type=int, default=0,
                        help='of the bootstrap')
    parser.add_argument('--threads', type=int, default=None)
    parser.add_argument('--device', default=None,
                        help='where to multiply, such as cuda')
    parser.add_argument('--list', action='store_true',
                        help='describe the protocols and splits, and stop')
    args = parser.parse_args(argv)
    if args.run and not args.qrels:
        parser.error('--run needs --qrels')
    if args.run and args.embeddings:
        parser.error('either --run or EMBEDDINGS, not both')
    if not args.list and not args.embeddings and not args.run:
        parser.error('EMBEDDINGS is needed')
    if any(not 1 <= cut <= 10**9 for cut in args.k or ()):
        parser.error('--k takes whole numbers from 1 to 1,000,000,000, got '
                     f'{" ".join(map(str, args.k))}')
    for field in args.fields:
        if '=' not in field:
            parser.error(f'--fields takes FIELD=NAME, got {field}')
    return args


def wanted_protocols(names, cuts, split, pairs=True, classes=True):
    """Return the protocols of these names, at each cut where one is needed.

    No names: the default of what the embeddings hold, classes or pairs.
    """
    protocols = []
    if names is None:
        names = [DEFAULT_PROTOCOL] * classes + list(PAIR_PROTOCOLS) * pairs
    for name in names:
        head, *options = name.split(':')
        if name == 'all':
            protocols += all_protocols(cuts or DEFAULT_CUTS, split, pairs,
                                       classes)
        elif '@' not in head and head in FORMULAS and (
                FORMULAS[head].takes_cut):
            protocols += [get_protocol(':'.join([f'{head}@{k}', *options]),
                                       split)
                          for k in cuts or DEFAULT_CUTS]
        else:
            protocols.append(get_protocol(name, split))
    return list(dict.fromkeys(protocols))


@plain_interrupt('score.py', AGAIN)
def main(argv=None):
    args = parse_args(argv)
    if args.list:
        with plain_errors('error'), json_output(
                args.json, 'protocols') as report:
            report(_list())
        return
    with plain_errors('error'), json_output(
            args.json, 'results', _holds_results) as report:
        report(_score(args))


def _list():
    formulas = {name: formula.summary for name, formula in zip(
        known_names(), FORMULAS.values(), strict=True)}
    splits = {split.name: split.summary for split in SPLITS.values()}
    for name, summary in formulas.items():
        print(f'{name:22} {summary}')
    for name, summary in splits.items():
        print(f'.../{name:18} {summary}')
    return dict(protocols=formulas, splits=splits)


def _holds_results(path):
    from chtn_plugin.evaluation.results import read_results
    from chtn_plugin.storage.ownership import is_read_by
    return is_read_by(read_results, path)


def _score(args):
    from chtn_plugin.evaluation import (
        format_results,
        judged_embeddings,
        make_results,
        read_embeddings,
        read_qrels,
        score_embeddings,
        write_results,
        write_trec,
    )
    from chtn_plugin.storage.ownership import check_replaceable
    if args.out:
        check_replaceable(args.out, _holds_results(args.out))
    if args.run:
        return _score_run(args)
    fields = dict(field.split('=', 1) for field in args.fields)
    embeddings = read_embeddings(args.embeddings, args.labels, fields,
                                 args.row_pairs)
    if args.qrels:
        qrels = read_qrels(args.qrels)
        embeddings = judged_embeddings(embeddings, qrels)
        _tell_grades(qrels)
    if args.similarity:
        embeddings = replace(embeddings, meta={
            **embeddings.meta, 'similarity': args.similarity})
    paired = embeddings.paired
    protocols = wanted_protocols(args.protocol, args.k, args.split, paired,
                                 embeddings.labelled or not paired)
    scores = score_embeddings(embeddings, protocols, args.directions,
                              args.device, threads=args.threads,
                              progress=True)
    meta = {**embeddings.meta, 'embeddings': [str(e)
                                              for e in args.embeddings]}
    results = make_results(scores, embeddings.classes, meta, args.bootstrap,
                           args.seed)
    print(format_results(results))
    unlabelled = {s.direction: s.unlabelled for s in scores
                  if s.unlabelled and not s.protocol.formula.pairs}
    for direction, count in unlabelled.items():
        print(f'{direction}: {count} queries have no class (label -1 or NaN) '
              'and count for pairs alone')
    if args.per_class:
        for figure in results['figures']:
            for name, value in figure['per_class'].items():
                print(f'{figure["protocol"]}  {figure["direction"]}  '
                      f'{name}  {value:.4f}')
    if args.out:
        write_results(args.out, results)
        print(f'wrote {args.out}')
    if args.trec:
        for direction in args.directions:
            for path in write_trec(args.trec, embeddings, direction,
                                   protocols[0]):
                print(f'wrote {path}')
    return results


def _score_run(args):
    from chtn_plugin.evaluation import (
        format_results,
        make_results,
        read_qrels,
        read_run,
        score_run,
        write_results,
    )
    run, qrels = read_run(args.run), read_qrels(args.qrels)
    protocols = wanted_protocols(args.protocol, args.k, args.split, False)
    if args.protocol == ['all']:
        protocols = [p for p in protocols if not p.macro
                     and p.base not in ('pr-11', 'pr-full')]
    scores = score_run(run, qrels, protocols)
    results = make_results(scores, (), dict(run=args.run, qrels=args.qrels),
                           args.bootstrap, args.seed)
    print(format_results(results))
    _tell_grades(qrels)
    missing = [query for query in qrels.gains if query not in run]
    if missing:
        print(f'{len(missing)} judged queries are not in the run and count '
              f'as 0, such as {missing[0]}')
    unjudged = [query for query in run if query not in qrels.gains]
    if unjudged:
        print(f'{len(unjudged)} queries of the run are not judged and are '
              f'left out, such as {unjudged[0]}')
    if args.out:
        write_results(args.out, results)
        print(f'wrote {args.out}')
    return results


def _tell_grades(qrels):
    if qrels.graded:
        print('gains above 1 count as 1: ndcg is that of relevant or not')
