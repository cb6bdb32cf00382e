"""The part of a written file that reads pictures."""

from untrained.data.picture import EIGHT_BITS
from untrained.deploying.export.exportable import Exportable

MODES = {channels: mode for mode, channels in EIGHT_BITS.items()}


def mode_of(exportable: Exportable) -> str | None:
    """Pillow's mode of pictures that the network takes; None if it takes none."""
    if "images" not in exportable.inputs:
        return None
    mode = exportable.preparation.get("mode", MODES.get(exportable.example.shape[1]))
    return mode if mode in EIGHT_BITS else None


def main_text(exportable: Exportable, is_classification: bool) -> str:
    """Functions that read picture files and predict them.

    Args:
        exportable: The network.
        is_classification: It gives probabilities of classes that have names.
    """
    _, channels, height, width = exportable.example.shape
    lines = [
        "",
        "def read(path):",
        f'    """A picture file as uint8 1 x {channels} x {height} x {width}, upright."""',
        "    from PIL import Image, ImageOps",
        "",
        f'    image = ImageOps.exif_transpose(Image.open(path)).convert("{mode_of(exportable)}")',
        *(_refusing(height, width) if exportable.preparation.get("resize", True) is None else _fitting(height, width)),
        "    pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)",
        f"    return pixels.view(1, {height}, {width}, {channels}).permute(0, 3, 1, 2)",
        "",
        "",
        'if __name__ == "__main__":',
        "    model = load()",
        "    for path in sys.argv[1:]:",
    ]
    if is_classification:
        lines += [
            "        probabilities = predict(read(path), model)[0]",
            "        for i in probabilities.argsort(descending=True)[:3].tolist():",
            '            print(f"{path}: {CLASSES[i]} {probabilities[i]:.3f}")',
        ]
    else:
        lines.append('        print(f"{path}: {predict(read(path), model)[0].tolist()}")')
    return "\n".join([*lines, ""])


def _refusing(height: int, width: int) -> list[str]:
    return [
        f"    if image.size != ({width}, {height}):",
        f'        raise ValueError(f"{{path}} has {{image.width}} x {{image.height}} pixels, not {width} x {height}")',
    ]


def _fitting(height: int, width: int) -> list[str]:
    """The largest centred part with the right proportions, resized: as `untrained.data.resizing.Resize` does it."""
    return [
        "    # The largest centred part with the right proportions.",
        "    width, height = image.size",
        f"    if width * {height} > height * {width}:",
        f"        width = max(1, round(height * {width} / {height}))",
        "    else:",
        f"        height = max(1, round(width * {height} / {width}))",
        "    left, top = (image.width - width) // 2, (image.height - height) // 2",
        "    image = image.crop((left, top, left + width, top + height))",
        f"    image = image.resize(({width}, {height}), Image.Resampling.BILINEAR)",
    ]
