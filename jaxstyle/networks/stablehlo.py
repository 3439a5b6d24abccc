"""Johnson's network as a StableHLO program for CPU, GPU and TPU at once, of images `(4 h, 4 w, 3)`.

`jax.export.deserialize` gives its `call(image)`, without this library. JAX promises to read it for six
months: it is for deployment, the safetensors are for keeping.
"""

import jax
import jax.numpy as jnp

from jaxstyle.networks.johnson import TransformNet

PLATFORMS = ("cpu", "cuda", "rocm", "tpu")


def program(net: TransformNet) -> bytes:
    """Return the network as a program for all platforms."""
    from jax import export

    size = export.symbolic_shape("4*h,4*w", constraints=("h>=4", "w>=4"))
    draw = jax.jit(lambda image: jnp.clip(net(image), 0, 1))
    image = jax.ShapeDtypeStruct((*size, 3), jnp.float32)
    return bytes(export.export(draw, platforms=PLATFORMS)(image).serialize())
