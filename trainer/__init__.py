"""steadyhum's trainer: fits detectors on normal vibration and exports each as one ONNX file."""

# For its side effect: onnxruntime's telemetry is switched off before anything can import onnxruntime.
import edge_runtime as edge_runtime
