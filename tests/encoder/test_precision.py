"""Which precision a CPU computes in, with a clock that the encoders of the test move on."""

import pytest
import torch

from colpali_demo.encoder import load_encoder, loading, precision
from colpali_demo.encoder.precision import load_faster


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class TimedEncoder:
    """Takes `seconds` for a page, and ten more for its first one."""

    def __init__(self, clock: Clock, seconds: float):
        self.clock, self.seconds, self.warm = clock, seconds, False

    def embed_pages(self, images):
        self.clock.now += self.seconds * len(images) + (0 if self.warm else 10)
        self.warm = True


@pytest.fixture(autouse=True)
def nothing_measured(monkeypatch):
    monkeypatch.setattr(precision, "_faster", {})
    monkeypatch.setenv("COLPALI_DTYPE", "auto")


@pytest.mark.parametrize(("half", "full", "faster"), [(0.5, 0.34, torch.float32), (0.2, 0.34, torch.bfloat16)])
def test_the_faster_precision_is_kept_and_measured_only_once(tmp_path, half, full, faster):
    clock, loaded = Clock(), []

    def load(dtype):
        loaded.append(dtype)
        return TimedEncoder(clock, {torch.bfloat16: half, torch.float32: full}[dtype])

    assert load_faster(tmp_path, load, clock).seconds == min(half, full)
    assert loaded == [torch.float32, torch.bfloat16]
    load_faster(tmp_path, load, clock)
    assert loaded[2:] == [faster]
    load_faster(tmp_path / "another", load, clock)
    assert loaded[3:] == [torch.float32, torch.bfloat16]


def test_large_weights_are_not_loaded_twice(tmp_path, monkeypatch):
    (tmp_path / "model.safetensors").write_bytes(bytes(11))
    monkeypatch.setattr(precision, "MEASURED_BYTES", 10)
    loaded = []
    load_faster(tmp_path, loaded.append, Clock())
    assert loaded == [torch.bfloat16]


@pytest.mark.parametrize("faster", ["float32", "bfloat16"])
def test_a_cpu_with_instructions_for_bfloat16_is_measured(checkpoint, monkeypatch, faster):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    monkeypatch.setattr(precision, "seconds_a_page", lambda encoder, clock: encoder.model_info["dtype"] != faster)
    assert load_encoder(str(checkpoint), device="cpu").model_info["dtype"] == faster


def test_it_is_not_measured_without_the_instructions_or_where_a_precision_is_named(checkpoint, monkeypatch):
    def refuse(*_):
        raise AssertionError("measured")

    monkeypatch.setattr(loading, "load_faster", refuse)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": False})
    assert load_encoder(str(checkpoint), device="cpu").model_info["dtype"] == "float32"
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    assert load_encoder(str(checkpoint), device="cpu", dtype="bfloat16").model_info["dtype"] == "bfloat16"
    monkeypatch.setenv("COLPALI_DTYPE", "bfloat16")
    assert load_encoder(str(checkpoint), device="cpu").model_info["dtype"] == "bfloat16"


def test_a_setting_that_is_no_precision(checkpoint, monkeypatch):
    monkeypatch.setenv("COLPALI_DTYPE", "float33")
    with pytest.raises(ValueError, match="floating point"):
        load_encoder(str(checkpoint), device="cpu")
