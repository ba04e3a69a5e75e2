"""Who plays: a name, a consent, a session."""
