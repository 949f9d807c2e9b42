"""results.json: everything that a contest found, for the report and for others to compute with."""

import json

FORMAT = 1


def document(arena, contract_results, facts, is_complete):
    """facts: started, ended, commit, machine, versions."""
    return {
        "format": FORMAT,
        "is_complete": is_complete,
        **facts,
        "settings": {"users": arena.settings.users, "rounds": arena.settings.rounds, "cell_rounds": arena.settings.cell_rounds,
                     "seconds": arena.settings.seconds, "warm_up": arena.settings.warm_up,
                     "connections": arena.settings.connections},
        "contestants": [describe(arena, one, contract_results) for one in arena.contestants],
        "absent": arena.absent,
        "measurements": list(flattened(arena.store.public_records())),
    }


def describe(arena, contestant, contract_results):
    db_connections, label = arena.tuning(contestant.name, "read")
    list_connections, list_label = arena.tuning(contestant.name, "list")
    create_connections, create_label = arena.tuning(contestant.name, "create")
    return {"name": contestant.name, "title": contestant.title, "language": contestant.language,
            "family": contestant.family, "what": contestant.what, "db_connections": db_connections, "tuning": label,
            "db_connections_list": list_connections, "tuning_list": list_label,
            "db_connections_create": create_connections, "tuning_create": create_label,
            "contract": contract_results.get(contestant.name)}


def flattened(records):
    """One record per serializer, not one per program that measures several."""
    for record in records:
        if record["experiment"] == "json" and "serializers" in record:
            for name, figures in record["serializers"].items():
                yield {"experiment": "json", "contestant": name, "language": record["contestant"],
                       "round": record["round"], **figures}
        else:
            yield record


def write(path, value):
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def read(path):
    return json.loads(path.read_text())


def remembered(path, make):
    """A value that is made once and kept."""
    if not path.exists():
        write(path, make())
    return read(path)
