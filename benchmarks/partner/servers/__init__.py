"""The ways of serving that are set side by side, each a program of its own."""
