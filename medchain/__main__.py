"""`medchain` and `python -m medchain`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; an interrupt is no traceback even while it is being loaded."""
    try:
        from .cli.app import command_line

        command_line(sys.argv[1:])()
    except KeyboardInterrupt:
        print("medchain: interrupted before anything was done", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
