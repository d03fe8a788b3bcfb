"""Damage done to page images: the look of scans, faxes and small pictures, with the boxes moved along."""

import io
from dataclasses import replace
from math import cos, radians, sin

import numpy as np
from PIL import Image, ImageFilter

from colpali_demo.training.pages.drawn import TrainingPage

# Part of the pages that look scanned, and that were merely resampled or saved as JPEG.
SCANNED, RESAMPLED = 0.15, 0.2


def degrade(page: TrainingPage, rng: np.random.Generator) -> TrainingPage:
    """Return the page, most often as it is, else as a scan or as a picture that was resized or saved as JPEG."""
    chance = rng.random()
    if chance < SCANNED:
        return scan(page, rng)
    if chance < SCANNED + RESAMPLED:
        image = page.image
        if rng.random() < 0.6:
            image = _resample(image, rng.uniform(0.75, 0.97))
        if rng.random() < 0.6:
            image = _jpeg(image, int(rng.integers(30, 91)))
        return replace(page, image=image)
    return page


def scan(page: TrainingPage, rng: np.random.Generator) -> TrainingPage:
    """Return the page printed and scanned: skewed, on toned paper, unevenly lit, blurred, noisy, saved as JPEG."""
    image = page.image
    gray = rng.random() < 0.6
    if gray:
        image = image.convert("L")
    if rng.random() < 0.2:
        image = _bleed(image, rng.uniform(0.04, 0.15))
    affine = np.eye(2, 3)
    if rng.random() < 0.8:
        image, affine = _skew(image, rng.uniform(-1.5, 1.5))
    if gray and rng.random() < 0.08:
        image = image.filter(ImageFilter.GaussianBlur(0.7)).point(lambda level: 255 * (level > 150))  # a fax
    tone = rng.uniform(0.8, 1.0) * (np.ones(3) if rng.random() < 0.6 else np.array([1.0, 0.97, rng.uniform(0.8, 0.95)]))
    image = _paper(image, tone, rng.uniform(0, 0.3))
    if rng.random() < 0.5:
        image = _light(image, rng)
    if rng.random() < 0.7:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.1) * max(image.size) / 1600))
    if rng.random() < 0.5:
        image = _noise(image, rng, rng.uniform(1, 10))
    if rng.random() < 0.3:
        image = _resample(image, rng.uniform(0.7, 0.95))
    image = _jpeg(image, int(rng.integers(30, 91)))
    boxes = np.stack([page.chars[side] for side in ("left", "top", "right", "bottom")], 1)
    chars = page.chars.copy()
    for side, values in zip(("left", "top", "right", "bottom"), move_boxes(boxes, affine).T, strict=True):
        chars[side] = values
    return replace(page, image=image, chars=chars, word_boxes=move_boxes(page.word_boxes, affine))


def rescan(image: Image.Image, rng: np.random.Generator) -> tuple[Image.Image, np.ndarray]:
    """Return the image as if printed and scanned: blur, a skew of 0.5 to 0.9 degrees, gray paper, JPEG at quality 40.

    Returns the new image, of the same size, and the (2, 3) matrix that takes x, y, 1 in fractions of the old image to
    fractions of the new one (see `move_boxes`).
    """
    image, affine = _skew(image.convert("L"), rng.uniform(0.5, 0.9) * rng.choice((-1, 1)))
    image = _paper(image, np.full(3, rng.uniform(0.82, 0.9)), rng.uniform(0.12, 0.2))
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.7, 0.9) * max(image.size) / 1600))
    return _jpeg(_noise(image, rng, 3.0), 40), affine


def photograph(image: Image.Image, boxes: np.ndarray, rng: np.random.Generator) -> tuple[Image.Image, np.ndarray]:
    """Return the image as a phone sees the printed page on a table, and its boxes (n, 4) in fractions, moved along.

    Each corner of the page comes up to 6 % inwards; there is a shadow, warm light, a little blur, and JPEG at quality
    60. A box becomes the one around its four moved corners.
    """
    width, height = image.size
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], dtype=float)
    moved = corners + rng.uniform(0.005, 0.06, (4, 2)) * np.where(corners > 0, -1, 1)
    forward, backward = _homography(corners, moved), _homography(moved, corners)
    scale = np.diag([width, height, 1.0])
    in_pixels = scale @ backward @ np.linalg.inv(scale)
    table = tuple(int(level) for level in rng.uniform(60, 170, 3))
    coefficients = (in_pixels / in_pixels[2, 2]).ravel()[:8]
    image = image.convert("RGB").transform(
        image.size, Image.Transform.PERSPECTIVE, tuple(coefficients), Image.Resampling.BICUBIC, fillcolor=table
    )
    image = _light(_paper(image, np.array([1.0, 0.97, rng.uniform(0.85, 0.95)]), rng.uniform(0.05, 0.15)), rng)
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 0.8) * max(image.size) / 1600))
    edges = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
    edges = np.concatenate([edges, np.ones((len(edges), 4, 1))], axis=2) @ forward.T
    edges = np.clip(edges[..., :2] / edges[..., 2:], 0, 1)
    around = np.concatenate([edges.min(axis=1), edges.max(axis=1)], axis=1).astype(np.float32)
    return _jpeg(_noise(image, rng, 4.0), 60), around


def _homography(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the (3, 3) matrix that takes four points (4, 2) to four others."""
    rows, values = [], []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return np.append(np.linalg.solve(np.array(rows), np.array(values)), 1.0).reshape(3, 3)


def move_boxes(boxes: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Move boxes (n, 4), in fractions, with their centers; sizes stay, what leaves the page is cut."""
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    moved = centers @ affine[:, :2].T + affine[:, 2]
    return np.clip(boxes + np.tile(moved - centers, 2), 0, 1).astype(np.float32)


def _skew(image: Image.Image, degrees: float) -> tuple[Image.Image, np.ndarray]:
    """Turn about the center, with the color of the top left corner around; and the matrix in fractions."""
    width, height = image.size
    c, s = cos(radians(degrees)), sin(radians(degrees))
    turned = image.rotate(-degrees, Image.Resampling.BICUBIC, fillcolor=image.getpixel((0, 0)))
    ratio = height / width
    linear = np.array([[c, -s * ratio], [s / ratio, c]])
    return turned, np.column_stack([linear, 0.5 - linear @ [0.5, 0.5]])


def _bleed(image: Image.Image, strength: float) -> Image.Image:
    """Return the other side of the sheet shining through: here the page itself, mirrored."""
    back = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).reduce(2).filter(ImageFilter.GaussianBlur(1))
    return Image.blend(image, back.resize(image.size), strength)


def _paper(image: Image.Image, tone: np.ndarray, fade: float) -> Image.Image:
    """Map white to `tone` (red, green, blue, 0 to 1) and lift black by `fade` of the way to it."""
    image = image.convert("RGB")
    levels = np.linspace(0, 1, 256)
    curves = [255 * t * (fade + (1 - fade) * levels) for t in tone]
    return image.point([round(level) for curve in curves for level in curve])


def _light(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Cast shadows over the page, or towards one of its edges."""
    if rng.random() < 0.5:
        shade = rng.uniform(0.75, 1.0, (int(rng.integers(2, 5)), int(rng.integers(2, 5))))
    else:
        shade = np.ones((1, 12))
        shade[0, : int(rng.integers(1, 3))] = rng.uniform(0.5, 0.8)
        shade = np.rot90(shade, int(rng.integers(4)))
    mask = Image.fromarray((255 * shade).astype(np.uint8)).resize(image.size, Image.Resampling.BICUBIC)
    return Image.composite(image, Image.new("RGB", image.size), mask)


def _noise(image: Image.Image, rng: np.random.Generator, deviation: float) -> Image.Image:
    """Add gray noise, one block of it repeated over the page."""
    width, height = image.size
    block = rng.normal(0, deviation, (311, 317)).astype(np.int16)
    noise = np.tile(block, (height // 311 + 1, width // 317 + 1))[:height, :width, None]
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


def _resample(image: Image.Image, factor: float) -> Image.Image:
    """Return a smaller copy of the image: boxes in fractions stay right."""
    return image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.BILINEAR)


def _jpeg(image: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")
