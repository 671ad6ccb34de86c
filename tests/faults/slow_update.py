"""A model of 2 MB over a link of 64 kbit/s that is cut every 20 s: `python -m tests.faults.slow_update`.

Says how long it took, and over how many connections. A server that knows ranges, as nginx does.
"""

import http.server
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tests.artefacts import rms_graph, write_artefact
from tests.attack.updates.lab import PUMP, Lab

BYTES_S = 64_000 / 8
CUT_S = 20.0
STEP_S = 0.1
COLUMNS = 8192
"""Times 64 samples of 4 bytes: 2 MB of constants, which add nothing to the score."""


def large_model() -> onnx.ModelProto:
    """The RMS, and a constant of 2 MB that is multiplied with the window and by zero."""
    model = rms_graph()
    graph = model.graph
    graph.node[-1].output[0] = "rms"
    values: dict[str, NDArray[Any]] = {
        "matrix": np.random.default_rng(1).standard_normal((64, COLUMNS)).astype(np.float32),
        "zero": np.array(0, np.float32),
        "all": np.array([1, 2], np.int64),
        "order": np.array([0, 2, 1], np.int64),
    }
    graph.initializer.extend([numpy_helper.from_array(value, name) for name, value in values.items()])
    graph.node.extend(
        [
            helper.make_node("Transpose", ["window"], ["turned"], perm=[0, 2, 1]),
            helper.make_node("MatMul", ["turned", "matrix"], ["product"]),
            helper.make_node("Tanh", ["product"], ["bounded"]),
            helper.make_node("ReduceMean", ["bounded", "all"], ["mean_of_it"], keepdims=0),
            helper.make_node("Mul", ["mean_of_it", "zero"], ["nothing"]),
            helper.make_node("Add", ["rms", "nothing"], ["score"]),
        ]
    )
    assert graph.output[0].type.tensor_type.elem_type == TensorProto.FLOAT
    return model


class Slow(http.server.SimpleHTTPRequestHandler):
    """Gives so many bytes a second, and ends each connection after a while."""

    connections: ClassVar[list[str]] = []
    folder: ClassVar[Path]

    def do_GET(self) -> None:
        path = self.folder / self.path.lstrip("/")
        if not path.is_file():
            self.send_error(404)
            return
        data, asked = path.read_bytes(), self.headers.get("Range", "")
        self.connections.append(asked)
        begin = int(asked[6:-1]) if asked else 0
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - begin))
        self.end_headers()
        begun_s, step = time.monotonic(), int(BYTES_S * STEP_S)
        for at in range(begin, len(data), step):
            if time.monotonic() - begun_s > CUT_S:
                return
            self.wfile.write(data[at : at + step])
            time.sleep(STEP_S)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder) / "lab")
        case = lab.case()
        file = write_artefact(Path(folder) / "large.onnx", graph=large_model(), name="second")
        case.publish(file.read_bytes(), PUMP)
        Slow.folder = case.stick
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            begun_s = time.monotonic()
            said = case.look(f"http://127.0.0.1:{server.server_port}")
            taken_s = time.monotonic() - begun_s
            server.shutdown()
    resumed = sum(bool(asked) for asked in Slow.connections)
    print(
        f"{file.name}: {said.strip()}; {taken_s:.0f} s, {len(Slow.connections)} requests, {resumed} resumed"
    )
    assert said.startswith("new"), said


if __name__ == "__main__":
    main()
