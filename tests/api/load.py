#!/usr/bin/env python3
"""Keeps a service busy with users of its own, until SIGTERM: load.py BASE_URL

Ends with exit code 1 when an answer was not the expected one.
"""

import http.client
import json
import os
import signal
import sys
import threading
import urllib.parse

CLIENTS = 8

stopping = threading.Event()


class Client:
    """One connection that creates, reads, changes and removes one user after the other."""

    def __init__(self, address, number):
        self.connection = http.client.HTTPConnection(address, timeout=30)
        self.number = number
        self.answers = 0

    def ask(self, expected, method, path, body=None, content_type="application/json"):
        headers = {"Content-Type": content_type} if body else {}
        self.connection.request(method, path, body and json.dumps(body), headers)
        answer = self.connection.getresponse()
        content = answer.read()
        self.answers += 1
        if answer.status != expected:
            raise RuntimeError(f"{method} {path}: {answer.status} instead of {expected}: {content!r}")
        return json.loads(content) if content else None

    def live_once(self, round_number):
        email = f"load-{os.getpid()}-{self.number}-{round_number}@load.example"
        user = self.ask(201, "POST", "/users", {"name": "Lõad", "email": email})
        path = f"/users/{user['id']}"
        self.ask(200, "GET", path)
        self.ask(409, "POST", "/users", {"name": "Twice", "email": email.upper()})
        self.ask(200, "PATCH", path, {"name": "Changed"}, "application/merge-patch+json")
        self.ask(200, "GET", "/users?limit=50")
        self.ask(200, "GET", "/health")
        self.ask(422, "PUT", path, {"name": "", "email": email})
        self.ask(204, "DELETE", path)
        self.ask(404, "GET", path)


def work(client, flaws):
    round_number = 0
    try:
        while not stopping.is_set():
            client.live_once(round_number)
            round_number += 1
    except (RuntimeError, OSError, http.client.HTTPException) as flaw:
        flaws.append(flaw)


def main():
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    address = urllib.parse.urlsplit(sys.argv[1]).netloc
    clients = [Client(address, number) for number in range(CLIENTS)]
    flaws = []
    threads = [threading.Thread(target=work, args=(client, flaws)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for flaw in flaws:
        print(f"load: {flaw!r}")
    print(f"load: {sum(client.answers for client in clients)} answers, {len(flaws)} clients failed")
    return 1 if flaws else 0


if __name__ == "__main__":
    sys.exit(main())
