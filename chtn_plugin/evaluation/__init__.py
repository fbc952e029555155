"""Evaluate retrieval: named protocols, exact ranks and one metric."""
from typing import TYPE_CHECKING

from .._lazy import lazy_names

# At once: the function has its module's name, which would otherwise stand
# for the module as soon as anything imports that.
from .rank_table import RankTable, rank_table

if TYPE_CHECKING:
    from .comparison import compare_methods
    from .embeddings import Embeddings, load_embeddings, save_embeddings
    from .judged_runs import (
        Qrels,
        judged_embeddings,
        read_qrels,
        read_run,
        score_run,
    )
    from .protocols import (
        DEFAULT_PROTOCOL,
        Protocol,
        all_protocols,
        get_protocol,
        known_names,
    )
    from .reading import read_embeddings
    from .results import (
        format_results,
        make_results,
        read_results,
        write_results,
    )
    from .retrieval_metric import RetrievalMetric
    from .scoring import Score, score_embeddings
    from .trec import write_trec

__getattr__, __dir__, __all__ = lazy_names(__name__, {
    'comparison': ('compare_methods', ),
    'embeddings': ('Embeddings', 'load_embeddings', 'save_embeddings'),
    'judged_runs': (
        'Qrels', 'judged_embeddings', 'read_qrels', 'read_run', 'score_run'),
    'protocols': (
        'DEFAULT_PROTOCOL', 'Protocol', 'all_protocols', 'get_protocol',
        'known_names'),
    'rank_table': ('RankTable', 'rank_table'),
    'reading': ('read_embeddings', ),
    'results': (
        'format_results', 'make_results', 'read_results', 'write_results'),
    'retrieval_metric': ('RetrievalMetric', ),
    'scoring': ('Score', 'score_embeddings'),
    'trec': ('write_trec', ),
})
