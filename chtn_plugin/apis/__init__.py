"""Use a trained model: encode, search, index and extract features."""
from typing import TYPE_CHECKING

from .._lazy import lazy_names

if TYPE_CHECKING:
    from .gallery import Gallery
    from .retrieval_inferencer import RetrievalInferencer
    from .search_result import Hit, SearchResult
    from .trained_run import TrainedRun, open_run

__getattr__, __dir__, __all__ = lazy_names(__name__, {
    'gallery': ('Gallery', ),
    'retrieval_inferencer': ('RetrievalInferencer', ),
    'search_result': ('Hit', 'SearchResult'),
    'trained_run': ('TrainedRun', 'open_run'),
})
