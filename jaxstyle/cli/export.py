"""`jaxstyle export`: Write a trained network as StableHLO or ONNX, for images of any size.

StableHLO holds a program for CPU, GPU and TPU at once, of images `(4 h, 4 w, 3)`: `jax.export.deserialize`
gives its `call(image)`, without this library. JAX promises to read it for six months: it is for deployment,
the safetensors are for keeping. ONNX takes `(1, 3, h, w)` of any size.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import jax
import jax.numpy as jnp
from cyclopts import App, Parameter

from jaxstyle.cli.build import network
from jaxstyle.core import InputError
from jaxstyle.image import io
from jaxstyle.methods import Johnson
from jaxstyle.networks.johnson import TransformNet
from jaxstyle.options import one_of

PLATFORMS = ("cpu", "cuda", "rocm", "tpu")
app = App("export")


def stablehlo(net: TransformNet) -> bytes:
    """Return the network as a program for all platforms."""
    from jax import export

    size = export.symbolic_shape("4*h,4*w", constraints=("h>=4", "w>=4"))
    draw = jax.jit(lambda image: jnp.clip(net(image), 0, 1))
    image = jax.ShapeDtypeStruct((*size, 3), jnp.float32)
    return bytes(export.export(draw, platforms=PLATFORMS)(image).serialize())


def onnx(net: TransformNet) -> bytes:
    """Return the network as an ONNX model."""
    from jaxstyle.networks.onnx import model

    return model(net).SerializeToString()


FORMATS: dict[str, Callable[[TransformNet], bytes]] = {".stablehlo": stablehlo, ".onnx": onnx}


@app.default
def run(
    method: Annotated[str, one_of(["johnson"])],
    /,
    *,
    weights: Annotated[str, Parameter(metavar="NAME")],
    output: Annotated[Path, Parameter(alias="-o", metavar="FILE")],
) -> int:
    """Write the file.

    Args:
        method: whose network it is
        weights: trained weights by name, or a .safetensors file
        output: the file to write; its name ends in .stablehlo or .onnx
    """
    io.check_output(output, FORMATS)
    net = network(weights, Johnson, TransformNet)
    try:
        content = FORMATS[output.suffix.lower()](net)
    except ImportError as error:
        raise InputError(f'exporting needs more packages: pip install "jaxstyle[export]" ({error})') from None
    io.replace(output, lambda path: path.write_bytes(content))
    print(f"{output}: {len(content) / 1e6:.1f} MB")
    return 0
