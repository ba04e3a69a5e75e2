"""The game: its rules, its rounds, the socket they are played over and the log that keeps every stroke."""
