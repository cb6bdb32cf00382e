"""How well metrics on transformers agree with Serianni & Kalita's published values on FlexiBERT.

    python experiments/parity/with_flexibert.py tables --out flexibert

The benchmark's 491 networks, in a random order, as the `bert` space builds them, on random tokens; the published values
are of encoders on sentences. As in the script that computed these, all are of width 256 and with 1,024 features between
linear layers, whatever their strings say (`--as-written`: as they say). Kept in `--out`: killed, it goes on where it
was.
"""

import argparse
import random
import re
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.stats import kendalltau, spearmanr

import untrained
from untrained.spaces import BERTs

PUBLISHED = {
    "params": "number_of_parameters",
    "head_confidence": "head_confidence",
    "head_confidence(mean=True)": "head_confidence_normalized",
    "softmax_confidence": "head_softmax_confidence",
    "softmax_confidence(mean=True)": "head_softmax_confidence_normalized",
    "activation_distance": "activation_distance",
    "activation_distance(mean=True)": "activation_distance_normalized",
    "head_importance": "head_importance",
    "head_importance(mean=True)": "head_importance_normalized",
    "dss(part=diversity,inputs=batch)": "synaptic_diversity",
    "dss(part=saliency,inputs=batch)": "synaptic_saliency",
}
OTHERS = ("w_pca", "w_pca(weighted=False)")
VOCABULARY = 30522


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    for option, default in (("networks", 491), ("batch", 4), ("length", 64), ("workers", 1)):
        parser.add_argument(f"--{option}", type=int, default=default)
    parser.add_argument("--as-written", action="store_true")
    parser.add_argument("--out", type=Path, required=True, help="folder for the scores")
    given = parser.parse_args()
    given.out.mkdir(exist_ok=True, parents=True)
    published = pd.read_parquet(given.data / "flexibert_glue.parquet").set_index("arch")
    archs = random.Random(0).sample(sorted(published.index), given.networks)
    built = list(archs) if given.as_written else [re.sub(r"f\d+", "f1024", re.sub(r"^\d+", "256", a)) for a in archs]
    tokens = torch.randint(VOCABULARY, (given.batch, given.length), generator=torch.Generator().manual_seed(0))
    space = BERTs(num_classes=2, vocabulary=VOCABULARY, length=512, scale="flexibert")
    table = untrained.compute_scores(
        space,
        list(dict.fromkeys(built)),
        ",".join((*PUBLISHED, *OTHERS)),
        (tokens, torch.arange(given.batch) % 2),
        workers=given.workers,
        path=given.out / "scores.parquet",
    )
    published = published.loc[archs]
    rows = [table.archs.index(arch) for arch in built]
    attention_only = np.array(["LT-" not in arch for arch in archs])
    print("| metric | published column | networks | Spearman | those without `LT-` | Kendall with GLUE | its own |")
    print("|---" * 7 + "|")
    columns = dict(zip(table.metrics, (*PUBLISHED.values(), *OTHERS), strict=True))
    for name in table.metrics:
        ours = table.values[rows, table.metrics.index(name)]
        known = np.isfinite(ours)
        glue = published["glue"].to_numpy()[known]
        agree, alone, own = "", "", ""
        if (theirs := f"metric_{columns[name]}") in published:
            values = published[theirs].to_numpy()[known]
            some = attention_only[known]
            agree, alone = (f"{spearmanr(ours[known][of], values[of])[0]:.3f}" for of in (slice(None), some))
            own = f"{kendalltau(values, glue)[0]:.3f}"
        tau = kendalltau(ours[known], glue)[0]
        print(f"| `{name}` | {columns[name] if own else ''} | {known.sum()} | {agree} | {alone} | {tau:.3f} | {own} |")


if __name__ == "__main__":
    main()
