import platform
import subprocess
import sys

import pytest

# 64 MiB, above every threshold that glibc sets by itself. In a process of its
# own, since what the hook sets stays.
_COUNT = '''
import resource, torch
from chtn_plugin.engine.hooks import KeptMemoryHook
def faults():
    torch.empty(64, 2**20, dtype=torch.uint8).fill_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def new_pages():
    # A few blocks until the heap has grown past what lies between them.
    for _ in range(8):
        faults()
    return -faults() + faults()
before = new_pages()
KeptMemoryHook().before_train(None)
print(before, new_pages())
'''


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc',
                    reason='another C library')
def test_a_freed_block_comes_back_without_new_pages():
    before, after = map(int, subprocess.run(
        [sys.executable, '-c', _COUNT], check=True, capture_output=True,
        text=True).stdout.split()[-2:])
    # A page has 4 KiB or, where the system gives such, 2 MiB.
    assert before >= 32
    assert after < 8
