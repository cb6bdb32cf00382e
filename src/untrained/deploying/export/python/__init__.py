"""A network as Python code that a person can read.

`calls` runs the network, `traced` follows each module with `torch.fx`, `body` writes statements of that, `layers` finds
constructor calls, `groups` and `classes` make classes of modules that are alike, `text` puts the file together.
"""
