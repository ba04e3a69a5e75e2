"""How many players one core carries, beside the plain way of doing it: `python -m benchmarks.load`."""
