"""The command `jaxstyle`: one subcommand a method, its options the fields of the method's dataclass.

Bad input gets one line on stderr and exit code 2; Ctrl-C and SIGTERM keep what there is and exit with 130 and
143. Only the module of the chosen command is imported: JAX takes a second, a list of commands should not.
"""

import difflib
import inspect
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple, NoReturn

from cyclopts import App, CycloptsError, Group, Parameter, UnknownCommandError, UnusedCliTokensError
from cyclopts.help import DefaultFormatter

import jaxstyle
from jaxstyle.methods.table import ENTRIES

OTHERS = {
    "compare": "One content and style by many methods, as a grid with their seconds.",
    "export": "Write a trained network as StableHLO or ONNX, for images of any size.",
    "sweep": "One method at many settings, as one batch, drawn as a grid.",
    "train": "Train a network in a folder, or go on where it was stopped.",
    "verify": "Make a picture again from its provenance, and compare the bits.",
    "weights": "List, fetch or port the networks' weights.",
}


class Call(NamedTuple):
    """A function, and what it is to be called with."""

    function: Callable[..., Any]
    bound: inspect.BoundArguments

    @property
    def runs(self) -> bool:
        """Whether it is a command of the library's, not help or the like."""
        return self.function.__module__.startswith("jaxstyle")

    def __call__(self) -> Any:
        return self.function(*self.bound.args, **self.bound.kwargs)


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
    call = parse(sys.argv[1:] if arguments is None else arguments)
    if call.runs:
        return import_module("jaxstyle.cli.run").run(call)
    call()
    return 0


def listed(console: Any, options: Any, panel: Any) -> None:
    """Print a part of the help: options in a table, commands a line each."""
    if panel.format != "command":
        DefaultFormatter()(console, options, panel)
    elif panel.entries:
        rows = [(", ".join(row.all_options), row.description.primary_renderable) for row in panel.entries]
        lines = [f"{panel.title}:", *(f"  {names:16} {text}" for names, text in rows), ""]
        console.print("\n".join(lines), soft_wrap=True, highlight=False, markup=False)


def application() -> App:
    """Return all commands, of which none is imported before it is asked for."""
    app = App(
        "jaxstyle",
        help="Neural style transfer, compiled.",
        version=lambda: jaxstyle.__version__,
        default_parameter=Parameter(negative=(), allow_repeating=True),
        help_formatter=listed,
        help_format="plaintext",
        result_action="return_value",
    )
    others = Group("more", sort_key=len(ENTRIES))
    sweep = App("sweep", help=OTHERS["sweep"], group=others)
    families = {entry.family: Group(entry.family, sort_key=number) for number, entry in enumerate(ENTRIES)}
    for number, entry in enumerate(ENTRIES):
        for parent, module in ((app, "stylize"), (sweep, "sweep")):
            more = {"help": entry.summary, "group": families[entry.family], "sort_key": number}
            parent.command(f"jaxstyle.cli.{module}:{entry.name}", entry.name, **more)
    app.command(sweep)
    for name in OTHERS.keys() - {"sweep"}:
        app.command(f"jaxstyle.cli.{name}:app", name, help=OTHERS[name], group=others)
    for flag in ("--help", "--version"):
        app[flag].group = (others,)
    app.register_install_completion_command(help="complete words in this shell from now on", group=others)
    return app


def parse(arguments: list[str]) -> Call:
    """Return what arguments ask for; end with a line and exit code 2 if they make no sense."""
    app = application()
    try:
        words = completed(app, arguments)
        function, bound, ignored = app.parse_args(words, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        name = " ".join(("jaxstyle", *(error.command_chain or ())))
        print(f"{name}: {_said(error)} (see {name} --help)", file=sys.stderr)
        raise SystemExit(2) from None
    bound.arguments |= dict.fromkeys({"arguments"} & ignored.keys(), arguments)
    bound.apply_defaults()
    return Call(function, bound)


def completed(app: App, arguments: list[str]) -> list[str]:
    """Return arguments with the names of options written out, where their beginning is of one alone.

    A lone `-`, which is a pipe and no option, becomes the same path in other words.
    """
    command = app.parse_commands(arguments)[1][-1]
    if not command.default_command or not command.default_command.__module__.startswith("jaxstyle"):
        return arguments
    known = [n for each in command.assemble_argument_collection() if each.show for n in each.names]
    words, options = [], True
    for word in arguments:
        options = options and word != "--"
        word = "./-" if word == "-" else word
        name, equals, value = word.partition("=")
        fits = [other for other in known if other.startswith(name)] if options and name[:2] == "--" else []
        words.append(f"{fits[0]}{equals}{value}" if len(fits) == 1 else word)
    return words


def _said(error: CycloptsError) -> str:
    words = error.unused_tokens or [""]
    if isinstance(error, UnknownCommandError):  # whose own text would import every command
        near = difflib.get_close_matches(words[0], list(error.app or ()), n=1)
        return f"unknown command '{words[0]}'" + (f"; did you mean {near[0]}?" if near else "")
    many = isinstance(error, UnusedCliTokensError)
    return f"too many pictures: {' '.join(words)}" if many else " ".join(str(error).split())
