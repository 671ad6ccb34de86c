"""What was read is kept by content: the same recordings come out, and nothing stale or damaged does."""

from pathlib import Path

import numpy as np
import pytest

from tests.trainer.builders import noise, write_lines
from trainer.recordings import cache as module
from trainer.recordings import child_reader
from trainer.recordings.list_reading import load_list


@pytest.fixture
def listing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(module.VARIABLE, str(tmp_path / "cache"))
    np.savez(tmp_path / "a.npz", samples=noise(), rate_hz=12000.0)
    return write_lines(tmp_path / "list.csv", "a.npz,,normal,load,12000,,3000,DE,g")


def no_parsing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is read from now on comes from the cache."""
    monkeypatch.setattr(child_reader, "read_content", None)


def test_a_second_reading_is_the_same_without_a_parser(
    listing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = load_list(listing)
    no_parsing(monkeypatch)
    (second,) = load_list(listing)
    assert (second.digest, second.rate_hz, second.name) == (first.digest, first.rate_hz, first.name)
    np.testing.assert_array_equal(second.samples, first.samples)
    assert second.as_recorded.channels == first.as_recorded.channels
    np.testing.assert_array_equal(second.as_recorded.prints, first.as_recorded.prints)


def test_labels_are_the_lists_own(listing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_list(listing)
    no_parsing(monkeypatch)
    listing.write_text(listing.read_text().replace("normal,load", "worn,other"))
    (found,) = load_list(listing)
    assert (found.label, found.condition) == ("worn", "other")


def test_another_content_or_another_way_of_reading_is_read(listing: Path) -> None:
    (first,) = load_list(listing)
    listing.write_text(listing.read_text().replace("3000", "2000"))
    (narrower,) = load_list(listing)
    assert narrower.digest != first.digest
    np.savez(listing.parent / "a.npz", samples=noise(seed=1), rate_hz=12000.0)
    (other,) = load_list(listing)
    assert other.digest != narrower.digest


@pytest.mark.parametrize("damage", [b"", b"\0" * 5000, b"\xff\xff\xff\x7f{}"])
def test_a_damaged_entry_counts_as_none(listing: Path, damage: bytes) -> None:
    (first,) = load_list(listing)
    (entry,) = (listing.parent / "cache").iterdir()
    whole = entry.read_bytes()
    for content in (damage, whole[:-3], whole[:2000] + b"\1" + whole[2001:]):
        entry.write_bytes(content)
        (again,) = load_list(listing)
        assert again.digest == first.digest
        np.testing.assert_array_equal(again.samples, first.samples)


def test_the_oldest_entries_go_first(listing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_list(listing)
    (old,) = (listing.parent / "cache").iterdir()
    monkeypatch.setattr(module, "_MOST_BYTES", 3 * old.stat().st_size // 2)
    np.savez(listing.parent / "a.npz", samples=noise(seed=1), rate_hz=12000.0)
    load_list(listing)
    (kept,) = (listing.parent / "cache").iterdir()
    assert kept.name != old.name


def test_off_keeps_nothing(listing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(module.VARIABLE, module.OFF)
    load_list(listing)
    assert not (listing.parent / "cache").exists()
