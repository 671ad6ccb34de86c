"""Parquet: a table of typed columns, row group after row group.

Read by pyarrow, an optional package; in this process alone, on one thread, with plain allocation: its own
pools reserve more address space than a parser may have.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import IO, Any, Final

import numpy as np

from trainer.formats.answer import is_rate
from trainer.formats.contract import BLOCK_VALUES, Content, ParsedSamples, Refusal, Request
from trainer.formats.matfile import RATES
from trainer.formats.text.cells import Kind
from trainer.formats.typed import TypedTable, read_typed

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError:  # an extra of its own
    pq = None
else:
    pa.set_memory_pool(pa.system_memory_pool())
    pa.set_cpu_count(1)

_MOST_COLUMNS: Final = 4096
"""Of a schema: four times what is read of a file that is taken whole."""
_BUFFER: Final = 1024 * 1024
"""Bytes read at a time of each column."""
_NS: Final = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1000, "ns": 1}
"""Nanoseconds in Arrow's units of time."""


def read(stream: IO[bytes], request: Request) -> Iterator[ParsedSamples | Content]:
    """Yield columns block by block, and at last what the file says. Raises Refusal.

    Units stand in the names, as in `x [g]`, or in a column's metadata as `unit`; the rate in the file's.
    """
    if pq is None:
        raise Refusal("is parquet, and pyarrow is not installed", "pip install 'steadyhum[formats]'")
    file = pq.ParquetFile(stream, pre_buffer=False, buffer_size=_BUFFER)
    schema = file.schema_arrow
    if len(schema.names) > _MOST_COLUMNS or len(set(schema.names)) < len(schema.names):
        raise Refusal(
            f"has {len(schema.names)} columns, {len(set(schema.names))} names",
            "Export the columns that are channels, each under a name of its own",
        )
    rates = {number for name in RATES if (number := stated_number(schema.metadata, name)) is not None}
    table = TypedTable(
        names=tuple(schema.names),
        units=tuple((field.metadata or {}).get(b"unit", b"").decode() for field in schema),
        kinds=tuple(_kind(field.type) for field in schema),
        blocks=partial(read_columns, file),
        said=f"parquet, {file.metadata.num_rows} rows of {len(schema.names)} columns",
        rate_hz=rates.pop() if len(rates) == 1 else None,
    )
    yield from read_typed(table, request)


def stated_number(metadata: Mapping[bytes, bytes] | None, name: str) -> float | None:
    """A rate that a file states under a name; None for none."""
    try:
        number = float((metadata or {}).get(name.encode(), b""))
    except ValueError:
        return None
    return number if is_rate(number) else None


def _kind(column: Any) -> Kind:
    """Of a column, by its type in the file."""
    types = pa.types
    if types.is_integer(column) or types.is_floating(column) or types.is_decimal(column):
        return Kind.NUMBER
    if types.is_date(column):
        return Kind.DATE
    if types.is_timestamp(column) or types.is_time(column) or types.is_duration(column):
        return Kind.STAMP
    return Kind.TEXT


def read_columns(file: Any, columns: Sequence[int]) -> Iterator[ParsedSamples]:
    """Read columns; stamps as seconds since the first one."""
    names = [file.schema_arrow.names[at] for at in columns]
    origins: dict[str, int] = {}
    rows = max(1, BLOCK_VALUES // max(1, len(names)))
    for batch in file.iter_batches(batch_size=rows, columns=names, use_threads=False):
        by_name = dict(zip(batch.schema.names, batch.columns, strict=True))
        yield np.stack([as_floats(by_name[name], origins, name) for name in names], axis=1)


def as_floats(array: Any, origins: dict[str, int], name: str) -> ParsedSamples:
    """A column as float64, nan where the file has nothing."""
    if _kind(array.type) is not Kind.STAMP:
        cast = array if pa.types.is_floating(array.type) else array.cast(pa.float64(), safe=False)
        return np.asarray(cast.to_numpy(zero_copy_only=False), dtype=np.float64)
    # Whole numbers of nanoseconds since 1970 are more than float64 holds; their differences are not.
    wide = pa.int32() if array.type.bit_width == 32 else pa.int64()
    counts = array.cast(wide).cast(pa.int64())
    missing = np.asarray(counts.is_null().to_numpy(zero_copy_only=False))
    whole = np.asarray(counts.fill_null(0).to_numpy(zero_copy_only=False), dtype=np.int64)
    if name not in origins and not missing.all():
        origins[name] = int(whole[~missing][0])
    seconds = (whole - origins.get(name, 0)) * (_NS[array.type.unit] / 1e9)
    return np.where(missing, np.nan, seconds)
