"""`digits-201`: every different network of NAS-Bench-201, trained on digits; the table comes with the package.

`experiments/benchmarks/digits201.py` made it; docs/catalogue/digits201.md is its datasheet.
"""

from untrained.benchmarks.base import Benchmark, Source
from untrained.spaces import NASBench201

TABLE = "digits201.parquet"
EPOCHS = 3

DIGITS201 = Benchmark(
    name="digits-201",
    task="digits",
    objective="valid_accuracy",
    table=TABLE,
    scores=TABLE,
    space=NASBench201(N=1, C=8, in_channels=1),
    metrics=("grad_norm", "snip", "grasp", "fisher", "synflow", "jacov"),
    prefix="metric_",
    budget=20,
    test="test_accuracy",
    cost="train_seconds",
    fidelities={**{epoch: f"valid_accuracy_{epoch}" for epoch in range(1, EPOCHS)}, EPOCHS: "valid_accuracy"},
    cost_epochs=EPOCHS,
    notes=("different networks of NAS-Bench-201, N = 1, C = 8; three epochs on 8 x 8 digits",),
    bundled=True,
)

SOURCES = {
    TABLE: Source(
        "all different networks of NAS-Bench-201 on digits: learning curves, test accuracy, seconds, latency, metrics",
        "untrained; networks of NAS-Bench-201 (Dong & Yang, ICLR 2020), images of scikit-learn's digits (Alpaydin & "
        "Kaynak, UCI, 1998)",
        "Apache-2.0; CC-BY-4.0",
        "python experiments/benchmarks/digits201.py",
    )
}
