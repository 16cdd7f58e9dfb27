"""Opening media files: what a file is, whether it can be used, and, if it cannot, one line that says why."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.error import FFmpegError
from av.stream import Disposition

from ..errors import VideoError
from ..protocol import SoundTrack, SubtitleStream, VideoInfo
from ..timeline.recording import ANDROID, RECORDED_TAGS
from .packets import PacketIndex, lasting, read_index, seconds_of, tick_of
from .shape import Decoded, Shapes

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.stream import Stream
    from av.video.stream import VideoStream

# Seconds to wait for a file to open, and for each read: a dead network mount must not hang a worker for ever.
_TIMEOUT = (20.0, 20.0)
_ATTACHED_PICTURE, _THUMBNAILS = 1 << 10, 1 << 11
# What FFmpeg would also open although it is no video file: texts drawn as video, lists of other files, single pictures.
_LONGEST_TAG = 200  # characters
_TEXT_FORMATS = {"tty", "concat", "hls", "dash", "sdp", "rtsp", "ffmetadata", "srt", "webvtt", "ass"}
# Asked for by name, so that a list is refused before FFmpeg opens the first file that it names.
_FORMATS = ",".join(sorted(av.formats_available - _TEXT_FORMATS))
_PICTURE_FORMATS = ("image2", "ico")
_PICTURE_ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".heic", ".avif", ".ico"}
# Packets to try before giving up on a first picture.
_FIRST_PICTURE_PACKETS = 600
# Seconds by which sound may lead the first picture without being heard before it: encoders pad so much.
_PADDING = 0.1
_CONVERT = "convert it: ffmpeg -i IN -c:v libx264 OUT.mp4"


def open_container(path: Path) -> InputContainer:
    """Open a media file."""
    _check_file(path)
    try:
        # An absolute path cannot be taken for a protocol, and a playlist in disguise may reach nothing but files.
        container = av.open(
            str(path.absolute()),
            timeout=_TIMEOUT,
            metadata_errors="replace",
            container_options={"protocol_whitelist": "file", "format_whitelist": _FORMATS},
        )
    except PermissionError as error:
        if os.access(path, os.R_OK):  # FFmpeg says the same of what it refuses to open, such as files that a list names
            raise VideoError(_why_not_media(path, error)) from None
        raise VideoError(f"{path} cannot be read: permission denied. Give yourself access: chmod u+r {path}") from None
    except FFmpegError as error:
        raise VideoError(_why_not_media(path, error)) from None
    name = container.format.name
    if name.startswith(_PICTURE_FORMATS) or name.endswith("_pipe") or path.suffix.lower() in _PICTURE_ENDINGS:
        container.close()
        raise VideoError(f"{path} is a picture, not a video. Name a video file.")
    return container


def video_stream(container: InputContainer, path: Path | str) -> VideoStream:
    """Return the main video stream; cover art and thumbnails are none."""
    streams = [s for s in container.streams.video if not s.disposition & (_ATTACHED_PICTURE | _THUMBNAILS)]
    if not streams:
        if container.streams.audio:
            raise VideoError(f"{path} has sound but no video stream. Name a file with pictures.")
        raise VideoError(f"{path} has no video stream. Name a file with pictures.")
    usable = [s for s in streams if s.codec_context is not None]
    if not usable:
        raise VideoError(f"{path}: no decoder for its video codec is available here; {_CONVERT}")
    best = container.streams.best("video")
    return next((s for s in usable if best is not None and s.index == best.index), usable[0])


def audio_streams(container: InputContainer) -> list[AudioStream]:
    """Return every audio stream that can be decoded."""
    return [s for s in container.streams.audio if s.codec_context is not None]


def audio_stream(container: InputContainer, index: int | None = None) -> AudioStream | None:
    """Return the audio stream of that index in the file, else the main one as FFmpeg sees it; None without any."""
    usable = audio_streams(container)
    if index is not None and (named := next((s for s in usable if s.index == index), None)) is not None:
        return named
    best = container.streams.best("audio")
    return next((s for s in usable if best is not None and s.index == best.index), usable[0] if usable else None)


def probe(path: Path, audio: int | None = None) -> tuple[VideoInfo, PacketIndex | None]:
    """Read the facts of a video file by decoding one picture and looking at the packets near its end.

    Its packet list comes with them where that had to be read anyway.
    """
    container = open_container(path)
    try:
        stream, sound = video_stream(container, path), audio_stream(container, audio)
        sounds = audio_streams(container)
        first = _first_picture(container, stream, path)
        # Asked now: reading on may change what the demuxer holds for the beginning.
        begins = [s.start_time * tick_of(s) for s in sounds if s.start_time is not None]
        seen_from, end, index, damage = _extent(container, stream, sounds, first.frame, path)
        zero = min([seen_from, *begins])
        start = zero if zero < seen_from - _PADDING else seen_from
        width, height = first.full
        fps = float(stream.average_rate or stream.guessed_rate or 0)
        if index is not None and (not 0 < fps < 1000) and len(index.seconds) > 1:
            fps = (len(index.seconds) - 1) / max(float(index.seconds[-1] - index.seconds[0]), 1e-6)
        info = VideoInfo(
            path=str(path),
            size=path.stat().st_size,
            start=start,
            end=end,
            width=width,
            height=height,
            rotation=first.orientation.degrees,
            pixel_aspect=float(first.aspect),
            fps=fps or 25.0,
            frames=stream.frames or None,
            codec=stream.codec_context.codec.canonical_name,
            pixel_format=first.frame.format.name,
            has_audio=sound is not None,
            audio_codec=sound.codec_context.codec.canonical_name if sound is not None else None,
            sound_tracks=tuple(_sound_tracks(sounds)),
            sound_track=sound.index if sound is not None else None,
            subtitle_streams=tuple(_subtitles(container)),
            first_picture=seen_from,
            zero=zero,
            tags=_tags(container, stream),
            damage=damage,
        )
        return info, index
    finally:
        container.close()


def _check_file(path: Path) -> None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        raise VideoError(f"{path} does not exist. Check the path.") from None
    except PermissionError:
        raise VideoError(f"{path} cannot be reached: permission denied. Check the rights of its folder.") from None
    except (OSError, ValueError) as error:
        raise VideoError(f"{path} cannot be reached ({error}). Check the path.") from None
    if stat.S_ISDIR(status.st_mode):
        raise VideoError(f"{path} is a folder, not a video. Name a file in it.")
    if not stat.S_ISREG(status.st_mode):
        raise VideoError(f"{path} is not a regular file. Save the stream to a file first.")
    if status.st_size == 0:
        raise VideoError(f"{path} is empty (0 bytes). Copy or download it again.")


def _why_not_media(path: Path, error: Exception) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as failure:
        return f"{path} cannot be read ({failure.strerror}). Check the disk and your rights."
    if head[4:8] in (b"ftyp", b"mdat", b"wide", b"skip"):
        return (
            f"{path} is an MP4 file cut off before its index (no moov): it was not completely written or copied. "
            "Copy it again, or rebuild it with untrunc."
        )
    if b"\0" not in head:
        try:
            head.decode("utf-8", errors="strict" if len(head) < 4096 else "ignore")
            return f"{path} is a text file or a playlist, not a video. Name the video file itself."
        except UnicodeDecodeError:
            pass
    reason = getattr(error, "strerror", None) or str(error)
    return f"{path} is not a video that can be read ({reason}). It may be damaged: copy it again."


def _first_picture(container: InputContainer, stream: VideoStream, path: Path) -> Decoded:
    codec, shapes = stream.codec_context, Shapes(stream)
    codec.thread_count = 1
    try:
        for count, packet in enumerate(container.demux(stream)):
            if packet.has_sidedata("encryption_info") or packet.has_sidedata("encryption_init_info"):
                raise VideoError(f"{path} is encrypted (DRM). Use a copy without protection.")
            try:
                frames = codec.decode(packet if packet.size else None)
            except FFmpegError:
                frames = []
            pictures = shapes.of(frames, codec, packet)
            if pictures:
                return pictures[0]
            if count > _FIRST_PICTURE_PACKETS:
                break
    except FFmpegError:
        pass
    raise VideoError(
        f"{path}: no picture of its {codec.codec.canonical_name} stream can be decoded; it is damaged or cut off. "
        "Copy it again."
    )


def _extent(
    container: InputContainer, stream: VideoStream, sounds: list[AudioStream], first: av.VideoFrame, path: Path
) -> tuple[float, float, PacketIndex | None, str | None]:
    """First picture and end in seconds, with the packet list if the header did not tell, and what is damaged."""
    declared = None
    if container.duration is not None:
        declared = (container.duration + (container.start_time or 0)) / av.time_base
    if first.pts is not None and declared is not None:
        start = seconds_of(stream, first.pts)
        ends = _ends(container, [stream, *sounds], declared)
        # Packets of the video near the declared end: the header tells the truth.
        if stream.index in ends and max(ends.values()) > declared - 1.0:
            return start, max(ends[stream.index], min(max(ends.values()), declared)), None, None
    with open_container(path) as again:
        index = read_index(again, video_stream(again, path))
        if not len(index.seconds):
            raise VideoError(f"{path}: its video stream is empty. Copy it again.")
        end = max(_ends(again, audio_streams(again), index.end).values(), default=index.end)
    end = max(index.end, end)
    damage = index.damage
    if declared is not None and end < declared - 1.0:
        damage = f"it ends at {end:.1f} s, although its header promises {declared:.1f} s"
    return float(index.seconds[0]), end, index, damage


def _ends(container: InputContainer, streams: Sequence[VideoStream | AudioStream], near: float) -> dict[int, float]:
    """Return where each stream ends, from the packets that follow the last entry point before `near` (seconds)."""
    ends: dict[int, float] = {}
    if not streams:
        return ends
    try:
        target = max(near - 0.1, 0.0) if near > 0 else near - 0.1
        container.seek(int(target / tick_of(streams[0])), stream=streams[0], backward=True)
        for packet in container.demux(streams):
            if packet.pts is not None:
                end = packet.pts * tick_of(packet.stream) + lasting(packet)
                ends[packet.stream_index] = max(end, ends.get(packet.stream_index, end))
    except FFmpegError:
        pass
    return ends


def _sound_tracks(sounds: Sequence[AudioStream]) -> Iterator[SoundTrack]:
    for number, stream in enumerate(sounds, 1):
        context = stream.codec_context
        yield SoundTrack(
            stream.index, context.codec.canonical_name, language_of(stream), number, _title(stream), _flags(stream),
            max(1, context.channels or 1),
        )  # fmt: skip


def _subtitles(container: InputContainer) -> Iterator[SubtitleStream]:
    for number, stream in enumerate(container.streams.subtitles, 1):
        codec = stream.codec_context
        name = codec.codec.canonical_name if codec else "unknown"
        yield SubtitleStream(stream.index, name, language_of(stream), number, _title(stream), _flags(stream))


def _tags(container: InputContainer, stream: VideoStream) -> dict[str, str]:
    """Tags of the recording and the device; the file's own come before those of its pictures."""
    every = [*stream.metadata.items(), *container.metadata.items()]
    kept = [(name.lower(), value[:_LONGEST_TAG]) for name, value in every]
    return {name: value for name, value in kept if name in RECORDED_TAGS or name.startswith(ANDROID)}


def language_of(stream: Stream) -> str | None:
    """Return the language that a stream says it is in (`eng`, `pt-BR`), or None."""
    language = (stream.metadata.get("language") or "").strip()
    return language if language and language.lower() not in ("und", "unk", "mis", "zxx", "mul") else None


def _title(stream: Stream) -> str:
    # Handlers of MP4 files say who wrote them, as a rule, and not what they are.
    return " ".join((stream.metadata.get("title") or stream.metadata.get("handler_name") or "").split())[:200]


def _flags(stream: Stream) -> frozenset[str]:
    return frozenset(flag.name for flag in Disposition if flag.name and stream.disposition & flag)
