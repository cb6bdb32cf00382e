"""What happens with a network once a search has found it: it is trained in full, used, and taken home as a file."""
