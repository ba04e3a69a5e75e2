"""Experiments on data sets: each a module that says what it asks, and makes what it needs."""
