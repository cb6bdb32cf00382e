"""Inputs that look for code not reached yet: `python -m tests.fuzzing.guided "a journal" -runs=100000`.

It needs atheris (`pip install atheris`). What stands behind the target goes to libFuzzer, which knows, besides others,
`-max_total_time=SECONDS`, `-rss_limit_mb=2000` and `-timeout=SECONDS` for one input. The first input that is neither
taken nor refused in one plain line ends it, and is written to a file. Without a target it lists them.
"""

import importlib
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

atheris: Any = importlib.import_module("atheris")  # not to be had for each system and version of Python

with atheris.instrument_imports(include=["untrained"]):
    from fuzzing.targets import Target, files, texts
    from untrained import InputError


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        of_text, of_files = texts(), files(Path(folder))
        name, *options = sys.argv[1:] or [""]
        if name not in of_text | of_files:
            sys.exit("\n".join([f"no target {name!r}; there are", *of_text, *of_files]))
        target: Target = (of_text | of_files)[name]
        warnings.simplefilter("ignore")

        def one(data: bytes) -> None:
            try:
                target.read(data.decode("utf-8", "surrogateescape") if name in of_text else data)
            except InputError as error:
                if "\n" in str(error) or not str(error).isprintable():
                    raise ValueError(f"not one plain line: {error}") from error

        atheris.Setup([sys.argv[0], *options], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
