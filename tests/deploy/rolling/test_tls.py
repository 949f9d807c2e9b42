"""TLS to the database, checked as docs/operations.md says."""

import os
import shutil
import subprocess

import paths  # noqa: F401
import pytest

from postgres import PostgresServer, server_user
from service import Service, migrate, wait_until

NAME = "tls"

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")


def make_certificate(folder, name):
    """Self-signed, for 127.0.0.1: the certificate and the key."""
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=splits-tests", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-out", certificate, "-keyout", key], check=True, capture_output=True)
    return certificate, key


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    with PostgresServer(tcp=True) as server:
        for file, name in zip(make_certificate(folder, "server"), ("server.crt", "server.key")):
            shutil.copy(file, server.data / name)
            os.chmod(server.data / name, 0o600)
            user = server_user()
            if user:
                os.chown(server.data / name, user.pw_uid, user.pw_gid)
        with open(server.data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write("ssl = on\n")
        (server.data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 trust\n", encoding="utf-8")
        server.restart()
        server.root = folder / "server.crt"
        server.stranger = make_certificate(folder, "stranger")[0]
        yield server


def test_a_server_is_trusted_by_its_certificate(server):
    url = server.create_database(NAME)
    migrate(f"{url}?sslmode=verify-full&sslrootcert={server.root}")
    with Service(f"{url}?sslmode=verify-full&sslrootcert={server.root}", "--workers=1", "--db-connections=2") as service:
        service.wait_until_ready()
        encrypted = server.query("SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
                                 "WHERE application_name = 'splits'")
    assert encrypted == [(True,)]


def test_a_stranger_is_not(server):
    url = server.create_database(NAME)
    with Service(f"{url}?sslmode=verify-full&sslrootcert={server.stranger}", "--workers=1") as service:
        wait_until(lambda: service.records("database_connect_failed"), what="a failed connection")
        assert "certificate verify failed" in service.records("database_connect_failed")[0]["message"]
        assert service.get("/health/ready").code == "database_unavailable"
        assert service.get("/health").status == 200
