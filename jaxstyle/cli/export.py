"""`jaxstyle export`: Write a trained network as StableHLO or ONNX, for images of any size.

StableHLO holds a program for CPU, GPU and TPU at once, of images `(4 h, 4 w, 3)`: `jax.export.deserialize`
gives its `call(image)`, without this library. JAX promises to read it for six months: it is for deployment,
the safetensors are for keeping. ONNX takes `(1, 3, h, w)` of any size.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp

from jaxstyle.cli.build import network
from jaxstyle.cli.parser import others
from jaxstyle.core import InputError
from jaxstyle.image import io
from jaxstyle.methods import Johnson
from jaxstyle.networks.johnson import TransformNet

PLATFORMS = ("cpu", "cuda", "rocm", "tpu")


def add(commands) -> None:
    """Add the subcommand `export`."""
    parser = commands.add_parser("export", description=others()["export"])
    parser.set_defaults(run=run)
    parser.add_argument("method", choices=["johnson"], help="whose network it is")
    given = "trained weights by name, or a .safetensors file"
    parser.add_argument("--weights", required=True, metavar="NAME", help=given)
    file = f"the file to write; its name ends in one of {' '.join(FORMATS)}"
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help=file)


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


def run(options: argparse.Namespace) -> int:
    """Write the file."""
    io.check_output(options.output, FORMATS)
    net = network(options.weights, Johnson, TransformNet)
    try:
        content = FORMATS[options.output.suffix.lower()](net)
    except ImportError as error:
        raise InputError(f'exporting needs more packages: pip install "jaxstyle[export]" ({error})') from None
    io.replace(options.output, lambda path: path.write_bytes(content))
    print(f"{options.output}: {len(content) / 1e6:.1f} MB")
    return 0
