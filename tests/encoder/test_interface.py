"""What every encoder offers."""

from typing import get_type_hints

from colpali_demo.encoder import AnyEncoder, Capabilities
from colpali_demo.encoder.interface import ModelInfo


def test_a_loaded_checkpoint_offers_all_that_an_encoder_is_asked_for(encoder):
    members = [*get_type_hints(AnyEncoder), *(name for name in vars(AnyEncoder) if not name.startswith("_"))]
    assert {"capabilities", "model_info", "batch_size", "calibration", "embed_pages", "embed_query"} <= set(members)
    assert all(hasattr(encoder, name) for name in members)
    assert encoder.capabilities == Capabilities(embeds_pages=True, embeds_queries=True, has_model=True)


def test_model_info_has_the_keys_of_its_type(encoder):
    assert set(encoder.model_info) == set(ModelInfo.__annotations__) - {"precomputed"}
    assert set(encoder.model_info["input"]) == {"height", "width", "resample", "text"}
