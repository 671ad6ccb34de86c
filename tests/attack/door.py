"""`python -m tests.attack.door`: every hostile model against the door, in at most 20 minutes.

Harmful is a file that ends the process which loads it, holds it for more than 10 s or takes more than 300 MB;
or that passes and then raises no alarm on a machine ten times as loud as its golden window and more: neither
an anomaly nor, where the model gives no score, a fault of the model. Exit code 1 where one is.
"""

import math
import resource
import sys
import time
from collections import Counter
from collections.abc import Sequence

import numpy as np

from edge_runtime.core.errors import ArtefactError
from edge_runtime.models.proving import prove_in_child
from edge_runtime.models.scorer import prove_model
from tests.attack.hostile_files import corpus
from tests.attack.models import Hostile, honest

MOST_S = 10.0
MOST_KB = 300 * 1024
LOUD = (10.0, 100.0, 1000.0)
LATEST_ALARM_S = 120.0


def harm(item: Hostile) -> str:
    """What the file does that it may not; empty where it is refused or harmless."""
    begun_s, before_kb = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused = False
    try:
        prove_in_child(item.model, item.name)
    except ArtefactError:
        refused = True
    except Exception as error:  # noqa: BLE001  what this is to find
        return f"{type(error).__name__}: {error}"[:200]
    took_s = time.monotonic() - begun_s
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
    if took_s > MOST_S:
        return f"took {took_s:.1f} s"
    if grown_kb > MOST_KB:
        return f"took {grown_kb // 1024} MB"
    return "" if refused else blind(item)


def blind(item: Hostile) -> str:
    """Why a file that passed would keep silent about a loud machine; empty where it would not."""
    artefact = prove_model(item.model, item.name)
    manifest = artefact.manifest
    needed, _ = manifest.policy.votes
    hop_s = manifest.hop / manifest.rate_hz  # slow where the sensor is, whose rate the site states
    latest_s = needed * hop_s + manifest.policy.on_delay_s
    if latest_s > max(LATEST_ALARM_S, 10 * hop_s):
        return f"raises its first alarm after {latest_s:.0f} s"
    for times in LOUD:
        try:
            score = artefact.graph.score_one((times * manifest.golden[0].samples).astype(np.float32))
        except Exception:  # noqa: BLE001  a fault of the model, which is an alarm
            continue
        if not math.isnan(score) and score <= manifest.threshold:
            return f"passed, and {times:g} times as loud it scores {score:g} of {manifest.threshold:g}"
    return ""


def run(items: Sequence[Hostile]) -> dict[str, str]:
    """Names of the harmful ones, and what they do."""
    prove_in_child(honest(), "honest")  # a door that lets nothing through would look safe
    found = {item.name: harm(item) for item in items}
    return {name: what for name, what in found.items() if what}


def main() -> None:
    """Print how many of each kind are harmful."""
    items = corpus()
    found = run(items)
    kinds = Counter(item.kind for item in items)
    for kind, count in kinds.items():
        harmful = {name: what for name, what in found.items() if name.startswith(f"{kind}-")}
        print(f"{kind:14} {len(harmful):3} of {count:3} harmful")
        for name, what in harmful.items():
            print(f"    {name}: {what}")
    print(f"{'all':14} {len(found):3} of {len(items):3} harmful")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
