"""`python app.py` as anybody runs it, and what it takes of the machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]


class Server:
    """The demo in a process of its own, with the settings of the environment; `settings` replace them."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        environment = {
            **{f"COLPALI_{name.upper()}": str(value) for name, value in settings.items()},
            **os.environ,
            "GRADIO_TEMP_DIR": str(folder / "uploads"),
            "GRADIO_HEARTBEAT_INTERVAL": "1",
        }
        self._log = open(folder / "server.log", "wb")  # noqa: SIM115
        command = [sys.executable, "app.py", "--port", str(port)]
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=self._log, stderr=subprocess.STDOUT)

    def __enter__(self) -> Server:
        def answers() -> bool:
            assert self._process.poll() is None, (self._folder / "server.log").read_text()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", int(self.address.rsplit(":", 1)[1]))) == 0

        wait(answers, 180)
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.terminate()
        self._process.wait(60)
        self._log.close()
        text = (self._folder / "server.log").read_text()
        if "Traceback" in text:
            print(text[-5000:], file=sys.stderr)

    def resources(self) -> dict[str, float]:
        """Return memory, threads, descriptors, child processes and the files of sessions, now."""
        process = Path(f"/proc/{self._process.pid}")
        return {
            "mb": self._megabytes("VmRSS"),
            "threads": len(os.listdir(process / "task")),
            "descriptors": len(os.listdir(process / "fd")),
            "children": sum(len((task / "children").read_text().split()) for task in (process / "task").iterdir()),
            "session_files": len(self._session_files()),
        }

    def forget_peak(self) -> None:
        """Let the peak of memory begin anew."""
        Path(f"/proc/{self._process.pid}/clear_refs").write_text("5")

    def peak(self) -> int:
        """Return the most megabytes since `forget_peak`."""
        return self._megabytes("VmHWM")

    def _megabytes(self, name: str) -> int:
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) >> 10 for line in lines if line.startswith(name))

    def wait_until_samples_are_in(self) -> None:
        """Wait until all samples are embedded: what that takes is no visitor's. Opens them all, as a visitor may."""
        with httpx.Client(base_url=self.address, timeout=60) as client:
            events = {each["api_name"]: each["id"] for each in client.get("/config").json()["dependencies"]}

            def call(name: str, *data: str, **event_data: str) -> list:
                body = {"fn_index": events[name], "data": data, "session_hash": "load", "event_data": event_data}
                answer = client.post("/gradio_api/run/predict", json=body)
                answer.raise_for_status()
                return answer.json()["data"]

            def is_in() -> bool:
                (library, *_) = call("cancel")
                return not library["progress"] and all(each["pages"] == each["of"] for each in library["documents"])

            (samples, *_) = call("arrive", "")
            for sample in samples["samples"]:
                call("open_sample", file=sample["file"])
            wait(is_in, 900)
            leaving = {"fn_index": events["leave"], "data": [], "session_hash": "load"}
            client.post("/gradio_api/queue/join", json=leaving).raise_for_status()
            client.get("/gradio_api/queue/data", params={"session_hash": "load"})

    def wait_until_empty(self) -> None:
        """Wait until the last session has been freed, or two minutes have passed."""
        try:
            wait(lambda: not self._session_files(), 120)
        except TimeoutError as error:
            print(f"sessions are still there: {error}", file=sys.stderr)

    def _session_files(self) -> list[Path]:
        """Return what visitors have, their folders included, and what waits for them among the uploads."""
        (visitors,) = (self._folder / "uploads").glob("*/visitors")
        return [path for path in visitors.rglob("*") if path != visitors / "uploads"]


def wait(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until a condition holds. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds} s")
        time.sleep(0.2)
