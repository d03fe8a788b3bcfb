"""ColQwen2.5: Qwen2.5-VL, read as ColQwen2 is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from colpali_demo.encoder.families.colqwen2 import ColQwen2


class ColQwen2_5(ColQwen2):
    """Qwen2.5-VL. transformers reads its checkpoints as ColQwen2: what tells them apart is the model inside."""

    name = "ColQwen2.5"
    engine = replace(ColQwen2.engine, model_type="qwen2_5_vl")

    @classmethod
    def reads(cls, config: Mapping[str, Any]) -> bool:
        inside = config.get("vlm_config") or {}
        return cls.is_engine(config) or (super().reads(config) and inside.get("model_type") == cls.engine.model_type)
