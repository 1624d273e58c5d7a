"""The other side of the network: serves fal's key set, and one PNG of 2 MB at every other address.

python -m benchmarks.files PORT
"""

import io
import os
import socket
import sys
import threading

from PIL import Image

from benchmarks.signing import jwks

SIDE = 832
"""Pixels; noise does not compress, so that three bytes a pixel make 2 MB."""


def picture() -> bytes:
    out = io.BytesIO()
    Image.frombytes("RGB", (SIDE, SIDE), os.urandom(SIDE * SIDE * 3)).save(out, "PNG", compress_level=0)
    return out.getvalue()


def answer(kind: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def serve(client: socket.socket, keys: bytes, image: bytes) -> None:
    waiting = b""
    with client:
        while chunk := client.recv(65536):
            waiting += chunk
            while b"\r\n\r\n" in waiting:
                head, _, waiting = waiting.partition(b"\r\n\r\n")
                client.sendall(keys if b"jwks.json" in head.split(b"\r\n", 1)[0] else image)


def main(port: int) -> None:
    keys, image = answer("application/json", jwks()), answer("image/png", picture())
    with socket.create_server(("127.0.0.1", port), backlog=256) as listening:
        while True:
            client, _ = listening.accept()
            threading.Thread(target=serve, args=(client, keys, image), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]))
