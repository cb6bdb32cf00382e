"""Pictures in Parquet, in the columns that are in use."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.pictures import encoded, write_parquet
from untrained.data import load_data
from untrained.errors import InputError

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 5, 7, 3), dtype=np.uint8)
FILES = [encoded(image) for image in IMAGES]
STRUCTS = [{"bytes": file, "path": None} for file in FILES]
LABELS = [0, 1] * 10


@pytest.mark.parametrize(
    ("images", "labels", "names"),
    [
        (FILES, LABELS, {}),
        (pa.array(FILES, pa.large_binary()), LABELS, {"label": "labels"}),
        (STRUCTS, LABELS, {}),
        (STRUCTS, ["cat", "dog"] * 10, {"image": "img"}),
        (FILES, pa.array(["cat", "dog"] * 10).dictionary_encode(), {"label": "class"}),
        (FILES, [False, True] * 10, {}),
    ],
)
def test_columns_as_people_have_them(tmp_path: Path, images: Any, labels: Any, names: dict[str, str]) -> None:
    data = load_data(write_parquet(tmp_path / "x.parquet", images, labels, **names))
    assert data.labels.tolist() == LABELS
    assert data.shape == (3, 5, 7)
    assert data.classes in (("0", "1"), ("cat", "dog"))
    assert np.array_equal(data.pixels(np.arange(20)).permute(0, 2, 3, 1).numpy(), IMAGES)


def test_names_of_classes_in_the_metadata(tmp_path: Path) -> None:
    info = {"info": {"features": {"label": {"names": ["cat", "dog", "cow"], "_type": "ClassLabel"}}}}
    table = pa.table({"image": FILES, "label": LABELS})
    for metadata, classes in (
        (json.dumps(info), ("cat", "dog", "cow")),
        ("{}", ("0", "1")),
        ("{", ("0", "1")),
        ("[]", ("0", "1")),
    ):
        pq.write_table(table.replace_schema_metadata({"huggingface": metadata}), tmp_path / "x.parquet")
        data = load_data(tmp_path / "x.parquet")
        assert (data.classes, data.num_classes) == (classes, len(classes))


@pytest.mark.parametrize(
    ("images", "labels", "says"),
    [
        (FILES, [0, None] * 10, "10 rows without a label in 'label', row 1 first"),
        (FILES, [[0]] * 20, "only class 0"),
        (FILES, [[0], [0, 1]] * 10, "holds lists of 1, 2 numbers"),
        (FILES, [None, {"a": 1}] * 10, "10 rows without"),
        (FILES, [{"a": 1}] * 20, "column 'label' holds struct<"),
        (FILES, [["a"], ["a", None]] * 10, "label None in row 1"),
        (["x.png"] * 20, LABELS, "names 20 files that are not there: 'x.png'"),
        ([{"bytes": None, "path": "a.png"}] * 20, LABELS, "no row has the bytes of a picture"),
        ([{"file": b""}] * 20, LABELS, "column 'image' holds struct<"),
        (
            [None] * 19 + FILES[:1],
            LABELS,
            r"19 of 20 pictures are broken: the image of row 0 \(empty\), .* and 16 more",
        ),
    ],
)
def test_bad_columns_are_named(tmp_path: Path, images: Any, labels: Any, says: str) -> None:
    path = write_parquet(tmp_path / "bad.parquet", images, labels)
    with pytest.raises(InputError, match=rf"bad\.parquet.*{says}"):
        load_data(path).split("train")
