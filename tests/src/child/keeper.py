"""Runs one program and ends it as soon as the one who asked for it is gone, however that went.

The asker holds the other end of our standard input. The kernel closes it when the asker exits, is
killed or lets go, and that is the only thing waited for: no process id is ever guessed.

usage: keeper.py SIGNAL GRACE_SECONDS UID:GID REMOVE_FOLDER PROGRAM [ARGUMENT ...]
UID:GID and REMOVE_FOLDER may be empty. The folder is removed once the program has ended, unless the
asker wrote anything before it let go.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading


keep_folder = threading.Event()


def main():
    stop_signal, grace_seconds, identity, folder, *command = sys.argv[1:]
    # The program must end its own way; a signal meant for the asker's terminal is not for it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    adopt_orphans()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True,
                             preexec_fn=restore_signals, **identity_of(identity))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threading.Thread(target=wait_for_asker, args=(stop,), daemon=True).start()
    threading.Thread(target=wait_for_child, args=(child, stop), daemon=True).start()
    stop.wait()
    end(child, getattr(signal, stop_signal), float(grace_seconds))
    if folder and not keep_folder.is_set():
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(child.returncode if child.returncode >= 0 else 128 - child.returncode)


def restore_signals():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def identity_of(text):
    if not text:
        return {}
    uid, gid = map(int, text.split(":"))
    return {"user": uid, "group": gid, "extra_groups": []}


def wait_for_asker(stop):
    while os.read(0, 1024):
        keep_folder.set()
    stop.set()


def wait_for_child(child, stop):
    child.wait()
    stop.set()


def end(child, stop_signal, grace_seconds):
    if child.poll() is None:
        child.send_signal(stop_signal)
        try:
            child.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    for _ in range(100):
        descendants = children_of(os.getpid())
        if not descendants:
            return
        for pid in descendants:
            kill_and_reap(pid)


def adopt_orphans():
    """Makes what the program leaves behind our own child (Linux only), so that it can be ended by id."""
    try:
        import ctypes
        PR_SET_CHILD_SUBREAPER = 36
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        pass


def children_of(parent):
    try:
        with open(f"/proc/{parent}/task/{parent}/children") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


def kill_and_reap(pid):
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


if __name__ == "__main__":
    main()
