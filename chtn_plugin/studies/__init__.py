"""Check that methods keep the contract, and compare them."""
from .check_method import MethodError, check_method

__all__ = ['MethodError', 'check_method']
