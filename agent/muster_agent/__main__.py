"""The `muster-agent` command.

Exit codes: 0 done; 1 it could not be done, with a sentence on stderr; 2 the command line or a setting is wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

from muster_agent import __version__, config, enrolment
from muster_agent.files import InUseError
from muster_agent.machine import Machine
from muster_agent.sources import root_facts
from muster_agent.transport import NetworkFaultError

_FIELD_FILE = "muster-fieldcheck.json"
_EXAMPLES = """examples:
  muster-agent show              exactly what would be sent now; nothing is sent
  muster-agent doctor            what is wrong, and what to do
  muster-agent once              one report, now
  muster-agent run               what the service does

Settings: /etc/muster-agent/config.toml, then MUSTER_AGENT_* (server_url, enrolment_key_file, ca_file, …)."""


def main() -> None:
    """Run the command line."""
    arguments = _parser().parse_args()
    if arguments.command == "service":
        from muster_agent.service import forget, serve

        sys.exit((forget if arguments.forget else serve)(arguments.config))
    try:
        settings = config.load(arguments.config, os.environ)
        _needs_server(arguments.command, settings)
        code = _COMMANDS[arguments.command](arguments, settings)
    except (config.SettingsError, ValueError) as error:
        sys.exit(_complain(str(error), 2))
    except (enrolment.EnrolmentRefusedError, NetworkFaultError, InUseError) as error:
        sys.exit(_complain(str(error), 1))
    except BrokenPipeError:
        os._exit(1)  # whoever read our output has gone; there is nobody to tell
    except OSError as error:
        sys.exit(_complain(_what_to_do(error, settings), 1))
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(code)


def _what_to_do(error: OSError, settings: config.Settings) -> str:
    what = f"{error.filename or settings.state_dir}: {error.strerror or error}."
    return f"{what} Run it {config.PRIVILEGED}, or set state_dir." if isinstance(error, PermissionError) else what


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="muster-agent",
        description="Measures this device and reports to Muster. It reads; it changes nothing and obeys nobody.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", metavar="FILE", help=f"settings file; default {config.DEFAULT_FILE}")
    parser.add_argument("--version", action="version", version=f"muster-agent {__version__}")
    # With `prog` it asks nobody how wide the terminal is, which costs the daemon two compressors that it never uses.
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", prog=parser.prog)
    facts = commands.add_parser("facts", help="write what root alone may read, for an agent without rights (Linux)")
    facts.add_argument("--to", metavar="FILE", default=root_facts.PATH, help=f"default {root_facts.PATH}")
    commands.add_parser("enrol", help="ask the server to know this device, with the enrolment key of the settings")
    run = commands.add_parser("run", help="measure and report until told to stop")
    run.add_argument("--now", action="store_true", help="report at once, however young this start is")
    service = commands.add_parser("service", help="what Windows' service manager starts")
    service.add_argument("--forget", action="store_true", help="remove all that was kept; for the uninstaller")
    commands.add_parser("once", help="make one report and send all that waits")
    show = commands.add_parser("show", help="print exactly what would be sent; nothing is sent or kept")
    show.add_argument("--explain", action="store_true", help="print why each field is read, and how long it is kept")
    doctor = commands.add_parser("doctor", help="check settings, rights, server, token and clock")
    doctor.add_argument("--json", action="store_true", help="print JSON")
    field = commands.add_parser("fieldcheck", help="set a start beside a stopwatch's times, for Muster's authors")
    field.add_argument("--file", metavar="FILE", default=_FIELD_FILE, help="default %(default)s")
    reset = commands.add_parser("reset", help="forget identity and waiting reports")
    reset.add_argument("--yes", action="store_true", help="do not ask")
    reset.add_argument("--seal", action="store_true", help="for a golden image: begin again on other hardware only")
    return parser


def _needs_server(command: str, settings: config.Settings) -> None:
    if command in ("enrol", "run", "once") and not settings.server_url:
        places = f"{config.DEFAULT_FILE} or {config.PREFIX}SERVER_URL"
        raise config.SettingsError(f"server_url is not set: write it in {places}.")


def _facts(arguments: argparse.Namespace, _settings: config.Settings) -> int:
    from muster_agent.facts import write

    machine = Machine()
    if machine.system != "linux":
        return _complain("facts are for Linux: elsewhere the agent itself may read all of them.", 1)
    write(machine, arguments.to)
    return 0


def _enrol(_arguments: argparse.Namespace, settings: config.Settings) -> int:
    from muster_agent.loop import Agent

    agent = Agent(settings, Machine())
    print(f"This is device {agent.enrol().device_id}.")
    agent.close()
    return 0


def _run(arguments: argparse.Namespace, settings: config.Settings) -> int:
    from muster_agent.loop import Agent

    return Agent(settings, Machine()).run(now=arguments.now)


def _once(_arguments: argparse.Namespace, settings: config.Settings) -> int:
    from muster_agent.loop import Agent

    told = Agent(settings, Machine()).once()
    if told.wait_seconds:
        return _complain("Not sent, or not all of it; what is left waits on disk.", 1)
    print("Sent.")
    return 0


def _show(arguments: argparse.Namespace, settings: config.Settings) -> int:
    if arguments.explain:
        from muster_agent.explain import lines

        print("\n".join(lines()))
        return 0
    from muster_agent.loop import preview

    print(json.dumps(preview(settings, Machine()), indent=2))
    return 0


def _doctor(arguments: argparse.Namespace, settings: config.Settings) -> int:
    from muster_agent.doctor import examine, printed

    findings = examine(settings, Machine())
    print(json.dumps([f._asdict() for f in findings]) if arguments.json else printed(findings).rstrip())
    return int(any(finding.state == "wrong" for finding in findings))


def _fieldcheck(arguments: argparse.Namespace, settings: config.Settings) -> int:
    from muster_agent.fieldcheck import check

    print(check(Machine(), arguments.file, state_dir=settings.state_dir, ask=input))
    return 0


def _reset(arguments: argparse.Namespace, settings: config.Settings) -> int:
    if arguments.seal and not config.enrolment_key(settings):
        return _complain("a sealed image enrols with its key, and none is set: set enrolment_key_file first.", 2)
    if not arguments.yes:
        if not sys.stdin.isatty():
            return _complain("reset forgets identity and waiting reports: say --yes.", 2)
        if input(f"Forget the identity and all waiting reports in {settings.state_dir}? [y/N] ").lower() != "y":
            return 0
    from muster_agent.loop import forget

    forget(settings)
    if arguments.seal:
        from muster_agent.seal import seal

        known_by = seal(settings.state_dir, Machine())
        print(
            f"Sealed: this machine is known by {known_by}. Shut it down and make the image; copies enrol by themselves."
        )
        return 0
    print("Forgotten. The device enrols anew with its next `run` or `enrol`.")
    return 0


def _complain(sentence: str, code: int) -> int:
    sys.stderr.write(f"muster-agent: {sentence}\n")
    return code


_COMMANDS = {
    "facts": _facts, "enrol": _enrol, "run": _run, "once": _once, "show": _show, "doctor": _doctor, "reset": _reset,
    "fieldcheck": _fieldcheck,
}  # fmt: skip

if __name__ == "__main__":
    main()
