"""Restricted views: what is hidden is in no row, no search, no picture and no sound."""

from __future__ import annotations

import asyncio
from pathlib import Path

import av
import numpy as np
import pytest
from painted import COLORS, Painted
from PIL import Image, ImageDraw, ImageFont
from rewatch.memory import ClipMemory, MediaURI, RestrictedView, Restriction, Span
from rewatch.memory.ocr.shared import shared_reader
from rewatch.tools import BUILT_IN, Toolbox

SIZE, FPS, CLIP = (256, 144), 5, 3.0
WRITTEN = ("ZEPHYR", "MARBLE", "KINDLE")
SAID = ("apricot", "bassoon", "cathedral")
GROUND = ((120, 40, 40), (40, 110, 40), (40, 40, 120))


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> ClipMemory:
    """Three clips of 3 s, each with a word on screen, a word said, a ground of its own and a thing that moves."""
    folder = tmp_path_factory.mktemp("restricted")
    with av.open(str(folder / "three.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "15"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        sound = container.add_stream("aac", rate=16000, layout="mono")
        for number in range(round(3 * CLIP * FPS)):
            time = number / FPS
            part = int(time // CLIP)
            picture = Image.new("RGB", SIZE, GROUND[part])
            draw = ImageDraw.Draw(picture)
            draw.text((30, 20), WRITTEN[part], fill="white", font=ImageFont.load_default(32))
            draw.rectangle((10 + 20 * time, 90, 40 + 20 * time, 130), fill=COLORS["person"])
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())
        tone = (0.3 * np.sin(np.arange(int(9 * 16000)) * 0.2)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(tone[None], format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(sound.encode(frame))
        container.mux(sound.encode())
    cues = [f"00:00:0{3 * n}.500 --> 00:00:0{3 * n + 2}.500\nnow the {word} is here\n" for n, word in enumerate(SAID)]
    (folder / "three.vtt").write_text("WEBVTT\n\n" + "\n".join(cues))
    memory = ClipMemory(folder / "memory", detector=Painted())
    channels = ["visual", "speech", "screen_text", "objects"]
    memory.add(folder / "three.mp4", clip_seconds=CLIP, workers=0, channels=channels)
    return memory


def told(view: ClipMemory | RestrictedView) -> str:
    """All words that a view has, in rows, hits, records, coverage and summaries, in capitals."""
    found = []
    for record in view.videos():
        found += [str(record), str(view.coverage(record.id)), *map(str, view.texts(record.id))]
        found += [str(clip) for level in ("clip", "chapter", "hour") for clip in view.clips(record.id, level=level)]
    for word in (*WRITTEN, *SAID, "person", "red"):
        for level in ("clip", "chapter"):
            found += map(str, view.search(word, k=20, level=level))
    return " ".join(found).upper()


def present(view: ClipMemory | RestrictedView) -> set[str]:
    words = told(view)
    return {word for word in (*WRITTEN, *(w.upper() for w in SAID)) if word in words}


def pictures(view: ClipMemory | RestrictedView, times: list[float]) -> list[np.ndarray]:
    return [frame.image for frame in view.open(view.videos()[0].id).frames_at(times)]


def read(image: np.ndarray) -> str:
    return " ".join(line.text for line in shared_reader().read(image, quick=True))


MIDDLES = [1.5, 4.5, 7.5]


def test_all_of_it_is_there_without_a_restriction(memory: ClipMemory) -> None:
    assert present(memory) == {*WRITTEN, *(word.upper() for word in SAID)}
    assert [read(image) for image in pictures(memory, MIDDLES)] == list(WRITTEN)
    same = memory.restricted(Restriction())
    assert present(same) == present(memory)
    assert same.texts("three.mp4", channel="visual"), "stored descriptions stay"


def test_without_sound_nothing_said_is_known(memory: ClipMemory) -> None:
    view = memory.restricted(Restriction(sound=False))
    assert present(view) == set(WRITTEN)
    record = view.video("three.mp4")
    assert not record.has_audio and "speech" not in record.channels
    source = view.open(record.id)
    assert not source.info.has_audio and source.audio(Span(0, 9)).size == 0
    assert not source.info.subtitle_streams and source.info.path == ""
    assert "APRICOT" not in " ".join(text.text.upper() for text in view.texts(record.id, channel="summary"))


def test_without_screen_text_none_can_be_read(memory: ClipMemory) -> None:
    view = memory.restricted(Restriction(pictures="without_text"))
    assert present(view) == {word.upper() for word in SAID}
    for before, after in zip(pictures(memory, MIDDLES), pictures(view, MIDDLES), strict=True):
        assert read(after) == ""
        assert np.abs(before[80:].astype(int) - after[80:]).max() == 0, "the rest of the picture stays"
    assert view.texts("three.mp4", channel="screen_text") == []
    assert not view.unknown_spans("three.mp4", "screen_text", Span(0, 9)), "that there is none is known"
    assert len(view.search("blue", channels="visual")) > 0, "descriptions are made of the covered pictures"


def test_of_speech_alone_pictures_are_black(memory: ClipMemory) -> None:
    view = memory.restricted(Restriction(pictures="none"))
    assert present(view) == {word.upper() for word in SAID}
    assert all(not image.any() for image in pictures(view, MIDDLES))
    assert set(view.video("three.mp4").channels) == {"speech", "summary", "screen_text"}
    assert view.texts("three.mp4", channel="screen_text") == []
    assert view.open(view.videos()[0].id).audio(Span(0, 1)).any()


def test_of_screen_text_alone_only_that_is_seen(memory: ClipMemory) -> None:
    view = memory.restricted(Restriction(pictures="text", sound=False))
    assert present(view) == set(WRITTEN)
    for image, word in zip(pictures(view, MIDDLES), WRITTEN, strict=True):
        assert read(image) == word
        assert not image[90:].any(), "the thing is not seen"


def test_a_span_is_all_that_there_is(memory: ClipMemory) -> None:
    id_ = memory.videos()[0].id
    view = memory.restricted(Restriction(spans=((id_, Span(3.0, 5.0)),)))
    assert present(view) == {"MARBLE", "BASSOON"}
    record = view.video(id_)
    assert (record.start, record.end) == (3.0, 5.0)
    (speech,) = view.texts(id_, channel="speech")
    assert speech.end <= 5.0 and "here" not in speech.text, "the sentence is cut"
    assert all(3.0 <= text.start and text.end <= 5.0 + 1e-6 for text in view.texts(id_))
    source = view.open(id_)
    seen = [frame.image for frame in source.frames_at([0.0, 3.5, 8.0])]
    assert all(read(image) == "MARBLE" for image in seen), "times outside are moved into it"
    sound = source.audio(Span(0, 9), rate=1000)
    assert len(sound) == 9000 and not sound[:2990].any() and sound[3100:4900].any() and not sound[5010:].any()
    assert view.now_of("another") == float("-inf")


def test_between_spans_there_is_nothing(memory: ClipMemory) -> None:
    id_ = memory.videos()[0].id
    view = memory.restricted(Restriction(spans=((id_, Span(0, 2.8)), (id_, Span(6.2, 9)))))
    assert present(view) == {"ZEPHYR", "KINDLE", "APRICOT", "CATHEDRAL"}
    (gap,) = pictures(view, [4.5])
    assert not gap.any()
    assert any(span.overlap(Span(3, 6)) > 2.9 for span in view.unknown_spans(id_, "visual", Span(0, 9)))


def test_a_moment_is_one_silent_picture(memory: ClipMemory) -> None:
    id_ = memory.videos()[0].id
    view = memory.restricted(Restriction(sound=False, spans=((id_, Span(4.5, 4.5)),)))
    assert present(view) == {"MARBLE"}
    assert view.video(id_).duration == 1.0
    first, *others = pictures(view, [0, 4.5, 4.9, 5.5, 9])
    assert all((image == first).all() for image in others)
    (text,) = view.texts(id_, channel="screen_text")
    assert (text.text, text.start, text.end) == ("MARBLE", 4.5, 5.5)


def test_shuffled_pictures_change_places_and_sound_does_not(memory: ClipMemory) -> None:
    id_ = memory.videos()[0].id
    views = [memory.restricted(Restriction(shuffle=seed)) for seed in range(4)]
    orders = [[read(image) for image in pictures(view, MIDDLES)] for view in views]
    assert all(sorted(order) == sorted(WRITTEN) for order in orders)
    assert any(order != list(WRITTEN) for order in orders)
    for view, order in zip(views, orders, strict=True):
        rows = view.texts(id_, channel="screen_text")
        assert [row.text for row in sorted(rows, key=lambda row: row.start)] == order, "rows go with their pictures"
        spoken = [(row.start, row.text) for row in memory.texts(id_, channel="speech")]
        assert [(row.start, row.text) for row in view.texts(id_, channel="speech")] == spoken
        assert "objects" not in view.video(id_).channels, "tracks would tell the order"
        grounds = {tuple(image[5, 5]) for image in pictures(view, list(np.arange(0, 9, 0.2)))}
        assert len({max(range(3), key=lambda c: ground[c]) for ground in grounds}) == 3


def test_of_a_blank_memory_nothing_is_known_but_the_same_of_each(memory: ClipMemory, tmp_path: Path) -> None:
    view = memory.restricted(Restriction(blank=True))
    other = ClipMemory(tmp_path / "none").restricted(Restriction(blank=True))
    assert view.videos() == other.videos()
    assert present(view) == set()
    assert "THREE" not in told(view) and memory.videos()[0].id.upper() not in told(view)
    assert not pictures(view, [0, 5])[0].any()
    assert view.until(2.0) is view
    with pytest.raises(Exception, match="no video"):
        view.video("three.mp4")


def test_what_comes_later_stays_hidden_too(memory: ClipMemory) -> None:
    id_ = memory.videos()[0].id
    for restriction in (Restriction(), Restriction(shuffle=1), Restriction(pictures="without_text")):
        view = memory.restricted(restriction).until(4.5)
        assert not present(view) & {"KINDLE", "CATHEDRAL"}
        assert view.video(id_).end == 4.5
        assert all(read(image) != "KINDLE" for image in pictures(view, [0.5, 4.4, 8.0]))
    assert memory.restricted(Restriction(spans=((id_, Span(6, 9)),))).until(4.5).videos() == []


def test_pictures_named_by_a_search_are_those_of_the_view(memory: ClipMemory) -> None:
    id_ = memory.videos()[0].id
    view = memory.restricted(Restriction(pictures="none"))
    assert view.search(MediaURI(id_, Span(1, 1)), channels="visual") == []
    assert memory.search(MediaURI(id_, Span(1, 1)), channels="visual") != []


def test_equal_restrictions_give_one_view(memory: ClipMemory) -> None:
    assert memory.restricted(Restriction(sound=False)) is memory.restricted(Restriction(sound=False))


@pytest.mark.slow
def test_a_process_of_its_own_sees_no_more(memory: ClipMemory) -> None:
    box = Toolbox(BUILT_IN, isolate=("video",))
    assert {"read_text", "transcribe", "search_clips"} <= box.isolated
    id_ = memory.videos()[0].id
    asked: list[tuple[str, dict[str, object]]] = [
        ("read_text", {"start": 1.5}),
        ("read_text", {"start": 0, "end": 3}),
        ("transcribe", {"start": 0, "end": 9}),
        ("search_clips", {"query": "here"}),
        ("browse", {}),
    ]

    def told(view: ClipMemory | RestrictedView) -> str:
        left = {"frames": 20, "seconds": 600.0}
        calls = (box.call(name, dict(given), memory=view, videos=[id_], left=left) for name, given in asked)
        return " ".join(str(asyncio.run(call)[0]) for call in calls).upper()

    assert "ZEPHYR" in told(memory) and "APRICOT" in told(memory)
    hidden = told(memory.restricted(Restriction(pictures="without_text")))
    assert "ZEPHYR" not in hidden and "APRICOT" in hidden
    silent = told(memory.restricted(Restriction(sound=False)).until(2.0))
    assert "APRICOT" not in silent and "ZEPHYR" in silent and "MARBLE" not in silent
    assert "ZEPHYR" in told(memory), "nothing that was kept for one view is taken for another"
