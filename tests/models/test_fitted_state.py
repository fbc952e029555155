"""State whose shapes fitting decides."""
import numpy as np
import torch

from chtn_plugin.models.fitted_state import FittedState


def test_arrays_become_float32_buffers():
    state = FittedState()
    state.keep(dict(rows=np.ones((2, 3))))
    assert state['rows'].dtype == torch.float32
    assert list(state.state_dict()) == ['rows']


def test_keeping_again_forgets_what_was_kept_before():
    state = FittedState()
    state.keep(dict(old=np.ones(2)))
    state.keep(dict(new=np.ones(3)))
    assert list(state.state_dict()) == ['new']


def test_loading_takes_over_names_and_shapes():
    stored, state = FittedState(), FittedState()
    stored.keep(dict(rows=np.arange(6.).reshape(2, 3), scale=np.ones(())))
    state.keep(dict(rows=np.zeros((5, 3))))
    state.load_state_dict(stored.state_dict())
    assert state['rows'].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert 'scale' in state


def test_unfitted_state_is_empty():
    assert len(FittedState()) == 0


def test_what_is_loaded_goes_to_where_the_empty_module_was_moved():
    stored, state = FittedState(), FittedState().to('meta')
    stored.keep(dict(weight=np.eye(2)))
    state.load_state_dict(stored.state_dict())
    assert state['weight'].device.type == 'meta'
    state.keep(dict(other=np.ones(3)))
    assert state['other'].device.type == 'meta'
