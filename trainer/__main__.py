"""The command `trainer`."""

import os

# Before numpy is imported: with several threads its sums come out otherwise in the last place, and so would
# the bytes of a model, from one computer to the next.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from trainer.cli import main

if __name__ == "__main__":
    main()
