"""Options from the fields of classes: each is read as its type says (`options.py`), its text is inherited.

A field of a method or a recipe is an option if its type can be read from text. It is None if it is not given,
so that a preset's stands.
"""

import inspect
from collections.abc import Callable
from dataclasses import field, fields, make_dataclass
from typing import Annotated, Any, get_args, get_type_hints

from cyclopts import App, Parameter
from docstring_parser import DocstringStyle
from docstring_parser import parse as parse_docstring

FLAT, HIDDEN = Parameter(name="*"), Parameter(parse=False, required=False)
NEEDED = Parameter(required=True, show_default=False)
PLACE = {"__module__": __name__}  # of classes made here: cyclopts looks into none of the module `types`


def command(
    name: str, run: Callable[..., int], notes: str = "", usage: str | None = None, **kinds: Any
) -> App:
    """Return a command that calls `run` with the arguments as they were, and an instance of each class."""

    def call(*values: Any, arguments: Annotated[list[str], HIDDEN]) -> int:
        return run(arguments=arguments, **dict(zip(kinds, values, strict=True)))

    either, named = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    rows = [
        inspect.Parameter(n, either, annotation=Annotated[k, FLAT], default=k()) for n, k in kinds.items()
    ]
    call.__signature__ = inspect.Signature([*rows, inspect.Parameter("arguments", named)])  # pyright: ignore
    return App(name, default_command=call, help_epilogue=notes, usage=usage)


def changed(cls: type, *hidden: str, defaults: dict[str, Any] | None = None, **kinds: Any) -> Any:
    """Return a class of options without some, with other defaults, or with other types of some fields."""
    hints = get_type_hints(cls, include_extras=True)
    hints |= kinds | {name: Annotated[hints[name], HIDDEN] for name in hidden}
    value = lambda each: (defaults or {}).get(each.name, each.default)
    rows = [(f.name, hints[f.name], field(default=value(f), kw_only=f.kw_only)) for f in fields(cls)]
    return make_dataclass(cls.__name__, rows, bases=(cls,), frozen=True, namespace=PLACE)


def documented(cls: type) -> dict[str, str]:
    """Return the texts of a class's fields, inherited where it has none."""
    every = [parse_docstring(base.__doc__ or "", DocstringStyle.GOOGLE).params for base in cls.__mro__[::-1]]
    return {each.arg_name: each.description or "" for found in every for each in found}


def readable(cls: type) -> dict[str, tuple[Any, Parameter]]:
    """Return the types of the fields that can be read from text, and how each is."""
    found = {}
    for name, hint in get_type_hints(cls, include_extras=True).items():
        parts = [part for each in (hint, *get_args(hint)) for part in getattr(each, "__metadata__", ())]
        found.update((name, (hint, part)) for part in parts if isinstance(part, Parameter))
    return found


def field_options(cls: type, **more: tuple[Any, str]) -> Any:
    """Return the options of a method or recipe, none of them set; `more` are others: type and text."""
    texts, defaults = documented(cls), {each.name: each.default for each in fields(cls)}
    show = lambda name, reads: Parameter(help=texts.get(name), show_default=shown(defaults[name], reads))
    rows = {name: (hint, show(name, reads)) for name, (hint, reads) in readable(cls).items()}
    rows |= {name: (hint, Parameter(help=text)) for name, (hint, text) in more.items()}
    rows = [(name, Annotated[hint | None, how], field(default=None)) for name, (hint, how) in rows.items()]
    return make_dataclass(cls.__name__, rows, frozen=True, kw_only=True, namespace=PLACE)


def shown(default: Any, reads: Parameter) -> str | bool:
    """Return what the help shows of a default, if anything."""
    if callable(reads.show_default):
        return reads.show_default(default) or False
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    return False if isinstance(default, bool) or not isinstance(default, int | float) else f"{default:g}"


def chosen(options: Any) -> dict[str, Any]:
    """Return the options that are set."""
    return {name: value for name, value in vars(options).items() if value is not None}
