"""The vision tower of the bundled checkpoint: plain 3x3 convolutions down to one vector per patch.

ColPali's own tower is SigLIP-So400m. A tower of a few million parameters trained from nothing learns to read small
print much sooner when neighboring pixels meet in convolutions first. It is registered with `AutoConfig` and `AutoModel`
at the bottom, the one place that makes `ColPaliForRetrieval.from_pretrained` able to build it.
"""

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel, initialization
from transformers.modeling_outputs import BaseModelOutputWithPooling

WIDTHS, DEPTHS = (32, 64, 128, 192, 256), (0, 0, 2, 4, 2)


class ConvTowerConfig(PreTrainedConfig):
    """Five stages, each halving the resolution, the last one only across: a patch is 32 pixels wide and 16 tall.

    Lines of small print are closer to each other than words are long: in square patches words of two lines meet.

    Args:
        widths: channels after each stage.
        depths: residual blocks after each stage's strided convolution.
        last_stride: rows and columns that the last stage's convolution moves on by; (2, 2) makes patches square.
        image_size: side of the square input in pixels.
        projection_dim: width of the language model, which PaliGemma's projector reads from here.
    """

    model_type = "colpali_conv_tower"

    def __init__(self, widths=WIDTHS, depths=DEPTHS, last_stride=(1, 2), image_size=1024, projection_dim=256, **kwargs):
        self.widths, self.depths, self.last_stride = list(widths), list(depths), list(last_stride)
        self.image_size, self.projection_dim = image_size, projection_dim
        self.patch_size = 2 ** len(self.widths)  # across: PaliGemma's config asks for one number
        self.patch_height = self.patch_size * last_stride[0] // last_stride[1]
        self.hidden_size = self.widths[-1]
        super().__init__(**kwargs)


class ResidualBlock(nn.Module):
    def __init__(self, channels: int, dilation: tuple[int, int]):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False)
        self.first_norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False)
        self.second_norm = nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.first_norm(self.first(x)).relu_()
        return self.second_norm(self.second(y)).add_(x).relu_()


class ConvTower(PreTrainedModel):
    """Pixels (batch, 3, height, width) to patch features (batch, height/16 * width/32, widths[-1]), row-major."""

    config_class = ConvTowerConfig
    main_input_name = "pixel_values"

    def __init__(self, config: ConvTowerConfig):
        super().__init__(config)
        self.stages = nn.ModuleList()
        channels = 3
        strides = [(2, 2)] * (len(config.widths) - 1) + [tuple(config.last_stride)]
        for width, depth, stride in zip(config.widths, config.depths, strides, strict=True):
            # Rows that are half as far apart are looked at two by two, so that a block sees as far down as across.
            blocks = [ResidualBlock(width, dilation=(2 // stride[0], 1)) for _ in range(depth)]
            down = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
            self.stages.append(nn.Sequential(down, nn.BatchNorm2d(width), nn.ReLU(inplace=True), *blocks))
            channels = width
        # As SigLIP's post_layernorm. Without it a cell can say "text" or "empty" with a long common offset, and the few
        # dimensions left for what the text says are drowned.
        self.post_norm = nn.LayerNorm(channels)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        # Only through transformers' own functions: they leave alone what a checkpoint has filled in.
        super()._init_weights(module)
        if isinstance(module, nn.Conv2d):
            initialization.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(
        self, pixel_values: torch.Tensor, output_hidden_states: bool = False, **kwargs
    ) -> BaseModelOutputWithPooling:
        """Read pictures; `hidden_states`, if asked for, are each stage's output, (batch, channels, rows, columns)."""
        x = pixel_values.contiguous(memory_format=torch.channels_last)
        hidden_states = []
        for stage in self.stages:
            hidden_states.append(x := stage(x))
        return BaseModelOutputWithPooling(
            last_hidden_state=self.post_norm(x.flatten(2).transpose(1, 2)),
            hidden_states=tuple(hidden_states) if output_hidden_states else None,
        )


AutoConfig.register(ConvTowerConfig.model_type, ConvTowerConfig)
AutoModel.register(ConvTowerConfig, ConvTower)
