"""What an export costs, beside the plain way of doing it: `python -m benchmarks.export`."""
