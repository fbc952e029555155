"""Objects of all ranks, without the memory of a GPU."""
import tempfile

import numpy as np
import pytest
import torch.distributed as dist
import torch.multiprocessing as mp

from chtn_plugin.losses import host_gathering
from chtn_plugin.losses.host_gathering import (
    all_gather_numbers,
    all_gather_on_host,
)


def test_one_process_has_its_own_alone():
    assert all_gather_on_host('here') == ['here']


def test_one_process_has_its_own_numbers_alone():
    assert all_gather_numbers([3, 2]) == [[3, 2]]


def gathered(rank, folder):
    """Gather on a rank whose default group claims to be of NCCL."""
    dist.init_process_group('gloo', f'file://{folder}/meet', rank=rank,
                            world_size=2)
    real, dist.get_backend = dist.get_backend, lambda group=None: 'nccl'
    send, groups = dist.all_gather_object, []

    def seen(gathered, data, group=None):
        groups.append(group)
        send(gathered, data, group)
    dist.all_gather_object = seen
    for number in (1, 2):
        rows = all_gather_on_host(dict(rows=np.full(3, rank), number=number))
        assert [row['rows'].tolist() for row in rows] == [[0] * 3, [1] * 3]
        assert {row['number'] for row in rows} == {number}
    # The same group both times, of gloo, and not the default one.
    assert groups[0] is groups[1] is not dist.group.WORLD
    assert real(groups[0]) == 'gloo'
    # Numbers take the same way; the group's own backend would be asked for
    # tensors of a GPU.
    assert all_gather_numbers([rank, 7]) == [[0, 7], [1, 7]]
    dist.get_backend, dist.all_gather_object = real, send
    dist.destroy_process_group()


def test_nccl_sends_objects_over_gloo():
    with tempfile.TemporaryDirectory() as folder:
        mp.start_processes(gathered, (folder, ), 2, start_method='fork')


def test_evaluation_gathers_in_no_other_way():
    from chtn_plugin.evaluation import gathering, scoring
    for module in (gathering, scoring):
        assert module.all_gather_on_host is host_gathering.all_gather_on_host
        assert not hasattr(module, 'all_gather_object')


@pytest.mark.parametrize('backend, made', [('gloo', 0), ('nccl', 1)])
def test_a_group_of_its_own_is_made_beside_nccl_alone(monkeypatch, backend,
                                                      made):
    calls = []
    monkeypatch.setattr(host_gathering, '_groups', {})
    monkeypatch.setattr(dist, 'get_backend', lambda: backend)
    monkeypatch.setattr(dist, 'new_group',
                        lambda **options: calls.append(options))
    host_gathering._host_group()
    host_gathering._host_group()
    assert calls == [dict(backend='gloo')] * made
