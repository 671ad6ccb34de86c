"""All detectors by name. A new one is a file here and a line in `REGISTRY`."""

import inspect
from collections.abc import Mapping
from typing import Final

from trainer.core import ChoiceError, nearest
from trainer.detectors.base import Detector
from trainer.detectors.cnn_classifier import CnnClassifier
from trainer.detectors.condition_gaussian import ConditionGaussian
from trainer.detectors.conv_autoencoder import ConvAutoencoder
from trainer.detectors.decision_tree import DecisionTree
from trainer.detectors.gan import AnoGan, FAnoGan
from trainer.detectors.gaussian import Gaussian, MultivariateGaussian, ZScore
from trainer.detectors.gaussian_mixture import GaussianMixture
from trainer.detectors.isolation_forest import IsolationForest
from trainer.detectors.kmeans import KMeans
from trainer.detectors.linear_autoencoder import LinearAutoencoder
from trainer.detectors.local_outlier_factor import LocalOutlierFactor
from trainer.detectors.one_class_svm import OneClassSvm
from trainer.detectors.operating_states import MEANS, ROOTS, OperatingStates, learn_states, means_over
from trainer.detectors.principal_components import PrincipalComponents
from trainer.detectors.recurrent import GruAutoencoder, GruForecaster, LstmAutoencoder, LstmForecaster

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

REGISTRY: Final[Mapping[str, type[Detector]]] = {
    kind.name: kind
    for kind in (
        ZScore,
        Gaussian,
        MultivariateGaussian,
        ConditionGaussian,
        GaussianMixture,
        IsolationForest,
        LocalOutlierFactor,
        OneClassSvm,
        KMeans,
        PrincipalComponents,
        LinearAutoencoder,
        ConvAutoencoder,
        LstmAutoencoder,
        GruAutoencoder,
        LstmForecaster,
        GruForecaster,
        AnoGan,
        FAnoGan,
        CnnClassifier,
        DecisionTree,
    )
}


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
