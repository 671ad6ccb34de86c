"""A report's page without what is ours in it, so that all else is foreign."""

import re

from trainer.report.charts import script


def without_charts(page: str) -> str:
    """The page without the drawing program, which is known byte for byte, and without its data, in which no
    element can begin or end."""
    assert page.count(f"<script>{script()}</script>") == 1
    bare = page.replace(f"<script>{script()}</script>", "")
    return re.sub(r'<script type="application/json">[^<>&]*</script>', "", bare)
