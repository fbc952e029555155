"""Check the values of options, with one wording for all rooms."""
from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def check_choice(name: str, value: Any, choices: Iterable[Any],
                 error: type[Exception] = ValueError) -> None:
    """Refuse an option that is none of the known values.

    Args:
        name: Name of the option.
        value: What came.
        choices: The known values, in the order in which to show them.
        error: What to raise.

    Raises:
        ValueError: It is none of them; or what ``error`` says.
    """
    known = list(choices)
    if value not in known:
        raise error(f'{name} must be one of {known}, got {value!r}')


def check_device(name: Any) -> torch.device:
    """Return a device of torch on which a tensor can be made.

    Args:
        name: ``'cpu'``, ``'cuda'``, ``'cuda:1'``, or a device.

    Raises:
        ValueError: torch knows no such device, or this machine has none.
    """
    import torch
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, TypeError,
            NotImplementedError) as error:
        reason = str(error).splitlines()[0][:100] if str(error) else ''
        raise ValueError('device must be one that this machine has, as cpu, '
                         f'cuda or cuda:1: got {name!r} ({reason})'
                         ) from error
    return device
