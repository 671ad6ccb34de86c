"""Attacks on models that arrive: one variant of each kind; all of them: `python -m tests.attack.updates`."""

import pytest

from tests.attack.updates.running import KINDS, Lab, try_variant


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(tmp_path_factory.mktemp("lab") / "lab")


def test_without_an_attack_the_model_is_taken_up(lab: Lab) -> None:
    case = lab.case()
    assert case.look().startswith("new")
    assert case.runs() not in ("", lab.first_digest)
    assert case.look().startswith("same")


@pytest.mark.parametrize("name", KINDS)
def test_an_attack_is_refused_by_the_check_that_it_is_about(lab: Lab, name: str) -> None:
    variant, attack = next(iter(KINDS[name].attack(lab)))
    case = lab.case()
    result = try_variant(lab, name, variant, case, attack(case))
    assert not result.accepted, result
    assert result.as_expected, result
    assert "Traceback" not in result.said


def test_there_are_as_many_as_the_table_asks_for() -> None:
    assert len(KINDS) >= 30
