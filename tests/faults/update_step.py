"""One update, to be killed in the middle: `python -m tests.faults.update_step CONFIG SOURCE [back]`.

It says what came of it, and before that `begun`.
"""

import sys
from pathlib import Path

from edge_runtime.configuration.config import read_config
from edge_runtime.gateway.updates.sending_back import go_back
from edge_runtime.gateway.updates.updating import update


def main() -> None:
    config, source, *back = sys.argv[1:]
    read = read_config(Path(config))
    print("begun", flush=True)
    if back:
        print(go_back(read, "pump", "killed"), flush=True)
    else:
        for outcome in update(read, source):
            print(outcome.what, outcome.sha256, flush=True)


if __name__ == "__main__":
    main()
