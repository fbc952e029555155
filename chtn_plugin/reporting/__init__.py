"""What a person looks at: pictures and pages of what a model found."""
from .fonts import FontStack
from .result_sheet import Cell, Row, draw_result_sheet

__all__ = ['Cell', 'FontStack', 'Row', 'draw_result_sheet']
