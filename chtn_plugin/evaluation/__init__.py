"""What is reported: named protocols, exact ranks, one metric."""
from .embeddings import Embeddings, load_embeddings, save_embeddings
from .protocols import (
                        DEFAULT_PROTOCOL,
                        Protocol,
                        all_protocols,
                        get_protocol,
                        known_names,
)
from .rank_table import RankTable, rank_table
from .retrieval_metric import RetrievalMetric
from .scoring import Score, score_embeddings

__all__ = ['DEFAULT_PROTOCOL', 'Embeddings', 'Protocol', 'RankTable',
           'RetrievalMetric', 'Score', 'all_protocols', 'get_protocol',
           'known_names', 'load_embeddings', 'rank_table', 'save_embeddings',
           'score_embeddings']
