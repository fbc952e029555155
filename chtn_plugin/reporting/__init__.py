"""Draw what a model finds, as pictures and HTML pages."""
from typing import TYPE_CHECKING

from .._lazy import lazy_names

if TYPE_CHECKING:
    from .fonts import FontStack
    from .result_sheet import Cell, Row, draw_result_sheet

__getattr__, __dir__, __all__ = lazy_names(__name__, {
    'fonts': ('FontStack', ),
    'result_sheet': ('Cell', 'Row', 'draw_result_sheet'),
})
