"""`rewatch chat`: questions one after the other, with follow-ups and commands."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from ..memory import ClipMemory, RewatchError, VideoRecord, clock
from ..memory.registry import did_you_mean
from ..memory.sanitize import one_line
from .settings.agent import MakeAgent, agents, find_video, open_memory
from .settings.groups import AgentOptions, BudgetOptions, IndexOptions, ToolOptions, grouped, moment
from .settings.options import Detector, Memory, Now
from .settings.places import memory_folder, runs_folder
from .terminal.estimates import run_estimate
from .terminal.output import Console, fault

if TYPE_CHECKING:
    from ..agent import Conversation

_PROMPT = "? "
_COMMANDS = {
    "/videos": "the videos of the memory; those asked about are marked",
    "/video NAME…": "ask about these from now on (files are indexed first); /video all",
    "/budget frames=8 calls=4": "limits of each question: frames, calls, tokens, seconds (none: no limit)",
    "/policy [NAME]": "the model that decides, or another one",
    "/now [TIME]": "nothing after this time may be seen; /now off",
    "/report": "write the last run as an HTML page",
    "/help": "this",
    "/quit": "end; so does Ctrl-D. Ctrl-C stops a run, not the chat",
}
_NAMES = [usage.split()[0] for usage in _COMMANDS if usage != "/quit"]


@grouped
def chat(
    videos: Annotated[
        list[str] | None, typer.Argument(metavar="[VIDEO]...", help="Files, or names or ids of indexed videos.")
    ] = None,
    memory: Memory = None,
    now: Now = None,
    deciding: AgentOptions = AgentOptions(),  # noqa: B008
    limits: BudgetOptions = BudgetOptions(),  # noqa: B008
    indexing: IndexOptions = IndexOptions(),  # noqa: B008
    tools: ToolOptions = ToolOptions(),  # noqa: B008
    detector: Detector = None,
) -> None:
    """Ask one question after the other; a follow-up keeps what "she" and "then" are. Reads a terminal or a pipe.

    Models stay loaded from question to question. /help names the commands.
    """
    console = Console()
    folder = memory_folder(memory)
    until = None if now is None else moment(now)
    settings = indexing.arguments()
    clip_memory = open_memory(folder, detector, writable=False)
    records = [find_video(clip_memory, video, console, settings) for video in videos or ()]
    if not clip_memory.videos():
        raise typer.BadParameter(f"no video in {folder} yet; name a file: rewatch chat FILE")
    with agents(clip_memory, folder, tools, budget=limits.budget(), **deciding.arguments()) as make:
        conversation = make(deciding.policy).chat([record.id for record in records], now=until)
        chatting = ChatSession(console, clip_memory, make, conversation, deciding.policy, settings)
        chatting.run()
    if chatting.failed:
        raise typer.Exit(1)


@dataclass
class ChatSession:
    """A conversation at a terminal or over pipes."""

    console: Console
    memory: ClipMemory
    make: MakeAgent
    conversation: Conversation
    policy: str
    settings: dict[str, Any]
    failed: bool = False
    """True if a question had no answer since a model failed."""

    def run(self) -> None:
        """Read lines until the end of the input or `/quit`."""
        about = self._about()
        named = f"{one_line(about[0].name)} {clock(about[0].duration)}" if len(about) == 1 else f"{len(about)} videos"
        self._say(f"chat about {named} · policy {self.policy} · /help names the commands", "dim")
        for line in _lines(self.console, _NAMES):
            if line.lower() in ("/quit", "/exit", "/q"):
                return
            try:
                self._take(line)
            except (RewatchError, typer.BadParameter) as error:
                self._say(f"error: {one_line(str(error))}", "red")
            except KeyboardInterrupt:
                self._say("stopped", "yellow")
            except Exception as error:  # a fault of ours ends a question, not the chat
                self._say(f"error: {fault(error)}", "red")

    def _take(self, line: str) -> None:
        if not line.startswith("/"):
            self._ask(line)
            return
        name, _, rest = " ".join(line.split("\t")).partition(" ")
        name = name.lower()
        if name not in _NAMES:
            raise typer.BadParameter(f"There is no command {name}; /help names them.{did_you_mean(_NAMES, name)}")
        getattr(self, f"_{name[1:]}")(rest.strip())

    def _ask(self, text: str) -> None:
        from .terminal.console import show_answer, show_event

        def listen(event: dict[str, Any]) -> None:
            if event["event"] == "run" and event["question"]["text"] != text:
                self._say(f"as       {event['question']['text']}", "cyan")
            show_event(self.console, event)

        talk = self.conversation
        expected = run_estimate(talk.agent, runs_folder(self.memory.folder), talk.budget)
        if expected is not None:
            self._say(f"estimate {expected}")
        answer = talk.ask(text, listener=listen)
        show_answer(self.console, answer, {record.id: record.name for record in self._about()})
        if answer.failed:
            self.failed = True
            self._say("no answer: a model failed; /policy NAME takes another one", "red")

    # Commands

    def _help(self, _: str) -> None:
        table = Table.grid(padding=(0, 2))
        for usage, meaning in _COMMANDS.items():
            table.add_row(Text(usage, style="bold", no_wrap=True), meaning)
        self.console.print(table)

    def _videos(self, _: str) -> None:
        chosen = {record.id for record in self._about()}
        for record in self.memory.videos():
            mark = "*" if record.id in chosen else " "
            self._say(f"{mark} {one_line(record.name)}  {clock(record.duration)}  ({record.id})")

    def _video(self, names: str) -> None:
        import shlex

        try:
            words = shlex.split(names)
        except ValueError as error:
            raise typer.BadParameter(f"/video {names}: {error}.") from None
        if not words:
            raise typer.BadParameter("/video needs a name, an id or a file, or: all. /videos lists what there is.")
        if words == ["all"]:
            self.conversation.videos = None
        else:
            records = [find_video(self.memory, name, self.console, self.settings) for name in words]
            self.conversation.videos = [record.id for record in records]
        self._say("asking about " + ", ".join(one_line(record.name) for record in self._about()), "dim")

    def _budget(self, limits: str) -> None:
        limits_set: dict[str, float | int | None] = {}
        for part in limits.split():
            name, _, value = part.partition("=")
            try:
                number = None if value in ("none", "no") else float(value)
                if name not in asdict(self.conversation.budget):
                    raise ValueError
                if number is not None and not 0 <= number < 1e15:
                    raise ValueError
            except ValueError:
                raise typer.BadParameter(
                    f"/budget {part}: write frames=8, calls=4, tokens=2000, seconds=60, or none for no limit."
                ) from None
            limits_set[name] = number if number is None or name == "seconds" else int(number)
        self.conversation.budget = replace(self.conversation.budget, **limits_set)  # type: ignore[arg-type]
        current = asdict(self.conversation.budget).items()
        self._say("budget   " + " · ".join(f"{name} {'none' if v is None else format(v, 'g')}" for name, v in current))

    def _policy(self, name: str) -> None:
        if name:
            self.conversation.agent = self.make(name)
            self.policy = name
        self._say(f"policy   {self.policy}")

    def _now(self, time: str) -> None:
        if time:
            self.conversation.now = None if time.lower() in ("off", "none") else moment(time, "/now")
        now = self.conversation.now
        self._say(
            "everything may be seen"
            if now is None
            else f"nothing after {clock(now) if isinstance(now, int | float) else now} may be seen"
        )

    def _report(self, _: str) -> None:
        from ..agent.report import write_report

        runs = [exchange.answer.trace for exchange in self.conversation.exchanges if exchange.answer.trace]
        if not runs:
            raise typer.BadParameter("There is no run yet (or the memory cannot be written); ask something first.")
        self._say(f"report   {write_report(runs[-1], Path(runs[-1]).with_suffix('.html'))}")

    def _about(self) -> list[VideoRecord]:
        chosen = self.conversation.videos
        return self.memory.videos() if chosen is None else [self.memory.video(name) for name in chosen]

    def _say(self, line: str, style: str = "") -> None:
        self.console.print(Text(line, style=style), soft_wrap=True)


def _lines(console: Console, commands: list[str]) -> Iterator[str]:
    """Yield what is written, line by line, empty lines left out; from a pipe each is shown as if it had been typed."""
    if not sys.stdin.isatty():
        for line in sys.stdin:
            if line.strip():
                console.print(Text("\n" + _PROMPT + line.strip(), style="bold cyan"), soft_wrap=True)
                yield line.strip()
        return
    with _history(commands):
        while True:
            try:
                line = input("\n" + _PROMPT)
            except EOFError:
                console.print()
                return
            except KeyboardInterrupt:
                console.print()  # what was typed is thrown away, as a shell does
                continue
            if line.strip():
                yield line.strip()


@contextlib.contextmanager
def _history(commands: list[str]) -> Iterator[None]:
    """Line editing with what was typed in earlier chats, where Python has readline."""
    try:
        import readline
    except ImportError:
        yield
        return
    import platformdirs

    path = Path(platformdirs.user_data_dir("rewatch")) / "chat_history"
    with contextlib.suppress(OSError):
        readline.read_history_file(path)

    def complete(begun: str, state: int) -> str | None:
        return next(iter([name for name in commands if name.startswith(begun)][state:]), None)

    readline.set_completer(complete)
    readline.set_completer_delims(" ")
    readline.parse_and_bind("tab: complete")
    try:
        yield
    finally:
        readline.set_history_length(1000)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            readline.write_history_file(path)
