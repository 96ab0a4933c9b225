"""`medchain` and `python -m medchain`."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable


def _program() -> Callable[[], object]:
    # Nothing that is imported is garbage: looking for some costs a twentieth of the start.
    gc.disable()
    from .cli.app import command_line

    program = command_line(sys.argv[1:])
    gc.freeze()
    gc.enable()
    return program


def main() -> None:
    """Run the command line; an interrupt is no traceback even while it is being loaded."""
    try:
        program = _program()
        program()
    except KeyboardInterrupt:
        print("medchain: interrupted before anything was done", file=sys.stderr)
        sys.exit(130)
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):  # over the help, which is typer's own
            sys.exit(141)
        raise


if __name__ == "__main__":
    main()
