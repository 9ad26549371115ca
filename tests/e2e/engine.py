"""A Docker engine of one test program: a real dockerd in a folder of its own, with one image."""

import http.client
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile

from harness import DEADLINE_S, eventually

BUSYBOX = "/bin/busybox"
PROGRAMS = "cat echo env grep head id ls sh sleep tail touch true wc".split()
IMAGE = "busybox:latest"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("engine", timeout=DEADLINE_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)  # closed by close(), connected or not


def image_archive():
    """A root file system of busybox and one file, as an archive."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(BUSYBOX, "bin/busybox")
        for name in PROGRAMS:
            link = tarfile.TarInfo("bin/" + name)
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
        text = b"engine\n"
        file = tarfile.TarInfo("etc/from")
        file.size = len(text)
        tar.addfile(file, io.BytesIO(text))
    return archive.getvalue()


class Engine:
    """`why_not` is not empty where none can run."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="berth-engine.")
        self.socket = os.path.join(self.folder, "docker.sock")
        self.log_path = os.path.join(self.folder, "log")
        self.child = None
        self.why_not = ""
        for needed, package in (("dockerd", "docker.io"), (BUSYBOX, "busybox-static")):
            if not shutil.which(needed):
                self.why_not = f"{needed} is not installed; it is in the package {package}"
        if os.geteuid() != 0:
            self.why_not = "dockerd needs root"
        if not self.why_not:
            self.start()
        if not self.why_not:
            self.give_image()

    def start(self):
        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen(
                [
                    "dockerd",
                    "--storage-driver=vfs",
                    "--iptables=false",
                    "--ip6tables=false",
                    "--bridge=none",
                    f"--data-root={self.folder}/data",
                    f"--exec-root={self.folder}/exec",
                    f"--host=unix://{self.socket}",
                    f"--pidfile={self.folder}/pid",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        eventually(lambda: self.child.poll() is not None or self.answers(), "dockerd answers")
        if self.child.poll() is not None:
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                self.why_not = "dockerd cannot start here: " + log.read()[-1000:]

    def answers(self):
        try:
            return self.ask("GET", "/_ping")[0] == 200
        except OSError:
            return False

    def ask(self, method, path, body=None, kind="application/json"):
        connection = UnixConnection(self.socket)
        try:
            connection.request(method, path, body, {"Content-Type": kind})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def give_image(self):
        name, tag = IMAGE.split(":")
        path = f"/images/create?fromSrc=-&repo={name}&tag={tag}"
        status, said = self.ask("POST", path, image_archive(), "application/x-tar")
        assert status == 200, said

    def containers(self):
        """The names of all, running or not."""
        status, said = self.ask("GET", "/containers/json?all=1")
        assert status == 200, said
        return [each["Names"][0] for each in json.loads(said)]

    def images(self):
        return [tag for each in json.loads(self.ask("GET", "/images/json")[1]) for tag in each["RepoTags"]]

    def stop(self):
        if self.child is not None and self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            self.child.wait(DEADLINE_S)

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
