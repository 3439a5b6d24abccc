"""The command `jaxstyle`: one subcommand a method, its options the fields of the method's dataclass.

Bad input gets one line on stderr and exit code 2; Ctrl-C and SIGTERM keep what there is and exit with 130 and
143. Only the module of the chosen command is imported.
"""

import argparse
import difflib
import os
import sys
from importlib import import_module
from importlib.metadata import version
from typing import NoReturn

from jaxstyle.cli.parser import Parser, listed, methods, others


def program() -> NoReturn:
    """Run the command as a program of its own, and end it."""
    code = main()
    if code > 128:  # a signal may have come while JAX compiled, which then crashes where Python tidies up
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    return import_module("jaxstyle.cli.run").run(options)


def parse(given: list[str]) -> argparse.Namespace:
    """Return the options that arguments stand for; `run` among them is the function that does it."""
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
    names = [*(name for family in families.values() for name in family), *more]
    if given and not given[0].startswith("-") and given[0] not in names:
        near = difflib.get_close_matches(given[0], names, n=1)
        parser.error(f"unknown command '{given[0]}'" + (f"; did you mean {near[0]}?" if near else ""))
    for name in names:
        if [name] != given[:1]:
            commands.add_parser(name)
        elif name in more:
            import_module(f"jaxstyle.cli.{name}").add(commands)
        else:
            import_module("jaxstyle.cli.stylize").add(commands, name)
    options, unknown = parser.parse_known_args(given)
    if unknown:
        options.parser.refuse(unknown)
    options.arguments = given
    return options
