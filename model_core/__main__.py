"""`python -m model_core` is the command `mtl`."""

from .cli import main

if __name__ == "__main__":
    raise SystemExit(main())
