"""What was measured: a line of JSON per measurement in build/contest, added as it comes, so that a contest that was
interrupted goes on where it stopped. A contest of another build or other settings starts anew."""

import json
import pathlib
import shutil


class Store:
    def __init__(self, folder, identity, say=print):
        """identity: what must be the same for measurements to belong together; else the folder is emptied."""
        self.folder = pathlib.Path(folder)
        self.records = []
        self._path = self.folder / "measurements.jsonl"
        identity_path = self.folder / "identity.json"
        text = json.dumps(identity, sort_keys=True, indent=1)
        if identity_path.exists() and identity_path.read_text() != text:
            say(f"sources, tools or settings have changed: what was measured before is dropped ({self.folder})")
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        identity_path.write_text(text)
        self._load()
        self._known = {key_of(record) for record in self.records if is_result(record)}

    def _load(self):
        if not self._path.exists():
            return
        records = {}
        for line in self._path.read_text().splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue # cut short when the contest was interrupted
            records[key_of(record)] = record
        self.records = list(records.values())

    def has(self, key):
        """Is there a result? What gave none is measured again."""
        return tuple(key) in self._known

    def add(self, parameters, figures):
        """parameters say what was measured, figures what came out."""
        record = {**parameters, "key": sorted(parameters), **figures}
        with open(self._path, "a") as file:
            file.write(json.dumps(record) + "\n")
        self.records = [old for old in self.records if key_of(old) != key_of(record)] + [record]
        if is_result(record):
            self._known.add(key_of(record))

    def select(self, **wanted):
        """The records with these values that are results."""
        return [record for record in self.records if is_result(record)
                and all(record.get(name) == value for name, value in wanted.items())]

    def public_records(self):
        return [{name: value for name, value in record.items() if name != "key"} for record in self.records]


def parameters_key(parameters):
    return tuple((name, parameters[name]) for name in sorted(parameters))


def key_of(record):
    return tuple((name, record[name]) for name in record["key"])


def is_result(record):
    """A run with errors never counts."""
    return "error" not in record and not record.get("failed")
