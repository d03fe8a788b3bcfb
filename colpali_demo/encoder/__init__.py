"""Load a ColPali checkpoint and turn pages and queries into multi-vectors that know what each vector is."""

from colpali_demo.encoder.calibration import Calibration, calibrate
from colpali_demo.encoder.checkpoints import CheckpointError
from colpali_demo.encoder.encoder import Encoder, load_encoder
from colpali_demo.encoder.layout import PageEmbedding, PageLayout, QueryEmbedding, QueryToken

__all__ = [
    "Calibration",
    "CheckpointError",
    "Encoder",
    "PageEmbedding",
    "PageLayout",
    "QueryEmbedding",
    "QueryToken",
    "calibrate",
    "load_encoder",
]
