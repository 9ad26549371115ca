"""A client that sends the HTTP bytes it wants to, and reads what comes back."""

import os
import re
import select
import socket

from harness import DEADLINE_S, split_address

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/http.md")


def documented_statuses():
    """Those of the table of errors in docs/http.md."""
    with open(PAGE, encoding="utf-8") as file:
        rows = re.findall(r"^\| ([45]\d\d(?:, [45]\d\d)*) \|", file.read(), re.M)
    return {int(status) for row in rows for status in row.split(", ")}


def get(target, *headers):
    return request("GET", target, *headers)


def request(method, target, *headers, body=None):
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", *headers]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def place(body):
    return request("POST", "/v1/place", body=body)


class Attacker:
    """One raw connection to a server's HTTP port."""

    def __init__(self, test, server, receive_buffer=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect(split_address(server.http))
        test.addCleanup(self.socket.close)
        self.received = b""
        self.ended = False

    def send(self, data):
        """False when the server has closed the connection."""
        try:
            self.socket.sendall(data)
        except (ConnectionResetError, BrokenPipeError):
            return False
        return True

    def send_until_answered(self, piece):
        """Again and again, until there is something to read."""
        sent = 0
        while not select.select([self.socket], [], [], 0)[0] and self.send(piece):
            sent += len(piece)
            assert sent < 64 << 20, "it is still listened to"

    def has_answer(self, within_s=0):
        return bool(select.select([self.socket], [], [], within_s)[0])

    def end_sending(self):
        self.socket.shutdown(socket.SHUT_WR)

    def _more(self):
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        self.ended = not data
        self.received += data
        return not self.ended

    def _take(self, count):
        while len(self.received) < count and self._more():
            pass
        taken, self.received = self.received[:count], self.received[count:]
        return taken

    def answer(self, bodiless=False):
        """The next answer as (status, headers, body); None when the connection has ended."""
        while b"\r\n\r\n" not in self.received:
            if not self._more():
                return None
        head, self.received = self.received.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        status = int(first.split()[1])
        if bodiless or status == 204 or status < 200:
            return status, headers, b""
        if headers.get("transfer-encoding") == "chunked":
            return status, headers, self._chunks()
        return status, headers, self._take(int(headers.get("content-length", 0)))

    def _chunks(self):
        body = b""
        while True:
            while b"\r\n" not in self.received and self._more():
                pass
            size, self.received = self.received.split(b"\r\n", 1)
            piece = self._take(int(size, 16) + 2)
            if len(piece) == 2:
                return body
            body += piece[:-2]

    def rest(self):
        """Everything that comes until the connection ends."""
        while self._more():
            pass
        return self.received

    def statuses(self):
        """Of every answer until the connection ends."""
        all_of_them = []
        while (answer := self.answer()) is not None:
            all_of_them.append(answer[0])
        return all_of_them
