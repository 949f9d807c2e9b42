"""The image that ./dev image has built, a database, and certificates."""

import contextlib
import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "docker"), str(ROOT / "tests/integration"), str(ROOT / "tests/ci")]

import archive  # noqa: E402
from containers import NETWORK, UNWATCHED, CannotRun, Engine  # noqa: E402
from postgres import PostgresServer, free_port, server_user  # noqa: E402

import certificates  # noqa: E402
from running import Running  # noqa: E402

IMAGE = "localhost/splits"
STATE = ROOT / ".dev/containers"
HOST = "db.splits.test"
PASSWORD = "a password: 100% / safe?"


@pytest.fixture(scope="session")
def engine():
    engine = Engine(STATE)
    try:
        engine.prepare()
    except CannotRun as reason:
        pytest.skip(f"containers cannot run here: {reason}")
    assert engine.has_image(IMAGE), "there is no image: ./dev image builds one and then runs these tests"
    return engine


@pytest.fixture(scope="session")
def files(engine):
    """What is in the image: (tarfile.TarInfo, bytes) by path."""
    return archive.files(STATE / "splits.tar")


@pytest.fixture(scope="session")
def certificate_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    certificates.make(folder, HOST)
    return folder


@pytest.fixture(scope="session")
def server(certificate_folder):
    """With TLS, and a certificate for HOST."""
    owner = server_user()
    with contextlib.ExitStack() as stack:
        settings = {"ssl": "on", "ssl_cert_file": "server.crt", "ssl_key_file": "server.key"}
        server = PostgresServer(tcp=True, password=PASSWORD, settings=settings)
        for name in ("server.crt", "server.key"):
            file = server.data / name
            file.write_bytes((certificate_folder / name).read_bytes())
            file.chmod(0o600)
            if owner:
                os.chown(file, owner.pw_uid, owner.pw_gid)
        yield stack.enter_context(server)


@pytest.fixture
def database(server):
    """The URL of an empty database."""
    return server.create_database("splits")


@pytest.fixture
def migrated(engine, database):
    """The URL of a database with the tables, made by the image itself."""
    result = engine.once(IMAGE, "migrate", "up", options=[f"--env=DATABASE_URL={database}"])
    assert result.returncode == 0, result.stderr
    return database


@pytest.fixture
def run(engine):
    """Runs the image once with a command; options are podman's."""
    return lambda *command, options=(): engine.once(IMAGE, *command, options=options)


@pytest.fixture
def serve(engine):
    """Starts the service in a container with free ports, and removes it in the end."""
    with contextlib.ExitStack() as stack:
        def start(*options):
            port, admin_port = free_port(), free_port()
            container = stack.enter_context(engine.container(IMAGE, options=[
                NETWORK, UNWATCHED, f"--env=SPLITS_PORT={port}", f"--env=SPLITS_ADMIN_PORT={admin_port}",
                "--env=SPLITS_ADDRESS=127.0.0.1", "--env=SPLITS_ADMIN_ADDRESS=127.0.0.1", *options]))
            return Running(container, port)
        yield start


@pytest.fixture
def service(serve, migrated):
    service = serve(f"--env=DATABASE_URL={migrated}")
    service.wait_until_ready()
    return service


@pytest.fixture
def plain_container(engine):
    """As the image is, with its health check and on all addresses, but those of a network of its own: no database."""
    with engine.container(IMAGE, options=["--network=none"]) as container:
        yield container
