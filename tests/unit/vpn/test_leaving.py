"""A live tunnel is a door of a leaver's, ended after she is denied; OpenVPN is asked by a socket of the test's own."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.accounts import leave, plan
from ansible_collections.haechi.guard.plugins.module_utils.accounts.change import Hangup, Remove, WriteFile
from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import Current
from ansible_collections.haechi.guard.plugins.module_utils.vpn import management

from haechi.desired import accounts

from .conftest import policy

STATUS = (
    "TITLE\tOpenVPN 2.6.14\nTIME\t2026-11-26 22:21:45\t1795731705\n"
    "HEADER\tCLIENT_LIST\tCommon Name\tReal Address\tVirtual Address\tVirtual IPv6 Address\tBytes Received\tBytes Sent"
    "\tConnected Since\tConnected Since (time_t)\tUsername\tClient ID\tPeer ID\tData Channel Cipher\n"
    "CLIENT_LIST\tann\t198.51.100.7:34350\t10.8.0.65\t\t7036\t6481\t2026-11-26 22:21:33\t1795731693"
    "\tann\t0\t0\tAES-256-GCM\n"
    "CLIENT_LIST\tbob\t198.51.100.8:1\t10.8.0.66\t\t1\t1\t2026-11-26 22:21:33\t1795731693\tbob\t1\t1\tAES-256-GCM\n"
    "ROUTING_TABLE\t10.8.0.65\tann\t198.51.100.7:34350\t2026-11-26 22:21:39\t1795731699\nEND\n"
)
KILLED = "SUCCESS: common name 'ann' found, 1 client(s) killed\n"
Serve = Callable[[Mapping[str, str]], list[str]]


@pytest.fixture
def openvpn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Return how to have an OpenVPN answer commands; it hangs up on others, and says what it was asked."""
    monkeypatch.setattr(management, "FOLDER", str(tmp_path))
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "udp.sock"))
    listening.listen()
    asked: list[str] = []

    def serve(answers: Mapping[str, str]) -> list[str]:
        def run() -> None:
            while True:
                connection, _ = listening.accept()
                with connection:
                    connection.sendall(b">INFO:OpenVPN Management Interface Version 5\r\n")
                    asked.append(connection.recv(999).decode().strip())
                    # In two parts, as a long answer comes.
                    text = answers.get(asked[-1], "").replace("\n", "\r\n").encode()
                    connection.sendall(text[:40])
                    connection.sendall(text[40:])

        def until_the_end() -> None:
            with contextlib.suppress(OSError):
                run()

        threading.Thread(target=until_the_end, daemon=True).start()
        return asked

    yield serve
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


def test_live_tunnels_are_read(openvpn: Serve) -> None:
    """Of those that run; a socket that is left over is nobody's."""
    openvpn({"status 3": STATUS})
    gone = socket.socket(socket.AF_UNIX)
    gone.bind(f"{management.FOLDER}/tcp.sock")
    gone.close()

    found, silent = management.everywhere()
    assert [(one.person, one.where()) for one in found] == [
        ("ann", "10.8.0.65 from 198.51.100.7:34350 over udp"),
        ("bob", "10.8.0.66 from 198.51.100.8:1 over udp"),
    ]
    assert silent == []


def test_one_that_does_not_answer_is_told(openvpn: Serve) -> None:
    """Who has a tunnel there is unknown, and not nobody."""
    openvpn({})

    found, silent = management.everywhere()
    assert found == []
    assert [line.endswith("(it hung up before its answer was whole)") for line in silent] == [True]
    with pytest.raises(management.ManagementError, match="does not answer"):
        management.end("ann")


@pytest.mark.parametrize("said", [KILLED, "ERROR: common name 'ann' not found\n"])
def test_a_person_s_tunnels_are_ended(openvpn: Serve, said: str) -> None:
    """By the name in the certificate; where there is none it is no fault."""
    asked = openvpn({"kill ann": said})
    management.end("ann")

    assert asked == ["kill ann"]


def test_another_answer_to_that_is_a_fault(openvpn: Serve) -> None:
    """The tunnel may go on."""
    openvpn({"kill ann": "ERROR: unknown command\n"})

    with pytest.raises(management.ManagementError, match="unknown command"):
        management.end("ann")


def test_tunnel_and_codes_are_doors_of_a_person_who_has_no_account_on_the_gateway() -> None:
    """The codes go first: a client comes back within a second."""
    current = Current(vpn_seeds=frozenset({"ann", "bob"}), tunnels={"ann": ("10.8.0.65",), "bob": ("10.8.0.66",)})
    (change,) = leave.plan(current, "ann", ())

    assert change.before == "/var/lib/haechi/vpn-mfa/ann; tunnel 10.8.0.65"
    assert change.acts == (Remove("/var/lib/haechi/vpn-mfa/ann"), Hangup("ann"))
    assert leave.plan(Current(tunnels={"bob": ("10.8.0.66",)}), "ann", ()) == ()


def test_a_leaver_loses_her_place_in_the_list_as_the_role_would_write_it() -> None:
    """So that the next run of the site changes nothing; a list that cannot be read is not touched."""
    told = {"session_s": 600, "people": {"ann": "operator", "bob": "operator"}}
    (change,) = leave.plan(Current(vpn_people=json.dumps(told)), "ann", ())

    assert change.before == "a place in the VPN"
    left = json.dumps({"people": {"bob": "operator"}, "session_s": 600}, indent=1, sort_keys=True) + "\n"
    assert change.acts == (WriteFile("/etc/haechi/vpn/people.json", left),)
    assert [leave.plan(Current(vpn_people=text), "ann", ()) for text in (left, "", "{", '{"people": []}')] == [()] * 4


def test_who_has_a_place_by_policy_keeps_it_without_an_account_on_the_gateway() -> None:
    """An auditor who logs in on other hosts alone comes in by the gateway all the same; one who left does not."""
    told = json.dumps({"people": {"ann": "auditor", "bob": "auditor"}})
    current = Current(vpn_seeds=frozenset({"ann", "bob"}), tunnels={"ann": ("t",), "bob": ("t",)}, vpn_people=told)
    desired: dict[str, Any] = accounts.build(policy(), "gw", frozenset({"bob"}))
    absent = [{**row, "state": "absent"} for row in desired["accounts"]]

    assert desired["vpn_members"] == ["ann"]
    changes = [one for one in plan.plan(current, {**desired, "accounts": absent}) if one.what == "access"]
    assert [one.account for one in changes] == ["bob"]
    assert accounts.build(policy(), "web", frozenset())["vpn_members"] == []


def test_an_openvpn_that_does_not_tell_is_an_open_door() -> None:
    """Nobody is said to be out whose tunnel was not looked for."""
    doors = leave.doors(Current(silent=("udp.sock does not answer",)), "ann", ())

    assert doors.open
    assert doors.describe() == ["perhaps a tunnel: udp.sock does not answer"]
