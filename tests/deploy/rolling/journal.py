"""Clients that write down what they ask for before they ask, and what they are told; and whether the database agrees.

    audit(database)
    with Writers(base_url, folder, count=4):
        …
    verdict = judge(folder, database)

Each writer changes only users that it has made, one request at a time, so their order is known. Every change carries a
mark of its own as the user's name. A trigger keeps every committed change, so the database tells what was applied, how
often and in which order, also of users that are gone.
"""

import collections
import json
import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import requests

USERS_MAX = 5          # that a writer keeps
ATTEMPTS_MAX = 200     # with one Idempotency-Key
ANSWER_SECONDS_MAX = 30
LONG_PAUSE_SHARE = 0.02
LONG_PAUSE_SECONDS = 1.5 # longer than idle connections live at the end of a drain

AUDIT = """
CREATE TABLE changes (number bigserial PRIMARY KEY, verb text NOT NULL, id bigint NOT NULL, name text NOT NULL);
CREATE FUNCTION keep_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO changes (verb, id, name) VALUES (TG_OP, coalesce(NEW.id, OLD.id), coalesce(NEW.name, OLD.name));
    RETURN NULL;
END $$;
CREATE TRIGGER keep_change AFTER INSERT OR UPDATE OR DELETE ON users FOR EACH ROW EXECUTE FUNCTION keep_change();
"""


def audit(query):
    """query(sql) runs a statement in the database of the service, migrated already."""
    query(AUDIT)


class Writer:
    def __init__(self, name, base_url, folder, pause_seconds):
        self.name = name
        self.base_url = base_url
        self.pause_seconds = pause_seconds
        self.random = random.Random(name)
        self.users = collections.deque() # ids, and the version that was told last
        self.number = self.acknowledged = 0
        self.ends = None # an event, once it runs
        self.session = requests.Session()
        self.session.trust_env = False
        self.file = open(folder / f"{name}.jsonl", "w", encoding="utf-8")

    def run(self, ends):
        self.ends = ends
        verbs = [self.create, self.create_once, self.replace, self.patch, self.patch_if, self.erase]
        with self.file, self.session:
            while not ends.is_set():
                self.random.choices(verbs, (2, 2, 3, 3, 2, 1))[0]()
                is_long = self.random.random() < LONG_PAUSE_SHARE
                ends.wait(self.random.uniform(0, LONG_PAUSE_SECONDS if is_long else self.pause_seconds))

    # What is asked for

    def create(self, key=None):
        self.number += 1
        mark = f"{self.name}-{self.number}"
        value = {"name": mark, "email": f"{mark}@writers.example"}
        headers = {"Idempotency-Key": f'"{mark}"'} if key else {}
        self.note(ask="create", mark=mark, key=bool(key))
        for _ in range(ATTEMPTS_MAX if key else 1):
            answer = self.send("POST", "/users", value, headers)
            if answer is not None and answer.status_code == 201:
                self.users.append((answer.json()["id"], answer.json()["version"]))
                break
            if key and self.ends.wait(0.05):
                break
        if len(self.users) > USERS_MAX:
            self.erase()

    def create_once(self):
        self.create(key=True)

    def replace(self):
        self.change("PUT", lambda mark: {"name": mark, "email": f"{mark}@writers.example"})

    def patch(self):
        self.change("PATCH", lambda mark: {"name": mark})

    def patch_if(self):
        if self.users and self.users[0][1] is not None:
            self.change("PATCH", lambda mark: {"name": mark}, {"If-Match": f'"{self.users[0][1]}"'})

    def change(self, method, value, headers=None):
        if not self.users:
            return
        self.number += 1
        mark = f"{self.name}-{self.number}"
        user, _ = self.users.popleft()
        self.note(ask="change", mark=mark, user=user)
        answer = self.send(method, f"/users/{user}", value(mark), headers or {})
        is_done = answer is not None and answer.status_code == 200
        self.users.append((user, answer.json()["version"] if is_done else None))
        if is_done:
            self.read_back(user, mark)

    def erase(self):
        if not self.users:
            return
        self.number += 1
        user, _ = self.users.popleft()
        self.note(ask="erase", user=user)
        self.send("DELETE", f"/users/{user}", None, {})

    def read_back(self, user, mark):
        """What was acknowledged is to be seen at once, whichever instance is asked."""
        self.number += 1
        self.note(ask="read", user=user, mark=mark)
        answer = self.send("GET", f"/users/{user}", None, {})
        if answer is not None and answer.status_code == 200 and answer.json()["name"] != mark:
            self.note(stale=answer.json()["name"])

    # How it is written down

    def note(self, **entry):
        self.file.write(json.dumps({"number": self.number} | entry) + "\n")
        self.file.flush()

    def send(self, method, path, value, headers):
        """The answer; None when the connection ended without one."""
        if value is not None:
            headers = headers | {"Content-Type": "application/merge-patch+json" if method == "PATCH" else "application/json"}
        started = time.monotonic()
        try:
            answer = self.session.request(method, self.base_url + path, headers=headers, timeout=ANSWER_SECONDS_MAX,
                                          data=None if value is None else json.dumps(value))
        except requests.RequestException as error:
            self.note(error=repr(error), seconds=time.monotonic() - started)
            return None
        told = {"status": answer.status_code, "seconds": time.monotonic() - started}
        if answer.status_code >= 400:
            told |= {"code": answer.json().get("code"), "unknown": answer.json().get("outcome") == "unknown"}
        elif method == "POST":
            told |= {"user": answer.json()["id"]}
        self.acknowledged += method != "GET" and answer.status_code < 300
        self.note(**told)
        return answer


class Writers:
    """Threads that write until the end of the with statement."""

    def __init__(self, base_url, folder, count=4, pause_seconds=0.02, name="w"):
        self.ends = threading.Event()
        self.failures = []
        self.writers = [Writer(f"{name}{index}", base_url, Path(folder), pause_seconds) for index in range(count)]
        self.threads = [threading.Thread(target=self._run, args=(writer,), daemon=True) for writer in self.writers]

    def _run(self, writer):
        try:
            writer.run(self.ends)
        except Exception as error: # raised again in the thread that waits
            self.failures.append(error)

    def acknowledged(self):
        """Writes so far."""
        return sum(writer.acknowledged for writer in self.writers)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        for thread in self.threads:
            thread.join(2 * ANSWER_SECONDS_MAX)
        assert not any(thread.is_alive() for thread in self.threads), "a writer never ended"
        if self.failures:
            raise self.failures[0]


@dataclass
class Verdict:
    requests: int = 0
    acknowledged: int = 0                       # writes
    unknown: int = 0                            # writes whose outcome nobody was told
    slowest_seconds: float = 0
    failed: list = field(default_factory=list)  # requests without a 2xx answer
    lost: list = field(default_factory=list)    # acknowledged, and not in the database
    doubled: list = field(default_factory=list) # created twice, or applied again after a later change
    denied: list = field(default_factory=list)  # told that nothing was changed, and applied, though
    stale: list = field(default_factory=list)   # a read after an acknowledged write saw another state

    def is_clean(self):
        return not (self.lost or self.doubled or self.denied or self.stale)


@dataclass
class Entry:
    ask: str
    mark: str = None
    user: int = None
    key: bool = False
    tries: list = field(default_factory=list) # what was told, one for each attempt

    def is_acknowledged(self):
        """A user that is not there any more has been erased by an attempt that whoever is in between has repeated."""
        well = (200, 201, 204, 404) if self.ask == "erase" else (200, 201)
        return any(told.get("status") in well for told in self.tries)

    def is_unknown(self):
        """May have been applied, though nobody said so. Without a word at all: the writer was cut off."""
        return not self.is_acknowledged() and (not self.tries or any(
            "error" in told or told.get("unknown") or told.get("status") == 504 for told in self.tries))


def read_journal(file, verdict):
    """The entries in their order."""
    entries = []
    for line in file.read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        if "ask" in told:
            del told["number"]
            entries.append(Entry(**told))
        elif "stale" in told:
            verdict.stale.append((entries[-1].mark, told["stale"]))
        else:
            entry = entries[-1]
            entry.tries.append(told)
            entry.user = told.get("user", entry.user)
            verdict.requests += 1
            verdict.slowest_seconds = max(verdict.slowest_seconds, told["seconds"])
            if not 200 <= told.get("status", 0) < 300:
                verdict.failed.append(told)
    return entries


class Changes:
    """What the trigger has seen: numbers of changes, in the order in which they were made."""

    def __init__(self, query):
        self.of = collections.defaultdict(list)
        self.of_user = collections.defaultdict(list)
        for verb, user, name in query("SELECT verb, id, name FROM changes ORDER BY number"):
            mark = None if verb == "DELETE" else name
            # An address makes a creation, for nobody but its writer knows the id.
            self.of["create", None, mark] += [user] if verb == "INSERT" else []
            self.of["change", user, mark] += [user] if verb == "UPDATE" else []
            self.of["erase", user, None] += [user] if verb == "DELETE" else []
            marks = self.of_user[user]
            if not marks or marks[-1] != mark: # the same again at once is the same
                marks.append(mark)

    def count(self, entry):
        return len(self.of[entry.ask, None if entry.ask == "create" else entry.user, entry.mark])


def is_in_order(made, asked):
    """Is made what is left of asked when some of it is taken out?"""
    rest = iter(asked)
    return all(mark in rest for mark in made)


def judge(folder, query):
    """Compares every journal in the folder with the database; no writer runs any more."""
    verdict = Verdict()
    changes = Changes(query)
    for file in sorted(Path(folder).glob("*.jsonl")):
        writes = [entry for entry in read_journal(file, verdict) if entry.ask != "read"]
        by_user = collections.defaultdict(list)
        for entry in writes:
            judge_entry(entry, changes.count(entry), verdict)
            by_user[entry.user].append(entry.mark)
        verdict.doubled += [(user, changes.of_user[user]) for user, asked in by_user.items()
                            if user is not None and not is_in_order(changes.of_user[user], asked)]
    return verdict


def judge_entry(entry, count, verdict):
    if entry.is_acknowledged():
        verdict.acknowledged += 1
        if count == 0:
            verdict.lost.append(entry)
    elif entry.is_unknown():
        verdict.unknown += 1
    elif count > 0:
        verdict.denied.append(entry)
    if entry.ask != "change" and count > 1:
        verdict.doubled.append(entry)
