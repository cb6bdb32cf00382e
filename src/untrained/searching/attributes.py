"""Attributes of the study of a search; those of its trials stand in `samplers.query`."""

IDENTITY, VERSIONS, BUDGET, POOL_SIZE, TOTAL_SECONDS, BEGUN = (
    "identity",
    "versions",
    "budget",
    "pool",
    "seconds",
    "begun",
)
