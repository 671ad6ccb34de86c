"""Import contracts that import-linter does not bring: `allow_list`, `faces` and `pure`.

`pyproject.toml` names these classes under `[tool.importlinter]` and holds the contracts themselves.
"""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

Import = tuple[str, str]


class AllowList(Contract):
    """`source` imports from `root` only the folders that are listed, and of those only what they hand out."""

    source = fields.StringField()
    root = fields.StringField()
    allowed = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Find every import of anything else."""
        allowed = set(_names(self.allowed))
        wrong = [
            (importer, imported)
            for importer, imported in _imports(graph, str(self.source))
            if _within(imported, str(self.root)) and imported not in allowed
        ]
        return ContractCheck(kept=not wrong, metadata={"wrong": wrong})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print them."""
        _print(check)


class Faces(Contract):
    """Of a folder other folders import only its `__init__`, which hands out what they may use.

    `inner` names folders inside a folder that have a face of their own; `lone` names single files beside the
    folders, which are imported as they are.
    """

    packages = fields.ListField(subfield=fields.StringField())
    inner = fields.SetField(subfield=fields.StringField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Find every import past a face."""
        inner = set(_names(self.inner))
        packages = _names(self.packages)
        wrong = []
        for package in packages:
            for importer, imported in _imports(graph, package):
                room = _room(imported, inner)
                ours = any(_within(imported, name) for name in packages)
                if ours and imported != room and _room(importer, inner) != room:
                    wrong.append((importer, imported))
        return ContractCheck(kept=not wrong, metadata={"wrong": wrong})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print them."""
        _print(check)


class Pure(Contract):
    """`modules` (patterns) import none of `forbidden`, and of our packages only each other and `beside`."""

    packages = fields.ListField(subfield=fields.StringField())
    modules = fields.ListField(subfield=fields.StringField())
    forbidden = fields.SetField(subfield=fields.StringField())
    beside = fields.SetField(subfield=fields.StringField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Find every import of anything else."""
        patterns = _names(self.modules)
        beside = set(_names(self.beside))
        forbidden = set(_names(self.forbidden))
        packages = _names(self.packages)
        wrong = []
        for package in packages:
            for importer, imported in _imports(graph, package):
                if not _any(importer, patterns):
                    continue
                ours = any(_within(imported, name) for name in packages)
                if ours and not _any(imported, patterns) and imported not in beside:
                    wrong.append((importer, imported))
                if imported.partition(".")[0] in forbidden:
                    wrong.append((importer, imported))
        return ContractCheck(kept=not wrong, metadata={"wrong": wrong})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print them."""
        _print(check)


def _names(field: object) -> list[str]:
    """What a contract's field holds: the class declares the field, an instance has its value."""
    return [str(name) for name in cast("Iterable[object] | None", field) or ()]


def _imports(graph: ImportGraph, package: str) -> Iterator[Import]:
    for importer in sorted(graph.modules):
        if _within(importer, package):
            for imported in sorted(graph.find_modules_directly_imported_by(importer)):
                yield importer, imported


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def _any(module: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(module, pattern) for pattern in patterns)


def _room(module: str, inner: set[str]) -> str:
    for name in inner:
        if _within(module, name):
            return name
    return ".".join(module.split(".")[:2])


def _print(check: ContractCheck) -> None:
    for importer, imported in check.metadata["wrong"]:
        output.print_error(f"{importer} imports {imported}")
