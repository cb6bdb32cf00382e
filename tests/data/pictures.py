"""Encoded pictures for tests."""

import io
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image


def encoded(image: np.ndarray | Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, kind)
    return buffer.getvalue()


class InMemory:
    """Encoded pictures in a list."""

    def __init__(self, files: Sequence[bytes | None]) -> None:
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def open(self, row: int) -> BinaryIO:
        return io.BytesIO(self.files[row] or b"")

    def called(self, row: int) -> str:
        return f"the image of row {row}"


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def black(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes, however large the image."""
    row = b"\0" * (1 + (width + 7) // 8)
    squeeze = zlib.compressobj(9)
    pixels = b"".join(squeeze.compress(row) for _ in range(height)) + squeeze.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def write_parquet(path: Path, images: Any, labels: Any, **names: str) -> Path:
    columns = {names.get("image", "image"): images, names.get("label", "label"): labels}
    pq.write_table(pa.table(columns), path)
    return path
