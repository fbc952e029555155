"""Using a trained model: encode, search, take it elsewhere."""
from .gallery import Gallery
from .retrieval_inferencer import RetrievalInferencer
from .search_result import Hit, SearchResult
from .trained_run import TrainedRun, open_run

__all__ = ['Gallery', 'Hit', 'RetrievalInferencer', 'SearchResult',
           'TrainedRun', 'open_run']
