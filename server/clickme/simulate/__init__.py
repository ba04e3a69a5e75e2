"""Players made of code, who come in by the same door as people."""
