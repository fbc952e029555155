"""What is reported: named protocols, exact ranks, one metric."""
from .comparison import compare_methods
from .embeddings import Embeddings, load_embeddings, save_embeddings
from .protocols import (
                        DEFAULT_PROTOCOL,
                        Protocol,
                        all_protocols,
                        get_protocol,
                        known_names,
)
from .rank_table import RankTable, rank_table
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

__all__ = ['DEFAULT_PROTOCOL', 'Embeddings', 'Protocol', 'RankTable',
           'RetrievalMetric', 'Score', 'all_protocols', 'compare_methods',
           'format_results', 'get_protocol', 'known_names',
           'load_embeddings', 'make_results', 'rank_table',
           'read_embeddings', 'read_results', 'save_embeddings',
           'score_embeddings', 'write_results', 'write_trec']
