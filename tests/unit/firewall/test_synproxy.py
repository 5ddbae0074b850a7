"""Doors whose SYNs are answered with cookies: what comes to them, what is opened for it, and who is left alone."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from haechi.desired.firewall import proxied

from .conftest import chain, flow, policy, text
from .test_floods import EXPOSED, LIMITS
from .test_golden import NFT

LEG = {"gateway": "gw", "zone": "outside", "port": 443}
FIRST = "tcp flags & (fin | syn | rst | ack) == syn"
ASKS = "ip saddr 10.9.0.0/24 ip daddr 10.9.0.2 tcp dport 443"
ANSWERS = "ip saddr 10.9.0.2 ip daddr 10.9.0.0/24 tcp sport 443"
OPENS = "ip saddr 10.9.0.0/24 ip daddr 10.9.1.11 tcp dport 8443 ct status dnat"
MINE = "{ 10.9.0.2, 10.9.1.2, 10.9.4.2 }"
ACK = "tcp flags & (syn | rst | ack) == ack ct state invalid accept"
ADMIN = flow(["ops"], ["gw", "web"], name="admin", ports=[22])


def web(source: str = "outside", **more: Any) -> dict[str, object]:
    return flow([source], ["web"], name="web", ports=[8443], publish=LEG) | more


def doors(*flows: dict[str, object], **changes: Any) -> str:
    """Return the gateway's rules where policy wants its doors proxied."""
    changes = {"zones": EXPOSED, "perimeter": {"floods": {**LIMITS, "syn_proxy": True}}} | changes
    return text(policy(*flows, **changes), "gw")


def test_a_syn_to_a_door_is_answered_before_anything_is_tracked() -> None:
    """Flooders (-300) and forged sources (-290) are gone by then; connection tracking comes at -200."""
    made = doors(web())

    assert "  chain cookies {\n    type filter hook prerouting priority -250; policy accept;\n" in made
    assert chain(made, "cookies") == ["iif lo return", f"{ASKS} {FIRST} notrack"]
    asked = f"{ASKS} tcp flags & (fin | syn | rst | ack) == {{ syn, ack }} ct state invalid,untracked"
    lines = chain(made, "input")
    first = lines.index("ct state established,related accept")
    older = "ip saddr 10.9.4.11 tcp dport 22 tcp flags & (syn | rst | ack) == ack ct state invalid accept"
    assert lines[first + 1 : first + 4] == [
        f'{older} comment "older connections"',
        f"{asked} synproxy mss 1460 wscale 7 timestamp sack-perm",
        "ct state invalid drop",
    ]


def test_a_proven_source_is_counted_and_its_connection_opened_to_the_server() -> None:
    """The kernel's own SYN leaves by the output hook, so limits, address and counter of the flow stand there."""
    made = doors(web())

    assert "  chain proven {\n    type filter hook output priority -150; policy accept;\n" in made
    assert chain(made, "proven") == [
        "ip saddr { 10.9.1.0/24, 10.9.4.0/24 } return",
        f"{ASKS} {FIRST} ct state new jump proven4",
    ]
    # A chain without a hook: its first line is a rule.
    start = made.index("chain proven4 {")
    assert [line.strip() for line in made[start : made.index("}\n  chain", start)].splitlines()[1:3]] == [
        "add @held4 { ip saddr ct count over 60 } counter drop",
        "ct mark & 0x40000000 == 0 ct mark set ct mark | 0x40000000 jump completions4",
    ]
    assert "  chain proxied {\n    type nat hook output priority -100; policy accept;\n" in made
    assert chain(made, "proxied") == [f'{ASKS} dnat ip to 10.9.1.11:8443 comment "web"']
    assert chain(made, "output")[:3] == [
        f"{ANSWERS} tcp flags & (fin | syn | rst | ack) == syn | ack ct state invalid,untracked accept",
        f'{OPENS} {FIRST} counter name flow-web accept comment "web"',
        "oif lo accept",
    ]


def test_who_holds_how_much_is_counted_of_the_proven_alone() -> None:
    """Forged sources would fill the set and leave no room for those who do hold connections."""
    made = chain(doors(web()), "floods")

    names = [next((word for word in ("@opened4", "untracked", "@held4") if word in line), "") for line in made]
    assert [name for name in names if name] == ["@opened4", "untracked", "@held4"]
    assert "ct state untracked return" in made


def test_what_the_gateway_itself_serves_strangers_is_a_door_too() -> None:
    """It is opened over loopback, counted once, and at the flow's own rate."""
    made = doors(flow(["outside"], ["gw"], name="own", ports=[1194], rate="9/minute"))
    asks = f"ip saddr 10.9.0.0/24 ip daddr {MINE} tcp dport 1194"

    assert chain(made, "cookies")[1:] == [f"{asks} {FIRST} notrack"]
    assert chain(made, "output")[1:3] == [
        f"{asks} {FIRST} ct state new add @rate-own {{ ip saddr limit rate over 9/minute }} counter drop",
        f'{asks} {FIRST} counter name flow-own accept comment "own"',
    ]
    assert chain(made, "proxied") == []


def test_the_internet_is_all_that_no_zone_holds() -> None:
    made = doors(web("internet"))

    others = "{ 10.9.0.0/24, 10.9.1.0/24, 10.9.4.0/24 }"
    assert chain(made, "cookies")[1:] == [f"ip saddr != {others} ip daddr 10.9.0.2 tcp dport 443 {FIRST} notrack"]
    assert chain(made, "output")[0].startswith(f"ip saddr 10.9.0.2 ip daddr != {others} tcp sport 443")


def test_the_automation_s_older_connections_go_on() -> None:
    """Nothing is picked up any more (nf_conntrack_tcp_loose = 0), and the task that loads the rules came over one."""
    made = doors(web(), ADMIN)

    older = {hook: [line for line in chain(made, hook) if ACK in line] for hook in ("input", "output", "forward")}
    to, back = f"ip saddr 10.9.4.11 tcp dport 22 {ACK}", f"ip daddr 10.9.4.11 tcp sport 22 {ACK}"
    assert older == {
        "input": [f'{to} comment "older connections"'],
        "output": [f'{back} comment "older connections"'],
        "forward": [f'{to} comment "older connections"', f'{back} comment "older connections"'],
    }
    assert all(chain(made, hook).index(line) < chain(made, hook).index("ct state invalid drop")
               for hook, lines in older.items() for line in lines)  # fmt: skip


@pytest.mark.parametrize(
    ("flows", "changes"),
    [
        pytest.param([web()], {"perimeter": {"floods": LIMITS}}, id="not-wanted"),
        pytest.param([web("ops")], {}, id="from-ours"),
        pytest.param([flow(["outside"], ["web"])], {}, id="routed-and-not-published"),
        pytest.param([web(proto="udp")], {}, id="datagrams"),
    ],
)
def test_nothing_else_is_proxied(flows: list[dict[str, object]], changes: dict[str, Any]) -> None:
    made = doors(*flows, **changes)

    assert not any(word in made for word in ("synproxy", "notrack", '"older connections"', "chain proven"))


def test_a_host_behind_proxies_nothing() -> None:
    site = policy(web(), zones=EXPOSED, perimeter={"floods": {**LIMITS, "syn_proxy": True}})

    assert {host: proxied(site, host) for host in ("gw", "web", "ops")} == {"gw": True, "web": False, "ops": False}


def test_nft_takes_the_doors(tmp_path: Path) -> None:
    """Published, the gateway's own, from a zone and from the internet."""
    file = tmp_path / "made.nft"
    own = flow(["outside", "internet"], ["gw"], name="own", ports=[1194], rate="9/minute")
    file.write_text(doors(web(), web("internet", name="far"), own, ADMIN))

    done = subprocess.run([*NFT, "-c", "-f", str(file)], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
