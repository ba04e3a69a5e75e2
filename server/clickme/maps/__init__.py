"""From bubbles to maps. NumPy only: no database, no server, nothing else of the project."""

from clickme.maps.blur import blur, disk, disk_blur, gaussian_kernel
from clickme.maps.canvas import BUBBLE, SIZE, count_map, extent, photograph_map, player_map, point_map
from clickme.maps.recipe import Recipe
from clickme.maps.reliability import Reliability, measure, ranks, spearman, summarise

__all__ = [
    "BUBBLE",
    "SIZE",
    "Recipe",
    "Reliability",
    "blur",
    "count_map",
    "disk",
    "disk_blur",
    "extent",
    "gaussian_kernel",
    "measure",
    "photograph_map",
    "player_map",
    "point_map",
    "ranks",
    "spearman",
    "summarise",
]
