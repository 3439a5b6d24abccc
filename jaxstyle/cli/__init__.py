"""The command `jaxstyle`: one subcommand a method, its options the fields of the method's dataclass.

Bad input gets one line on stderr and exit code 2; Ctrl-C keeps what there is and exits with 130. Only the
module of the chosen command is imported.
"""

import argparse
import sys
from importlib import import_module
from importlib.metadata import version

from jaxstyle.cli.parser import Parser, listed, methods, others


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    families = methods()
    more = others()
    parser = Parser(
        prog="jaxstyle",
        description="Neural style transfer, compiled.",
        usage="jaxstyle COMMAND ... | jaxstyle COMMAND --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=listed(families | {"more": more}),
    )
    parser.add_argument("--version", action="version", version=version("jaxstyle"))
    commands = parser.add_subparsers(prog="jaxstyle", required=True, metavar="COMMAND", help="one of these")
    for name in [*(name for family in families.values() for name in family), *more]:
        if [name] != given[:1]:
            commands.add_parser(name)
        elif name in more:
            import_module(f"jaxstyle.cli.{name}").add(commands)
        else:
            import_module("jaxstyle.cli.stylize").add(commands, name)
    options = parser.parse_args(given)
    options.arguments = given
    return import_module("jaxstyle.cli.run").run(options)
