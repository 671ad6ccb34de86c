"""Models whose explanation, manifest or bytes are wrong, and the whole set of hostile models."""

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from tests.attack.hostile_graphs import loops, loud, structure, swelling
from tests.attack.models import (
    LIMIT,
    SAMPLES,
    Hostile,
    constant,
    honest,
    manifest_body,
    model,
    named,
    rms_nodes,
    when_loud,
)


def corpus() -> list[Hostile]:
    """Every file."""
    return [*loud(), *loops(), *swelling(), *structure(), *_contributions(), *_manifests(), *_damaged()]


def _contributions() -> Iterator[Hostile]:
    """Explanations of a wrong shape, or that fail."""

    def made() -> Iterator[tuple[str, bytes]]:
        for width in (2, 4, 1000):
            nodes = rms_nodes()
            nodes[1].output[0] = nodes[2].input[0] = "narrow"
            nodes.append(helper.make_node("Concat", ["narrow"] * width, ["contributions"], axis=1))
            yield f"wide-{width}", model(nodes)
        nodes = rms_nodes()
        nodes[1].output[0] = nodes[2].input[0] = "narrow"
        nodes.append(helper.make_node("Identity", ["square"], ["contributions"]))
        yield "three-axes", model(nodes)
        for limit in (1.5, 5.0, 50.0):
            fails = [
                helper.make_node("Identity", ["calm_score"], ["score"]),
                helper.make_node("Cast", ["loud"], ["index"], to=TensorProto.INT64),
                helper.make_node("Gather", ["table", "index"], ["zero"]),
                helper.make_node("Unsqueeze", ["zero", "time"], ["column"]),
                helper.make_node("Add", ["narrow", "column"], ["contributions"]),
            ]
            nodes, extra = when_loud(fails, limit)
            nodes[1].output[0] = nodes[2].input[0] = "narrow"
            yield f"fails-{limit}", model(nodes, [*extra, constant("table", [0.0])])

    return named("contributions", made())


def _manifests() -> Iterator[Hostile]:
    """One field at a time with what no trainer writes."""
    odd: list[Any] = [None, True, -1, 0, 0.5, 1e300, "x", "", [], {}, ["x"], {"x": 1}, "y" * 300_000, ...]
    fields = [*manifest_body()]
    fields += [f"calibration__{name}" for name in manifest_body()["calibration"]]
    fields += [f"policy__{name}" for name in manifest_body()["policy"]]
    honest_text = json.dumps(manifest_body())

    def made() -> Iterator[tuple[str, bytes]]:
        for field in fields:
            for index, value in enumerate(odd):
                body = manifest_body(**{field: value})
                if json.dumps(body) == honest_text:
                    continue
                yield f"{field}-{index}", model(rms_nodes(), text=json.dumps(body))
        for name, text in {
            "infinite": honest_text.replace(f'"threshold": {LIMIT}', '"threshold": 1e999'),
            "not-a-number": honest_text.replace(f'"threshold": {LIMIT}', '"threshold": NaN'),
            "twice": honest_text.replace(f'"threshold": {LIMIT}', f'"threshold": {LIMIT}, "threshold": 1e30'),
            "digits": honest_text.replace(f'"samples": {SAMPLES}', '"samples": ' + "9" * 400),
            "many-digits": honest_text.replace(f'"samples": {SAMPLES}', '"samples": ' + "9" * 100_000),
            "deep": "[" * 100_000,
            "deep-closed": "[" * 50_000 + "]" * 50_000,
            "no-json": "{",
            "surrogate": honest_text.replace("pump", "\\ud800"),
            "escapes": honest_text.replace("pump", "\\u001b[2Jpump\\r\\n"),
            "list": "[]",
            "unknown": honest_text.replace('"name"', '"extra": 1, "name"'),
            "long": honest_text + " " * 9_000_000,
        }.items():
            yield name, model(rms_nodes(), text=text)
        pair = ("steadyhum.manifest", honest_text)
        deaf = ("steadyhum.manifest", json.dumps(manifest_body(threshold=1e29)))
        for name, pairs in {
            "two-manifests": [("steadyhum.schema", "1"), pair, deaf],
            "two-manifests-turned": [("steadyhum.schema", "1"), deaf, pair],
            "no-schema": [pair],
            "schema-3": [("steadyhum.schema", "3"), pair],
            "schema-words": [("steadyhum.schema", "x" * 100_000), pair],
            "none": [],
        }.items():
            yield name, model(rms_nodes(), metadata=pairs)
        for votes in ([1000, 1000], [0, 5], [6, 5], [2**40, 2**40], [math.pi, 5], [1]):
            body = manifest_body(policy__votes=votes)
            yield f"votes-{votes[0]}-{len(votes)}", model(rms_nodes(), text=json.dumps(body))

    return named("manifest", made())


def _damaged() -> Iterator[Hostile]:
    whole = honest()

    def made() -> Iterator[tuple[str, bytes]]:
        for share in (0.0, 0.1, 0.5, 0.9, 0.999):
            yield f"cut-{share}", whole[: int(share * len(whole))]
        random = np.random.default_rng(11)
        for number in range(40):
            data = bytearray(whole)
            for at in random.integers(0, len(data), 1 + number % 5):
                data[at] ^= 1 << int(random.integers(8))
            yield f"flipped-{number}", bytes(data)
        yield "noise", random.bytes(5000)
        yield "text", b"hello\n" * 100

    return named("damaged", made())
