"""From bubbles to maps. NumPy only: no database, no server, nothing else of the project."""

from clickme.maps.blur import blur, gaussian_kernel
from clickme.maps.canvas import BUBBLE, SIZE, extent, photograph_map, player_map

__all__ = ["BUBBLE", "SIZE", "blur", "extent", "gaussian_kernel", "photograph_map", "player_map"]
