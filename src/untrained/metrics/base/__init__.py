"""What a metric is: a named function of a probe, its options, where it is found, and which version of its code."""
