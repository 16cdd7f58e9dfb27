"""Adding a video: find out what is to do, have it done by workers, commit it piece by piece."""

from __future__ import annotations

import os
import pickle
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from ..encoders import TextEncoder
from ..errors import CapabilityError, VideoError
from ..ocr.blocks import BlockBuilder
from ..protocol import VideoInfo, VideoSource
from ..span import Span
from ..store import units as work
from ..store.database import Store
from ..store.search import Searcher
from ..store.units import NewVector, Rows, Unit
from ..types import CLIP, OBJECTS, SUMMARY, Progress, VideoRecord
from .dating import date_video
from .growing import adopt
from .jobs import Cut, Failed, Further, Job, JobDone, Message, ModelSpecs, Pieces, Probe, Probed, UnitDone, Work
from .parts import ROUGH, part_of, rest, stretches
from .request import IngestRequest
from .segmentation import coarse_windows
from .summary_channel import gists
from .worker_pool import Cluster, Inline, Pool, Workers

_PICTURES = ("visual", "screen_text", OBJECTS)
_RUNS = ("visual", "screen_text")  # pictures of which one pass of the decoder serves consecutive clips
_CHANNELS = (*_PICTURES, "speech")
_GIST = "extractive 1"
_CLIP_SECONDS = 10.0
_RUN_SECONDS, _LONGEST_RUN = 60.0, 600.0
"""Seconds of consecutive clips in one job, and in one of a long video: each job seeks, which decodes up to a whole
group of pictures for nothing, and reads afresh what stands on screen."""
_JOBS = 8  # runs that a worker has of a long video, so that all are through at about the same time

Answer = TypeVar("Answer", Probed, Pieces)


class Ingest:
    """One run of `add` on one video. The caller holds the writer lock."""

    def __init__(
        self,
        store: Store,
        searcher: Searcher,
        text_encoder: Callable[[], TextEncoder],
        models: ModelSpecs,
        request: IngestRequest,
    ) -> None:
        self._store = store
        self._searcher = searcher
        self._text_encoder = text_encoder
        self._models = models
        self._request = request
        self._notes: list[str] = []

    def run(self, source: str | VideoSource) -> str:
        """Do what the request asks for; returns the video's id."""
        request = self._request
        pool = worker_pool(self._models, request.workers if isinstance(source, str) else 0)
        try:
            probed = answer_of(pool, Probe(source, request.channels, request.subtitles, request.streams), Probed)
            video = self._enter(source, probed)
            parts = self._asked_for(video)
            self._plan(pool, source, video, probed, parts)
            self.work(pool, source, video, probed, parts)
        finally:
            pool.close()
        self.complete(video, probed.info)
        self._searcher.save_behind()
        return video

    def complete(self, video: str, info: VideoInfo) -> None:
        """Make what is made of all units of a video together: blocks of text, vectors that are missing, summaries."""
        self.make_blocks(video, info)
        self.embed_again(video)
        self.summarize(video, info)

    # What is to do

    def _enter(self, source: str | VideoSource, probed: Probed) -> str:
        path = Path(source) if isinstance(source, str) else None
        name = path.name if path else Path(probed.info.path).name or f"video-{probed.content_id[:8]}"
        content = probed.content_id
        if path is not None:
            content = self._own_content(path, probed)
            adopt(self._store, path, content)
            self._note_twins(path, content, probed.content_id)
        video = self._store.put_video(content, name, probed.info)
        if path is not None:
            state = path.stat()
            self._store.put_path(video, path, state.st_size, state.st_mtime_ns)
        date_video(self._store, video, self._request.recorded, self._request.timeline, path, probed.info)
        return video

    def _own_content(self, path: Path, probed: Probed) -> str:
        """Return the content id of a file: of its bytes, and of subtitles that another file of these bytes lacks.

        A copy is the same video. A copy that lies beside other subtitles, while the first is still where it was, says
        other words: it becomes a video of its own, and nothing of the first is lost.
        """
        plain, subtitles = probed.content_id, probed.subtitles
        file = self._store.file(path)
        if file is not None and file.content_id.partition(".")[0] == plain:
            return file.content_id
        beside = subtitles is not None and subtitles.embedded is None and self._request.subtitles is None
        if not beside or subtitles is None or self._store.find_content(plain) is None:
            return plain
        digest = subtitles.stamp.removeprefix("subtitles:").partition(" ")[0]
        for content, others, stamp in self._store.same_bytes(plain):
            wordless = not stamp or is_unavailable(stamp)
            if (
                wordless
                or stamp.startswith(f"subtitles:{digest}")
                or not any(other != path and other.exists() for other in others)
            ):
                return content
        return f"{plain}.{digest}"

    def _note_twins(self, path: Path, content: str, plain: str) -> None:
        for other, files, _ in self._store.same_bytes(plain):
            names = [file.name for file in files if file != path and file.exists()]
            if names:
                one = other == content
                kind = ": one video under both names" if one else ", beside other subtitles: a video of its own"
                self._notes.append(f"the same bytes as {names[0]}{kind}")
                return

    def _asked_for(self, video: str) -> list[Span] | None:
        """The parts of the video to work on now, those of earlier calls among them where none is named; None for all.

        They are kept for later calls. Where all of it was asked for before, a part is only done first.
        """
        between, store = self._request.between, self._store
        (record,) = store.records(video)
        parts = work.parts(store, video)
        if between is None:
            return parts
        if between == "all":
            if parts is not None:
                work.put_part(store, video, None)
            return None
        try:
            part = part_of(record, between)
        except VideoError:
            if not record.channels:  # nothing was found in it yet: it is as if it had never been named
                work.remove_video(store, video)
            raise
        if parts is not None or not record.channels:
            work.put_part(store, video, part)
        return [part]

    def _plan(
        self, pool: Pool, source: str | VideoSource, video: str, probed: Probed, parts: list[Span] | None
    ) -> None:
        """Write down every unit that there is, before any is done; what is there already stays."""
        request, store = self._request, self._store
        (record,) = store.records(video)
        for channel in request.again:
            if is_unavailable(probed.stamps[channel]):  # What there is must not be thrown away for nothing.
                raise CapabilityError(f"{channel} cannot be made again: {probed.stamps[channel].partition(': ')[2]}")
        clipping = self._clipping(store.clipping(video))
        # Told again by a newer version, the bounds may be others: sound before the first picture once did not count.
        moved = abs(record.start - probed.info.start) > 1e-3 or abs(record.end - probed.info.end) > 1e-3
        recut = moved or clipping != store.clipping(video)
        stamps = {channel: self._stamp(channel, stamp, record) for channel, stamp in probed.stamps.items()}
        changed = [channel for channel, stamp in stamps.items() if record.channels.get(channel) != stamp]
        if moved and "speech" in stamps and "speech" not in changed:
            changed.append("speech")
        listen = "speech" in changed and probed.subtitles is None and not is_unavailable(stamps["speech"])
        rough = [probed.info.span] if listen else self._rough(video, stamps)
        to_cut = stretches(rough, parts)
        pieces = Pieces([], [])
        if recut or to_cut:
            seconds = float(clipping.partition(" ")[2])
            cut = Cut(source, seconds, clipping.startswith("shots"), tuple(to_cut), probed.audio)
            pieces = answer_of(pool, cut, Pieces)
        if recut:
            # A new cut changes what pictures are asked for, also in channels that are not asked for now.
            stamps = {c: s for c, s in record.channels.items() if c in _PICTURES} | stamps
            changed += [channel for channel in stamps if channel in _PICTURES and channel not in changed]
        audio, notes = _facts_of(record, probed, kept="speech" in record.channels and "speech" not in changed)
        with store.transaction():
            own = (*self._notes, *(pieces.notes if recut else ()))
            others = [note for note in notes if note not in own and not note.startswith("the same bytes")]
            store.put_facts(video, probed.info, audio, [*others, *own])
            if recut:
                work.plan_clips(store, video, clipping, pieces.clips)
            clips = [clip.span for clip in store.clips(video, CLIP)]
            speech = [*pieces.speech, *(rest(rough, to_cut, pieces.speech) if probed.info.has_audio else ())]
            for channel in changed:
                spans = clips
                if channel in _PICTURES:
                    # Before the first picture there is nothing to see.
                    spans = [clip for clip in clips if clip.end > probed.info.seen_from]
                if channel == "speech":
                    spans = speech if probed.subtitles is None else [probed.info.span]
                work.plan_channel(
                    store, video, channel, stamps[channel], [] if is_unavailable(stamps[channel]) else spans
                )
            if to_cut and "speech" not in changed:
                kept = [span for span in work.spans(store, video, "speech") if span not in rough]
                work.plan_channel(store, video, "speech", stamps["speech"], [*kept, *speech])
            if request.retry:
                work.plan_again(store, video, list(stamps), "failed", parts)
            if request.again:
                for status in ("done", "failed"):
                    again = [name for name in request.again if name not in changed]
                    work.plan_again(store, video, again, status, parts)
            if work.units_to_do(store, video, list(stamps), parts) or not store.clips(video, "chapter"):
                self.plan_summary(video, probed.info)

    def plan_summary(self, video: str, info: VideoInfo) -> None:
        """State that the gists are to be made, anew where there are some."""
        work.plan_channel(self._store, video, SUMMARY, _GIST, [info.span])
        work.plan_again(self._store, video, [SUMMARY], "done")

    def _rough(self, video: str, stamps: dict[str, str]) -> list[Span]:
        """Sound of the video, as it is heard now, that is not cut into pieces yet."""
        stamp = stamps.get("speech", "subtitles:")
        if stamp.startswith("subtitles:") or is_unavailable(stamp):
            return []
        return [unit.span for unit in work.units_to_do(self._store, video, ["speech"]) if unit.span.duration >= ROUGH]

    def _clipping(self, before: str) -> str:
        """Return the cut as text that is equal only for equal cuts; options that are None stay as they were."""
        kind, _, seconds = before.partition(" ")
        kind = self._request.clips or kind or "fixed"
        length = self._request.clip_seconds or float(seconds or _CLIP_SECONDS)
        return f"{kind} {length:g}"

    def _stamp(self, channel: str, stamp: str, record: VideoRecord) -> str:
        """The stamp to go by: speech that is wholly transcribed stays, unless something else is asked for."""
        before, request = record.channels.get(channel), self._request
        chosen = request.transcriber is not None or self._models.language is not None or channel in request.again
        chosen = chosen or request.streams.audio is not None or request.streams.subtitles is not None
        if channel != "speech" or before is None or chosen or is_unavailable(before):
            return stamp
        done, total = work.count_units(self._store, record.id).get(channel, (0, 0))
        if " track " in stamp and not self._store.texts(record.id, channel=channel):
            return stamp  # Nothing was heard, in a track that would not be taken now.
        if before.startswith("subtitles:") and not stamp.startswith("subtitles:") and done == total:
            # The file beside it went; its words need not.
            self._notes.append(
                "the subtitles whose words it holds are not there any more; --again speech listens instead"
            )
            return before
        return stamp if stamp.startswith("subtitles:") or done < total else before

    # Doing it

    def work(
        self,
        pool: Pool,
        source: str | VideoSource,
        video: str,
        probed: Probed,
        parts: list[Span] | None = None,
    ) -> None:
        """Do every unit that is planned, or has a piece of these parts, and commit each at once."""
        todo = {unit.id: unit for unit in work.units_to_do(self._store, video, _CHANNELS, parts)}
        done = {channel: count for channel, (count, _) in work.count_units(self._store, video).items()}
        totals = Counter(done) + Counter(unit.channel for unit in todo.values())

        def handle(job: Job, message: Message) -> None:
            if isinstance(message, UnitDone):
                unit = todo[message.unit]
                # Lines on screen get vectors as blocks, once all of them are known.
                as_blocks = unit.channel == "screen_text"
                work.finish(self._store, unit, message.rows if as_blocks else self.with_vectors(message.rows))
            elif isinstance(message, Failed):
                unit = todo[message.unit]
                work.fail(self._store, unit, message.reason)
            elif isinstance(message, JobDone) and message.error is not None:
                raise message.error
            else:
                return
            done[unit.channel] += 1
            if self._request.progress is not None:
                total = totals[unit.channel]
                self._request.progress(Progress(video, unit.channel, done[unit.channel], total, unit.span))

        clips = work.touching([clip.span for clip in self._store.clips(video, CLIP)], parts)
        if not isinstance(source, str):  # it may go on: of what was done before nothing is read again
            clips = sorted({unit.span for unit in todo.values() if unit.channel in _RUNS})
        pool.run(_jobs(source, list(todo.values()), clips, probed, pool), handle)

    def with_vectors(self, rows: Rows) -> Rows:
        """Add the vectors of texts; what came with vectors of its own (pictures) stays as it is."""
        if rows.vectors or not rows.texts:
            return rows
        encoder = self._text_encoder()
        encoded = zip(rows.texts, encoder.encode([text.text for text in rows.texts]), strict=True)
        vectors = [NewVector(text.start, text.end, row, place) for place, (text, row) in enumerate(encoded)]
        return replace(rows, vectors=vectors, stamp=encoder.stamp)

    def make_blocks(self, video: str, info: VideoInfo) -> None:
        """Make blocks, over the clips that they last, of the lines that the clips brought."""
        new = self._store.rows(
            "SELECT 1 FROM texts WHERE video = ? AND channel = 'screen_text' AND json_extract(data, '$.lines') IS NULL "
            "LIMIT 1",
            (video,),
        )
        if new:
            builder = BlockBuilder(info.width / max(info.height, 1))
            work.replace_texts(self._store, video, "screen_text", builder.add)

    def embed_again(self, video: str) -> None:
        """Give the texts of a video vectors by the memory's encoder where they have none by it."""
        stamp = self._text_encoder().stamp
        behind = self._store.rows(
            "SELECT DISTINCT t.unit, t.channel FROM texts t WHERE t.video = ? AND t.channel != 'visual' AND NOT EXISTS "
            "(SELECT 1 FROM vectors v JOIN spaces s ON s.id = v.space WHERE v.unit = t.unit AND v.text = t.id "
            "AND s.stamp = ?)",
            (video, stamp),
        )
        for id_, channel in behind:
            work.embed_again(self._store, Unit(id_, video, channel, Span(0, 0)), self._text_encoder())

    def summarize(self, video: str, info: VideoInfo) -> None:
        """Make the gists that are planned, and the levels that they are of."""
        for unit in work.units_to_do(self._store, video, [SUMMARY]):
            seconds = float(self._store.clipping(video).partition(" ")[2])
            clips = [clip.span for clip in self._store.clips(video, CLIP)]
            levels = coarse_windows(info, seconds, clips=clips)
            texts = [text for text in self._store.texts(video) if text.channel != SUMMARY]
            work.finish(self._store, unit, self.with_vectors(Rows(gists(levels, texts))), levels)


def _jobs(
    source: str | VideoSource, todo: Sequence[Unit], clips: Sequence[Span], probed: Probed, pool: Pool
) -> list[Job]:
    """Units as jobs, in time order: speech piece by piece, pictures in runs of clips that follow one another.

    The runs are those of all clips that are asked for, so that work that was stopped makes what it would have made.
    """
    jobs: list[Work] = [
        Work(source, (unit,), probed.subtitles, probed.audio) for unit in todo if unit.channel not in _RUNS
    ]
    units: dict[Span, list[Unit]] = {}
    for unit in todo:
        if unit.channel in _RUNS:
            units.setdefault(unit.span, []).append(unit)
    seconds = sum(span.duration for span in clips)
    # Short videos are dealt out to all workers too.
    longest = min(_RUN_SECONDS, seconds / (2 * pool.count)) if pool.count > 1 else _RUN_SECONDS
    longest = max(longest, min(_LONGEST_RUN, seconds / (_JOBS * pool.count)))
    runs: list[list[Span]] = []
    for span in clips:
        run = runs[-1] if runs else []
        if not run or span.start - run[-1].end > 1e-3 or span.end - run[0].start > max(longest, span.duration):
            runs.append([])
        runs[-1].append(span)
    for run in runs:
        reads = [span for span in run if any(unit.channel == "screen_text" for unit in units.get(span, ()))]
        lead = [span for span in run if reads and span < reads[-1] and span not in reads]
        own = [unit for span in run for unit in units.pop(span, ())]
        if own:
            jobs.append(Work(source, tuple(own), lead=tuple(lead)))
    jobs += [Work(source, tuple(others)) for others in units.values()]  # of other cuts than the video's clips
    return [*sorted(jobs, key=lambda job: job.units[0].span.start)]


def _facts_of(record: VideoRecord, probed: Probed, *, kept: bool) -> tuple[int | None, Sequence[str]]:
    """The sound track of a video and what is to be said of it; words that are kept were taken from the track before."""
    if not kept or (record.audio == probed.audio and "speech" in probed.stamps):
        return probed.audio, probed.notes
    if record.audio == probed.audio or "speech" not in probed.stamps:
        return record.audio, record.notes
    return record.audio, (*record.notes, "its words were taken earlier; --again speech chooses the sound track anew")


def is_unavailable(stamp: str) -> bool:
    """Return whether nothing here can make a channel, by its stamp."""
    return stamp.startswith("unavailable")


def answer_of(pool: Pool, job: Probe | Cut | Further, kind: type[Answer]) -> Answer:
    """Have a question answered by a worker; what it raised is raised."""
    done: list[JobDone] = []
    pool.run([job], lambda _, message: done.append(message) if isinstance(message, JobDone) else None)
    if done[-1].error is not None:
        raise done[-1].error
    assert isinstance(done[-1].answer, kind)
    return done[-1].answer


def worker_pool(models: ModelSpecs, workers: int | Cluster | None) -> Pool:
    """Return what does jobs: a cluster, or that many processes (None: one a core), or this process.

    It is this one for 0, and for models that cannot be sent to others.
    """
    count = len(os.sched_getaffinity(0)) if workers is None else workers
    if count == 0 or not _portable(models):
        return Inline(models)
    return Workers(count, models) if isinstance(count, int) else count.pool(models)


def _portable(models: ModelSpecs) -> bool:
    objects = [model for model in (models.visual, models.transcriber, models.detector) if not isinstance(model, str)]
    if any(type(model).__module__ == "__main__" for model in objects):
        return False
    try:
        pickle.dumps(objects)
    except Exception:  # noqa: BLE001 - anything can go wrong in the pickling of a stranger's object
        return False
    return True
