"""moto's server with two things it lacks to stand for AWS on this machine.

Requests take turns. moto checks a condition and then writes, with nothing in between to stop another thread; a
conditional write of AWS is one step.

If there is a recording, every write to S3 and DynamoDB that succeeded is appended to it before its reply is sent,
and the next server begins by making them again. moto's own recorder keeps reads and refused writes as well, so that
it grows with every glance, and it would keep the secrets; those are stored anew by whoever starts the stack.
Not kept: the ids of versions and the times at which they were written.

usage: server.py PORT [RECORDING]
"""

import base64
import io
import json
import os
import sys
import threading

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import run_simple
from werkzeug.test import run_wsgi_app


class InTurn:
    def __init__(self, app, recording):
        self.app = app
        self.recording = recording
        self.lock = threading.Lock()

    def __call__(self, environ, start_response):
        body = read_body(environ)
        with self.lock:
            chunks, status, headers = ask(self.app, environ, body)
            if self.recording and status.startswith("2") and is_write(environ):
                self.recording.append(environ, body)
        start_response(status, list(headers))
        return chunks


class Recording:
    def __init__(self, path, app):
        entries = without_staged(read_entries(path))
        for entry in entries:
            _, status, _ = ask(app, entry["environ"], base64.b64decode(entry["body"]))
            if not status.startswith("2"):
                sys.exit(f"{path}: a write of the last time is refused now: {status}")
        descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self.file = os.fdopen(descriptor, "wb")
        for entry in entries:
            self.write(entry)
        self.sync()
        # The whole or nothing: until here the old one is what counts.
        os.rename(path + ".new", path)

    def append(self, environ, body):
        kept = {name: value for name, value in environ.items() if isinstance(value, str)}
        entry = {"environ": kept, "body": base64.b64encode(body).decode("ascii")}
        self.write(entry)
        self.sync()

    def write(self, entry):
        self.file.write(json.dumps(entry).encode("utf-8") + b"\n")

    def sync(self):
        self.file.flush()
        # As durable as the database beside it: one that is ahead of the other looks like an attack.
        os.fsync(self.file.fileno())


def read_entries(path):
    if not os.path.exists(path):
        return []
    with open(path, "rb") as file:
        # Killed in the middle of a line, we had not told anybody that this one succeeded.
        return [json.loads(line) for line in file if line.endswith(b"\n")]


def without_staged(entries):
    """Leaves out what was staged and forgotten, as the bucket's life cycle does: it is half of everything."""
    last = {place(entry): entry["environ"]["REQUEST_METHOD"] for entry in entries}
    return [entry for entry in entries if "/staging/" not in place(entry) or last[place(entry)] != "DELETE"]


def place(entry):
    return entry["environ"]["PATH_INFO"]


def read_body(environ):
    stream = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated") and "CONTENT_LENGTH" not in environ:
        return stream.read()
    return stream.read(int(environ.get("CONTENT_LENGTH") or 0))


def ask(app, environ, body):
    environ = dict(environ)
    environ.update({
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    })
    return run_wsgi_app(app, environ, buffered=True)


def is_write(environ):
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        service, _, action = target.partition(".")
        return service.startswith("DynamoDB") and action.startswith(("Create", "Put", "Update", "Delete"))
    return environ["REQUEST_METHOD"] in ("PUT", "POST", "DELETE") and not environ["PATH_INFO"].startswith("/moto-api/")


def main():
    port, *recording = sys.argv[1:]
    app = DomainDispatcherApplication(create_backend_app)
    kept = Recording(recording[0], app) if recording else None
    run_simple("127.0.0.1", int(port), InTurn(app, kept), threaded=True, request_handler=MotoRequestHandler)


if __name__ == "__main__":
    main()
