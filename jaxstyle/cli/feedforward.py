"""The subcommand of a method that takes one forward pass through trained weights."""

import argparse
import dataclasses
import sys
import time
from pathlib import Path
from typing import Any

import jax

from jaxstyle import weights
from jaxstyle.cli import provenance
from jaxstyle.cli.options import add_fields, count, documented
from jaxstyle.core import InputError, Method
from jaxstyle.image import io
from jaxstyle.image.resize import fit


def add_feedforward(commands, method) -> None:
    """Add the subcommand of a method: its options are its documented fields."""
    summary, _ = documented(method)
    parser = commands.add_parser(method.__name__.lower(), help=summary, description=summary)
    parser.set_defaults(run=run, method=method, style=None)
    parser.add_argument("content", type=Path, help="the photograph")
    if method.WEIGHTS:
        parser.add_argument("style", type=Path, help="the picture whose style it takes")
    parser.add_argument("--output", type=Path, required=True, help="the image file to write")
    parser.add_argument("--size", type=count, default=512, metavar="PX", help="long edge (512)")
    given = f"trained weights by name, or a .safetensors file ({method.WEIGHTS or 'needed'})"
    parser.add_argument("--weights", default=method.WEIGHTS, required=not method.WEIGHTS, help=given)
    add_fields(parser, method, {})


def build(options: argparse.Namespace) -> tuple[Method, dict]:
    """Return the method that the options ask for, and the files of its weights."""
    names: dict[str, Any] = {field.name: field.type for field in dataclasses.fields(options.method)}
    network = weights.load(options.weights)
    if not isinstance(network, names["network"]):
        wanted, found = names["network"].__name__, type(network).__name__
        raise InputError(f"{options.weights}: holds a {found}; {options.method.__name__} needs a {wanted}")
    files = {Path(options.weights).name: provenance.fingerprint(weights.find(options.weights))}
    fields = {"network": network}
    if "encoder" in names:
        encoder = weights.metadata(options.weights).get("encoder", "vgg19-lite")
        fields["encoder"] = weights.load(encoder)
        files[encoder] = provenance.fingerprint(weights.find(encoder))
    given = {name: value for name, value in vars(options).items() if name in names and value is not None}
    return options.method(**fields, **given), files


def run(options: argparse.Namespace) -> int:
    """Run a method from files to a file."""
    io.check_output(options.output)
    content = fit(io.read(options.content), options.size)
    style = fit(io.read(options.style), options.size) if options.style else None
    method, files = build(options)
    start = time.perf_counter()
    target = jax.jit(options.method.prepare)(method, style)
    image = jax.block_until_ready(jax.jit(options.method.apply)(method, content, target))
    seconds = {"total": time.perf_counter() - start}
    provenance.write(options, method, image, seconds, weights=files)
    print(f"{options.output}: {seconds['total']:.1f} s, compiling included", file=sys.stderr)
    return 0
