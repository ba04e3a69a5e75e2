"""Pictures as in the paper's figures: arrays in, a matplotlib figure out."""
