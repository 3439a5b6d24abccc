"""The command `jaxstyle`: one subcommand a method, its options the fields of the method's dataclass.

Bad input gets one line on stderr and exit code 2; Ctrl-C keeps what there is and exits with 130.
"""

import argparse
import sys
from collections.abc import Mapping
from importlib.metadata import version

from jaxstyle.cli.compare import add_compare
from jaxstyle.cli.options import Parser
from jaxstyle.cli.stylize import add_method
from jaxstyle.cli.sweep import add_sweep
from jaxstyle.cli.train import add_train
from jaxstyle.cli.verify import add_verify
from jaxstyle.cli.weights import add_weights
from jaxstyle.core import InputError
from jaxstyle.methods import FAMILIES, METHODS


def listed(commands: Mapping[str, argparse.ArgumentParser]) -> str:
    """Return the commands, the methods by family, with their descriptions."""
    lines, families = [], FAMILIES | {"more": commands.keys() - METHODS.keys()}
    for family, names in families.items():
        lines += [
            f"\n{family}:",
            *(f"  {n:16} {commands[n].description}" for n in sorted(names, key=[*commands].index)),
        ]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = Parser(
        prog="jaxstyle",
        description="Neural style transfer, compiled.",
        usage="jaxstyle COMMAND ... | jaxstyle COMMAND --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=version("jaxstyle"))
    commands = parser.add_subparsers(prog="jaxstyle", required=True, metavar="COMMAND", help="one of these")
    for name, method in METHODS.items():
        add_method(commands, name, method)
    add_compare(commands)
    add_sweep(commands)
    add_train(commands)
    add_verify(commands)
    add_weights(commands)
    parser.epilog = listed(commands.choices)
    options = parser.parse_args(arguments)
    options.arguments = sys.argv[1:] if arguments is None else arguments
    try:
        return options.run(options)
    except InputError as error:
        print(f"jaxstyle: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("jaxstyle: stopped before there was an image", file=sys.stderr)
        return 130
