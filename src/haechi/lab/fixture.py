"""What the lab protects, so that attacks have a target: an eKYC service with its database. No product of ours."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from haechi.lab import ekyc

Part = Literal["application", "database"]
PACKAGES: dict[Part, str] = {"application": "python3-psycopg2", "database": "postgresql"}
POSTGRESQL = {"bookworm": "15", "trixie": "17"}
PORT = 8080
SERVICE = """\
[Unit]
Description=Stand-in for an eKYC API
After=network.target

[Service]
ExecStart=/usr/bin/python3 /usr/local/lib/ekyc.py {address} {port}
EnvironmentFile=/etc/ekyc.env
User=nobody
Restart=always
RestartSec=1

[Install]
WantedBy=multi-user.target
"""
# The image holds PostgreSQL with an empty cluster; the role and its database are made at the first boot.
DATABASE = """\
[Unit]
Description=Database of the eKYC API
After=postgresql@{version}-main.service
ConditionPathExists=!/var/lib/postgresql/ekyc

[Service]
Type=oneshot
User=postgres
# As whoever runs a database does where nobody logs in as it (KISA U-11).
ExecStartPre=+/usr/sbin/usermod --shell /usr/sbin/nologin postgres
# Opened before the account changes: nobody else on the machine reads the password.
StandardInput=file:/etc/ekyc.sql
ExecStart=/usr/bin/psql --quiet --set ON_ERROR_STOP=1
ExecStart=/usr/bin/touch /var/lib/postgresql/ekyc

[Install]
WantedBy=multi-user.target
"""
SQL = """\
create role ekyc login password '{password}';
create database ekyc owner ekyc encoding 'UTF8' template template0;
"""
HBA = "local all postgres peer\nhostssl ekyc ekyc {application}/32 scram-sha-256\n"
# As a vendor would bring it daily: a lab made today has rules of today.
RULE = (
    'alert http any any -> $HOME_NET any (msg:"Of another house"; flow:to_server,established; http.uri; '
    'content:"/of-another-house"; metadata:updated_at {day}; sid:2900001; rev:1;)\n'
)
UNITS = "/etc/systemd/system"


def rules(place: Path, today: date) -> None:
    """Write rules for the intrusion detection that are not ours."""
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.write_text(RULE.format(day=f"{today:%Y_%m_%d}"))


def application(address: str, database: str, password: str) -> dict[str, tuple[str, int]]:
    """Return the files of the service's machine, each with its mode."""
    words = f"host={database} dbname=ekyc user=ekyc password={password} sslmode=require connect_timeout=5"
    return {
        "/usr/local/lib/ekyc.py": (Path(ekyc.__file__).read_text(encoding="utf-8"), 0o644),
        "/etc/ekyc.env": (f"EKYC_DATABASE={words}\n", 0o600),
        f"{UNITS}/ekyc.service": (SERVICE.format(address=address, port=PORT), 0o644),
    }


def database(address: str, application_at: str, password: str, release: str) -> dict[str, tuple[str, int]]:
    """Return the files of the database's machine, each with its mode."""
    version = POSTGRESQL[release]
    place = f"/etc/postgresql/{version}/main"
    return {
        f"{place}/conf.d/lab.conf": (f"listen_addresses = '{address}'\n", 0o644),
        f"{place}/pg_hba.conf": (HBA.format(application=application_at), 0o644),
        "/etc/ekyc.sql": (SQL.format(password=password), 0o600),
        f"{UNITS}/ekyc-database.service": (DATABASE.format(version=version), 0o644),
    }
