"""Check that methods keep the contract, and compare them."""
from .check_method import check_method
from .method_trial import MethodError

__all__ = ['MethodError', 'check_method']
