"""Evaluation as in the paper's tables: errors, how far attention follows people, and where objects are."""
