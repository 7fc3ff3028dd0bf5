"""`motif doctor`: one line for each part of an installation, with what to do where something is wrong."""

import asyncio
from typing import Annotated

import typer
from rich.markup import escape

from service.cli.checks import Finding, Status, examine, failed
from service.cli.run import out, print_json
from service.errors import MotifError
from service.settings import load_settings

_MARKS: dict[Status, str] = {"ok": "[green]ok[/green]  ", "warn": "[yellow]warn[/yellow]", "fail": "[red]fail[/red]"}
_WORST_FIRST: tuple[Status, ...] = ("fail", "warn", "ok")


def doctor(json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False) -> None:
    """Look at every part of this installation; exit code 1 if one of them fails."""
    findings = asyncio.run(_examine(show=not json))
    worst = next(status for status in _WORST_FIRST if any(finding.status == status for finding in findings))
    if json:
        print_json({"status": worst, "checks": findings})
    if worst == "fail":
        raise typer.Exit(1)


async def _examine(*, show: bool) -> list[Finding]:
    findings: list[Finding] = []
    try:
        settings = load_settings()
    except MotifError as error:
        findings.append(failed("settings", error))
        if show:
            _show(findings[0])
        return findings
    async for finding in examine(settings):
        findings.append(finding)
        if show:
            _show(finding)
    return findings


def _show(finding: Finding) -> None:
    fix = f" [dim]→ {escape(finding.fix)}[/dim]" if finding.fix else ""
    out.print(f"{_MARKS[finding.status]} {finding.name:<15} {escape(finding.detail)}{fix}")
