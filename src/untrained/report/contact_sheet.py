"""A few images of each class on one sheet."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from untrained.runtime.files import written_whole

if TYPE_CHECKING:
    from untrained.data import ImageData

PAPER, INK, PALE, LINE = "#ffffff", "#1c2126", "#7a838c", "#e4e7ea"
MARGIN, GAP, TILE = 40, 8, 84
"""Pixels: around everything, between images, and the side of an image."""
MOST_CLASSES = 60
MASKS = 200
"""Training masks in which classes are looked for."""
VOID_COLOUR = (235, 235, 235)
SANS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial Unicode.ttf", "Arial.ttf")
"""Fonts for names that Pillow's own font has no letters for."""
EAST_ASIAN = ("NotoSansCJK-Regular.ttc", "Hiragino Sans GB.ttc", "msyh.ttc", "msgothic.ttc")


def write_contact_sheet(data: "ImageData", path: Path, seed: int = 0) -> None:
    """Draws training images with the names of their classes, as a network gets them, into a PNG.

    Args:
        data: The images.
        path: The file to write.
        seed: Decides which images.

    Raises:
        InputError: It cannot be written.
    """
    sheet = _drawn(data, np.random.default_rng(seed))
    with written_whole(path) as temporary:
        sheet.save(temporary, "PNG", optimize=True)


def _drawn(data: "ImageData", rng: np.random.Generator) -> Image.Image:
    groups = _groups(data)
    shown = groups[:MOST_CLASSES]
    across = 1 if len(shown) <= 10 else 2 if len(shown) <= 30 else 3
    tiles = {1: 10, 2: 5, 3: 4}[across]
    tile_w, tile_h = _tile(data)
    block_w, block_h = tiles * (tile_w + GAP) - GAP, 30 + tile_h + 22
    down = -(-len(shown) // across)
    width = 2 * MARGIN + across * block_w + (across - 1) * MARGIN
    top = MARGIN + 84
    more = len(groups) - len(shown)
    sheet = Image.new("RGB", (width, top + down * block_h + MARGIN - 22 + (28 if more else 0)), PAPER)
    draw = ImageDraw.Draw(sheet)
    _header(draw, data, width)
    colours = _colours(data.task.outputs or 1) if data.task.kind == "segmentation" else None
    for place, (name, rows) in enumerate(shown):
        x = MARGIN + place // down * (block_w + MARGIN)
        y = top + place % down * block_h
        if colours is None:
            _title(draw, (x, y), name, f"{len(rows):,}", block_w)
        else:
            draw.rectangle((x, y + 2, x + 13, y + 15), tuple(map(int, colours[place])), LINE)
            _title(draw, (x + 22, y), name, "", block_w - 22)
        chosen = np.sort(rng.permutation(rows)[: tiles if colours is None else max(1, tiles // 2)])
        for i, tile in enumerate(_tiles(data, chosen, (tile_w, tile_h))):
            sheet.paste(tile, (x + i * (tile_w + GAP), y + 26))
    if more:
        draw.text((MARGIN, sheet.height - MARGIN - 10), f"and {more:,} more classes", PALE, _font(14))
    return sheet


def _header(draw: ImageDraw.ImageDraw, data: "ImageData", width: int) -> None:
    c, h, w = data.shape
    counts = ", ".join(f"{len(rows):,} {name}" for name, rows in data.splits.items())
    kind = {1: "grey", 3: "RGB"}.get(c, f"{c} channels")
    large = _font(26, data.name)
    draw.text((MARGIN, MARGIN - 6), _cut(data.name, large, width - 2 * MARGIN), INK, large)
    facts = f"{data.task.kind}  ·  {w} x {h} {kind}  ·  {counts}"
    draw.text((MARGIN, MARGIN + 32), _cut(facts, _font(14), width - 2 * MARGIN), PALE, _font(14))
    draw.line((MARGIN, MARGIN + 62, width - MARGIN, MARGIN + 62), LINE)


def _title(draw: ImageDraw.ImageDraw, at: tuple[int, int], name: str, count: str, room: int) -> None:
    font, small = _font(15, name), _font(13)
    name = _cut(name, font, room - small.getlength(count) - 12)
    draw.text(at, name, INK, font)
    draw.text((at[0] + font.getlength(name) + 10, at[1] + 2), count, PALE, small)


def _groups(data: "ImageData") -> list[tuple[str, np.ndarray]]:
    """Name -> training rows: of each class; of numbers, of each fifth of them."""
    rows, task = data.splits["train"], data.task
    if task.kind == "segmentation":
        some = rows[:MASKS]
        there = [np.unique(mask) for mask in data.masks(some).numpy()]
        return [(task.called(k), some[[k in found for found in there]]) for k in range(task.outputs or 0)]
    values = data.labels[rows]
    if task.kind == "classification":
        return [(task.called(k), rows[values == k]) for k in range(task.outputs or 0) if (values == k).any()]
    if task.kind == "multi-label":
        return [(task.called(k), rows[values[:, k] == 1]) for k in range(task.outputs or 0) if values[:, k].any()]
    first = values.reshape(len(values), -1)[:, 0]
    parts = np.array_split(np.argsort(first, kind="stable"), min(5, len(first)))
    return [(f"{first[part[0]]:.4g} to {first[part[-1]]:.4g}", rows[part]) for part in parts]


def _tile(data: "ImageData") -> tuple[int, int]:
    """Width and height of a tile that an image fills: small ones are enlarged by whole numbers."""
    _, h, w = data.shape
    scale = TILE / max(h, w)
    scale = max(1, round(scale)) if scale >= 1 else scale
    return max(8, round(w * scale)), max(8, round(h * scale))


def _tiles(data: "ImageData", rows: np.ndarray, size: tuple[int, int]) -> list[Image.Image]:
    images = [_picture(image) for image in data.pixels(rows).numpy()]
    if data.task.kind == "segmentation":
        masks = [_mask(mask, data.task.outputs or 1) for mask in data.masks(rows).numpy()]
        images = [part for pair in zip(images, masks, strict=True) for part in pair]
    return [_fitted(image, size) for image in images]


def _fitted(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    larger = size[0] >= image.width
    return image.resize(size, Image.Resampling.NEAREST if larger else Image.Resampling.LANCZOS)


def _picture(pixels: np.ndarray) -> Image.Image:
    """c x h x w of any type, as a picture in colours; beyond 8 bits from its 1st to its 99th percentile."""
    if pixels.dtype != np.uint8:
        low, high = np.percentile(pixels, (1, 99))
        pixels = np.clip((pixels - low) * (255 / max(high - low, 1e-12)), 0, 255).astype(np.uint8)
    elif len(pixels) == 1 and 0 < pixels.max() <= 16:  # the digits have 17 shades
        pixels = pixels * np.uint8(255 // 16)
    if len(pixels) == 4:
        return _on_paper(Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)), "RGBA"))
    if len(pixels) == 3:
        return Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    return Image.fromarray(pixels[0]).convert("RGB")


def _on_paper(image: Image.Image) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", image.size, PAPER), image).convert("RGB")


def _mask(mask: np.ndarray, classes: int) -> Image.Image:
    colours = _colours(classes)
    return Image.fromarray(colours[np.where(mask < 0, len(colours) - 1, mask)])


def _colours(classes: int) -> np.ndarray:
    """A colour for each class, evenly spaced around the circle of hues, the first dark; and one for no class."""
    hues = Image.new("HSV", (max(classes, 2), 1))
    for k in range(classes):
        hues.putpixel((k, 0), (0, 0, 50) if k == 0 else ((k - 1) * 255 // max(classes - 1, 1), 150, 215))
    return np.vstack([np.asarray(hues.convert("RGB"))[0], [VOID_COLOUR]]).astype(np.uint8)


def _font(size: int, text: str = "") -> Any:
    most = max(map(ord, text), default=0)
    if most < 0x180:  # Latin, with its accents
        return ImageFont.load_default(size)
    for name in SANS if most < 0x2E80 else (*EAST_ASIAN, *SANS):
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


def _cut(text: str, font: Any, room: float) -> str:
    """The text, shortened to the room that it has."""
    if font.getlength(text) <= room:
        return text
    kept: Sequence[str] = text
    while len(kept) > 1 and font.getlength(f"{kept}...") > room:
        kept = kept[:-1]
    return f"{kept}..."
