"""GALA: networks that look where people look. The room is built; its furniture comes with the trainer."""
