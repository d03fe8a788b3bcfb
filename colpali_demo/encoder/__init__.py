"""Load a ColPali checkpoint and turn pages and queries into multi-vectors that know what each vector is.

Importing the package imports none of its modules, some of which need transformers: each public name is loaded when it
is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from colpali_demo.encoder.calibration import calibrate
    from colpali_demo.encoder.encoder import Encoder
    from colpali_demo.encoder.files import CheckpointError
    from colpali_demo.encoder.interface import AnyEncoder, Calibration, Capabilities, ModelInfo
    from colpali_demo.encoder.layout import PageEmbedding, PageLayout, QueryEmbedding, QueryToken
    from colpali_demo.encoder.loading import load_encoder

_HOME = {
    "AnyEncoder": "interface",
    "Calibration": "interface",
    "Capabilities": "interface",
    "CheckpointError": "files",
    "Encoder": "encoder",
    "ModelInfo": "interface",
    "PageEmbedding": "layout",
    "PageLayout": "layout",
    "QueryEmbedding": "layout",
    "QueryToken": "layout",
    "calibrate": "calibration",
    "load_encoder": "loading",
}

__all__ = [
    "AnyEncoder",
    "Calibration",
    "Capabilities",
    "CheckpointError",
    "Encoder",
    "ModelInfo",
    "PageEmbedding",
    "PageLayout",
    "QueryEmbedding",
    "QueryToken",
    "calibrate",
    "load_encoder",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its module at first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
