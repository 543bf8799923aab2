"""sam, with its containers on this machine's own network.

The local stack listens on loopback only, and the functions go without TLS nowhere else. sam's --docker-network host
leaves containers on the bridge; here they are where it says. Each then needs ports of its own: the one that sam calls
the emulator on, and the one that the emulator and the function talk on.
"""

import socket

from docker.models.containers import ContainerCollection

create = ContainerCollection.create


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def on_this_machine(self, image, command=None, **options):
    published = options.pop("ports", None) or {}
    options["network_mode"] = "host"
    for _, port in published.values():
        options["entrypoint"] = [
            *options["entrypoint"],
            "--runtime-interface-emulator-address",
            f"127.0.0.1:{port}",
            "--runtime-api-address",
            f"127.0.0.1:{free_port()}",
        ]
    return create(self, image, command, **options)


ContainerCollection.create = on_this_machine

from samcli.cli.main import cli  # noqa: E402  (after the change)

cli(prog_name="sam")
