"""`python -m jaxstyle` is the command `jaxstyle`."""

from jaxstyle.cli import program

program()
