"""ChatViewer: frames and questions to any chat model that sees, and its replies."""

from __future__ import annotations

import base64
import io
from typing import Any, ClassVar

import numpy as np
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from PIL import Image
from rewatch.agent.models.content_blocks import blocks, data_url, picture, time_text
from rewatch.agent.models.served.openai_compatible import ServedPolicy
from rewatch.agent.models.viewer import ChatViewer, said_yes
from rewatch.memory import Frame, FrameReader, MediaURI, VideoError
from rewatch.memory.span import Box
from rewatch.tools.viewer import VisualQuestion

COLORS = {"red": (220, 20, 20), "green": (20, 220, 20), "blue": (20, 20, 220)}


def _frame(time: float, color: str) -> Frame:
    image = np.zeros((48, 64, 3), np.uint8)
    image[:] = COLORS[color]
    return Frame(time, image)


def _color(image: Image.Image) -> str:
    pixel = np.asarray(image, float)[24, 32]
    return min(COLORS, key=lambda name: float(np.abs(pixel - COLORS[name]).sum()))


class Plain(BaseChatModel):
    """Any provider's model: sees data URLs, and says what is to be seen."""

    says: str = ""
    seen: list[dict[str, Any]] = []

    @property
    def _llm_type(self) -> str:
        return "plain"

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        shown = blocks(messages[-1])
        self.seen.append({"blocks": shown, **kwargs})
        colors = [_color(picture(block, None)) for block in shown if block["type"] != "text"]
        text = self.says or " ".join(colors)
        usage = {"input_tokens": 10 * len(shown), "output_tokens": 3, "total_tokens": 10 * len(shown) + 3}
        message = AIMessage(text, usage_metadata=usage, response_metadata=self._metadata(kwargs))
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _metadata(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        return {}


class Ours(Plain):
    """A policy of rewatch: takes arrays, limits and roles."""

    takes_turn: ClassVar[bool] = True
    roles: dict[str, str] = {"verifier": "adapter"}


class Weighing(Ours):
    """A policy that can weigh words."""

    weighs: ClassVar[bool] = True

    def _metadata(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        return {"choices": {"Yes": 0.3, "No": 0.1}} if "choices" in kwargs else {}


def _questions(*colors: str, role: str = "") -> list[VisualQuestion]:
    return [VisualQuestion(frames=(_frame(i + 0.5, c),), text="Which colour?", role=role) for i, c in enumerate(colors)]


@pytest.mark.parametrize("kind", [Plain, Ours])
def test_a_batch_is_answered_in_order_and_counted(kind: type[Plain]):
    replies = ChatViewer(kind(seen=[])).ask(_questions("red", "green", "blue", "red"))
    assert [r.text for r in replies] == ["red", "green", "blue", "red"]
    assert [r.tokens for r in replies] == [33] * 4 and all(r.yes is None for r in replies)
    assert ChatViewer(kind(seen=[])).ask([]) == []


def test_each_frame_stands_behind_its_time_and_the_question_is_last():
    model = Ours(seen=[])
    asked = VisualQuestion(frames=(_frame(12.5, "red"), _frame(13.25, "blue")), text="What changed?")
    assert ChatViewer(model).ask([asked], max_tokens=40, beams=3)[0].text == "red blue"
    (call,) = model.seen
    texts = [b.get("text") for b in call["blocks"]]
    assert texts == ["<12.5 seconds>", None, "<13.25 seconds>", None, "What changed?"]
    assert isinstance(call["blocks"][1]["image"], np.ndarray)
    assert call["max_tokens"] == 40 and call["beams"] == 3 and "role" not in call and "choices" not in call


def test_a_model_of_others_is_given_data_urls_and_no_arguments_of_ours():
    model = Plain(seen=[])
    ChatViewer(model).ask(_questions("red", role="verifier"), max_tokens=40, beams=3)
    (call,) = model.seen
    assert set(call) == {"blocks"}
    assert call["blocks"][1]["image_url"]["url"].startswith("data:image/jpeg;base64,")


@pytest.mark.parametrize(("said", "yes"), [("Yes.", 1.0), ("no, not at all", 0.0), ("I cannot tell.", 0.5)])
def test_yes_and_no_as_words(said: str, yes: float):
    model = Plain(says=said, seen=[])
    (reply,) = ChatViewer(model).ask(_questions("red"), yes_no=True)
    assert reply.yes == yes and reply.text == said
    assert "Yes or No" in model.seen[0]["blocks"][-1]["text"]


def test_yes_and_no_by_weight():
    model = Weighing(says="No", seen=[])  # what it writes does not count: the weights do
    (reply,) = ChatViewer(model).ask(_questions("red"), yes_no=True)
    assert reply.yes == pytest.approx(0.75)
    assert model.seen[0]["choices"] == ("Yes", "No")
    assert ChatViewer(model).ask(_questions("red"))[0].yes is None and "choices" not in model.seen[1]


def test_a_question_that_asks_for_yes_or_no_is_left_as_it_is():
    model = Plain(says="yes", seen=[])
    ChatViewer(model).ask([VisualQuestion(frames=(), text="Is it red? Please only answer yes or no.")], yes_no=True)
    assert model.seen[0]["blocks"] == [{"type": "text", "text": "Is it red? Please only answer yes or no."}]


def test_roles_go_to_models_that_have_them():
    model = Ours(seen=[])
    mixed = [*_questions("red", role="verifier"), *_questions("green"), *_questions("blue", role="grounder")]
    assert [r.text for r in ChatViewer(model).ask(mixed)] == ["red", "green", "blue"]
    assert sorted(call.get("role", "") for call in model.seen) == ["", "", "verifier"]


@pytest.mark.parametrize(
    ("said", "yes"),
    [
        ("**Yes**, it is; no doubt", 1.0),
        ("<think>no, yes, hm</think>\nNo", 0.0),
        ("The answer is yes.", 1.0),
        ("It might be yes or no.", 0.5),
        ("Nobody knows", 0.5),
        ("", 0.5),
        ("<think>yes, so yes", 0.5),
    ],
)
def test_said_yes(said: str, yes: float):
    assert said_yes(said) == yes


def test_pictures_of_a_tool_message_are_read_from_the_memory(notices: Any):
    video = notices.videos()[0].id
    uris = [f"video:{video}#t=20", f"video:{video}#t=4", str(MediaURI.frame(video, 4.2, Box(0, 0, 0.5, 0.25)))]
    message = ToolMessage("Two frames and a crop.", tool_call_id="c", artifact={"pictures": uris})
    shown = blocks(message)
    assert [b.get("text") for b in shown] == [
        "Two frames and a crop.", "<20.0 seconds>", None, "<4.0 seconds>", None, "<4.2 seconds>", None,
    ]  # fmt: skip
    pixels = FrameReader(notices)
    read = [picture(block, pixels) for block in shown if block["type"] == "image"]
    assert [image.size for image in read] == [(640, 360), (640, 360), (320, 90)]
    assert np.abs(np.asarray(read[0], int) - np.asarray(read[1], int)).max() > 100  # another notice
    with pytest.raises(VideoError, match="no memory"):
        picture(shown[2], None)


def test_blocks_of_a_caller_are_read_and_addresses_are_not_followed():
    image = Image.new("RGB", (40, 20), COLORS["green"])
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    encoded = base64.b64encode(buffer.getvalue()).decode()
    for block in (
        {"type": "image", "image": image},
        {"type": "image", "image": np.asarray(image)},
        {"type": "image", "base64": encoded, "mime_type": "image/png"},
        {"type": "image", "url": data_url(image)},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded}"}},
        {"type": "image_url", "image_url": data_url(image)},
    ):
        assert _color(picture(block, None).resize((64, 48))) == "green"
    for url in ("http://127.0.0.1:9/secret.png", "file:///etc/passwd", "data:image/png;base64,AAAA", ""):
        with pytest.raises(VideoError):
            picture({"type": "image", "url": url}, None)


def test_data_urls_are_bounded_and_times_are_exact():
    url = data_url(Image.new("RGB", (400, 200)), size=100)
    assert picture({"type": "image", "url": url}, None).size == (100, 50)
    assert [time_text(t) for t in (0, 12.5, 3.25, 100.0004)] == [
        "<0.0 seconds>", "<12.5 seconds>", "<3.25 seconds>", "<100.0 seconds>",
    ]  # fmt: skip


class Sheets(Ours):
    """A policy that is shown four frames in one picture."""

    def frames_per_picture(self, size: tuple[int, int]) -> int:
        assert size == (64, 48)
        return 4


def test_frames_on_a_sheet_are_in_order_and_all_times_are_told():
    model = Sheets(says="I see", seen=[])
    frames = tuple(_frame(float(n), color) for n, color in enumerate(["red", "green", "blue", "red", "green", "blue"]))
    ChatViewer(model).ask([VisualQuestion(frames=frames, text="What?")])
    first, sheet, second, pair, question = model.seen[0]["blocks"]
    times = "<0.0 seconds>, <1.0 seconds>, <2.0 seconds>, <3.0 seconds>"
    assert first["text"] == f"{times}: 4 frames in one picture, from left to right, 2 in a row"
    assert second["text"] == "<4.0 seconds>, <5.0 seconds>: 2 frames in one picture, from left to right"
    assert sheet["image"].shape == (96, 128, 3) and pair["image"].shape == (48, 128, 3)
    corners = [sheet["image"][y, x].tolist() for y, x in ((5, 5), (5, 70), (60, 5), (60, 70))]
    assert corners == [list(COLORS[name]) for name in ("red", "green", "blue", "red")]
    assert question["text"] == "What?"


def test_a_lone_frame_and_frames_of_several_sizes_are_shown_as_they_are():
    model = Sheets(says="I see", seen=[])
    frames = (_frame(0.0, "red"), Frame(1.0, np.zeros((64, 48, 3), np.uint8)))
    ChatViewer(model).ask([VisualQuestion(frames=frames, text="What?"), *_questions("blue")])
    assert sorted(len(call["blocks"]) for call in model.seen) == [3, 5]  # both at once, in any order


def test_served_models_get_sheets_where_a_picture_has_one_price_whatever_it_shows():
    def served(label: str, **options: Any) -> int:
        return ServedPolicy(model=Plain(), label=label, **options).frames_per_picture((448, 252))

    assert served("http://host/v1#google/gemma-3-4b-it", max_side=896) == 4
    assert served("http://host/v1#google/gemma-3-4b-it") == 1, "they would be sent smaller than they were asked for"
    for other in ("http://host/v1#gemma-3n-e4b", "http://host/v1#Qwen3-VL-4B", "openai:gpt-5"):
        assert served(other, max_side=2048) == 1
    assert served("http://host/v1#gemma3", max_side=896, sheets=1) == 1 and served("openai:gpt-5", sheets=9) == 9
