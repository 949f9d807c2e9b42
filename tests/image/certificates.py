"""An authority of the tests' own, another one, and a server's certificate, by openssl."""

import subprocess

DAYS = "2"


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def make_authority(folder, name):
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", DAYS,
            "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt")
    (folder / f"{name}.crt").chmod(0o644)


def make(folder, host):
    """authority.crt, another.crt, and server.crt with server.key for a host, signed by the first."""
    make_authority(folder, "authority")
    make_authority(folder, "another")
    openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={host}",
            "-keyout", "server.key", "-out", "server.csr")
    (folder / "names").write_text(f"subjectAltName=DNS:{host}\n", encoding="ascii")
    openssl(folder, "x509", "-req", "-in", "server.csr", "-CA", "authority.crt", "-CAkey", "authority.key",
            "-CAcreateserial", "-days", DAYS, "-extfile", "names", "-out", "server.crt")
