"""How many bubbles the log takes in, beside COPY and a commit each: `python -m benchmarks.ingest`."""
