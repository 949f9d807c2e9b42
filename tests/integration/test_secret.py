"""The database URL in a file: a mounted secret that is missing, comes late, or is changed."""

import os

import pytest

from service import Service, wait_until


@pytest.fixture
def secret(tmp_path):
    """Where the secret will be; put there as a whole, as a volume does."""
    return tmp_path / "database-url"


def put(secret, url):
    fresh = secret.with_suffix(".new")
    fresh.write_text(url + "\n", encoding="utf-8")
    os.rename(fresh, secret)


def serving(secret, *options):
    return Service("", "--workers=1", "--db-connections=2", "--db-reconnect-max-ms=100", *options,
                   environment={"DATABASE_URL_FILE": str(secret)}, passes_url=False)


def test_a_missing_secret_is_told_and_found_when_it_is_there(shared, secret):
    with serving(secret) as service:
        record = service.wait_for_record("database_url_missing")
        assert record["message"] == f"database-url-file {secret}: No such file or directory"
        assert record["hint"].startswith("mount the secret there")
        assert service.get("/health").status == 200
        answer = service.get("/health/ready")
        assert (answer.status, answer.code, answer.retry_after) == (503, "database_url_missing", 5)
        assert service.admin("/health/ready").code == "database_url_missing"
        assert service.get("/users/1").code == "database_url_missing"
        put(secret, shared.url)
        service.wait_until_ready(5)
        assert service.get("/users/1").status == 200
        assert len(service.records("database_url_missing")) == 1


@pytest.mark.parametrize(("content", "flaw"), [("", "the file is empty"), ("postgresql://[::1/x", "malformed")])
def test_a_secret_that_is_no_url_is_told(secret, content, flaw):
    put(secret, content)
    with serving(secret) as service:
        assert flaw in service.wait_for_record("database_url_missing")["message"]
        assert service.get("/health").status == 200
        assert service.get("/health/ready").code == "database_url_missing"


def test_a_changed_secret_counts_for_connections_from_then_on(shared, secret):
    shared.query("CREATE ROLE rotated LOGIN SUPERUSER")
    try:
        put(secret, shared.url)
        with serving(secret) as service:
            service.wait_until_ready()
            put(secret, shared.server.url(shared.NAME, user="rotated"))
            shared.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'splits'")
            wait_until(lambda: users(shared) == {"rotated"}, what="connections of the new user")
            assert service.get("/users/1").status == 200
        wait_until(lambda: not users(shared), what="the end of the connections")
    finally:
        shared.query("DROP ROLE rotated")


def users(shared):
    return {name for (name,) in shared.query(
        "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name = 'splits'")}
