"""What is no step of the data's way: devices, threads, processes, files, seeds, provenance."""
