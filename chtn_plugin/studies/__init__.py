"""Studies of whole methods: do they keep the contract, how do they compare."""
from .check_method import MethodError, check_method

__all__ = ['MethodError', 'check_method']
