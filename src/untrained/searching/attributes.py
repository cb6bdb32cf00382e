"""Attributes of the study of a search; those of its trials stand in `samplers.query`."""

IDENTITY, VERSIONS, BUDGET, POOL_SIZE, TOTAL_SECONDS, BEGUN = (
    "identity",
    "versions",
    "budget",
    "pool",
    "seconds",
    "begun",
)

BEFORE = "seconds before"
"""`TOTAL_SECONDS` when the search began, or went on last."""

ENDED = "ended"
"""When the budget, or the time, was spent, in seconds since 1970."""

PLAN = "plan"
"""How a search goes about its budget, for those who watch it: `until` (seconds since 1970; None for no time limit),
whether the queries are `counted`, its `jobs`, and of how many queries it is to `keep` the weights."""
