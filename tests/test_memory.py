"""What is freed is there for the next page, and goes back to the system when it is asked to."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc only")

FAULTS = """
import resource
import torch
from colpali_demo.memory import give_back_memory, keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(10 << 20)  # 40 MB, freed at once
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1])

torch.set_num_threads(1)
print(faults())
keep_freed_memory()
faults()
print(faults())
before = resident()
give_back_memory()
print(before - resident())
"""


def test_a_large_buffer_is_cleared_by_the_system_once_and_not_for_every_page():
    out = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True).stdout
    usual, kept, given_back = map(int, out.split())
    buffer = (40 << 20) // 4096  # pages of memory
    assert usual >= 10 * buffer
    assert kept < buffer
    assert given_back >= buffer
