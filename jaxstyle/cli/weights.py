"""`jaxstyle weights`: List, fetch or port the networks' weights."""

import argparse
import sys
from pathlib import Path

from jaxstyle import weights
from jaxstyle.cli.parser import others


def list_weights(options: argparse.Namespace) -> int:
    """Print what there is and where it lies."""
    for entry in weights.entries():
        print(entry)
    if any(entry.where == "missing" for entry in weights.entries()):
        ways = "set JAXSTYLE_WEIGHTS to its folder, or `jaxstyle weights port FILE --name NAME`"
        print(
            f"what is missing is not to download: get its file from its authors, then {ways}", file=sys.stderr
        )
    return 0


def fetch_weights(options: argparse.Namespace) -> int:
    """Download weights; print where they lie."""
    print(weights.fetch(options.name))
    return 0


def port_weights(options: argparse.Namespace) -> int:
    """Port a publisher's file; print where the result lies."""
    print(weights.port(options.file, options.name, options.output))
    return 0


def add(commands) -> None:
    """Add the subcommand `weights` and its actions."""
    parser = commands.add_parser("weights", description=others()["weights"])
    actions = parser.add_subparsers(required=True, metavar="list | fetch NAME | port FILE")
    actions.add_parser("list", help="what there is and where it lies").set_defaults(run=list_weights)
    fetch = actions.add_parser("fetch", help="download from the publisher, check, port, keep")
    fetch.add_argument("name")
    fetch.set_defaults(run=fetch_weights)
    port = actions.add_parser(
        "port", help="port a publisher's file: PyTorch's, without PyTorch, or a package's archive"
    )
    port.add_argument("file", type=Path)
    port.add_argument("--name", help="which network it is; by default told by the publisher's file name")
    port.add_argument("--output", type=Path, help="the safetensors file to write; by default in the cache")
    port.set_defaults(run=port_weights)
