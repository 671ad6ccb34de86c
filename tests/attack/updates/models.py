"""Attacks with models that are signed, and not for this sensor, or no good, or taken back."""

import datetime as dt
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from edge_runtime.core.manifest import Golden
from edge_runtime.gateway.updates.sending_back import go_back
from tests.artefacts import manifest, rms_graph, write_artefact
from tests.attack.updates.lab import FIRST, PUMP, Case, Lab, bound, kind

Variants = Iterator[tuple[str, Callable[[Case], object]]]
NOW = dt.datetime.now(dt.UTC)
NOT_OURS = "nothing is published for it"


@kind(NOT_OURS)
def other_site(lab: Lab) -> Variants:
    for site in ("plant-2", "Plant", "plant ", "plan", "pl%61nt", "plant\u200b", "PLANT"):
        path = replace(PUMP, site=site)
        yield repr(site), bound(lambda case, path: case.publish(lab.second, path), path)


@kind(NOT_OURS)
def other_device(lab: Lab) -> Variants:
    for who in ("gateway-2", "Gateway", "gateway7", "presses", "gate", "*", "+"):
        path = replace(PUMP, who=who)
        yield repr(who), bound(lambda case, path: case.publish(lab.second, path), path)


@kind(NOT_OURS)
def other_sensor(lab: Lab) -> Variants:
    for sensor in ("fan", "Pump", "pump2", "pum", "*", "pump\n", "pump\x00"):
        path = replace(PUMP, sensor=sensor)
        yield repr(sensor), bound(lambda case, path: case.publish(lab.second, path), path)


@kind(NOT_OURS)
def other_group(lab: Lab) -> Variants:
    for who in ("lathes", "Presses", "press", "gateway", "*"):
        path = replace(PUMP, kind="group", who=who)
        yield repr(who), bound(lambda case, path: case.publish(lab.second, path), path)


@kind(NOT_OURS)
def other_names(lab: Lab) -> Variants:
    """Names that would lead elsewhere, were they taken for paths."""
    for name in (
        "plant/device/gateway/pump/../../../../../etc/passwd.onnx",
        "../plant/device/gateway/pump/second.onnx",
        "/plant/device/gateway/pump/second.onnx",
        "plant//device/gateway/pump/second.onnx",
        "plant/device/gateway/pump/",
        "plant/device/gateway/pump/.onnx",
        "plant/device/gateway/pump/second",
        "plant/device/gateway/pump/second.onnx/",
        "plant/device/gateway/pump/second.ONNX",
        "plant/device/gateway/pump/a/second.onnx",
        "plant/device/./gateway/pump/second.onnx",
        "plant/device/gateway/pump/..onnx",
        "plant\\device\\gateway\\pump\\second.onnx",
        "plant%2fdevice%2fgateway%2fpump%2fsecond.onnx",
        "plant/devices/gateway/pump/second.onnx",
        "plant/device/gateway/pump/" + "x" * 121 + ".onnx",
        "file:///plant/device/gateway/pump/second.onnx",
    ):
        yield name[:60], bound(lambda case, name: case.publish(lab.second, name), name)


@kind("withdrawn")
def withdrawn(lab: Lab) -> Variants:
    """A model that was taken back is published again, or put back with the list of before."""

    def again(case: Case) -> None:
        def edit(signed: Any) -> None:
            digest = signed.targets[str(PUMP)].hashes["sha256"]
            signed.unrecognized_fields["x-steadyhum-withdrawn"] = [digest]

        case.change("targets", edit)
        case.name_again()

    def on_device(case: Case) -> str:
        case.repository.withdraw([lab.first_digest], NOW)
        case.repository.withdraw([str(PUMP)], NOW)
        said = case.look()
        assert case.runs() == "", "a withdrawn model goes on"
        return said

    yield "published all the same", again
    yield "and running", on_device


@kind("older than what was seen|was seen here")
def old_list_after_withdrawal(lab: Lab) -> Variants:
    """The stick of before the withdrawal comes back."""

    def back(case: Case) -> str:
        shutil.copytree(case.stick, case.folder / "before")
        case.repository.withdraw([str(PUMP)], NOW)
        case.look()
        return case.look(str(case.folder / "before"))

    def early(case: Case) -> str:
        case.repository.withdraw([str(PUMP), lab.first_digest], NOW)
        case.look()
        said = case.look(str(lab.early / "repository"))
        assert case.runs() == ""
        return said

    yield "by whoever kept it", back
    yield "with the first model", early


@kind("calls itself")
def other_name_inside(lab: Lab) -> Variants:
    for name in ("first", "Second", "second ", "x" * 50):
        data = write_artefact(lab.folder / "named.onnx", name=name).read_bytes()
        yield name[:20], bound(lambda case, data: case.publish(data), data)


@kind("is .* here and .* in the model")
def other_schema(lab: Lab) -> Variants:
    """For another sensor than the site states."""
    changes: dict[str, dict[str, Any]] = {
        "rate": {"rate_hz": 2000.0},
        "nearly the rate": {"rate_hz": 1000.001},
        "unit": {"unit": "m/s2"},
        "channel": {"channels": ("y",)},
        "channels": {"channels": ("x", "y")},
    }
    for name, change in changes.items():
        data = write_artefact(lab.folder / "schema.onnx", **{"name": "second", **change}).read_bytes()
        yield name, bound(lambda case, data: case.publish(data), data)


def _scored(*nodes: Any, **initializers: Any) -> Any:
    """A model whose score is what these nodes make of `window`."""
    graph = helper.make_graph(
        list(nodes),
        "bad",
        [helper.make_tensor_value_info("window", TensorProto.FLOAT, ["batch", 64, 1])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch"])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in initializers.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


@kind(
    "golden window|exceed|cannot be|no .*manifest|damaged|operator|every window|not an ONNX|ONNX|not a number"
)
def bad_models(lab: Lab) -> Variants:
    """Signed, and no model that may watch anything."""

    def made(case: Case, data: bytes) -> None:
        case.publish(data)

    mean = helper.make_node("ReduceMean", ["window", "axes"], ["score"], keepdims=0)
    constant = _scored(
        helper.make_node("ReduceMean", ["window", "axes"], ["m"], keepdims=0),
        helper.make_node("Mul", ["m", "zero"], ["score"]),
        axes=np.array([1, 2], np.int64),
        zero=np.float32(0),
    )
    file = lab.folder / "bad.onnx"
    golden = manifest().golden[0]
    models = {
        "no model": b"MZ" * 500,
        "nothing": b"",
        "half of one": lab.second[: len(lab.second) // 2],
        "without a manifest": rms_graph().SerializeToString(),
        "golden score off": write_artefact(
            file, name="second", golden=(Golden(golden.samples, golden.score * 1.01),)
        ).read_bytes(),
        "never exceeded": write_artefact(file, name="second", threshold=1e29).read_bytes(),
        "the same score always": write_artefact(
            file, graph=constant, name="second", features=(), golden=(Golden(golden.samples, 0.0),)
        ).read_bytes(),
        "an operator of nobody": write_artefact(
            file,
            graph=_scored(
                helper.make_node("Evil", ["window"], ["score"], domain="x"), mean, axes=np.array([1, 2])
            ),
            name="second",
        ).read_bytes(),
    }
    for name, data in models.items():
        yield name, partial(made, data=data)


@kind("no SHA-256")
def weak_digests(lab: Lab) -> Variants:
    for algorithm in ("sha512", "sha224", "md5", "sha1", "blake2b"):
        yield algorithm, bound(lambda case, name: case.publish(lab.second, hashes=[name]), algorithm)


@kind("models are published for it")
def two_models(lab: Lab) -> Variants:
    def both(case: Case) -> None:
        case.publish(lab.second)
        case.publish(lab.first, FIRST, alone=False)

    yield "of one device", both

    def of_group(case: Case) -> None:
        case.publish(lab.second, replace(PUMP, kind="group", who="presses"))
        case.publish(lab.first, replace(FIRST, kind="group", who="presses"), alone=False)

    yield "of one group", of_group


@kind("it was sent back")
def sent_back(lab: Lab) -> Variants:
    """A model that went back comes again, also under another name and by another list."""

    def again(case: Case, renewed: bool) -> str:
        case.look()
        go_back(case.config, "pump", "rattles")
        if renewed:
            case.repository.renew([], NOW)
        return case.look()

    for renewed in (False, True):
        yield str(renewed), partial(again, renewed=renewed)


@kind("learns its own model")
def over_what_was_learnt(lab: Lab) -> Variants:
    def learns(case: Case) -> None:
        config = case.folder / "edge.toml"
        text = config.read_text().replace('model = "rms.onnx"', 'model = "learn"')
        config.write_text(text.replace("[updates]", "[learning]\nallow = true\n[updates]"))

    yield "a sensor that learns", learns
