"""The way from the container to its database: names and certificates, which a static program has to bring itself."""

import contextlib
import shutil
import subprocess
import time
from urllib.parse import urlsplit

import pytest

from conftest import HOST

NAME_SERVER = "127.0.0.77"
IN_HOSTS = f"--add-host={HOST}:127.0.0.1"
CONNECT_MS_MAX = 1000
AUTHORITY = "/etc/splits/authority.crt"


def url_for(url, host, **parameters):
    """The URL of the same database under another host name."""
    parts = urlsplit(url)
    user, _, _ = parts.netloc.rpartition("@")
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return parts._replace(netloc=f"{user}@{host}:{parts.port}", query=query).geturl()


@pytest.fixture
def check(run, database):
    """Asks the container whether it reaches the database."""
    def ask(host=HOST, options=(IN_HOSTS,), **parameters):
        return run("migrate", "up", options=[f"--env=DATABASE_URL={url_for(database, host, **parameters)}",
                                             f"--env=SPLITS_DB_CONNECT_TIMEOUT_MS={CONNECT_MS_MAX}", *options])
    return ask


def authority(folder, name="authority"):
    return f"--volume={folder}/{name}.crt:{AUTHORITY}:ro"


@contextlib.contextmanager
def name_server(*options):
    """dnsmasq on a loopback address; HOST is 127.0.0.1 there."""
    process = subprocess.Popen(
        ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", f"--listen-address={NAME_SERVER}",
         "--bind-interfaces", "--no-resolv", "--no-hosts", "--no-dhcp-interface=lo", "--log-facility=-", "--pid-file=",
         "--user=nobody",
         *options], stderr=subprocess.PIPE, text=True)
    try:
        time.sleep(0.3)
        assert process.poll() is None, process.stderr.read()
        yield
    finally:
        process.terminate()
        process.wait()


# --- Names ------------------------------------------------------------------------------------------


def test_a_name_from_the_hosts_file_is_found(check):
    result = check()
    assert result.returncode == 0, result.stderr


@pytest.mark.skipif(not shutil.which("dnsmasq"), reason="no dnsmasq")
def test_a_name_from_a_name_server_is_found(check):
    with name_server(f"--address=/{HOST}/127.0.0.1"):
        result = check(options=[f"--dns={NAME_SERVER}"])
    assert result.returncode == 0, result.stderr


@pytest.mark.skipif(not shutil.which("dnsmasq"), reason="no dnsmasq")
def test_a_search_domain_completes_a_short_name(check):
    """As in a cluster: the database is called by its Service's name alone."""
    with name_server(f"--address=/{HOST}/127.0.0.1"):
        result = check(host="db", options=[f"--dns={NAME_SERVER}", "--dns-search=splits.test"])
    assert result.returncode == 0, result.stderr


@pytest.mark.skipif(not shutil.which("dnsmasq"), reason="no dnsmasq")
def test_an_unknown_name_is_refused_by_name(check):
    with name_server("--local=/splits.test/"):
        result = check(options=[f"--dns={NAME_SERVER}"])
    assert result.returncode != 0
    assert HOST in result.stderr


@pytest.mark.skipif(not shutil.which("dnsmasq"), reason="no dnsmasq")
def test_the_service_itself_finds_its_database_by_name(serve, migrated):
    with name_server(f"--address=/{HOST}/127.0.0.1"):
        service = serve(f"--env=DATABASE_URL={url_for(migrated, HOST)}", f"--dns={NAME_SERVER}")
        service.wait_until_ready()
        assert service.get("/users/1").status_code == 404


# --- Certificates -----------------------------------------------------------------------------------


def test_verify_full_takes_the_right_authority(check, certificate_folder):
    result = check(options=[IN_HOSTS, authority(certificate_folder)], sslmode="verify-full", sslrootcert=AUTHORITY)
    assert result.returncode == 0, result.stderr


def test_verify_full_refuses_another_authority(check, certificate_folder):
    result = check(options=[IN_HOSTS, authority(certificate_folder, "another")], sslmode="verify-full",
                   sslrootcert=AUTHORITY)
    assert result.returncode != 0
    assert "certificate verify failed" in result.stderr


def test_verify_full_refuses_another_host(check, certificate_folder):
    result = check(host="other.splits.test", options=["--add-host=other.splits.test:127.0.0.1",
                                                      authority(certificate_folder)],
                   sslmode="verify-full", sslrootcert=AUTHORITY)
    assert result.returncode != 0
    assert "does not match host name" in result.stderr


def test_public_authorities_are_the_default(check):
    """The server's certificate is not from one of those: what is refused is the certificate, not a missing file."""
    result = check(sslmode="verify-full")
    assert result.returncode != 0
    assert "certificate verify failed" in result.stderr


def test_an_authority_may_take_the_place_of_the_public_ones(check, certificate_folder):
    """Without a parameter in the URL: a mount over the bundle, as clusters with an authority of their own do."""
    bundle = "/etc/ssl/certs/ca-certificates.crt"
    result = check(options=[IN_HOSTS, f"--volume={certificate_folder}/authority.crt:{bundle}:ro"],
                   sslmode="verify-full")
    assert result.returncode == 0, result.stderr


def test_require_verifies_too_unless_told_otherwise(check):
    """libpq's rule: with a root certificate, require is verify-ca. docs/container.md says what to set."""
    assert "certificate verify failed" in check(sslmode="require").stderr
    result = check(options=[IN_HOSTS, "--env=PGSSLROOTCERT="], sslmode="require")
    assert result.returncode == 0, result.stderr


def test_the_service_serves_over_verified_tls(serve, server, migrated, certificate_folder):
    url = url_for(migrated, HOST, sslmode="verify-full", sslrootcert=AUTHORITY)
    service = serve(f"--env=DATABASE_URL={url}", IN_HOSTS, authority(certificate_folder))
    service.wait_until_ready()
    assert service.get("/users/1").status_code == 404
    encrypted = server.query("SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
                             "WHERE application_name = 'splits'", database="splits")
    assert encrypted == [(True,)]
