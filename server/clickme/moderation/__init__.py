"""What is left out of data sets, and why: photographs that are excluded, players who are banned."""
