"""Attention in three plain operations, for the bundled checkpoint in bfloat16 on a CPU.

Torch's fused attention never holds all weights of a page at once. With one head they are 2,057 x 2,057 numbers, 8 MB:
they may be held, and that is faster.
"""

from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "colpali_plain"
"""What transformers knows it by, for `set_attn_implementation`."""


def plain_attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    is_causal: bool = True,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Compute softmax(scaling q k^T) v of (batch, heads, tokens, dim) each: (batch, tokens, heads, dim).

    Scaled dot-product attention of Vaswani et al. 2017, arXiv 1706.03762, 3.2.1. Where not every token attends to every
    other, or keys have fewer heads, the fused one answers.
    """
    if attention_mask is not None or is_causal or key.shape != query.shape:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, is_causal=is_causal, **kwargs
        )
    weights = torch.softmax((query * scaling) @ key.transpose(2, 3), dim=-1)
    return (weights @ value).transpose(1, 2).contiguous(), None


AttentionInterface.register(NAME, plain_attention)
AttentionMaskInterface.register(NAME, sdpa_mask)
