"""How the pages are filled: `template`."""

from importlib import resources
from typing import Any, Final

import jinja2

from edge_runtime.core import printable
from trainer.report.charts import script, styles

_TEXT: Final = 20_000
"""Characters of one text on a page: a statement on a hundred conditions."""


def template(name: str, **filters: Any) -> jinja2.Template:
    """Make a template of a file of this room; whatever is put into it is escaped and printable."""

    def finalize(value: object) -> object:
        """Foreign text for the page; jinja escapes it afterwards. Pictures, marked as safe, are ours."""
        return printable(value, _TEXT) if isinstance(value, str) and not hasattr(value, "__html__") else value

    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=finalize,
        loader=jinja2.FunctionLoader(_text_of),
    )
    environment.filters.update(filters)
    environment.globals.update(script=script(), styles=styles())
    return environment.get_template(name)


def _text_of(name: str) -> str:
    return resources.files("trainer.report").joinpath(name).read_text(encoding="utf-8")
