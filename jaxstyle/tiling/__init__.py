"""Tiles: the result of the whole image where the whole does not fit at once, equal to rounding.

    x_k = f_k(x_{k-1}, s_k),    s_k = merge over tiles of statistics_k(x_{k-1})        a `Pass` each

Three names are all that the other rooms need:

| name | what |
|---|---|
| `Tile` | a part of the image and, around it, its halo: as many pixels as the network sees beyond |
| `Pass` | a local function of maps, but for statistics of all of its input, which merge over tiles |
| `run_in_tiles(passes, tile, image)` | passes on one tile after another, in one compiled program |

A method or a loss says `tileable`: then `method.in_tiles(tile)` is the same method in tiles (`Tiled` wraps
it), and a loss, a function of sums over pixels, is summed over tiles by a `TiledEncoder`. The halo ends where
the image ends, so borders are padded as those of the whole image. All tiles have one shape and begin at
multiples of `shrink`, as pooling does. What is computed of the halo is thrown away.
"""

from jaxstyle.tiling.encoder import TiledEncoder
from jaxstyle.tiling.method import Tiled
from jaxstyle.tiling.passes import Pass, Size, crop_or_pad, run_whole
from jaxstyle.tiling.scan import measure_in_tiles, run_in_tiles
from jaxstyle.tiling.tile import Tile

__all__ = [
    "Pass",
    "Size",
    "Tile",
    "Tiled",
    "TiledEncoder",
    "crop_or_pad",
    "measure_in_tiles",
    "run_in_tiles",
    "run_whole",
]
