"""From the database to files that researchers train on."""
