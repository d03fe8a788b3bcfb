"""What a ranking may ask for besides the pages that it ranks: reference pages, and a page embedded anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

    from colpali_demo.encoder import AnyEncoder
    from colpali_demo.retrieval.codecs import Codec, KeptVectors


@dataclass(frozen=True)
class PageEmbedder:
    """Embeds pages with an encoder and keeps their vectors by a codec, those of an index."""

    encoder: AnyEncoder
    keep: Codec

    def embed(self, images: Sequence[Image.Image]) -> list[KeptVectors]:
        """Embed images of pages. Raises CheckpointError(not_precomputed) where the encoder has no model."""
        return [self.keep(embedding) for embedding in self.encoder.embed_pages(images)]

    def reference_pages(self) -> list[KeptVectors]:
        """Return the reference pages of the checkpoint, kept as any page is."""
        return [self.keep(embedding) for embedding in self.encoder.reference_pages]
