"""What a metric is: a named function of a probe, its options, how it is found, and which version of its code."""
