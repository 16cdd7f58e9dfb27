"""What goes wrong with a request, as OpenAI's servers tell it: a status, and an object that clients understand."""

from __future__ import annotations

from typing import Any

from ..agent.questions.question import QuestionError
from ..memory import CapabilityError, MemoryFolderError, RewatchError, VideoError
from ..memory.sanitize import as_json, one_line
from .prompts import PromptError
from .videos import TooLargeError

_LONGEST = 1000  # characters of a message
_TYPES = {401: "authentication_error", 429: "rate_limit_error"}


class RequestFault(RewatchError):
    """A request is not answered.

    Args:
        status: of HTTP.
        message: one sentence that says what is wrong and what to do.
        param: the field of the request that is at fault, where it is one.
        code: a word that programs can tell it by.
        headers: more headers of the reply.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code
        self.headers = headers or {}

    @property
    def body(self) -> bytes:
        """The reply's body."""
        usual = "server_error" if self.status >= 500 else "invalid_request_error"
        row = {
            "message": one_line(str(self), _LONGEST),
            "type": _TYPES.get(self.status, usual),
            "param": self.param,
            "code": self.code,
        }
        return as_json({"error": row}).encode()


def fault_of(error: Exception, *, param: str | None = None) -> RequestFault:
    """Return an error as one of a request: 400 for what the client can change, 503 for what may pass, 500 for a bug.

    `param` is the field that is at fault, where the error itself does not tell.
    """
    if isinstance(error, RequestFault):
        return error
    if not isinstance(error, RewatchError):
        return RequestFault(500, f"A bug in the server ended the request: {type(error).__name__}.", code="bug")
    if isinstance(error, MemoryFolderError):
        return RequestFault(503, str(error), code="memory_unavailable")
    if isinstance(error, TooLargeError):
        return RequestFault(413, str(error), param="messages", code="request_too_large")
    if isinstance(error, PromptError):
        return RequestFault(400, str(error), param="response_format", code="invalid_value")
    if isinstance(error, VideoError):
        return RequestFault(400, str(error), param="messages", code="invalid_video")
    if isinstance(error, QuestionError):
        return RequestFault(400, str(error), param=param, code="invalid_question")
    if isinstance(error, CapabilityError):
        return RequestFault(400, str(error), param=param, code="not_supported")
    return RequestFault(500, str(error), code="failed")


def refusal(status: int, why: str) -> tuple[bytes, bytes]:
    """Return the body and the kind of the reply to a request that the guards before the application turn away."""
    codes: dict[int, Any] = {401: "invalid_api_key", 403: "foreign_origin"}
    return RequestFault(status, why, code=codes.get(status)).body, b"application/json"
