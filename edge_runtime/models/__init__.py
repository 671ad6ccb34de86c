"""Model files: opened, proved by their golden windows, adapted, run; and who signed them."""

from edge_runtime.models.adaptation import Standardisation, adapted, read_adaptation, write_adaptation
from edge_runtime.models.baseline import (
    COMMISSIONING_FOLDER,
    MODEL_FILE,
    Baseline,
    SealedModel,
    baseline_folder,
    commissioning_folder,
    read_baseline,
    write_baseline,
)
from edge_runtime.models.proving import Proof, load_model, prove_in_child
from edge_runtime.models.pruning import metadata_of
from edge_runtime.models.scorer import Artefact, Graph, Scores, check_golden, open_trusted, prove_model
from edge_runtime.models.seal import SEAL_FOLDER, check_sealed, seal_certificate, seal_files
from edge_runtime.models.sessions import (
    CONTRIBUTIONS,
    FEATURES,
    MAX_MODEL_BYTES,
    SCORE,
    STATE,
    WINDOW,
    read_model,
)
from edge_runtime.models.signature import DIGESTS, SIGNATURE, check_signed, digest_of, read_digests

__all__ = [
    "COMMISSIONING_FOLDER",
    "CONTRIBUTIONS",
    "DIGESTS",
    "FEATURES",
    "MAX_MODEL_BYTES",
    "MODEL_FILE",
    "SCORE",
    "SEAL_FOLDER",
    "SIGNATURE",
    "STATE",
    "WINDOW",
    "Artefact",
    "Baseline",
    "Graph",
    "Proof",
    "Scores",
    "SealedModel",
    "Standardisation",
    "adapted",
    "baseline_folder",
    "check_golden",
    "check_sealed",
    "check_signed",
    "commissioning_folder",
    "digest_of",
    "load_model",
    "metadata_of",
    "open_trusted",
    "prove_in_child",
    "prove_model",
    "read_adaptation",
    "read_baseline",
    "read_digests",
    "read_model",
    "seal_certificate",
    "seal_files",
    "write_adaptation",
    "write_baseline",
]
