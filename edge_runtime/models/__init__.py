"""Model files: opened, proved by their golden windows, run; and who signed them."""

from edge_runtime.models.interface import CONTRIBUTIONS, SCORE, STATE, WINDOW
from edge_runtime.models.model_file import read_model
from edge_runtime.models.proving import Proof, load_model, prove_in_child
from edge_runtime.models.scorer import (
    Artefact,
    Graph,
    Scores,
    open_trusted,
    prove_model,
)
from edge_runtime.models.signature import DIGESTS, SIGNATURE, check_signed, digest_of, read_digests

__all__ = [
    "CONTRIBUTIONS",
    "DIGESTS",
    "SCORE",
    "SIGNATURE",
    "STATE",
    "WINDOW",
    "Artefact",
    "Graph",
    "Proof",
    "Scores",
    "check_signed",
    "digest_of",
    "load_model",
    "open_trusted",
    "prove_in_child",
    "prove_model",
    "read_digests",
    "read_model",
]
