"""On ZeroGPU the model runs in another process: whatever goes there has to survive being pickled."""

import json
import subprocess
import sys
from pathlib import Path

from PIL import Image

SPACES = '''
"""Stands for the package of Hugging Face: it pickles what goes in and what comes out, as that does."""

import pickle

def GPU(function, duration):
    def lent(*arguments):
        GPU.calls += 1
        result = function(*pickle.loads(pickle.dumps(arguments)))
        return pickle.loads(pickle.dumps(result))
    return lent

GPU.calls = 0
'''

PROGRAM = """
import json, sys
import spaces
from PIL import Image
from colpali_demo.encoder import load_encoder
encoder = load_encoder(sys.argv[1], device="cpu", dtype="float32")
(page,) = encoder.embed_pages([Image.new("RGB", (60, 80), "red")])
print(json.dumps([page.vectors.tolist(), encoder.embed_query("price").vectors.tolist(), spaces.GPU.calls]))
"""


def test_vectors_on_zero_gpu_are_the_same(encoder, checkpoint, tmp_path):
    (tmp_path / "spaces.py").write_text(SPACES)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(checkpoint)],
        env={"SPACES_ZERO_GPU": "true", "PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"},
        capture_output=True,
        text=True,
        check=True,
    )
    page, query, calls = json.loads(done.stdout)
    assert calls == 2
    assert page == encoder.embed_pages([Image.new("RGB", (60, 80), "red")])[0].vectors.tolist()
    assert query == encoder.embed_query("price").vectors.tolist()
