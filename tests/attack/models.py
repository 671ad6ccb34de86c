"""Hostile model files, each named after what it tries. `corpus()` makes them; nothing here opens one.

Kinds: graphs that loop, swell, fail or blind when the machine is loud; files that onnxruntime or a JSON
reader takes apart badly; manifests with types, ranges and lengths that no trainer writes. Each kind comes in
several strengths.
"""

import base64
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SAMPLES, RATE_HZ = 256, 1000.0
LIMIT = 3.0
"""Threshold of the honest graph below: RMS of a window in g. Its golden window has about 1."""


@dataclass(frozen=True, slots=True)
class Hostile:
    """One file."""

    name: str
    kind: str
    model: bytes


def window() -> np.ndarray[Any, np.dtype[np.float32]]:
    """The golden window, [samples, 1]."""
    return np.random.default_rng(3).standard_normal((SAMPLES, 1)).astype(np.float32)


def manifest_body(**changes: Any) -> dict[str, Any]:
    """A manifest as the trainer writes it, with `changes` to its fields; a field that is `...` is left
    out."""
    golden = window()
    body: dict[str, Any] = {
        "name": "pump",
        "detector": "rms",
        "detector_version": "1",
        "created": "2026-01-01T00:00:00Z",
        "rate_hz": RATE_HZ,
        "samples": SAMPLES,
        "hop": SAMPLES // 2,
        "channels": ["x"],
        "unit": "g",
        "lowpass_hz": None,
        "threshold": LIMIT,
        "calibration": {
            "method": "quantile",
            "false_alarm_rate": 0.01,
            "supported": True,
            "statement": "made for a test",
            "windows": 100,
            "conditions": ["only"],
            "quantiles": {"0.99": 1.1},
        },
        "policy": {
            "votes": [2, 3],
            "on_delay_s": 0.0,
            "off_delay_s": 1.0,
            "deadband": 0.0,
            "re_alarm_s": 3600.0,
        },
        "features": [{"name": "power", "unit": "g2", "low_hz": None, "high_hz": None}],
        "golden": [
            {
                "samples": base64.b64encode(golden.tobytes()).decode(),
                "score": float(np.sqrt(np.mean(golden**2))),
            }
        ],
        "golden_tolerance": 1e-4,
        "data_digest": "0" * 64,
        "opset": 20,
        "producer": "tests",
        "notes": {},
    }
    for name, value in changes.items():
        part, _, inner = name.partition("__")
        if inner and value is ...:
            del body[part][inner]
        elif inner:
            body[part][inner] = value
        elif value is ...:
            del body[part]
        else:
            body[part] = value
    return body


def rms_nodes(out: str = "score") -> list[onnx.NodeProto]:
    """Nodes from `window` to its RMS in `out`, and to `contributions`."""
    return [
        helper.make_node("Mul", ["window", "window"], ["square"]),
        helper.make_node("ReduceMean", ["square", "time"], ["contributions"], keepdims=0),
        helper.make_node("ReduceMean", ["contributions", "time"], ["mean"], keepdims=0),
        helper.make_node("Sqrt", ["mean"], [out]),
    ]


def constant(name: str, value: Any, dtype: Any = np.float32) -> onnx.TensorProto:
    """An initialiser."""
    return numpy_helper.from_array(np.array(value, dtype), name)


def model(
    nodes: list[onnx.NodeProto],
    initialisers: list[onnx.TensorProto] | None = None,
    *,
    text: str | None = None,
    functions: list[onnx.FunctionProto] | None = None,
    domains: tuple[str, ...] = (),
    metadata: list[tuple[str, str]] | None = None,
    features: int = 1,
) -> bytes:
    """A file with those nodes and the honest manifest, or `text` in its place."""
    graph = helper.make_graph(
        nodes,
        "hostile",
        [helper.make_tensor_value_info("window", TensorProto.FLOAT, ["batch", SAMPLES, 1])],
        [
            helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch"]),
            helper.make_tensor_value_info("contributions", TensorProto.FLOAT, ["batch", features]),
        ],
        [constant("time", [1], np.int64), *(initialisers or [])],
    )
    opsets = [helper.make_opsetid("", 20), *(helper.make_opsetid(domain, 1) for domain in domains)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=10, functions=functions or [])
    pairs = [("steadyhum.schema", "1"), ("steadyhum.manifest", text or json.dumps(manifest_body()))]
    for key, value in pairs if metadata is None else metadata:
        entry = made.metadata_props.add()
        entry.key, entry.value = key, value
    return bytes(made.SerializeToString())


def honest() -> bytes:
    """The file that none of the attacks is: it must pass."""
    return model(rms_nodes())


def when_loud(
    then: list[onnx.NodeProto], limit: float
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """The RMS as score, and `then`, which may use `loud` (1.0 above `limit`, else 0.0, [batch]) and
    `calm_score`."""
    nodes = rms_nodes("calm_score")
    nodes += [
        helper.make_node("Greater", ["calm_score", "limit"], ["is_loud"]),
        helper.make_node("Cast", ["is_loud"], ["loud"], to=TensorProto.FLOAT),
        *then,
    ]
    return nodes, [constant("limit", limit)]


def corpus() -> list[Hostile]:
    """Every file."""
    return [*_loud(), *_loops(), *_swelling(), *_structure(), *_contributions(), *_manifests(), *_damaged()]


def _named(kind: str, made: Iterator[tuple[str, bytes]]) -> Iterator[Hostile]:
    for name, content in made:
        yield Hostile(f"{kind}-{name}", kind, content)


def _loud() -> Iterator[Hostile]:
    """Honest on the golden window, and not when it matters: at limits from just above it to a hammer's
    blow."""

    def made() -> Iterator[tuple[str, bytes]]:
        for limit in (1.5, 2.0, 3.0, 5.0, 9.0, 50.0, 400.0):
            one = constant("one", 1.0)
            gather = [
                helper.make_node("Cast", ["loud"], ["index"], to=TensorProto.INT64),
                helper.make_node("Gather", ["table", "index"], ["zero"]),
                helper.make_node("Add", ["calm_score", "zero"], ["score"]),
            ]
            nodes, extra = when_loud(gather, limit)
            yield f"gather-{limit}", model(nodes, [*extra, constant("table", [0.0])])
            for name, tail in {
                "nan": [
                    helper.make_node("Sub", ["one", "loud"], ["calm"]),
                    helper.make_node("Div", ["calm", "calm"], ["gone"]),
                    helper.make_node("Mul", ["calm_score", "gone"], ["score"]),
                ],
                "zero": [
                    helper.make_node("Sub", ["one", "loud"], ["calm"]),
                    helper.make_node("Mul", ["calm_score", "calm"], ["score"]),
                ],
                "minus-infinity": [
                    helper.make_node("Mul", ["loud", "down"], ["fall"]),
                    helper.make_node("Add", ["calm_score", "fall"], ["score"]),
                ],
            }.items():
                nodes, extra = when_loud(tail, limit)
                more = [*extra, one, constant("down", -1e38)]
                yield f"{name}-{limit}", model(nodes, more)
            for size in (1000, 10**6, 10**9):
                swell = [
                    helper.make_node("Mul", ["loud", "size"], ["wanted"]),
                    helper.make_node("Add", ["wanted", "one"], ["more"]),
                    helper.make_node("Cast", ["more"], ["shape"], to=TensorProto.INT64),
                    helper.make_node("ConstantOfShape", ["shape"], ["field"]),
                    helper.make_node("ReduceSum", ["field"], ["sum"], keepdims=0),
                    helper.make_node("Add", ["calm_score", "sum"], ["score"]),
                ]
                nodes, extra = when_loud(swell, limit)
                more = [*extra, one, constant("size", float(size))]
                yield f"swell-{size}-{limit}", model(nodes, more)

    return _named("loud", made())


def _body(trips: str = "x") -> onnx.GraphProto:
    info = helper.make_tensor_value_info
    return helper.make_graph(
        [helper.make_node("Identity", ["go_in"], ["go_out"]), helper.make_node("Identity", [trips], ["y"])],
        "body",
        [
            info("i", TensorProto.INT64, []),
            info("go_in", TensorProto.BOOL, []),
            info("x", TensorProto.FLOAT, None),
        ],
        [info("go_out", TensorProto.BOOL, []), info("y", TensorProto.FLOAT, None)],
    )


def _loops() -> Iterator[Hostile]:
    def made() -> Iterator[tuple[str, bytes]]:
        for trips in (1, 10**6, 2**62):
            loop = helper.make_node("Loop", ["trips", "go", "calm_score"], ["score"], body=_body())
            extra = [constant("trips", trips, np.int64), constant("go", True, np.bool_)]
            yield f"loop-{trips}", model([*rms_nodes("calm_score"), loop], extra)
            dead = helper.make_node("Loop", ["trips", "go", "mean"], ["unused"], body=_body())
            yield f"dead-{trips}", model([*rms_nodes(), dead], extra)
            explained = helper.make_node("Loop", ["trips", "go", "squares"], ["contributions"], body=_body())
            nodes = rms_nodes()
            nodes[1].output[0] = nodes[2].input[0] = "squares"
            yield f"explained-{trips}", model([*nodes, explained], extra)
        for domain in ("", "ai.onnx"):
            branch = helper.make_graph(
                [helper.make_node("Identity", ["mean"], ["b"])],
                "b",
                [],
                [helper.make_tensor_value_info("b", TensorProto.FLOAT, None)],
            )
            choice = helper.make_node(
                "If", ["go"], ["score"], then_branch=branch, else_branch=branch, domain=domain
            )
            yield (
                f"if-{domain or 'standard'}",
                model([*rms_nodes("calm_score"), choice], [constant("go", True, np.bool_)]),
            )

    return _named("loops", made())


def _swelling() -> Iterator[Hostile]:
    def made() -> Iterator[tuple[str, bytes]]:
        for doublings in (24, 26, 28, 30, 34):
            nodes = rms_nodes("calm_score")
            name = "calm_score"
            for step in range(doublings):
                nodes.append(helper.make_node("Concat", [name, name], [f"d{step}"], axis=0))
                name = f"d{step}"
            nodes += [
                helper.make_node("ReduceMean", [name], ["one_number"], keepdims=0),
                helper.make_node("Mul", ["one_number", "zero"], ["nothing"]),
                helper.make_node("Add", ["calm_score", "nothing"], ["score"]),
            ]
            yield f"concat-{doublings}", model(nodes, [constant("zero", 0.0)])
        for side in (3000, 9000, 20000):
            nodes = [
                *rms_nodes("calm_score"),
                helper.make_node("ConstantOfShape", ["side"], ["a"]),
                helper.make_node("MatMul", ["a", "a"], ["b"]),
                helper.make_node("ReduceSum", ["b"], ["s"], keepdims=0),
                helper.make_node("Add", ["calm_score", "s"], ["score"]),
            ]
            yield f"product-{side}", model(nodes, [constant("side", [side, side], np.int64)])
        for repeats in (10**6, 10**7, 10**8, 10**9):
            for operator, extra in (("Expand", [repeats, 256, 1]), ("Tile", [repeats, 1, 1])):
                nodes = [
                    *rms_nodes("calm_score"),
                    helper.make_node(operator, ["square", "shape"], ["wide"]),
                    helper.make_node("ReduceSum", ["wide"], ["s"], keepdims=0),
                    helper.make_node("Mul", ["s", "zero"], ["nothing"]),
                    helper.make_node("Add", ["calm_score", "nothing"], ["score"]),
                ]
                initialisers = [constant("shape", extra, np.int64), constant("zero", 0.0)]
                yield f"{operator.lower()}-{repeats}", model(nodes, initialisers)
        for count in (5_000, 30_000, 100_000):
            nodes = rms_nodes("v0")
            nodes += [helper.make_node("Tanh", [f"v{i}"], [f"v{i + 1}"]) for i in range(count)]
            nodes.append(helper.make_node("Identity", [f"v{count}"], ["score"]))
            yield f"nodes-{count}", model(nodes)

    return _named("swelling", made())


def _structure() -> Iterator[Hostile]:
    def made() -> Iterator[tuple[str, bytes]]:
        for depth in (2, 12, 23):
            functions = [
                helper.make_function(
                    "evil",
                    "B0",
                    ["x"],
                    ["y"],
                    [helper.make_node("Identity", ["x"], ["y"])],
                    [helper.make_opsetid("", 20)],
                )
            ]
            for level in range(1, depth):
                calls = [
                    helper.make_node(f"B{level - 1}", ["x"], ["m"], domain="evil"),
                    helper.make_node(f"B{level - 1}", ["m"], ["y"], domain="evil"),
                ]
                imports = [helper.make_opsetid("", 20), helper.make_opsetid("evil", 1)]
                functions.append(helper.make_function("evil", f"B{level}", ["x"], ["y"], calls, imports))
            node = helper.make_node(f"B{depth - 1}", ["calm_score"], ["score"], domain="evil")
            yield (
                f"functions-{depth}",
                model([*rms_nodes("calm_score"), node], functions=functions, domains=("evil",)),
            )
        for domain in ("com.microsoft", "ai.onnx.training", "ai.onnx.preview.training", "x" * 1000):
            node = helper.make_node("Gelu", ["calm_score"], ["score"], domain=domain)
            yield (
                f"domain-{domain[:20]}",
                model([*rms_nodes("calm_score"), node], domains=(domain,)),
            )
        operators: dict[str, dict[str, Any]] = {
            "RandomNormal": {"shape": [1]},
            "RandomUniform": {"shape": [1]},
            "Multinomial": {},
            "Bernoulli": {},
            "SequenceConstruct": {},
            "StringNormalizer": {},
            "Optional": {},
            "ImageDecoder": {},
            "Dropout": {},
        }
        for operator, arguments in operators.items():
            inputs = [] if operator.startswith("Random") else ["calm_score"]
            node = helper.make_node(operator, inputs, ["r"], **arguments)
            add = helper.make_node("Add", ["calm_score", "r"], ["score"])
            yield f"operator-{operator}", model([*rms_nodes("calm_score"), *[node, add]])
        for location in ("/etc/passwd", "../secret.bin", "tensor.bin", ""):
            tensor = constant("zero", 0.0)
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            entry = tensor.external_data.add()
            entry.key, entry.value = "location", location
            add = helper.make_node("Add", ["calm_score", "zero"], ["score"])
            yield (
                f"external-{len(location)}",
                model([*rms_nodes("calm_score"), add], [tensor]),
            )
        for dims in ([2**31], [2**20, 2**20], [-1], [0]):
            tensor = constant("zero", [0.0])
            del tensor.dims[:]
            tensor.dims.extend(dims)
            add = helper.make_node("Add", ["calm_score", "zero"], ["score"])
            yield (
                f"dims-{dims[0]}-{len(dims)}",
                model([*rms_nodes("calm_score"), add], [tensor]),
            )

    return _named("structure", made())


def _contributions() -> Iterator[Hostile]:
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

    return _named("contributions", made())


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

    return _named("manifest", made())


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

    return _named("damaged", made())
