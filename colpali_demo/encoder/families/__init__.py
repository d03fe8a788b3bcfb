"""The families of late-interaction retrievers, a file each, which says only what that family does in its own way.

A new family is one file and one entry in `FAMILIES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from colpali_demo.encoder.families.base import AUGMENTATION, Family
from colpali_demo.encoder.families.colidefics3 import ColIdefics3
from colpali_demo.encoder.families.colmodernvbert import ColModernVBert
from colpali_demo.encoder.families.colpali import ColPali
from colpali_demo.encoder.families.colqwen2 import ColQwen2
from colpali_demo.encoder.families.colqwen2_5 import ColQwen2_5
from colpali_demo.encoder.families.neomme import NeoMME

FAMILIES: list[type[Family]] = [ColPali, ColQwen2_5, ColQwen2, ColModernVBert, ColIdefics3, NeoMME]
"""Every family; a checkpoint belongs to the first one that reads its `config.json`."""

__all__ = ["AUGMENTATION", "FAMILIES", "Family", "family_of"]


def family_of(config: Mapping[str, Any]) -> type[Family] | None:
    """Return the family that reads checkpoints with this `config.json`, None where there is none."""
    return next((family for family in FAMILIES if family.reads(config)), None)
