#!/usr/bin/env python3
"""Writes the manual pages, in mdoc, from what the command says of itself and from the documents.

    generate.py COMMAND DOCS OUT    COMMAND: the built qpc-metrics; DOCS: docs/; OUT: a directory that gets man1 and man5

Pages of commands: from `--experimental-dump-help`, with sections that the help has no room for.
qpc-metrics-settings(5): from docs/OPERATING.md. qpc-metrics-log(5): from docs/EVENT-LOG.md.
"""

import json
import os
import re
import subprocess
import sys

# A day that changes would change every page.
DATE = "November 23, 2026"

NAMES = {
    "": "query the events and metrics of a quicprochat server",
    "events": "print events from the log",
    "count": "count events in groups",
    "whois": "find who is behind a pseudonym, and the pseudonyms of a person",
    "stats": "summarize a window of time on one screen",
    "top": "watch the server live in the terminal",
    "status": "report whether the metrics plugin is healthy",
    "prometheus": "print every metric in Prometheus format",
    "backfill": "write the log's history as metrics for Prometheus",
    "serve": "serve metrics to Prometheus, and a status page",
    "verify": "prove that no event is missing and that the log is sound",
    "recover": "move the pending events of a dead server into the log",
    "prune": "remove the oldest events from the log",
    "forget": "remove a person from the log",
    "rebuild": "rebuild the log's indexes and statistics",
    "privacy-report": "report what a copy of the data directory would reveal",
    "doctor": "check an installation end to end",
    "demo": "show everything without a server",
    "keygen": "make an operator's key pair",
    "key-agent": "hold an operator's private key for commands on a server",
    "ship": "send the log to an engine that holds a whole fleet",
}

# What status 1 means where it means more than that something failed.
WRONG = {
    "status": "A problem was found, or something failed.",
    "verify": "Something differs, is damaged or is missing, or something failed.",
    "doctor": "A check failed, or something failed.",
    "whois": "Nobody was found, or something failed.",
    "ship": "Something failed; with verify, something differs.",
}

CONDITIONS = [
    "kind", "since", "until", "user", "login-only", "identity", "sender", "recipient", "channel", "failed", "ok", "class",
    "reason", "min-bytes", "after", "n", "r",
]

SEE_ALSO = {
    "": ["events", "count", "stats", "top", "status", "serve", "doctor"],
    "events": ["count", "stats", "whois"],
    "count": ["events", "stats", "whois"],
    "whois": ["events", "count", "forget"],
    "stats": ["events", "count", "top"],
    "top": ["status", "stats"],
    "status": ["doctor", "verify", "top"],
    "prometheus": ["serve", "backfill"],
    "backfill": ["prometheus", "serve"],
    "serve": ["prometheus", "doctor"],
    "verify": ["recover", "rebuild", "status"],
    "recover": ["verify", "status"],
    "prune": ["forget", "verify"],
    "forget": ["prune", "whois", "privacy-report"],
    "rebuild": ["verify"],
    "privacy-report": ["forget", "keygen"],
    "keygen": ["events", "key-agent", "whois", "privacy-report"],
    "key-agent": ["keygen", "events", "whois"],
    "doctor": ["status", "verify"],
    "ship": ["forget", "status", "verify"],
}

TIMES = [
    ("2026-11-22", "Midnight that day."),
    ("2026-11-22 14:00", "Also with seconds and a fraction, and with T in place of the space."),
    ("2026-11-22T14:00:05.5Z", "RFC 3339. A date or time may end in Z, UTC, GMT, +02:00, +0200 or +02."),
    ("14:00", "Today at that time."),
    ("today, yesterday, tomorrow", "Midnight; a time may follow: yesterday 14:00."),
    ("now", "When the command was started."),
    ("-2h, 90m, 1h30m, 3 days ago", "That long ago."),
    ("+2h, 3 hours left", "That far ahead."),
    ("@1763820000", "Seconds since 1970 UTC; a fraction may follow."),
]


# Text


def escape(text):
    """Text as roff: nothing in it is a request, a font or a hyphenation point."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    text = text.replace("^", "\\(ha").replace("~", "\\(ti")
    return "".join(c if ord(c) < 128 else "\\[u%04X]" % ord(c) for c in text)


def prose(text):
    """A paragraph, one sentence on a line: options in bold, and names that must not be hyphenated."""
    sentences = re.split(r"(?<=[.!?])(?:(?<=[\w)\"`*%][.!?])|(?<=\.\.)) (?=[^a-z])", " ".join(text.split()))
    lines = []
    for sentence in sentences:
        line = ""
        for word in sentence.split():
            made = inline(word)
            if line and len(line) + 1 + len(made) > 78:
                lines.append(line)
                line = made
            else:
                line += " " + made if line else made
        lines.append(line)
    return "\n".join(guarded(line) for line in lines if line)


def inline(word):
    option = re.fullmatch(r"([(\"]?)(--?[a-zA-Z][\w.-]*)(.*)", word)
    if option:
        before, name, after = option.groups()
        dots = len(name) - len(name.rstrip(".-"))
        if dots:
            after, name = name[-dots:] + after, name[:-dots]
        return escape(before) + "\\fB" + escape(name) + "\\fP" + escape(after)
    unbroken = "_" in word or "/" in word or re.match(r"[A-Z]{5,}", word)
    # Between the letters of a word, a hyphen is one, and lines may break after it.
    escaped = escape(word) if unbroken else re.sub(r"(?<=[a-z])\\-(?=[a-z])", "-", escape(word))
    return ("\\%" if unbroken else "") + escaped


def guarded(line):
    return "\\&" + line if line.startswith((".", "'", "\\(aq")) else line


def literal(lines):
    return "\n".join([".Bd -literal -offset indent"] + [guarded(escape(line)) for line in lines] + [".Ed"])


def discussion(text):
    """The help's text, and its examples: pairs of a caption and lines."""
    if not text:
        return [], []
    before, _, after = text.partition("EXAMPLES\n")
    paragraphs = [p for p in before.strip().split("\n\n") if p.strip()]
    examples = []
    for line in after.rstrip().split("\n"):
        if not line.strip():
            continue
        if line.startswith("  "):
            if not examples:
                examples.append(("", []))
            examples[-1][1].append(line[2:])
        else:
            examples.append((line.strip(), []))
    return paragraphs, examples


def paragraph(text):
    """A paragraph of the help; lines that are indented stay as they are."""
    if any(line.startswith("  ") for line in text.split("\n")):
        parts, run, is_literal = [], [], False
        for line in text.split("\n") + [None]:
            if line is None or line.startswith("  ") != is_literal:
                if run:
                    parts.append(literal([l[2:] for l in run]) if is_literal else prose(" ".join(run)))
                run, is_literal = [], not is_literal
            if line is not None:
                if line.startswith("  ") != is_literal:
                    is_literal = not is_literal
                run.append(line)
        return "\n".join(parts)
    return prose(text)


# Pages of commands


def flag(name):
    return "Fl " + ("\\-" if name["kind"] == "long" else "") + escape(name["name"]).replace("\\-", "-")


def option(argument):
    names = [n for n in argument["names"] if n["kind"] != "long"] + [n for n in argument["names"] if n["kind"] == "long"]
    value = " Ar " + argument["valueName"].replace(",", "\\&,") if argument["kind"] == "option" else ""
    lines = [".It " + " , ".join(flag(n).replace("\\-", "-") + value for n in names)]
    if argument.get("abstract"):
        lines.append(prose(argument["abstract"]))
    if argument.get("allValues") and argument["kind"] == "option":
        values = argument["allValues"]
        said = argument.get("abstract") or ""
        if not all(value in said for value in values):
            lines.append(prose("One of: " + ", ".join(values) + "."))
    if argument.get("isRepeating") and "repeat" not in (argument.get("abstract") or ""):
        lines.append("It can be given more than once.")
    if argument.get("defaultValue"):
        lines.append(prose("The default is " + argument["defaultValue"] + "."))
    return "\n".join(lines)


def options(arguments):
    shown = [a for a in arguments if a["kind"] != "positional" and a.get("shouldDisplay", True)]
    key = lambda a: a["preferredName"]["name"]
    conditions = sorted((a for a in shown if key(a) in CONDITIONS), key=lambda a: CONDITIONS.index(key(a)))
    if len(conditions) < 8:
        conditions = []
    others = [a for a in shown if a not in conditions]
    lines = [".Bl -tag -width Ds"] + [option(a) for a in others] + [".El"]
    if conditions:
        lines += [".Ss Which events", "An event must meet every condition.", ".Bl -tag -width Ds"]
        lines += [option(a) for a in conditions] + [".El"]
    return lines


def has(arguments, name):
    return any(n["name"] == name for a in arguments for n in a.get("names", []))


def environment(name, arguments):
    entries = []
    if has(arguments, "dir") or name == "":
        entries.append(("QPC_METRICS_PLUGIN_DIR", "The data directory, unless --dir is given; the same variable as the plugin's."))
    if name == "events":
        entries.append(("QPC_METRICS_PAGER, PAGER", "The pager on a terminal; an empty value for none. The default is less."))
    if has(arguments, "color"):
        entries.append(("NO_COLOR", "Any value turns colours off, unless --color always is given."))
    if name in ("top", "events", "stats", ""):
        entries.append(("TERM", "With dumb, there are no colours and no drawing over the screen."))
    if name == "demo":
        entries.append(("TMPDIR", "Where the demo's data directory is made; otherwise in /tmp."))
    if name in ("", "events", "count", "stats", "prune", "top", "backfill"):
        entries.append(("TZ", "The zone of the times that are given and, in tables, shown. The default is the machine's."))
    if not entries:
        return []
    lines = [".Sh ENVIRONMENT", ".Bl -tag -width Ds"]
    for variable, text in entries:
        lines += [".It Ev " + variable.replace(", ", " , Ev "), prose(text)]
    return lines + [".El"]


def files(name, arguments):
    if not has(arguments, "dir") and name != "":
        return []
    lines = [".Sh FILES", "In the data directory:", ".Bl -tag -width Ds"]
    for path, text in [
        ("events.db", "The event log, an SQLite database; see qpc-metrics-log(5)."),
        ("live.qpcm", "Counters, and events that are not in the log yet. With QPC_METRICS_PLUGIN_LIVE_DIR it lies there, and live.path says where."),
        ("identity.key", "The keys of the pseudonyms. Only the server's user and root can read it."),
        ("control.sock", "Where a running plugin takes requests to prune, forget or rebuild."),
    ]:
        lines += [".It Pa " + path, prose(text)]
    return lines + [".El"]


def status(name):
    lines = [".Sh EXIT STATUS", ".Bl -tag -width Ds"]
    for code, text in [
        ("0", "Success; an answer without events is one, and standard error says why it is empty."),
        ("1", WRONG.get(name, "Something failed.")),
        ("64", "The command line is wrong; the message says what was given and what would do."),
        ("66", "There is no log, or no file, at that place."),
        *([("69", "With verify, the server cannot be asked, so nothing is known to differ.")] if name == "ship" else []),
        ("77", "Permission is missing; also if a name cannot be looked up without the key."),
    ]:
        lines += [".It " + code, prose(text)]
    return lines + [".El"]


def times():
    lines = [".Sh TIMES, AGES AND SIZES", "Options that take a time understand:", ".Bl -tag -width Ds"]
    for form, text in TIMES:
        lines += [".It " + guarded(escape(form)).replace(",", "\\&,"), prose(text)]
    lines += [
        ".El", ".Pp",
        prose(
            "Without a zone, a time is local. Printed times are local in tables, and UTC in JSON, NDJSON and CSV. A value that "
            "begins with a minus needs no equals sign: --since -1h."),
        ".Pp",
        prose(
            "An age is a number and a unit: ms, s, m, h, d or w, alone or one after another, such as 1h30m. A size is a number "
            "of bytes, or a number and KiB, MiB, GiB or TiB; K, M, G and T mean the same, and KB, MB and GB powers of 1,000."),
    ]
    return lines


def page(command, root):
    name = "" if command is root else command["commandName"]
    title = "qpc-metrics" + ("-" + name if name else "")
    arguments = command.get("arguments", [])
    abstract = command.get("abstract") or ""
    brief = NAMES.get(name) or abstract.rstrip(".")[:1].lower() + abstract.rstrip(".")[1:]
    paragraphs, examples = discussion(command.get("discussion"))
    if name == "" and not paragraphs:
        paragraphs, examples = discussion(abstract)
    lines = [
        '.\\" Generated by scripts/man. Change the command\'s help, the documents, or packaging/man/generate.py.',
        ".Dd " + DATE, ".Dt " + title.upper() + " 1", ".Os", ".Sh NAME", ".Nm " + title, ".Nd " + brief, ".Sh SYNOPSIS",
    ]
    if name:
        lines.append(".Nm qpc\\-metrics Cm " + name)
    else:
        lines.append(".Nm qpc\\-metrics")
        lines.append(".Ar command")
    lines.append(".Op Ar option ...")
    for argument in arguments:
        if argument["kind"] == "positional" and argument.get("shouldDisplay", True):
            word = ".Ar " + argument["valueName"] + (" ..." if argument.get("isRepeating") else "")
            lines.append(word if not argument.get("isOptional") else ".Op " + word[1:])
    lines.append(".Sh DESCRIPTION")
    if name:
        lines.append(prose(abstract))
    for index, text in enumerate(paragraphs):
        lines += ([".Pp"] if name or index else []) + [paragraph(text)]
    if name == "":
        lines += [".Sh COMMANDS", ".Bl -tag -width Ds"]
        for each in command["subcommands"]:
            if each["commandName"] == "help" or not each.get("shouldDisplay", True):
                continue
            lines += [".It Xr qpc-metrics-" + each["commandName"] + " 1", prose(each.get("abstract") or "")]
        lines.append(".El")
    lines.append(".Sh OPTIONS")
    for argument in arguments:
        if argument["kind"] == "positional" and argument.get("abstract"):
            lines += [".Bl -tag -width Ds", ".It Ar " + argument["valueName"], prose(argument["abstract"]), ".El"]
    lines += options(arguments)
    if name == "":
        lines += times()
    elif has(arguments, "since") or has(arguments, "older-than") or has(arguments, "every"):
        lines += [".Pp", "How times, ages and sizes are written is in", ".Xr qpc-metrics 1 ."]
    lines += environment(name, arguments) + files(name, arguments) + status(name)
    if examples:
        lines.append(".Sh EXAMPLES")
        for caption, commands in examples:
            lines += ([prose(caption)] if caption else []) + [literal(commands)]
    see = ["qpc-metrics 1"] if name else []
    see += ["qpc-metrics-%s 1" % other for other in sorted(SEE_ALSO.get(name, []))]
    see += ["qpc-metrics-log 5", "qpc-metrics-settings 5"]
    lines += [".Sh SEE ALSO"] + [".Xr " + s + (" ," if s != see[-1] else "") for s in see]
    return title, "\n".join(lines) + "\n"


# Pages from documents


def plain(text):
    """Markdown within a line: links and marks go, code stays."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return text.replace("**", "").replace("`", "")


def markdown(text):
    lines, table, code, run = [], None, None, []

    def end_run():
        if run:
            lines.extend([".Pp", prose(plain(" ".join(run)))])
            run.clear()

    def end_list():
        if lines and lines[-1] == "-":
            lines[-1] = ".El"

    # A list's items may go on over several lines.
    source = re.sub(r"\n {2,}(?=\S)", " ", text) if "\n- " in text or "\n1. " in text else text
    items = False
    for line in source.split("\n") + [""]:
        if code is not None:
            if line.startswith("```"):
                lines.append(literal(code))
                code = None
            else:
                code.append(line)
            continue
        cells = [c.strip() for c in re.split(r"(?<!\\)\|", line.strip().strip("|"))] if line.startswith("|") else None
        item = re.match(r"(?:- |\d+\. )(.*)", line)
        if items and not item:
            lines.append(".El")
            items = False
        if cells is None and table is not None:
            lines.append(".El")
            table = None
        if line.startswith("```"):
            end_run()
            code = []
        elif line.startswith("#"):
            end_run()
            lines.append(".Ss " + escape(plain(line.lstrip("# "))))
        elif cells is not None:
            end_run()
            if table is None:
                table = cells
                lines.append(".Bl -tag -width Ds")
            elif not set("".join(cells)) <= set("-: "):
                entry = cells[0].replace("`", "")
                lines.append(".It " + ("Ev " if entry.startswith("QPC_") else "") + escape(entry).replace(",", "\\&,"))
                for heading, cell in list(zip(table, cells))[1:]:
                    if cell:
                        label = "" if heading in ("meaning", "columns", "") else heading[:1].upper() + heading[1:] + ": "
                        said = plain(cell[:1].upper() + cell[1:] if not label and cell[0] != "`" else cell)
                        lines.append(prose(label + said + ("" if said.endswith((".", "?")) else ".")))
        elif item:
            end_run()
            if not items:
                lines.append(".Bl -bullet")
                items = True
            lines += [".It", prose(plain(item.group(1)))]
        elif line.strip():
            run.append(line.strip())
        else:
            end_run()
    return lines


def section(path, *titles):
    """The sections of a document with these headings, without the headings."""
    text = open(path, encoding="utf-8").read()
    found = []
    for title in titles:
        match = re.search(r"^## " + re.escape(title) + r"\n(.*?)(?=^## |\Z)", text, re.S | re.M)
        if not match:
            sys.exit("generate.py: %s has no section '%s'" % (path, title))
        found.append(match.group(1).strip("\n"))
    return found


def document(title, brief, parts, see):
    lines = [
        '.\\" Generated by scripts/man from the documents.', ".Dd " + DATE, ".Dt " + title.upper() + " 5", ".Os", ".Sh NAME",
        ".Nm " + title, ".Nd " + brief,
    ]
    for heading, body in parts:
        body = body[1:] if body and body[0] == ".Pp" else body
        lines += [".Sh " + heading] + body
    lines += [".Sh SEE ALSO"] + [".Xr " + s + (" ," if s != see[-1] else "") for s in see]
    # A paragraph at the head of a section or before a list is none.
    text = "\n".join(lines) + "\n"
    text = re.sub(r"^(\.(?:Sh|Ss) .*)\n\.Pp\n", r"\1\n", text, flags=re.M)
    return re.sub(r"^\.Pp\n(?=\.Bl|\.Bd|\.S[hs])", "", text, flags=re.M)


def settings(docs):
    body = section(docs + "/OPERATING.md", "Settings")[0]
    main, _, rest = body.partition("\n### ")
    parts = [("DESCRIPTION", [prose(
        "The metrics plugin reads its settings from environment variables, once, when the server loads it. An invalid value keeps "
        "the plugin from starting, and a variable that begins with QPC_METRICS_PLUGIN_ but is none of these is warned of by name.")]
        + markdown(main.partition("\n\n")[2]))]
    for part in rest.split("\n### ") if rest else []:
        heading, _, text = part.partition("\n")
        parts.append((escape(plain(heading)).upper().replace("\\-", "-"), markdown(text.strip())))
    parts.append(("EXAMPLES", ["In a drop-in of the server's unit, for systemd:", literal([
        "[Service]", "StateDirectory=quicprochat/metrics", "Environment=QPC_METRICS_PLUGIN_DIR=/var/lib/quicprochat/metrics",
        "Environment=QPC_METRICS_PLUGIN_RETENTION=14d", "Environment=QPC_METRICS_PLUGIN_PAIRS=off"])]))
    return document("qpc-metrics-settings", "settings of the metrics plugin for quicprochat", parts,
                    ["qpc-metrics 1", "qpc-metrics-doctor 1", "qpc-metrics-status 1", "qpc-metrics-log 5"])


def log(docs):
    path = docs + "/EVENT-LOG.md"
    head = open(path, encoding="utf-8").read().partition("\n## ")[0].partition("\n")[2].strip()
    names = ["For people: the view `events`", "Tables", "Segments", "How events leave the log", "What always holds", "Checksums"]
    headings = ["THE VIEW EVENTS", "TABLES", "SEGMENTS", "HOW EVENTS LEAVE THE LOG", "WHAT ALWAYS HOLDS", "CHECKSUMS"]
    parts = [("DESCRIPTION", markdown(head))]
    parts += [(heading, markdown(body)) for heading, body in zip(headings, section(path, *names))]
    return document("qpc-metrics-log", "the event log of the metrics plugin for quicprochat", parts,
                    ["qpc-metrics 1", "qpc-metrics-events 1", "qpc-metrics-verify 1", "sqlite3 1", "qpc-metrics-settings 5"])


def main():
    command, docs, out = sys.argv[1:4]
    root = json.loads(subprocess.run([command, "--experimental-dump-help"], check=True, capture_output=True).stdout)["command"]
    pages = {}
    for each in [root] + [c for c in root["subcommands"] if c["commandName"] != "help" and c.get("shouldDisplay", True)]:
        title, text = page(each, root)
        pages["man1/%s.1" % title] = text
    pages["man5/qpc-metrics-settings.5"] = settings(docs)
    pages["man5/qpc-metrics-log.5"] = log(docs)
    for name, text in pages.items():
        os.makedirs(os.path.dirname(os.path.join(out, name)), exist_ok=True)
        with open(os.path.join(out, name), "w", encoding="ascii") as file:
            file.write(text)


if __name__ == "__main__":
    main()
