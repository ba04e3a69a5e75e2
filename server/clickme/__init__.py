"""ClickMe: people paint what makes a photograph recognisable; the strokes become maps."""
