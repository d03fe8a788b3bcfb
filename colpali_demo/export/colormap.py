"""The one color map of similarity maps, for the static figures and the browser alike.

Pale yellow to vivid violet. Lightness falls evenly from one end to the other, so the order survives every kind of color
blindness and a grey print. The high end is dark enough to stand out on white paper, and saturated enough to stand out
on a dark page, where low cells are kept quiet by their transparency: opacity grows with the value.
"""

from __future__ import annotations

import numpy as np

# Opacity of the lowest cell that is drawn, as a share of the highest one's.
FAINTEST = 0.4

BEHIND = (0, 128, 111)  # RGB of values below zero, as in web/shared/palette.js: the only green among the colors

_STOPS = ("#fff0b3", "#ffc95c", "#fb8d43", "#ea4a62", "#bd1f96", "#6d10bd")

# sRGB -> OKLab, Björn Ottosson, "A perceptual color space for image processing", 2020.
_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def _build_table() -> np.ndarray:
    """Interpolate the stops in OKLab, spaced so that lightness falls by the same amount at every step."""
    rgb = np.array([[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in _STOPS]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    lab = np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T
    lightness = lab[:, 0]
    place = (lightness[0] - lightness) / (lightness[0] - lightness[-1])
    lab = np.stack([np.interp(np.linspace(0, 1, 256), place, channel) for channel in lab.T], axis=1)
    linear = np.clip((lab @ np.linalg.inv(_TO_LAB).T) ** 3 @ np.linalg.inv(_TO_LMS).T, 0, 1)
    rgb = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    table = np.round(rgb * 255).astype(np.uint8)
    table.flags.writeable = False
    return table


TABLE = _build_table()  # uint8 (256, 3), low to high


def common_scale(maps: np.ndarray) -> tuple[float, float]:
    """Return the (threshold, highest) cosines between which the maps of one page, (tokens, rows, cols), are colored.

    One scale for all tokens, so that a token that found little stays pale beside one that found much. `highest` is the
    largest cosine of all; the threshold lies halfway between it and the median, the cosine of an ordinary patch.
    """
    highest = float(maps.max())
    return (float(np.median(maps)) + highest) / 2, highest


def colorize(values: np.ndarray, threshold: float, highest: float, opacity: float = 1.0) -> np.ndarray:
    """Return the colors of values: uint8, their shape and a last axis of 4 (RGBA, alpha not premultiplied).

    Values below `threshold` are fully transparent and values above `highest` look like `highest`. In between, opacity
    rises evenly from `FAINTEST * opacity` to `opacity`.
    """
    span = highest - threshold
    share = np.clip((values - threshold) / span, 0, 1) if span > 0 else np.ones_like(values, dtype=float)
    rgba = np.empty((*values.shape, 4), dtype=np.uint8)
    rgba[..., :3] = TABLE[np.round(share * 255).astype(int)]
    rgba[..., 3] = np.round(255 * opacity * np.where(values < threshold, 0, FAINTEST + (1 - FAINTEST) * share))
    return rgba


def colorize_signed(values: np.ndarray, lowest: float, highest: float, opacity: float = 1.0) -> np.ndarray:
    """Return the colors of values around zero, as `colorize` does; those below zero are `BEHIND`.

    Zero, and values that are not finite, are fully transparent. Opacity rises with the distance from zero.
    """
    rgba = colorize(values, 0.0, highest, opacity)
    rgba[(values == 0) | ~np.isfinite(values), 3] = 0
    behind = np.isfinite(values) & (values < 0)
    share = np.clip(-values[behind] / max(highest, -lowest), 0, 1)
    rgba[behind, :3] = BEHIND
    rgba[behind, 3] = np.round(255 * opacity * (FAINTEST + (1 - FAINTEST) * share))
    return rgba
