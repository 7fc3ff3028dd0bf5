"""`motif serve` as a process of its own: it answers, stops in order, and says plainly why it cannot start."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from serve_process import MOTIF, authorization, environment, serving

STARTS_WITHIN_S = 60
STOPS_WITHIN_S = 20


def refusal(data_dir: Path, *arguments: str, **settings: str) -> str:
    """What `motif serve` says when it cannot start; it must say so soon, in one line, with exit code 1."""
    start = time.monotonic()
    ran = subprocess.run(
        [*MOTIF, "serve", *arguments],
        env=environment(data_dir, **settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1, ran.stderr
    assert time.monotonic() - start < STARTS_WITHIN_S
    assert "Traceback" not in ran.stderr
    assert len(ran.stderr.strip().splitlines()) == 1, ran.stderr
    return ran.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_and_stops_in_order(data_dir: Path, service_url: str, database_url: str, number: signal.Signals):
    settings = {"MOTIF_DATABASE_URL": service_url, "MOTIF_DATABASE_ADMIN_URL": database_url}
    with serving(data_dir, **settings) as (process, address):
        ready = httpx.get(f"{address}/health/ready")
        assert ready.status_code == 200, ready.text
        assert ready.json()["parts"]["worker"]["status"] == "ok"
        token = authorization(data_dir, **settings)
        match = httpx.post(f"{address}/api/v1/patterns/match", json={"intent": "canary-77ab"}, headers=token)
        assert match.status_code == 200, match.text
        process.send_signal(number)
        _, log = process.communicate(timeout=STOPS_WITHIN_S)
        assert process.returncode == 0, log
    assert "canary-77ab" not in log
    assert token["authorization"].split()[1] not in log
    assert "Traceback" not in log
    assert '"level": "error"' not in log


def test_it_takes_its_embedded_database_down_with_it(data_dir: Path):
    with serving(data_dir, "--no-worker") as (process, address):
        assert httpx.get(f"{address}/health/ready").json()["parts"]["database"]["status"] == "ok"
        assert (data_dir / "postgres" / "data" / "postmaster.pid").exists()
        process.terminate()
        _, log = process.communicate(timeout=STOPS_WITHIN_S)
        assert process.returncode == 0, log
    assert not (data_dir / "postgres" / "data" / "postmaster.pid").exists()


def test_a_killed_database_is_started_again(data_dir: Path):
    with serving(data_dir, "--no-worker") as (process, address):
        token = authorization(data_dir)
        postmaster = (data_dir / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0]
        os.kill(int(postmaster), signal.SIGKILL)
        answer = httpx.post(
            f"{address}/api/v1/patterns/match", json={"intent": "retry"}, timeout=STARTS_WITHIN_S, headers=token
        )
        assert answer.status_code == 200, answer.text
        assert httpx.get(f"{address}/health/ready").status_code == 200
        process.terminate()
        process.communicate(timeout=STOPS_WITHIN_S)
        assert process.returncode == 0


def test_an_answer_under_way_is_finished(data_dir: Path, service_url: str, database_url: str):
    settings = {"MOTIF_DATABASE_URL": service_url, "MOTIF_DATABASE_ADMIN_URL": database_url}
    with serving(data_dir, "--no-worker", **settings) as (process, address):
        url = httpx.URL(address)
        token = authorization(data_dir, **settings)["authorization"].encode()
        body = b'{"intent": "retry"}'
        with socket.create_connection((url.host, url.port), timeout=STOPS_WITHIN_S) as caller:
            caller.sendall(
                b"POST /api/v1/patterns/match HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Authorization: %s\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % (token, len(body))
            )
            assert caller.recv(100).startswith(b"HTTP/1.1 100")  # the handler waits for the body
            process.terminate()
            caller.sendall(body)
            answer = caller.recv(1000)
        process.communicate(timeout=STOPS_WITHIN_S)
        assert answer.startswith(b"HTTP/1.1 200"), answer
        assert process.returncode == 0


def test_a_busy_port_is_said_before_anything_is_made(data_dir: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refusal(data_dir, "--port", str(port))
        assert f"Port {port}" in said
        assert "MOTIF_PORT" in said
        assert refusal(data_dir, MOTIF_PORT=str(port)) == said
    assert not data_dir.exists()


def test_other_machines_are_let_in_by_name_only(data_dir: Path, service_url: str, database_url: str):
    said = refusal(data_dir, "--host", "0.0.0.0")  # noqa: S104
    assert "MOTIF_HOST" in said
    assert "MOTIF_ALLOWED_HOSTS" in said
    assert not data_dir.exists()
    settings = {"MOTIF_DATABASE_URL": service_url, "MOTIF_DATABASE_ADMIN_URL": database_url}
    settings["MOTIF_ALLOWED_HOSTS"] = "motif.example.org"
    with serving(data_dir, "--no-worker", "--host", "0.0.0.0", **settings) as (_, address):  # noqa: S104
        loopback = address.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        named = httpx.get(f"{loopback}/health/live", headers={"host": "motif.example.org"})
        other = httpx.get(f"{loopback}/health/live", headers={"host": "other.example.org"})
        measures = httpx.get(f"{loopback}/metrics")
    assert (named.status_code, other.status_code, measures.status_code) == (200, 403, 401)


def test_a_database_that_does_not_answer_is_said(data_dir: Path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    said = refusal(data_dir, "--port", "0", MOTIF_DATABASE_URL=f"postgresql://motif_service@127.0.0.1:{port}/x")
    assert "MOTIF_DATABASE_URL" in said


def test_behind_a_proxy_that_is_trusted_each_address_is_counted_for_itself(
    data_dir: Path, service_url: str, database_url: str
):
    settings = {"MOTIF_DATABASE_URL": service_url, "MOTIF_DATABASE_ADMIN_URL": database_url}
    settings |= {"MOTIF_RATE_LIMIT_PER_MINUTE": "1", "MOTIF_TRUSTED_PROXIES": "127.0.0.0/8"}

    def wrong(address: str, forwarded: str) -> int:
        headers = {"authorization": "Bearer wrong", "x-forwarded-for": forwarded}
        return httpx.get(f"{address}/api/v1/me", headers=headers).status_code

    asked = ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.9, 192.0.2.2"]
    with serving(data_dir, "--no-worker", **settings) as (_, address):
        assert [wrong(address, forwarded) for forwarded in asked] == [401, 429, 401, 429]
    del settings["MOTIF_TRUSTED_PROXIES"]
    with serving(data_dir, "--no-worker", **settings) as (_, address):
        assert [wrong(address, forwarded) for forwarded in asked] == [401, 429, 429, 429]
