"""What only the bundled checkpoint needs: a tower of convolutions, and what makes it fast on a CPU."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from transformers import PreTrainedModel

from colpali_demo.encoder.tiny import attention
from colpali_demo.encoder.tiny.tower import ConvTower


def prepare(model: PreTrainedModel) -> None:
    """Make a model with a `ConvTower` faster, with the same vectors; any other model is left alone."""
    towers = [module for module in model.modules() if isinstance(module, ConvTower)]
    for tower in towers:
        fold_norms(tower)
        # Pixels come in this order; in any other, each page would be copied.
        tower.to(memory_format=torch.channels_last)
    if towers and model.device.type == "cpu" and model.dtype == torch.bfloat16:
        model.vlm.language_model.set_attn_implementation(attention.NAME)


def fold_norms(tower: ConvTower) -> None:
    """Make each batch norm part of the convolution before it."""
    for module in list(tower.modules()):
        for (conv_name, conv), (norm_name, norm) in pairwise(list(module.named_children())):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                # In float32: in bfloat16 each factor would be rounded, not only what comes of them.
                dtype = conv.weight.dtype
                setattr(module, conv_name, fuse_conv_bn_eval(conv.float(), norm.float()).to(dtype))
                setattr(module, norm_name, nn.Identity())
