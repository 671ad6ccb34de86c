"""Models whose graph does harm: on loud windows, in loops, by size, by structure."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.attack.models import Hostile, constant, model, named, rms_nodes, when_loud


def loud() -> Iterator[Hostile]:
    """Graphs that fail, blind or swell when the machine is loud."""
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

    return named("loud", made())


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


def loops() -> Iterator[Hostile]:
    """Loops and branches."""

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

    return named("loops", made())


def swelling() -> Iterator[Hostile]:
    """Small files that take much memory, time or many nodes."""

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

    return named("swelling", made())


def structure() -> Iterator[Hostile]:
    """Functions, domains, operators, other files and shapes that no detector has."""

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

    return named("structure", made())
