"""`python -m medchain`."""

from .cli.app import main

main()
