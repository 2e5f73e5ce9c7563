"""The control API of a running mock, one method for each request."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import sysconfig
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Dict, List, Optional


# A test that fails shows its own lines under pytest, not those of this file.
__tracebackhide__ = True


class MockError(Exception):
    """The mock refused a request; the message says why."""

    def __init__(self, status: int, message: str):
        super().__init__(f"{status}: {message}")
        self.status = status


class NotMet(AssertionError):
    """A wait ended without success. `answer` is the whole response, with the nearest miss."""

    def __init__(self, answer: Dict[str, Any]):
        lines = [answer["why"]] + answer.get("differences", [])
        lines += [f"open: {json.dumps(callback)}" for callback in answer.get("open", [])]
        if "nearest" in answer:
            lines.append("nearest: " + json.dumps(answer["nearest"], ensure_ascii=False))
        super().__init__("\n".join(lines))
        self.answer = answer


def _given(**fields: Any) -> Dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


class _Control:
    """The methods that a mock and its namespaces share."""

    def __init__(self, base_url: str, control_token: Optional[str] = None):
        self.base_url = base_url.rstrip("/")
        # `exec --control-token` passes it to its command.
        self._token = control_token or os.environ.get("AIRUDDER_MOCK_CONTROL_TOKEN")

    def request(self, method: str, path: str, fields: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """Sends a request below `/_mock` and returns the response as a dict."""
        __tracebackhide__ = True  # pytest shows the test that asked, not the client
        url = f"{self.base_url}/_mock{path}"
        body = None
        if method == "GET" and fields:
            url += "?" + urllib.parse.urlencode(fields)
        elif method != "GET":
            body = json.dumps(fields or {}).encode()
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            request = urllib.request.Request(url, body, headers, method=method)
            # Proxies of the environment are for the outside, not for the mock.
            with _OPENER.open(request) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                answer = self._refusal(error.read())
            if error.code == 417:
                raise NotMet(answer) from None
            raise MockError(error.code, answer.get("message", "")) from None
        except json.JSONDecodeError:
            raise self._no_mock("another program answers") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise self._no_mock(getattr(error, "reason", None) or error) from None

    def _refusal(self, body: bytes) -> Dict[str, Any]:
        __tracebackhide__ = True
        try:
            answer = json.loads(body or b"{}")
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self._no_mock("another program answers") from None
        return answer

    def _no_mock(self, why: Any) -> ConnectionError:
        url = os.environ.get("AIRUDDER_MOCK_URL")
        source = " (AIRUDDER_MOCK_URL)" if url and self.base_url.startswith(url.rstrip("/")) else ""
        return ConnectionError(f"no mock answers at {self.base_url}{source}: {why}")

    def wait_for(
        self,
        callback: Optional[str] = None,
        request: Optional[str] = None,
        where: Optional[Dict[str, Any]] = None,
        times: Optional[int] = None,
        within: str = "10s",
        since: Optional[int] = None,
        state: Optional[str] = None,
        refused: Optional[bool] = None,
    ) -> List[Dict[str, Any]]:
        """Waits for a callback or request to occur `times` times; returns the journal entries or raises `NotMet`."""
        __tracebackhide__ = True
        asked = _given(
            callback=callback, request=request, times=times, within=within, since=since, state=state, refused=refused
        )
        if where is not None:
            asked["where"] = where
        return self.request("POST", "/wait", asked)["entries"]

    def assert_no_more(self, since: int, callback: Optional[str] = None, request: Optional[str] = None) -> None:
        """Asserts that nothing of this kind occurred after an entry, once all is settled. Without a kind: no request, no callback."""
        __tracebackhide__ = True
        self.settle()
        entries = self.journal(since=since, limit=1000)
        kinds = _given(event=callback, call=request) or {"kind": ("called", "queued")}
        for entry in entries:
            for name, wanted in kinds.items():
                is_it = entry.get(name) in wanted if isinstance(wanted, tuple) else entry.get(name) == wanted
                assert not is_it, f"one more than wanted: {json.dumps(entry, ensure_ascii=False)}"

    def settle(self, within: str = "10s", advance: Optional[bool] = None, horizon: Optional[str] = None) -> Dict[str, Any]:
        """Returns when everything that was caused is done; `NotMet` says what is open."""
        __tracebackhide__ = True
        return self.request("POST", "/settle", _given(within=within, advance=advance, horizon=horizon))

    def emit(self, event: str, body: Optional[Dict[str, Any]] = None, conversation: Optional[str] = None) -> Dict[str, Any]:
        """Sends a callback."""
        return self.request("POST", "/emit", _given(event=event, body=body, conversation=conversation))

    def resend(self, callback: int, body: Any = None) -> Dict[str, Any]:
        """Sends a callback again, with the same body or another one."""
        return self.request("POST", f"/callbacks/{callback}/resend", _given(body=body))

    def chat(self, **wanted: Any) -> str:
        """Begins a chat as the end user: `chat(name="Dinda", write="hello")`. Returns the `call_id` of the conversation."""
        return self.request("POST", "/chats", _given(**wanted))["conversation"]

    def user(self, conversation: str, **act: Any) -> None:
        """Does one thing as the end user: `user(conversation, write="hello")`, `press="Yes"`, `ask_for_agent=True`, ..."""
        self.request("POST", "/user", {"conversation": conversation, **act})

    def journal(self, **filters: Any) -> List[Dict[str, Any]]:
        """Returns what happened: `journal(endpoint="task.*", status=500)`."""
        return self.request("GET", "/journal", filters)["entries"]

    def last(self) -> int:
        """Returns the number of the latest entry of the journal."""
        return self.state()["journal"]["last"]

    def state(self) -> Dict[str, Any]:
        """Returns the state of the mock."""
        return self.request("GET", "/state")

    def clock(
        self, by: Optional[str] = None, to: Optional[str] = None, speed: Optional[str] = None, within: Optional[str] = None
    ) -> Dict[str, Any]:
        """Moves the clock or changes its speed; without arguments, returns it."""
        asked = _given(by=by, to=to, speed=speed, within=within)
        return self.request("POST", "/clock", asked) if asked else self.request("GET", "/clock")

    def add_fault(
        self, call: Optional[str] = None, *, callback: Optional[str] = None, fault: Optional[str] = None, **keys: Any
    ) -> int:
        """Makes requests or callbacks go wrong from now on: `add_fault("task.create", status=503, times=2)`,
        `add_fault(callback="session.end", kind="duplicate")`, or as a text,
        `add_fault(fault="signature-wrong of session.end, first 1")`. Returns the number for `remove_fault`."""
        table = _given(call=call, callback=callback, **keys)
        if fault is not None and table:
            raise TypeError(f"`fault` is the whole fault: leave out {', '.join(table)}")
        return self.request("POST", "/faults", {"fault": table if fault is None else fault})["fault"]

    def remove_fault(self, fault: int) -> None:
        """Ends a fault."""
        self.request("DELETE", f"/faults/{fault}")

    def snapshot(self, name: str) -> Dict[str, Any]:
        """Takes a snapshot of the present state under a name."""
        return self.request("POST", "/snapshots", {"name": name})

    def restore(self, name: str) -> Dict[str, Any]:
        """Restores a snapshot, including its time."""
        return self.request("POST", f"/snapshots/{urllib.parse.quote(name, safe='')}/restore", {})

    def reset(self) -> None:
        """Resets the mock to its initial state."""
        self.request("POST", "/reset", {})

    def export_state(self, snapshot: Optional[str] = None) -> Dict[str, Any]:
        """Exports the present state, or that of a snapshot, to be imported elsewhere."""
        return self.request("GET", "/export", _given(snapshot=snapshot))

    def import_state(self, state: Dict[str, Any]) -> None:
        """Imports a state that was exported."""
        self.request("POST", "/import", state)


class Namespace(_Control):
    """A separate mock behind the address of another: `base_url` is for clients."""

    def __init__(self, made: Dict[str, Any], control_token: Optional[str] = None):
        super().__init__(made["base_url"], control_token)
        self.name: str = made["name"]
        self.app_key: str = made["app_key"]
        self.app_secret: str = made["app_secret"]
        self.sign_key: str = made["sign_key"]
        self.secret: str = made["secret"]
        self.callback_url: Optional[str] = made.get("callback_url")


class Mock(_Control):
    """A running mock. If its control API requires a token, give it here or in AIRUDDER_MOCK_CONTROL_TOKEN."""

    def namespace(self, **wanted: Any) -> Namespace:
        """Creates a separate mock: `namespace(callback_url="http://127.0.0.1:3000/hook", speed="0")`."""
        return Namespace(self.request("POST", "/namespaces", _given(**wanted)), self._token)

    def remove(self, namespace: Namespace) -> None:
        """Ends a namespace."""
        self.request("DELETE", f"/namespaces/{urllib.parse.quote(namespace.name)}")


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Started(Mock):
    """A mock that was started here; `stop` ends it."""

    def __init__(self, process: "subprocess.Popen[str]", base_url: str):
        super().__init__(base_url)
        self.process = process

    def stop(self) -> None:
        """Stops the mock in order."""
        self.process.terminate()
        self.process.wait(30)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()


def start(*flags: str, binary: Optional[str] = None) -> Started:
    """Starts `airudder-mock serve` on a free port: AIRUDDER_MOCK_BIN, the program installed beside this package, or
    the one on the PATH. It ends with this process, even if that is killed."""
    own = shutil.which("airudder-mock", path=sysconfig.get_path("scripts"))
    binary = binary or os.environ.get("AIRUDDER_MOCK_BIN") or own or shutil.which("airudder-mock")
    if not binary:
        raise FileNotFoundError("airudder-mock is not on the PATH: install it, or set AIRUDDER_MOCK_BIN")
    command = [binary, "serve", "--listen", "127.0.0.1:0", "--quiet", "--until-stdin-closes", *flags]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    # Its first line is its address.
    line = process.stdout.readline().strip() if process.stdout else ""
    if not line.startswith("http://"):
        raise RuntimeError(f"{' '.join(command)} did not start; see its message above")
    return Started(process, line)
