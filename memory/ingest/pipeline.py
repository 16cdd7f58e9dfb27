"""Adding a video: find out what is to do, have it done by workers, commit it piece by piece."""

from __future__ import annotations

import glob
import importlib.metadata
import json
import os
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .. import ocr
from ..encoders import TextEncoder, VisualEncoder
from ..errors import CapabilityError
from ..protocol import VideoInfo, VideoSource
from ..span import Span
from ..store import units as work
from ..store.database import Store
from ..store.search import Searcher
from ..store.units import NewText, NewVector, Rows, Unit
from ..types import CLIP, OBJECTS, SUMMARY, Progress, VideoRecord
from .segmentation import coarse_windows
from .stream_choice import Streams
from .summary_channel import gists
from .worker import Cut, Failed, Job, JobDone, Message, ModelSpecs, Pieces, Probe, Probed, UnitDone, Work
from .worker_pool import Inline, Workers

if TYPE_CHECKING:
    from ..speech.transcriber import Transcriber
    from ..tracking.detector import Detector

_PICTURES = ("visual", "screen_text", OBJECTS)
_RUNS = ("visual", "screen_text")  # pictures of which one pass of the decoder serves consecutive clips
_CHANNELS = (*_PICTURES, "speech")
_TOOLS = ("rewatch", "rapidocr", "pocketsphinx", "faster-whisper", "av", "ultralytics")
_GIST = "extractive 1"
_CLIP_SECONDS = 10.0
_RUN_SECONDS = 60.0  # of consecutive clips in one job: a seek decodes up to a whole group of pictures for nothing
_FRESH = 0.02  # share of new rows from which on an index file is written again


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestRequest:
    """What `ClipMemory.add` was asked for; None leaves a thing as it is, or takes the default the first time."""

    channels: tuple[str, ...]
    clip_seconds: float | None
    clips: Literal["fixed", "shots"] | None
    subtitles: Path | None
    streams: Streams
    transcriber: Transcriber | str | None
    language: str | None
    visual: VisualEncoder | str | None
    detector: Detector | str | None
    workers: int | None
    retry: bool
    again: tuple[str, ...]
    progress: Callable[[Progress], None] | None


class Ingest:
    """One run of `add` on one video. The caller holds the writer lock."""

    def __init__(self, store: Store, searcher: Searcher, text: Callable[[], TextEncoder], wish: IngestRequest) -> None:
        self._store = store
        self._searcher = searcher
        self._text = text
        self._wish = wish
        self._twin: tuple[str, ...] = ()
        self._stale: tuple[str, ...] = ()

    def run(self, source: str | VideoSource) -> str:
        """Bring the memory to what was wished; gives the video's id."""
        pool = self._pool(source)
        try:
            probed = self._ask(pool, Probe(source, self._wish.channels, self._wish.subtitles, self._wish.streams))
            assert isinstance(probed, Probed)
            video = self._enter(source, probed)
            self._plan(pool, source, video, probed)
            self._do(pool, source, video, probed)
        finally:
            pool.close()
        self._read_as_blocks(video, probed.info)
        self._embed_again(video)
        self._summarize(video, probed.info)
        self._save_indexes()
        return video

    def _pool(self, source: str | VideoSource) -> Inline | Workers:
        kit = ModelSpecs(self._wish.visual, self._wish.transcriber, self._wish.detector, self._wish.language)
        count = len(os.sched_getaffinity(0)) if self._wish.workers is None else self._wish.workers
        if count == 0 or not isinstance(source, str) or not _portable(kit):
            return Inline(kit)
        return Workers(count, kit)

    @staticmethod
    def _ask(pool: Inline | Workers, job: Probe | Cut) -> Probed | Pieces:
        ended: list[JobDone] = []
        pool.run([job], lambda _, message: ended.append(message) if isinstance(message, JobDone) else None)
        if ended[-1].error is not None:
            raise ended[-1].error
        assert ended[-1].answer is not None
        return ended[-1].answer

    # What is to do

    def _enter(self, source: str | VideoSource, probed: Probed) -> str:
        """Find or make the record of the video."""
        path = Path(source) if isinstance(source, str) else None
        name = path.name if path else Path(probed.info.path).name or f"video-{probed.content_id[:8]}"
        content = probed.content_id
        if path is not None:
            content = self._own_content(path, probed)
            self._twin = self._twin_of(path, content, probed.content_id)
        video = self._store.put_video(content, name, probed.info)
        if path is not None:
            state = path.stat()
            self._store.put_path(video, path, state.st_size, state.st_mtime_ns)
        return video

    def _own_content(self, path: Path, probed: Probed) -> str:
        """What a file is known by: its bytes, and subtitles beside it that another file of these bytes does not have.

        A copy is the same video. A copy that lies beside other subtitles, while the first is still where it was, says
        other words: it becomes a video of its own, and nothing of the first is lost.
        """
        plain, subtitles = probed.content_id, probed.subtitles
        mine = self._store.known_as(path)
        if mine is not None and mine.partition(".")[0] == plain:
            return mine
        beside = subtitles is not None and subtitles.embedded is None and self._wish.subtitles is None
        if not beside or subtitles is None or not self._store.has_content(plain):
            return plain
        told = subtitles.stamp.removeprefix("subtitles:").partition(" ")[0]
        for content, others, stamp in self._store.same_bytes(plain):
            wordless = not stamp or _unavailable(stamp)
            if (
                wordless
                or stamp.startswith(f"subtitles:{told}")
                or not any(other != path and other.exists() for other in others)
            ):
                return content
        return f"{plain}.{told}"

    def _twin_of(self, path: Path, content: str, plain: str) -> tuple[str, ...]:
        """A line where other files hold the same bytes."""
        for other, files, _ in self._store.same_bytes(plain):
            names = [file.name for file in files if file != path and file.exists()]
            if names and other == content:
                return (f"the same bytes as {names[0]}: one video under both names",)
            if names:
                return (f"the same bytes as {names[0]}, beside other subtitles: a video of its own",)
        return ()

    def _plan(self, pool: Inline | Workers, source: str | VideoSource, video: str, probed: Probed) -> None:
        """Write down every unit that is wanted, before any is done; what is there already stays."""
        wish, store = self._wish, self._store
        (record,) = store.records(video)
        for channel in wish.again:
            if _unavailable(probed.stamps[channel]):  # What there is must not be thrown away for nothing.
                raise CapabilityError(f"{channel} cannot be made again: {probed.stamps[channel].partition(': ')[2]}")
        clipping = self._clipping(store.clipping(video))
        # Told again by a newer version, the bounds may be others: sound before the first picture once did not count.
        moved = abs(record.start - probed.info.start) > 1e-3 or abs(record.end - probed.info.end) > 1e-3
        recut = moved or clipping != store.clipping(video)
        stamps = {channel: self._stamp(channel, stamp, record) for channel, stamp in probed.stamps.items()}
        changed = [channel for channel, stamp in stamps.items() if record.channels.get(channel) != stamp]
        if moved and "speech" in stamps and "speech" not in changed:
            changed.append("speech")
        listen = "speech" in changed and probed.subtitles is None and not _unavailable(stamps["speech"])
        pieces = Pieces([], [])
        if recut or listen:
            seconds = float(clipping.partition(" ")[2])
            answer = self._ask(pool, Cut(source, seconds, clipping.startswith("shots"), listen, probed.audio))
            assert isinstance(answer, Pieces)
            pieces = answer
        if recut:
            # A new cut changes what pictures are asked for, also in channels that are not asked for now.
            stamps = {c: s for c, s in record.channels.items() if c in _PICTURES} | stamps
            changed += [channel for channel in stamps if channel in _PICTURES and channel not in changed]
        audio, notes = _facts_of(record, probed, kept="speech" in record.channels and "speech" not in changed)
        with store.transaction():
            own = (*self._twin, *self._stale, *(pieces.notes if recut else ()))
            told = [note for note in notes if note not in own and not note.startswith("the same bytes")]
            store.put_facts(video, probed.info, audio, [*told, *own])
            if recut:
                work.plan_clips(store, video, clipping, pieces.clips)
            clips = [clip.span for clip in store.clips(video, CLIP)]
            for channel in changed:
                spans = clips
                if channel in _PICTURES:
                    # Before the first picture there is nothing to see.
                    spans = [clip for clip in clips if clip.end > probed.info.seen_from]
                if channel == "speech":
                    spans = pieces.speech if probed.subtitles is None else [probed.info.span]
                work.plan_channel(
                    store, video, channel, stamps[channel], [] if _unavailable(stamps[channel]) else spans
                )
            if wish.retry:
                work.plan_again(store, video, list(stamps), "failed")
            if wish.again:
                for status in ("done", "failed"):
                    work.plan_again(store, video, [name for name in wish.again if name not in changed], status)
            if work.units_to_do(store, video, list(stamps)) or not store.clips(video, "chapter"):
                work.plan_channel(store, video, SUMMARY, _GIST, [probed.info.span])
                work.plan_again(store, video, [SUMMARY], "done")

    def _clipping(self, before: str) -> str:
        """How to cut, as text that is equal only for equal cuts; what was not asked for stays as it was."""
        kind, _, seconds = before.partition(" ")
        kind = self._wish.clips or kind or "fixed"
        length = self._wish.clip_seconds or float(seconds or _CLIP_SECONDS)
        return f"{kind} {length:g}"

    def _stamp(self, channel: str, stamp: str, record: VideoRecord) -> str:
        """The stamp to go by: speech that is wholly transcribed stays, unless something else is asked for."""
        before, wish = record.channels.get(channel), self._wish
        chosen = wish.transcriber is not None or wish.language is not None or channel in wish.again
        chosen = chosen or wish.streams.audio is not None or wish.streams.subtitles is not None
        if channel != "speech" or before is None or chosen or _unavailable(before):
            return stamp
        done, total = work.count_units(self._store, record.id).get(channel, (0, 0))
        if " track " in stamp and not self._store.texts(record.id, channel=channel):
            return stamp  # Nothing was heard, in a track that would not be taken now.
        if before.startswith("subtitles:") and not stamp.startswith("subtitles:") and done == total:
            # The file beside it went; its words need not.
            self._stale = ("the subtitles whose words it holds are not there any more; --again speech listens instead",)
            return before
        return stamp if stamp.startswith("subtitles:") or done < total else before

    # Doing it

    def _do(self, pool: Inline | Workers, source: str | VideoSource, video: str, probed: Probed) -> None:
        counts = work.count_units(self._store, video)
        todo = {unit.id: unit for unit in work.units_to_do(self._store, video, _CHANNELS)}
        done = {channel: counts[channel][0] for channel in counts}

        def handle(job: Job, message: Message) -> None:
            if isinstance(message, UnitDone):
                unit = todo[message.unit]
                # Lines on screen get vectors as blocks, once all of them are known.
                as_blocks = unit.channel == "screen_text"
                work.finish(self._store, unit, message.rows if as_blocks else self._with_vectors(message.rows))
            elif isinstance(message, Failed):
                unit = todo[message.unit]
                work.fail(self._store, unit, message.reason)
            else:
                return
            done[unit.channel] += 1
            if self._wish.progress is not None:
                total = counts[unit.channel][1]
                self._wish.progress(Progress(video, unit.channel, done[unit.channel], total, unit.span))

        pool.run(_jobs(source, list(todo.values()), probed, pool), handle)

    def _with_vectors(self, rows: Rows) -> Rows:
        """Add the vectors of texts; what came with vectors of its own (pictures) stays as it is."""
        if rows.vectors or not rows.texts:
            return rows
        encoder = self._text()
        return replace(rows, vectors=_vectors(encoder, rows.texts), stamp=encoder.stamp)

    def _read_as_blocks(self, video: str, info: VideoInfo) -> None:
        """Make blocks, over the clips that they last, of the lines that the clips brought."""
        new = self._store.rows(
            "SELECT 1 FROM texts WHERE video = ? AND channel = 'screen_text' AND json_extract(data, '$.lines') IS NULL "
            "LIMIT 1",
            (video,),
        )
        if new:
            joiner = ocr.Joiner(info.width / max(info.height, 1))
            work.replace_texts(self._store, video, "screen_text", joiner.add)

    def _embed_again(self, video: str) -> None:
        """Give texts that another encoder had encoded vectors of this one."""
        stamp = self._text().stamp
        behind = self._store.rows(
            "SELECT DISTINCT t.unit, t.channel FROM texts t WHERE t.video = ? AND t.channel != 'visual' AND NOT EXISTS "
            "(SELECT 1 FROM vectors v JOIN spaces s ON s.id = v.space WHERE v.unit = t.unit AND v.text = t.id "
            "AND s.stamp = ?)",
            (video, stamp),
        )
        for id_, channel in behind:
            work.embed_again(self._store, Unit(id_, video, channel, Span(0, 0)), self._text())

    def _summarize(self, video: str, info: VideoInfo) -> None:
        """Make the coarse levels when anything below them has changed."""
        for unit in work.units_to_do(self._store, video, [SUMMARY]):
            seconds = float(self._store.clipping(video).partition(" ")[2])
            clips = [clip.span for clip in self._store.clips(video, CLIP)]
            levels = coarse_windows(info, seconds, clips=clips)
            texts = [text for text in self._store.texts(video) if text.channel != SUMMARY]
            work.finish(self._store, unit, self._with_vectors(Rows(gists(levels, texts))), levels)

    def _save_indexes(self) -> None:
        """Write the index files that have fallen behind by more than is read back in no time."""
        for space in self._store.spaces():
            index = self._searcher.index(space)
            if index.behind > _FRESH * len(index):
                index.save()


def _jobs(source: str | VideoSource, todo: Sequence[Unit], probed: Probed, pool: Inline | Workers) -> list[Job]:
    """Units as jobs, in time order: speech piece by piece, pictures in runs of clips that follow one another."""
    jobs: list[Work] = [
        Work(source, (unit,), probed.subtitles, probed.audio) for unit in todo if unit.channel not in _RUNS
    ]
    clips: dict[Span, list[Unit]] = {}
    for unit in todo:
        if unit.channel in _RUNS:
            clips.setdefault(unit.span, []).append(unit)
    seconds = sum(span.duration for span in clips)
    # Short videos are dealt out to all workers too.
    longest = min(_RUN_SECONDS, seconds / (2 * pool.count)) if pool.count > 1 else _RUN_SECONDS
    run: list[Unit] = []
    for span, units in clips.items():
        if run and (span.start - run[-1].span.end > 1e-3 or span.end - run[0].span.start > max(longest, span.duration)):
            jobs.append(Work(source, tuple(run)))
            run = []
        run += units
    if run:
        jobs.append(Work(source, tuple(run)))
    return [*sorted(jobs, key=lambda job: job.units[0].span.start)]


def _facts_of(record: VideoRecord, probed: Probed, *, kept: bool) -> tuple[int | None, Sequence[str]]:
    """The sound track of a video and what is to be said of it; words that are kept were taken from the track before."""
    if not kept or (record.audio == probed.audio and "speech" in probed.stamps):
        return probed.audio, probed.notes
    if record.audio == probed.audio or "speech" not in probed.stamps:
        return record.audio, record.notes
    return record.audio, (*record.notes, "its words were taken earlier; --again speech chooses the sound track anew")


def _vectors(encoder: TextEncoder, texts: Sequence[NewText]) -> list[NewVector]:
    rows = encoder.encode([text.text for text in texts])
    return [NewVector(t.start, t.end, row, i) for i, (t, row) in enumerate(zip(texts, rows, strict=True))]


def _unavailable(stamp: str) -> bool:
    return stamp.startswith("unavailable")


def _portable(kit: ModelSpecs) -> bool:
    """Whether the objects of a kit can be sent to another process."""
    objects = [
        thing
        for thing in (kit.visual, kit.transcriber, kit.detector)
        if thing is not None and not isinstance(thing, str)
    ]
    if any(type(thing).__module__ == "__main__" for thing in objects):
        return False
    try:
        pickle.dumps(objects)
    except Exception:  # noqa: BLE001 - anything can go wrong in the pickling of a stranger's object
        return False
    return True


def asked_for(source: str | VideoSource, wish: IngestRequest, encoders: Sequence[str]) -> str:
    """Everything that decides what is to do for a file, as text; empty when that cannot be told beforehand.

    Args:
        source: the file.
        wish: what was asked for.
        encoders: the stamps of the encoders.
    """
    chosen = (wish.transcriber, wish.visual, wish.detector)
    if not isinstance(source, str) or wish.retry or wish.again:
        return ""
    if not all(one is None or isinstance(one, str) for one in chosen):
        return ""
    path = Path(source)
    beside = sorted(path.parent.glob(glob.escape(path.stem) + "*.[sSvV][rRtT][tT]"))
    weights = Path(wish.detector) if isinstance(wish.detector, str) else None
    files = [file for file in (*beside, wish.subtitles, weights) if file is not None and file.exists()]
    states = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    cut = (wish.clip_seconds, wish.clips)
    streams = (wish.streams.audio, wish.streams.subtitles)
    from ..speech.transcriber import lasting_name

    # A first recognizer may have come since; what another one has heard stays.
    name = wish.transcriber if isinstance(wish.transcriber, str) else None
    ears = lasting_name(name, wish.language) if "speech" in wish.channels else ""
    words = (ears, wish.language, wish.detector, str(wish.subtitles), states)
    return json.dumps([wish.channels, cut, words, streams, *encoders, [_version(tool) for tool in _TOOLS]])


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
