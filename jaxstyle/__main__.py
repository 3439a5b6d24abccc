"""`python -m jaxstyle` is the command `jaxstyle`."""

from jaxstyle.cli import main

raise SystemExit(main())
