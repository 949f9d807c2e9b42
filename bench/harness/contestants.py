"""Who races: how each is built, started and told its settings (bench/peers/README.md)."""

from dataclasses import dataclass, field

from harness.settings import BUILD, PROCESSORS, ROOT

RELEASE = BUILD / "release"
PEERS = BUILD / "peers"


@dataclass(frozen=True)
class Contestant:
    name: str
    title: str
    language: str
    family: str                 # c, go or rust
    what: str
    program: str                # path of the executable
    arguments: tuple = ()
    environment: dict = field(default_factory=dict, hash=False)
    serializers: tuple = ()     # of /lab/users; the first is its own
    tunings: dict = field(default_factory=dict, hash=False) # label: environment, tried beside the default

    def connections_environment(self, db_connections):
        return {"DB_CONNECTIONS": str(db_connections)}


@dataclass(frozen=True)
class Splits(Contestant):
    """Its connections are counted per worker, and there is one worker per processor."""

    def connections_environment(self, db_connections):
        return {
            "SPLITS_DB_CONNECTIONS": str(max(1, db_connections // PROCESSORS)),
            "SPLITS_MIGRATIONS_DIR": str(ROOT / "migrations"),
            "SPLITS_ADMIN_PORT": "0",
        }


def splits(name, title, what, *options, folder="release"):
    return Splits(name, title, "C", "c", what, str(BUILD / folder / "splits"), ("serve", *options),
                  serializers=("direct", "jansson", "postgres", "none"))


def go(name, title, what, serializers=("encoding/json",)):
    return Contestant(f"go-{name}", title, "Go", "go", what, str(PEERS / f"go-{name}"), serializers=serializers,
                      tunings={"GOGC=400": {"GOGC": "400"}, "GOMAXPROCS=1": {"GOMAXPROCS": "1"}})


def rust(name, title, what, **tunings):
    return Contestant(f"rust-{name.replace('_', '-')}", title, "Rust", "rust", what, str(PEERS / f"rust-{name}"),
                      serializers=("serde",), tunings=tunings)


SPLITS = splits("splits", "Splits", "libmicrohttpd, libpq pipelined")
COMBINED = splits("splits-combined", "Splits, look-ups combined", "the look-ups of one tick as one query (--db-combine=all)",
                  "--db-combine=all")
BLOCKING = splits("splits-blocking", "Splits, blocking", "each worker waits for each answer (--db-mode=blocking)",
                  "--db-mode=blocking")
WITHOUT_LEDGER = splits("splits-no-ledger", "Splits without its ledger", "built with -Dledger=false", folder="no-ledger")

GO = [
    go("nethttp", "Go net/http + pgx", "net/http, pgx v5, encoding/json"),
    go("gin", "Gin + pgx", "Gin, pgx v5, encoding/json"),
    go("fasthttp", "fasthttp + pgx", "fasthttp, pgx v5, a fast JSON library", ("sonic", "encoding/json")),
]
RUST = [
    rust("axum_sqlx", "axum + sqlx", "axum, sqlx", **{"TOKIO_WORKER_THREADS=1": {"TOKIO_WORKER_THREADS": "1"}}),
    rust("axum_postgres", "axum + tokio-postgres", "axum, tokio-postgres pipelined"),
    rust("actix_deadpool", "actix-web + deadpool", "actix-web, deadpool-postgres"),
]
PEER_CONTESTANTS = GO + RUST

# Measured by other programs, for the read and for /health: the limits to hold oneself against.
LIMITS = [
    {"name": "pgbench", "title": "pgbench -M prepared", "language": "C", "family": "limit",
     "what": "the same query without HTTP and JSON"},
    {"name": "pgbench-pipeline", "title": "pgbench, \\startpipeline", "language": "C", "family": "limit",
     "what": "the same query, many in one pipeline"},
    {"name": "nginx", "title": "nginx return 200", "language": "C", "family": "limit", "what": "a constant as /health"},
]
