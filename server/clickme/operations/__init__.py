"""What those who look after a game do: maintenance, and a look at the database."""
