"""The command `jaxstyle`: one subcommand a method, its options the fields of the method's dataclass.

Bad input gets one line on stderr and exit code 2; Ctrl-C keeps what there is and exits with 130.
"""

import sys
from importlib.metadata import version

from jaxstyle.cli.descent import add_method
from jaxstyle.cli.feedforward import add_feedforward
from jaxstyle.cli.options import Parser
from jaxstyle.cli.train import add_train
from jaxstyle.cli.weights import add_weights
from jaxstyle.core import InputError
from jaxstyle.methods import WCT, AdaIN, Gatys, Johnson, Linear


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = Parser(prog="jaxstyle", description="Neural style transfer, compiled.")
    parser.add_argument("--version", action="version", version=version("jaxstyle"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_method(commands, Gatys)
    for method in (Johnson, AdaIN, WCT, Linear):
        add_feedforward(commands, method)
    add_train(commands)
    add_weights(commands)
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except InputError as error:
        print(f"jaxstyle: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("jaxstyle: stopped before there was an image", file=sys.stderr)
        return 130
