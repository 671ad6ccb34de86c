"""One fault after another, chosen by a seed: on the link, at the broker, and to the gateway itself."""

import random
import time
from collections.abc import Callable

from tests.broker import Broker
from tests.faults.killed_gateway import KilledGateway
from tests.faults.proxy import ChaosProxy

Heal = Callable[[], object]


class Chaos:
    """Makes faults and heals them."""

    def __init__(self, seed: int, broker: Broker, proxy: ChaosProxy, gateway: KilledGateway) -> None:
        self.random, self.broker, self.proxy, self.gateway = random.Random(seed), broker, proxy, gateway
        self.counts: dict[str, int] = {}
        self.healed: list[tuple[float, str]] = []

    def once(self, longest_s: float) -> None:
        """Do one thing, wait, heal it, note when."""
        fault = self.random.choice(["stall", "reset", "half_close", "lose_acks", "trickle", "broker", "kill"])
        self.counts[fault] = self.counts.get(fault, 0) + 1
        heal = getattr(self, f"_{fault}")()
        time.sleep(self.random.uniform(1, longest_s))
        heal()
        self.healed.append((time.monotonic(), fault))
        time.sleep(self.random.uniform(5, longest_s))

    def _stall(self) -> Heal:
        self.proxy.stalled = True
        return lambda: setattr(self.proxy, "stalled", False)

    def _reset(self) -> Heal:
        self.proxy.reset()
        return lambda: None

    def _half_close(self) -> Heal:
        self.proxy.half_close()
        return lambda: None

    def _lose_acks(self) -> Heal:
        self.proxy.keep_acks = True

        def heal() -> None:
            self.proxy.keep_acks = False
            self.proxy.reset()

        return heal

    def _trickle(self) -> Heal:
        self.proxy.trickle_s = 0.001
        return lambda: setattr(self.proxy, "trickle_s", 0.0)

    def _broker(self) -> Heal:
        self.broker.stop()
        return self.broker.start

    def _kill(self) -> Heal:
        self.gateway.kill()
        return self.gateway.start
