"""How quickly the partner answers, beside other ways of serving it: `python -m benchmarks.partner`."""
