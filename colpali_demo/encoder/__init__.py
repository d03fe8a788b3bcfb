"""Load a ColPali checkpoint and turn pages and queries into multi-vectors that know what each vector is."""

from colpali_demo.encoder.calibration import calibrate
from colpali_demo.encoder.encoder import Encoder
from colpali_demo.encoder.files import CheckpointError
from colpali_demo.encoder.interface import AnyEncoder, Calibration, Capabilities, ModelInfo
from colpali_demo.encoder.layout import PageEmbedding, PageLayout, QueryEmbedding, QueryToken
from colpali_demo.encoder.loading import load_encoder

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
