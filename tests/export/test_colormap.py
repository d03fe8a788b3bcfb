import numpy as np

from colpali_demo.export.colormap import FAINTEST, TABLE, colorize, common_scale


def luminance(rgb: np.ndarray) -> np.ndarray:
    """Return the relative luminance of WCAG 2.1 for uint8 (..., 3)."""
    share = rgb / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def test_table_gets_darker_at_every_step():
    assert TABLE.shape == (256, 3) and TABLE.dtype == np.uint8
    steps = np.diff(luminance(TABLE))
    assert (steps <= 0).all()
    assert luminance(TABLE)[0] > 0.8


def test_order_survives_color_blindness():
    # Viénot, Brettel and Mollon 1999: protanopia and deuteranopia in linear RGB.
    protanopia = np.array([[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]])
    deuteranopia = np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]])
    linear = (TABLE / 255) ** 2.2
    for matrix in (protanopia, deuteranopia):
        seen = np.clip(linear @ matrix.T, 0, 1) @ [0.2126, 0.7152, 0.0722]
        assert (np.diff(seen[::8]) < 0).all()


def test_highest_value_looks_neither_like_white_nor_like_black_paper():
    top = luminance(TABLE[-1])
    assert 1.05 / (top + 0.05) > 4.5  # contrast with white
    assert TABLE[-1].max() > 150 and int(np.ptp(TABLE[-1])) > 120  # saturated, not black


def test_colorize_is_clear_below_the_threshold_and_full_at_the_top():
    values = np.array([[0.1, 0.299], [0.3, 0.9]])
    rgba = colorize(values, 0.3, 0.9)
    assert rgba.shape == (2, 2, 4)
    assert rgba[..., 3].tolist() == [[0, 0], [round(255 * FAINTEST), 255]]
    assert rgba[1, 0, :3].tolist() == TABLE[0].tolist()
    assert rgba[1, 1, :3].tolist() == TABLE[255].tolist()
    assert colorize(values, 0.3, 0.9, opacity=0.5)[1, 1, 3] == 128


def test_colorize_takes_a_flat_map():
    assert (colorize(np.full((2, 3), 0.4), 0.4, 0.4)[..., 3] == 255).all()


def test_common_scale_is_one_for_all_tokens():
    maps = np.zeros((2, 4, 5), dtype=np.float32)
    maps[0, 1, 2] = 0.8
    assert common_scale(maps) == (np.float32(0.8) / 2, np.float32(0.8))
