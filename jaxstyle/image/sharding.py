"""One image over all devices, by rows: what does not fit one, or is to be done sooner.

    stylize(method, shard(content), style)

Nothing else changes: XLA cuts the compiled program along the rows. Neighbours exchange what convolutions see
beyond (collective permutes) and add up their statistics (all-reduce); no device ever holds the whole image.
The devices may be those of several hosts (`jax.distributed`), which all make the same calls. What mixes all
rows by nature, like a Fourier transform, sorting or a search for patches, gathers them.
"""

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxstyle.core import Image, InputError


def rows() -> NamedSharding:
    """Return the sharding of an image's rows over all devices."""
    devices = np.asarray(jax.devices())
    return NamedSharding(Mesh(devices, ("rows",), axis_types=(AxisType.Auto,)), PartitionSpec("rows"))


def shard(image: Image) -> Image:
    """Return an image whose rows are shared by all devices; raises `InputError` if they cannot be, evenly."""
    if len(image) % jax.device_count():
        size, devices = f"{image.shape[1]}x{image.shape[0]}", jax.device_count()
        raise InputError(f"{devices} devices cannot share the rows of {size} px evenly: crop or resize it")
    pixels = np.asarray(image)
    return jax.make_array_from_callback(pixels.shape, rows(), lambda part: pixels[part])


def gathered(image: Image) -> Image:
    """Return the whole image on every host."""
    return multihost_utils.process_allgather(image, tiled=True)
