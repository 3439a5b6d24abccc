"""Read what a pickle describes by a short list of what it may ask for: nothing of it is run.

Unpickling a stranger's file runs what it asks for. To forbid classes is not enough: a dict key of
deeply nested tuples still crashes `pickle.Unpickler`, one of shared tuples hangs it. So the few
instructions that checkpoints need are interpreted here: a global is only a name on the list of a
`Dialect`, a call only makes a record of ours, the rest is refused, and what is built is bounded by
what is read.
"""

import pickletools
from collections.abc import Iterable, Iterator, Set
from contextlib import contextmanager
from copy import copy
from typing import Any, BinaryIO

from jaxstyle.core import InputError

MAX_STEPS = 300_000  # pickle instructions, about 35 a tensor; and nodes of what is described
MAX_COUNT, MAX_AXES, MAX_LEVELS = 2**40, 32, 100

# Instructions that take items from the stack (0: all above the mark), that push a value of their
# own, and the beginnings of those that push their argument.
_TAKES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3, "TUPLE": 0, "APPEND": 1, "APPENDS": 0, "STOP": 1}
_TAKES |= {"SETITEM": 2, "SETITEMS": 0, "STACK_GLOBAL": 2, "REDUCE": 2, "BUILD": 1, "BINPERSID": 1}
_VALUES = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES |= {"EMPTY_TUPLE": (), "EMPTY_LIST": [], "EMPTY_DICT": {}}
_LITERALS = ("BININT", "LONG", "BINFLOAT", "BINSTRING", "BINBYTES", "BINUNICODE", "SHORT_BIN")


class Dialect:
    """What one kind of file may ask for: `permitted` globals, and the records that stand for their objects.

    `kind` is the file, `content` what is read of it, for messages. Each method raises `InputError` for
    what it does not know.
    """

    kind: str
    content: str
    permitted: Set[str]

    def call(self, function: Any, arguments: Any) -> Any:
        """Return the record of a call of a global, given by its name."""
        raise NotImplementedError

    def build(self, target: Any, state: Any) -> None:
        """Take the state of a record; by default attributes, such as `_metadata`, that nobody needs."""

    def refer(self, identity: Any) -> Any:
        """Return the record of what lies outside the pickle."""
        raise InputError("refers to something outside itself")


def interpret(stream: BinaryIO, dialect: Dialect) -> Any:
    """Return what the pickle at the head of `stream` describes, in records of the dialect."""
    stack, marks, memo = [], [], {}
    for step, (opcode, value, _) in enumerate(pickletools.genops(stream)):
        if step >= MAX_STEPS:
            raise InputError("describes far more objects than a network has")
        name, items = opcode.name, []
        if name in _TAKES:
            at = len(stack) - _TAKES[name] if _TAKES[name] else marks.pop()
            items, stack[at:] = stack[at:], []
        match name:
            case "PROTO" | "FRAME":
                pass
            case "STOP":
                return items[0]
            case "MARK":
                marks.append(len(stack))
            case "TUPLE" | "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(items))
            case "APPEND" | "APPENDS":
                stack[-1].extend(items)
            case "SETITEM" | "SETITEMS":
                fill(stack[-1], zip(items[::2], items[1::2], strict=True))
            case "MEMOIZE" | "BINPUT" | "LONG_BINPUT":
                memo[len(memo) if value is None else value] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[value])
            case "GLOBAL" | "STACK_GLOBAL":
                asked = value.replace(" ", ".", 1) if value else ".".join(items)
                if asked not in dialect.permitted:
                    raise InputError(f"asks for {asked!a:.80}: only {dialect.content} are read")
                stack.append(asked)
            case "REDUCE":
                stack.append(dialect.call(*items))
            case "BUILD":
                dialect.build(stack[-1], items[0])
            case "BINPERSID":
                stack.append(dialect.refer(*items))
            case _ if name in _VALUES:
                stack.append(copy(_VALUES[name]))
            case _ if name.startswith(_LITERALS):
                stack.append(value)
            case _:
                raise InputError(f"is damaged or not a {dialect.kind} (instruction {name})")


def fill(target: dict[Any, Any], pairs: Iterable[Any]) -> dict[Any, Any]:
    """Set the pairs, but hash no tuple and no huge number: that crashes Python, or takes hours."""
    for key, value in pairs:
        if not isinstance(key, str) and not (isinstance(key, int) and abs(key) < MAX_COUNT):
            raise InputError("has a name that is neither text nor a small number")
        target[key] = value
    return target


def walk(root: Any, allowance: int) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every node below `root` with the names that lead to it; their letters are at most `allowance`."""
    for step, (path, node) in enumerate(_walk(root, ())):
        allowance -= sum(map(len, path))
        if step >= MAX_STEPS or len(path) > MAX_LEVELS or allowance < 0:
            raise InputError("unfolds to far more than it holds")
        yield path, node


def _walk(node: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, node
    if isinstance(node, dict | list | tuple):
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _walk(child, (*path, str(key)))


@contextmanager
def prefixed_errors(name: object, dialect: type[Dialect]) -> Iterator[None]:
    """Make of whatever reading a file raises an `InputError` of one line that begins with its name."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{name} {error}") from None
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # a damaged file may break any step, in any way
        kind = type(error).__name__
        raise InputError(f"{name} is damaged or not a {dialect.kind} ({kind})") from error
