"""Certificates of a self-made authority, by openssl."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, as files in PEM."""

    file: Path
    key: Path


class Authority:
    """Signs certificates.

    Args:
        folder: for all files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.own = Certificate(folder / "ca.pem", folder / "ca.key")
        _openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=ours"),
            *("-addext", "basicConstraints=critical,CA:TRUE"),
            *("-keyout", str(self.own.key), "-out", str(self.own.file)),
        )

    def sign(self, name: str, address: str = "127.0.0.1") -> Certificate:
        """A certificate of a name, and of an address."""
        made = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        request = self._folder / f"{name}.csr"
        more = self._folder / f"{name}.cnf"
        more.write_text(f"subjectAltName=IP:{address}\n")
        _openssl(
            *("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}"),
            *("-keyout", str(made.key), "-out", str(request)),
        )
        _openssl(
            *("x509", "-req", "-in", str(request), "-days", "2", "-extfile", str(more)),
            *("-CA", str(self.own.file), "-CAkey", str(self.own.key), "-CAcreateserial"),
            *("-out", str(made.file)),
        )
        return made


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
