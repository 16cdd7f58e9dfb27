"""An evaluation as a Parquet table, a row an item: for `datasets`, pandas, and hubs that show tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...memory import CapabilityError
from ...memory.files.regular import replacing
from ...memory.sanitize import as_json
from ..evaluate import judged_items
from ..judging import JudgedItem
from ..measures.groundedness import is_supported
from ..resume import EvaluationFolder

if TYPE_CHECKING:
    import pyarrow

SETTINGS_KEY = "rewatch"
"""Under which the metadata of the file's schema have what `settings.json` has."""
_EVIDENCE = ("claim", "uri", "tool", "quote", "supported")
_SPENT = ("frames", "calls", "tokens")


def write_parquet(folder: EvaluationFolder, out: Path) -> None:
    """Write what is done of an evaluation as a table; spans are `[start, end]` in seconds of the video.

    `categories` is JSON text, since its names differ from set to set.

    Args:
        folder: the evaluation.
        out: the file, which should end in `.parquet`.

    Raises:
        CapabilityError: if pyarrow is not installed.
        EvaluationError: if the evaluation cannot be read.
        OSError: if the file cannot be written.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise CapabilityError("Parquet needs pyarrow: pip install 'rewatch[eval]'.") from error
    schema = pyarrow.schema(_columns(), metadata={SETTINGS_KEY: as_json(folder.row)})
    made = pyarrow.Table.from_pylist([_row(one) for one in judged_items(folder)], schema=schema)
    with replacing(out) as part:
        pyarrow.parquet.write_table(made, part)


def _columns() -> list[tuple[str, pyarrow.DataType]]:
    """The columns with their types, which a column of empty lists would not tell."""
    import pyarrow

    text, real, whole, truth = pyarrow.string(), pyarrow.float64(), pyarrow.int64(), pyarrow.bool_()
    texts, spans = pyarrow.list_(text), pyarrow.list_(pyarrow.list_(real))
    cited = pyarrow.struct([(name, truth if name == "supported" else text) for name in _EVIDENCE])
    return [
        *((name, text) for name in ("task", "kind", "question")),
        *((name, texts) for name in ("options", "videos")),
        *(("true_answer", text), ("true_spans", spans), ("absent", truth), ("categories", text)),
        *(("sample", whole), ("answer", text), ("option", text), ("spans", spans), ("confidence", real)),
        *(("abstained", truth), ("evidence", pyarrow.list_(cited))),
        *(("right", truth), ("supported", truth), ("failed", text)),
        *((name, whole) for name in _SPENT),
        *(("seconds", real), ("run", text), ("trace", text)),
    ]


def _row(one: JudgedItem) -> dict[str, Any]:
    task, item, answer = one.task, one.item, one.answer
    return {
        "task": task.id,
        "kind": task.kind,
        "question": task.question,
        "options": list(task.options),
        "videos": list(task.videos),
        "true_answer": task.truth.answer,
        "true_spans": [[span.start, span.end] for span in task.truth.spans],
        "absent": task.truth.absent,
        "categories": as_json(dict(one.categories)),
        "sample": item.sample,
        "answer": answer.text,
        "option": answer.option,
        "spans": [[span.start, span.end] for span in answer.spans],
        "confidence": answer.confidence,
        "abstained": answer.abstained,
        "evidence": [{name: getattr(cited, name) for name in _EVIDENCE} for cited in answer.evidence],
        "right": one.right,
        "supported": is_supported(one),
        "failed": one.reason,
        **{name: int(answer.spend.get(name, 0)) for name in _SPENT},
        "seconds": item.seconds,
        "run": item.run_id,
        "trace": item.trace,
    }
