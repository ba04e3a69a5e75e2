"""Contests, and the leaderboards of today, of a contest and of all time."""
