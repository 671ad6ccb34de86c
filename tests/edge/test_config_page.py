"""What a site settles about the technician's page."""

import pytest

from edge_runtime.configuration.page import PageSettings
from edge_runtime.core import ConfigError
from tests.edge.test_config_learning import config


def test_there_is_no_page_unless_a_site_wants_one() -> None:
    settings = PageSettings()
    assert (settings.listen, settings.address) == ("", ("", 0))


@pytest.mark.parametrize(
    ("said", "hosts"),
    [
        ({"listen": "127.0.0.1:8471"}, ("127.0.0.1:8471", "localhost:8471")),
        ({"listen": "[::1]:8471"}, ("[::1]:8471", "localhost:8471")),
        (
            {"listen": "127.0.0.1:80", "names": ("Pi",)},
            ("127.0.0.1:80", "localhost:80", "pi:80", "127.0.0.1", "localhost", "pi"),
        ),
        ({"listen": "10.0.0.7:443", "cert_file": "c", "key_file": "k"}, ("10.0.0.7:443", "10.0.0.7")),
        (
            {"listen": "0.0.0.0:8471", "names": ("pi.local",), "cert_file": "c", "key_file": "k"},
            ("0.0.0.0:8471", "pi.local:8471"),
        ),
    ],
)
def test_under_which_names_it_is_reached(said: dict[str, object], hosts: tuple[str, ...]) -> None:
    assert PageSettings(**said).hosts == hosts  # type: ignore[arg-type]  # of a table


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('names = ["pi"]', "listen is missing"),
        ('listen = "8471"', "must be as in"),
        ('listen = "127.0.0.1:0"', "must be as in"),
        ('listen = "127.0.0.1:99999"', "must be as in"),
        ('listen = "pi.local:8471"', "must be as in"),
        ('listen = "127.0.0.1:8471"\ncert_file = "c"', "belong together"),
        ('listen = "10.0.0.7:8471"', "cert_file is missing"),
        ('listen = "0.0.0.0:8471"\ncert_file = "c"\nkey_file = "k"', "names is empty"),
        ('listen = "127.0.0.1:8471"\nnames = ["a b"]', "no host's name"),
        ('listen = "127.0.0.1:8471"\nsession_h = 1000', "session_h is 1000"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: object, text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        config(tmp_path, f"[page]\n{text}")  # type: ignore[arg-type]  # a Path
