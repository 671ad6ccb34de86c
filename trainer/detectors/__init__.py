"""All detectors by name. A new one is a file here and a line in `REGISTRY`."""

import inspect
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Final

from trainer.core import ChoiceError, nearest
from trainer.detectors.base import Detector
from trainer.detectors.operating_states import MEANS, ROOTS, OperatingStates, learn_states, means_over

__all__ = [
    "MEANS",
    "REGISTRY",
    "ROOTS",
    "Detector",
    "OperatingStates",
    "create",
    "learn_states",
    "means_over",
    "options_of",
]

Option = str | int | float | bool


class _Registry(Mapping[str, type[Detector]]):
    """Detectors by name, each imported when it is first used: closed-form ones never load torch."""

    def __init__(self, rows: Mapping[str, str]) -> None:
        self._rows = rows

    def __getitem__(self, name: str) -> type[Detector]:
        module, _, kind = self._rows[name].partition(":")
        found: type[Detector] = getattr(import_module(f"{__name__}.{module}"), kind)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


REGISTRY: Final[Mapping[str, type[Detector]]] = _Registry(
    {
        "zscore": "gaussian:ZScore",
        "gaussian": "gaussian:Gaussian",
        "multivariate_gaussian": "gaussian:MultivariateGaussian",
        "condition_gaussian": "condition_gaussian:ConditionGaussian",
        "gaussian_mixture": "gaussian_mixture:GaussianMixture",
        "isolation_forest": "isolation_forest:IsolationForest",
        "local_outlier_factor": "local_outlier_factor:LocalOutlierFactor",
        "one_class_svm": "one_class_svm:OneClassSvm",
        "kmeans": "kmeans:KMeans",
        "principal_components": "principal_components:PrincipalComponents",
        "linear_autoencoder": "linear_autoencoder:LinearAutoencoder",
        "conv_autoencoder": "conv_autoencoder:ConvAutoencoder",
        "lstm_autoencoder": "recurrent:LstmAutoencoder",
        "gru_autoencoder": "recurrent:GruAutoencoder",
        "lstm_forecaster": "recurrent:LstmForecaster",
        "gru_forecaster": "recurrent:GruForecaster",
        "anogan": "gan:AnoGan",
        "fanogan": "gan:FAnoGan",
        "fusion": "fusion:Fusion",
        "cnn_classifier": "cnn_classifier:CnnClassifier",
        "dense_classifier": "dense_classifier:DenseClassifier",
        "decision_tree": "decision_tree:DecisionTree",
    }
)
"""Names, and of each its module and class."""


def create(name: str, options: Mapping[str, str] | None = None) -> Detector:
    """Return an unfitted detector; `options` are texts as a command line gives them.

    Raises ChoiceError for an unknown detector or option, and for a value that does not have the option's
    type.
    """
    if name not in REGISTRY:
        raise ChoiceError(f"there is no detector {name!r}", remedy=nearest(name, REGISTRY))
    kind, known = REGISTRY[name], options_of(name)
    values: dict[str, Option] = {}
    for option, text in (options or {}).items():
        if option not in known:
            raise ChoiceError(f"{name} has no option {option!r}", remedy=nearest(option, known))
        default = known[option]
        try:
            is_true = text.lower() in {"true", "yes", "1"}  # bool("no") would be True
            values[option] = is_true if isinstance(default, bool) else type(default)(text)
        except ValueError as error:
            raise ChoiceError(
                f"{name} {option} cannot be {text!r}",
                remedy=f"Give a {type(default).__name__}, like {default}",
            ) from error
    return kind(**values)


def options_of(name: str) -> dict[str, Option]:
    """Return the options of a registered detector with their defaults."""
    parameters = inspect.signature(REGISTRY[name]).parameters
    return {option: parameter.default for option, parameter in parameters.items()}
