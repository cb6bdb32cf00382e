"""Looking at data before anything is trained."""

from pathlib import Path

import numpy as np
from PIL import Image

from command_line import refused, untrained_cli
from data.pictures import encoded

RNG = np.random.default_rng(0)


def photos(path: Path) -> Path:
    for name, count in (("beetle", 12), ("wasp", 6), ("Käfer", 2)):
        (path / name).mkdir(parents=True)
        for i in range(count):
            size = (40, 30) if i % 3 else (30, 40)
            (path / name / f"{i}.png").write_bytes(encoded(RNG.integers(0, 256, (*size, 3), dtype=np.uint8)))
    return path


def test_what_a_folder_holds(tmp_path: Path) -> None:
    out = tmp_path / "sheets" / "sheet.png"
    done = untrained_cli("data", "show", str(photos(tmp_path / "photos")), "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "photos: classification, 3 classes" in done.stdout
    assert "30 x 40 (13), 40 x 30 (7)" in done.stdout
    assert "RGB (20)" in done.stdout
    assert "16 x 16 RGB, uint8, centre crop, bilinear" in done.stdout  # as if resized, since sizes differ
    rows = [line.split() for line in done.stdout.splitlines()]
    for row in (["beetle", "8", "2", "2", "12"], ["wasp", "4", "1", "1", "6"], ["Käfer", "2", "0", "0", "2"]):
        assert row in rows
    first, second, third = done.stderr.splitlines()
    assert "--resize 16" in first
    assert "of class Käfer (2 images) there are too few" in second
    assert third == f"contact sheet: {out}"
    with Image.open(out) as image:
        assert image.format == "PNG"


def test_a_table_and_what_cannot_be_drawn(tmp_path: Path) -> None:
    done = untrained_cli("data", "show", "wine")
    assert "wine: classification, 3 classes" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    for row in (["rows", "106", "36", "36", "178"], ["class_1", "43", "14", "14", "71"], ["columns", "number", "(13)"]):
        assert row in rows
    lines = [f"{i % 7 or ''},{'rome' if i % 3 else ''},{'ab'[i % 2]}" for i in range(42)]
    (tmp_path / "t.csv").write_text("\n".join(["age,city,kind", *lines]))
    done = untrained_cli("data", "show", str(tmp_path / "t.csv"), "--target", "kind")
    assert "number (1), text (1)" in done.stdout
    assert "missing  age (14.3%), city (33.3%)" in done.stdout
    (tmp_path / "own.py").write_text(
        "import torch\n\ndef make_data():\n"
        "    split = torch.zeros(4, 3), torch.tensor([0, 1, 0, 1])\n"
        "    return {'train': split, 'valid': split}\n"
    )
    done = untrained_cli("data", "show", f"{tmp_path / 'own.py'}:make_data")
    assert done.returncode == 0, done.stderr
    assert ["samples", "4", "4", "8"] in [line.split() for line in done.stdout.splitlines()]
    refused("data", "show", "wine", "--out", str(tmp_path / "x.png"), says="wine holds no images to draw")
    refused("data", "show", "digits", "--out", str(tmp_path / "x.jpg"), says="give a .png file")
    refused("data", "show", "digits", "--out", str(tmp_path / "t.csv" / "x.png"), says="cannot be written")
    refused("data", "show", "digits", "--subset", "5", says="subset 5: digits has 10 classes: give at least 30")
    refused("data", "show", str(tmp_path / "none"), says="unknown data")


def test_all_broken_pictures_are_listed(tmp_path: Path) -> None:
    for kind in "ab":
        (tmp_path / "photos" / kind).mkdir(parents=True)
        for k in range(8):
            Image.new("RGB", (8, 8), (k, 0, 0)).save(tmp_path / "photos" / kind / f"{k}.png")
    names = [str(Path("photos/a") / f"{k}.png") for k in range(5)]
    for name in names:
        (tmp_path / name).write_text("no picture")
    refused("data", "show", "photos", says=r"5 of 16 pictures are broken.*data show --broken", cwd=tmp_path)
    listed = untrained_cli("data", "show", "photos", "--broken", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert [Path(line).name for line in listed.stdout.splitlines()] == [Path(name).name for name in names]
    for name in names:
        (tmp_path / name).unlink()
    assert untrained_cli("data", "show", "photos", "--broken", cwd=tmp_path).stdout == ""
