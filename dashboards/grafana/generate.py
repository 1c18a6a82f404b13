#!/usr/bin/env python3
"""Writes overview.json, plugin-health.json and fleet.json, the three boards.

    python3 dashboards/grafana/generate.py           writes them
    python3 dashboards/grafana/generate.py --check   exit 1 if a file is not what this program would write

The panels and their queries are below; the functions above them hold the form that Grafana requires. To move or restyle a
panel, edit this file, not the JSON: scripts/check-dashboards compares the two.
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
# Part of every selector, so that the variables at the top of a board apply to each panel.
WHERE = 'job=~"$job", instance=~"$instance"'
# Where the links of panels lead; whoever imports a board enters the address of their own copy at its top.
RUNBOOKS = "https://git.example.org/you/qpc-metrics/src/branch/main/docs/RUNBOOKS.md"

GREEN, YELLOW, RED, BLUE, TEXT = "green", "yellow", "red", "blue", "text"
# One colour for one meaning, on every board.
PATH_COLOURS = {"single": "blue", "batch": "purple"}


def selector(metric, labels=""):
    return f"{metric}{{{WHERE}{', ' + labels if labels else ''}}}"


def rate(metric, labels=""):
    return f"rate({selector(metric, labels)}[$__rate_interval])"


def increase(metric, window="$__rate_interval"):
    return f"increase({selector(metric)}[{window}])"


def quantile(q, metric, by=()):
    labels = ", ".join(["le", *by])
    return f"histogram_quantile({q}, sum by ({labels}) ({rate(metric + '_bucket')}))"


def targets(queries, instant=False, form="time_series"):
    """`queries` is a list of (expression, legend)."""
    return [
        {
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": expression,
            "format": form,
            "instant": instant,
            "legendFormat": legend,
            "range": not instant,
            "refId": chr(ord("A") + number),
        }
        for number, (expression, legend) in enumerate(queries)
    ]


def steps(base, *rest):
    """Thresholds: a base colour, then (from this value on, this colour)."""
    return {
        "mode": "absolute",
        "steps": [{"color": base, "value": None}, *({"color": colour, "value": value} for value, colour in rest)],
    }


def fixed_colour(matcher, pattern, colour):
    return {
        "matcher": {"id": matcher, "options": pattern},
        "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}],
    }


def panel(kind, title, description, unit, queries, *, instant=False, form="time_series"):
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "targets": targets(queries, instant, form),
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "options": {},
    }


def stat(title, description, unit, expression, *, legend="", thresholds=None, mappings=(), text_mode="auto",
         decimals=None, graph="none"):
    made = panel("stat", title, description, unit, [(expression, legend)], instant=graph == "none")
    defaults = made["fieldConfig"]["defaults"]
    defaults["color"] = {"mode": "thresholds"}
    defaults["mappings"] = list(mappings)
    defaults["thresholds"] = thresholds or steps(BLUE)
    if decimals is not None:
        defaults["decimals"] = decimals
    made["options"] = {
        "colorMode": "value",
        "graphMode": graph,
        "justifyMode": "auto",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": text_mode,
        "wideLayout": True,
    }
    return made


def timeseries(title, description, unit, queries, *, stacked=False, thresholds=None, table=False, colours=None,
               bars=False, maximum=None, log=False):
    made = panel("timeseries", title, description, unit, queries)
    defaults = made["fieldConfig"]["defaults"]
    defaults["color"] = {"mode": "palette-classic"}
    defaults["custom"] = {
        "drawStyle": "bars" if bars else "line",
        "fillOpacity": 60 if bars else 25 if stacked else 8,
        "lineWidth": 1,
        "pointSize": 4,
        "scaleDistribution": {"type": "log", "log": 10} if log else {"type": "linear"},
        "showPoints": "auto",
        "spanNulls": False,
        "stacking": {"group": "A", "mode": "normal" if stacked else "none"},
        "thresholdsStyle": {"mode": "dashed" if thresholds else "off"},
    }
    if not log:
        defaults["min"] = 0
    if maximum is not None:
        defaults["max"] = maximum
    defaults["thresholds"] = thresholds or steps(GREEN)
    made["fieldConfig"]["overrides"] = [
        fixed_colour("byRegexp", f"/^{name}\\b.*/", colour) for name, colour in (colours or {}).items()
    ]
    made["options"] = {
        "legend": {
            "calcs": ["lastNotNull", "max"] if table else [],
            "displayMode": "table" if table else "list",
            "placement": "right" if table else "bottom",
            "showLegend": True,
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return made


def heatmap(title, description, unit, metric, labels=""):
    made = panel(
        "heatmap", title, description, unit,
        [(f"sum by (le) (increase({selector(metric + '_bucket', labels)}[$__rate_interval]))", "{{le}}")],
        form="heatmap")
    made["options"] = {
        "calculate": False,
        "cellGap": 1,
        "cellValues": {"unit": "short"},
        "color": {
            "exponent": 0.5, "fill": "dark-orange", "mode": "scheme", "reverse": False, "scale": "exponential",
            "scheme": "Oranges", "steps": 64,
        },
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "tooltip": {"mode": "single", "showColorScale": True, "yHistogram": True},
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": unit},
    }
    return made


def table(title, description, columns, *, shared="instance", sort=None, rename=None, instant=True):
    """`columns` is a list of (heading, expression, unit, thresholds or None); rows are joined by the label `shared`."""
    made = panel("table", title, description, "short", [(expression, "") for _, expression, _, _ in columns],
                 instant=instant, form="table")
    defaults = made["fieldConfig"]["defaults"]
    defaults["custom"] = {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False}
    defaults["thresholds"] = steps(TEXT)
    headings = {} if len(columns) > 1 else {"Value": columns[0][0]}
    for number, (heading, _, unit, thresholds) in enumerate(columns):
        if len(columns) > 1:
            headings[f"Value #{chr(ord('A') + number)}"] = heading
        properties = [{"id": "unit", "value": unit}]
        if thresholds:
            properties += [
                {"id": "thresholds", "value": thresholds},
                {"id": "custom.cellOptions", "value": {"type": "color-text"}},
            ]
        made["fieldConfig"]["overrides"].append(
            {"matcher": {"id": "byName", "options": heading}, "properties": properties})
    headings |= {shared: shared.capitalize()} | (rename or {})
    made["transformations"] = [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {
            "excludeByName": {"Time": True, "job": True, "__name__": True, "alertstate": True},
            "includeByName": {}, "indexByName": {}, "renameByName": headings,
        }},
    ]
    made["options"] = {
        "cellHeight": "sm",
        "footer": {"countRows": False, "fields": "", "reducer": ["sum"], "show": False},
        "showHeader": True,
        "sortBy": [{"displayName": sort, "desc": True}] if sort else [],
    }
    return made


def with_runbook(made, *alerts):
    """A panel that links to what to do when these alerts fire."""
    made["links"] = [
        {
            "title": f"Runbook: {alert}", "type": "link", "icon": "doc", "tooltip": "", "tags": [],
            "url": f"${{runbooks}}#{alert.lower()}", "asDropdown": False, "targetBlank": True, "includeVars": False,
            "keepTime": False,
        }
        for alert in alerts
    ]
    return made


def query_variable(name, query):
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": DATASOURCE,
        "query": query,
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".+",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "hide": 0,
        "options": [],
        "regex": "",
        "skipUrlSync": False,
    }


def board(uid, title, description, rows, *, time="now-6h"):
    """`rows` is a list of (title, height, [(width, panel), ...]); panels flow from left to right, 24 wide."""
    panels, y = [], 0

    def add(made, x, y, width, height):
        panels.append({"id": len(panels) + 1, **made, "gridPos": {"x": x, "y": y, "w": width, "h": height}})

    for row_title, height, members in rows:
        add({"type": "row", "title": row_title, "collapsed": False, "panels": []}, 0, y, 24, 1)
        x, y = 0, y + 1
        for width, member in members:
            if x + width > 24:
                x, y = 0, y + height
            add(member, x, y, width, height)
            x += width
        y += height
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["qpc-metrics"],
        "schemaVersion": 41,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "browser",
        "time": {"from": time, "to": "now"},
        "timepicker": {},
        "refresh": "30s",
        "fiscalYearStartMonth": 0,
        "annotations": {
            "list": [
                {
                    "builtIn": 1,
                    "datasource": {"type": "grafana", "uid": "-- Grafana --"},
                    "enable": True,
                    "hide": True,
                    "iconColor": "rgba(0, 211, 255, 1)",
                    "name": "Annotations & Alerts",
                    "type": "dashboard",
                },
                {
                    "datasource": DATASOURCE,
                    "enable": True,
                    "expr": f"changes({selector('qpc_plugin_start_time_seconds')}[1m]) > 0",
                    "hide": False,
                    "iconColor": "blue",
                    "name": "Restarts",
                    "step": "60s",
                    "titleFormat": "Plugin started",
                    "textFormat": "{{instance}}",
                },
            ]
        },
        "links": [
            {
                "title": "qpc-metrics boards", "type": "dashboards", "tags": ["qpc-metrics"], "asDropdown": False,
                "icon": "external link", "includeVars": True, "keepTime": True, "targetBlank": False, "tooltip": "",
                "url": "",
            }
        ],
        "templating": {
            "list": [
                {
                    "name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus",
                    "current": {}, "hide": 0, "includeAll": False, "multi": False, "options": [], "refresh": 1,
                    "regex": "", "skipUrlSync": False,
                },
                query_variable("job", "label_values(qpc_up, job)"),
                query_variable("instance", 'label_values(qpc_up{job=~"$job"}, instance)'),
                {
                    "name": "runbooks", "label": "Runbooks", "type": "textbox", "query": RUNBOOKS,
                    "current": {"selected": True, "text": RUNBOOKS, "value": RUNBOOKS}, "hide": 0,
                    "options": [{"selected": True, "text": RUNBOOKS, "value": RUNBOOKS}], "skipUrlSync": False,
                },
            ]
        },
        "panels": panels,
    }


# The panels that both boards share.

def plugin_up():
    return with_runbook(stat(
        "Plugin",
        "Whether live.qpcm has a heartbeat. Down: the server is down, runs without the plugin, or hangs. The other panels "
        "then show the last values.",
        "none", selector("qpc_up"), legend="{{instance}}", thresholds=steps(RED, (1, GREEN)),
        mappings=[{
            "type": "value",
            "options": {"0": {"color": RED, "index": 0, "text": "Down"}, "1": {"color": GREEN, "index": 1, "text": "Up"}},
        }]), "QpcPluginDown")


def hook_durations():
    return timeseries(
        "Hook duration, p99",
        "What the plugin adds to a call of the server, sampled from one call in 1,024. Tens to hundreds of nanoseconds are "
        "normal; single slow ones come from the machine (a page fault, a lost time slice).",
        "s", [(quantile(0.99, "qpc_plugin_hook_duration_seconds", ["hook"]), "{{hook}}")], table=True, log=True)


def flush_durations():
    return with_runbook(timeseries(
        "Flush duration",
        "A flush writes the rings into the log in one transaction. Far above 250 ms, the disk is slow or shared; events "
        "wait in the rings meanwhile.",
        "s",
        [(quantile(q, "qpc_plugin_flush_duration_seconds"), f"p{round(q * 100)}") for q in (0.5, 0.9, 0.99)]),
        "QpcDrainLagging")


OVERVIEW = board(
    "qpc-overview", "quicprochat / Overview",
    "Whether the server is healthy, how busy it is, who fails to log in, how big its messages are, how fast it is. From the "
    "metrics of qpc-metrics, none of which contains an identity.",
    [
        ("Is it healthy?", 4, [
            (4, plugin_up()),
            (4, with_runbook(stat(
                "Events dropped",
                "Events dropped before they reached the log, in the time shown. They are counted, but their rows are missing. "
                "Should be 0; the board Plugin health shows the cause.",
                "short", f"sum({increase('qpc_plugin_events_dropped_total', '$__range')})", decimals=0,
                thresholds=steps(GREEN, (1, RED))), "QpcEventsDropped")),
            (4, with_runbook(stat(
                "Drain lag",
                "How long writing the pending events to the log takes at the present rate. Usually far below a second.",
                "s",
                f"max({selector('qpc_plugin_pending_events')} / clamp_min("
                f"sum without (kind) ({rate('qpc_plugin_events_written_total')}), 1))",
                graph="area", thresholds=steps(GREEN, (2, YELLOW), (10, RED))), "QpcDrainLagging")),
            (4, with_runbook(stat(
                "Log errors",
                "Flushes that failed and were retried, in the time shown. Events wait in the rings until the cause is removed.",
                "short", f"sum({increase('qpc_plugin_flush_errors_total', '$__range')})", decimals=0,
                thresholds=steps(GREEN, (1, RED))), "QpcLogErrors")),
            (4, with_runbook(stat(
                "Failed logins",
                "Per minute, now. The server's own advice: look above 50, act above 500.",
                "cpm", f"60 * sum({rate('qpc_auth_failures_total')})", graph="area", decimals=0,
                thresholds=steps(GREEN, (50, YELLOW), (500, RED))), "QpcLoginFailures")),
            (4, stat(
                "Users in a day",
                "Distinct identities seen in the last 24 hours, from the log. A person seen by two servers counts twice.",
                "short", "sum(" + selector("qpc_active_users", 'window="1d"') + ")", decimals=0)),
        ]),
        ("How busy?", 8, [
            (12, with_runbook(timeseries(
                "Calls by hook",
                "Each call of a hook is an attempt that the server handled. A retried message counts again.",
                "ops", [(f"sum by (hook) ({rate('qpc_hook_calls_total')})", "{{hook}}")], stacked=True, table=True),
                "QpcTrafficGone")),
            (12, timeseries(
                "Messages",
                "By the hook that saw them. A server may call both hooks for one message, so do not add the two. Messages with a "
                "sealed sender do not tell the server who sent them.",
                "cps",
                [(f"sum by (path) ({rate('qpc_messages_total')})", "{{path}}"),
                 (f"sum by (path) ({rate('qpc_sealed_messages_total')})", "{{path}}, sealed")],
                table=True)),
            (8, timeseries(
                "Fetches",
                "Clients that ask for waiting messages. Mostly empty fetches are clients that poll.",
                "ops",
                [(f"sum({rate('qpc_fetches_total')})", "all"),
                 (f"sum({rate('qpc_empty_fetches_total')})", "empty")])),
            (8, with_runbook(timeseries(
                "Registrations and new channels",
                "Completed registrations, and channels created (not those looked up), per minute. A steep rise of registrations is "
                "a campaign, or someone who makes accounts by machine.",
                "cpm",
                [(f"60 * sum({rate('qpc_users_registered_total')})", "registrations"),
                 (f"60 * sum({rate('qpc_channels_created_total')})", "new channels")]), "QpcRegistrationBurst")),
            (8, timeseries(
                "Active users",
                "Distinct identities seen in a day, a week and a month, from the log. A retention shorter than the "
                "window cuts it.",
                "short", [(f"sum by (window) ({selector('qpc_active_users')})", "{{window}}")])),
        ]),
        ("Who fails to log in?", 8, [
            (12, with_runbook(timeseries(
                "Failed logins by reason",
                "Per minute. A high credentials: someone guesses passwords of known users. A high unknown_user: someone tries a list of "
                "names. rate_limited and locked: the server defends itself. Lines at 50 and 500, where the alerts fire.",
                "cpm", [(f"60 * sum by (reason) ({rate('qpc_auth_failures_total')})", "{{reason}}")],
                stacked=True, table=True, thresholds=steps("transparent", (50, YELLOW), (500, RED))),
                "QpcLoginFailures", "QpcUserEnumeration", "QpcPasswordGuessing")),
            (5, timeseries(
                "Share of logins that fail",
                "Failures among all attempts. People mistype; above one half, it is machines, or something is broken for everyone.",
                "percentunit",
                [(f"sum({rate('qpc_auth_failures_total')}) / sum({rate('qpc_auth_attempts_total')})", "failed")],
                maximum=1)),
            (7, table(
                "Failed logins in the time shown",
                "How many of each class, and their share of all failures.",
                [("Failures", f"sum by (reason) ({increase('qpc_auth_failures_total', '$__range')})", "short", None),
                 ("Share",
                  f"sum by (reason) ({increase('qpc_auth_failures_total', '$__range')}) / ignoring (reason) group_left () "
                  f"sum({increase('qpc_auth_failures_total', '$__range')})", "percentunit", None)],
                shared="reason", sort="Failures", rename={"reason": "Class"})),
        ]),
        ("How long do messages wait?", 8, [
            (8, with_runbook(timeseries(
                "Wait until a message is fetched",
                "At each fetch that hands messages out: how long the oldest of them had waited. Phones that were offline make p99 long; "
                "the median is what people feel. Interpolated within a bucket.",
                "s",
                [(quantile(q, "qpc_delivery_wait_seconds"), name) for q, name in ((0.5, "median"), (0.9, "p90"), (0.99, "p99"))],
                table=True), "QpcDeliverySlow")),
            (8, with_runbook(timeseries(
                "Recipients with messages waiting",
                "Phones that are offline make some wait at all times. A steep rise: clients cannot reach the server, or their "
                "fetches fail.",
                "short", [(f"sum({selector('qpc_recipients_waiting')})", "waiting")]), "QpcMessagesWait")),
            (4, stat(
                "Longest wait now",
                "The oldest message not yet fetched; usually that of a phone that is gone for good.",
                "s", f"max({selector('qpc_delivery_oldest_waiting_seconds')})")),
            (4, with_runbook(stat(
                "Users failing to log in",
                "Different users with a failed login in the last 5 minutes. Many at once: one password is tried on many, or logins are "
                "broken for all.",
                "short", "sum(" + selector("qpc_auth_failing_users", 'window="5m"') + ")", graph="area", decimals=0),
                "QpcPasswordSpraying")),
        ]),
        ("How big?", 8, [
            (12, heatmap(
                "Size of a single message",
                "Encrypted payloads of on_message_enqueue; darker means more. Buckets are powers of 4.",
                "bytes", "qpc_message_payload_bytes", 'path="single"')),
            (12, heatmap(
                "Size of a message in a batch",
                "Encrypted payloads of on_batch_enqueue; darker means more. Buckets are powers of 4.",
                "bytes", "qpc_message_payload_bytes", 'path="batch"')),
            (12, timeseries(
                "Payload, median and p99",
                "Interpolated within a bucket, and buckets are powers of 4: an estimate.",
                "bytes",
                [(quantile(q, "qpc_message_payload_bytes", ["path"]), f"{{{{path}}}}, {name}")
                 for q, name in ((0.5, "median"), (0.99, "p99"))],
                table=True, colours=PATH_COLOURS)),
            (12, timeseries(
                "Messages in a batch and in a fetch",
                "Big fetches are clients that return after a while; big batches are clients that send to many.",
                "short",
                [(quantile(q, f"qpc_{what}_messages"), f"{what}, {name}")
                 for what in ("batch", "fetch") for q, name in ((0.5, "median"), (0.99, "p99"))],
                table=True)),
        ]),
        ("How fast?", 8, [(12, hook_durations()), (12, flush_durations())]),
    ])

HEALTH = board(
    "qpc-plugin-health", "quicprochat / Plugin health",
    "Whether the metrics plugin does its work: nothing lost, the log keeps up, disk space, no cost to the server.",
    [
        ("What runs?", 4, [
            (4, plugin_up()),
            (4, stat(
                "Running for", "Since the plugin was started. If it is short again and again, the server keeps restarting, or crashes.",
                "dtdurations", f"time() - {selector('qpc_plugin_start_time_seconds')}", legend="{{instance}}",
                decimals=0)),
            (4, stat(
                "Version", "The plugin's version, and how identities are written into its log.",
                "none", selector("qpc_build_info"), legend="{{version}}, {{identities}}", text_mode="name")),
            (4, with_runbook(stat(
                "Log on disk", "The event log and its WAL. The cap of the log is 4 GiB unless MAX_SIZE is set.",
                "bytes", f"sum({selector('qpc_plugin_log_size_bytes')} + {selector('qpc_plugin_wal_size_bytes')})",
                graph="area"), "QpcDiskNearlyFull")),
            (4, stat(
                "Oldest event", "How far back the log reaches. 30 days unless RETENTION is set.",
                "s",
                f"max(time() - ({selector('qpc_plugin_oldest_event_timestamp_seconds')} > 0))")),
            (4, stat(
                "Files quarantined",
                "Damaged files, in the time shown. They stay beside the log as *.damaged-…",
                "short", f"sum({increase('qpc_plugin_files_set_aside_total', '$__range')})", decimals=0,
                thresholds=steps(GREEN, (1, RED)))),
        ]),
        ("Is anything lost?", 8, [
            (8, with_runbook(timeseries(
                "Events recorded and written",
                "What hooks recorded, and what was written to the log. The two lines coincide, a flush apart.",
                "cps",
                [(f"sum({rate('qpc_plugin_events_recorded_total')})", "recorded"),
                 (f"sum({rate('qpc_plugin_events_written_total')})", "written")]), "QpcVerifyFailed")),
            (8, with_runbook(timeseries(
                "Events dropped by cause",
                "ring_full: the drain could not keep up. no_slot: no space for another thread's ring. log_error: a log "
                "was deleted or damaged. torn: a power cut. Should be empty.",
                "short", [(f"sum by (cause) ({increase('qpc_plugin_events_dropped_total')})", "{{cause}}")],
                stacked=True, bars=True), "QpcEventsDropped")),
            (8, timeseries(
                "Events removed by cause",
                "What left the log as intended: too old or too much (retention), or removed with a person (forget). For MAX_SIZE: "
                "the part of retention's that was not too old, for which the log had no room.",
                "short",
                [(f"sum by (cause) ({increase('qpc_plugin_events_removed_total')})", "{{cause}}"),
                 (f"sum({increase('qpc_plugin_events_removed_for_size_total')})", "for MAX_SIZE")],
                bars=True)),
        ]),
        ("Does the log keep up?", 8, [
            (8, with_runbook(timeseries(
                "Pending events", "Recorded, not yet in the log. As much as comes in a flush interval is normal; a steady rise is not.",
                "short", [(f"sum by (instance) ({selector('qpc_plugin_pending_events')})", "{{instance}}")]),
                "QpcDrainLagging")),
            (8, flush_durations()),
            (8, with_runbook(timeseries(
                "Log errors by cause",
                "full: no space on the disk. busy: another process holds the log's lock. io: the disk failed. corrupt: "
                "the log is damaged. Should be empty.",
                "short", [(f"sum by (cause) ({increase('qpc_plugin_flush_errors_total')})", "{{cause}}")],
                stacked=True, bars=True), "QpcLogErrors")),
        ]),
        ("How much space does it take?", 8, [
            (12, with_runbook(timeseries(
                "Log and WAL",
                "The WAL has some MiB; if it grows, a reader keeps an old snapshot of the log open.",
                "bytes",
                [(f"sum({selector('qpc_plugin_log_size_bytes')})", "events.db"),
                 (f"sum({selector('qpc_plugin_wal_size_bytes')})", "events.db-wal")]), "QpcLogHeld")),
            (12, timeseries(
                "Growth per day",
                "What the log would gain in a day at the last hour's rate. 0 when retention removes as much as comes.",
                "bytes",
                [(f"sum(clamp_min(deriv({selector('qpc_plugin_log_size_bytes')}[1h]), 0)) * 86400", "per day")])),
        ]),
        ("What does it cost the server?", 8, [
            (12, heatmap(
                "Hook durations",
                "All hooks, one call in 1,024; darker means more.",
                "s", "qpc_plugin_hook_duration_seconds")),
            (12, hook_durations()),
        ]),
        ("Is it scraped?", 6, [
            (12, with_runbook(timeseries(
                "Scrapes", "1 when Prometheus got a response from the exporter. Gaps here are gaps everywhere.",
                "none", [(f"min by (instance) ({selector('up')})", "{{instance}}")], maximum=1),
                "QpcExporterDown", "QpcTextfileStale")),
            (12, timeseries(
                "Scrape duration", "As Prometheus sees it.",
                "s", [(f"max by (instance) ({selector('scrape_duration_seconds')})", "{{instance}}")])),
        ]),
    ])


def by_instance(expression):
    return f"sum by (instance) ({expression})"


def beside_last_week(title, description, unit, metric, factor=""):
    """What happens now, and what happened at this time a week ago."""
    def then(offset):
        return f"{factor}sum(rate({selector(metric)}[$__rate_interval]{offset}))"

    return timeseries(title, description, unit, [(then(""), "now"), (then(" offset 1w"), "a week ago")],
                      colours={"now": "blue", "a week ago": "text"})


def against_last_week(title, description, metric):
    return stat(
        title, description, "percentunit",
        f"sum({increase(metric, '$__range')}) / sum(increase({selector(metric)}[$__range] offset 1w)) - 1",
        decimals=0)


def alerts_firing():
    made = table(
        "Alerts that fire",
        "Of the servers chosen above, as Prometheus evaluates them; empty is good. An alert's name leads to its runbook.",
        [("Firing", 'ALERTS{' + WHERE + ', alertstate="firing", alertname=~"Qpc.+"}', "none", None)],
        rename={"alertname": "Alert", "severity": "Severity", "cause": "Cause"})
    made["fieldConfig"]["overrides"] += [
        {"matcher": {"id": "byName", "options": "Alert"}, "properties": [{"id": "links", "value": [
            {"title": "Runbook", "url": "${runbooks}#${__value.text:lower}", "targetBlank": True}]}]},
        {"matcher": {"id": "byName", "options": "Severity"}, "properties": [
            {"id": "mappings", "value": [{"type": "value", "options": {
                "critical": {"color": RED, "index": 0, "text": "critical"},
                "warning": {"color": YELLOW, "index": 1, "text": "warning"}}}]},
            {"id": "custom.cellOptions", "value": {"type": "color-text"}}]},
    ]
    made["transformations"][-1]["options"]["excludeByName"]["Value"] = True
    return made


FLEET = board(
    "qpc-fleet", "quicprochat / Fleet",
    "Every server beside the others, what fires, and this week beside the last. From the metrics of qpc-metrics, none of which "
    "contains an identity.",
    [
        ("What needs attention?", 7, [
            (16, alerts_firing()),
            (4, stat(
                "Servers up", "Servers whose plugin has a heartbeat.", "none", f"sum({selector('qpc_up')})", decimals=0)),
            (4, stat(
                "Servers down", "Servers whose exporter answers and whose plugin has no heartbeat.", "none",
                f"count({selector('qpc_up')}) - sum({selector('qpc_up')})", decimals=0,
                thresholds=steps(GREEN, (1, RED)))),
        ]),
        ("How do they compare?", 9, [
            (24, table(
                "Each server now",
                "One line for each server. Click a heading to sort by it.",
                [
                    ("Plugin", by_instance(selector("qpc_up")), "none", steps(RED, (1, GREEN))),
                    ("Calls/s", by_instance(rate("qpc_hook_calls_total")), "ops", None),
                    ("Messages/s", by_instance(rate("qpc_messages_total")), "cps", None),
                    ("Failed logins/min", "60 * " + by_instance(rate("qpc_auth_failures_total")), "cpm",
                     steps(TEXT, (50, YELLOW), (500, RED))),
                    ("Users failing", by_instance(selector("qpc_auth_failing_users", 'window="5m"')), "short", None),
                    ("Recipients waiting", by_instance(selector("qpc_recipients_waiting")), "short", None),
                    ("Users in a day", by_instance(selector("qpc_active_users", 'window="1d"')), "short", None),
                    ("Pending", by_instance(selector("qpc_plugin_pending_events")), "short", None),
                    ("Dropped", by_instance(increase("qpc_plugin_events_dropped_total", "$__range")), "short",
                     steps(TEXT, (1, RED))),
                    ("Log", by_instance(selector("qpc_plugin_log_size_bytes")), "bytes", None),
                    ("Running for", f"time() - max by (instance) ({selector('qpc_plugin_start_time_seconds')})", "dtdurations",
                     None),
                ], sort="Failed logins/min")),
            (12, with_runbook(timeseries(
                "Calls by server", "All hooks. A server that falls to 0 while the others go on has lost its clients.", "ops",
                [(by_instance(rate("qpc_hook_calls_total")), "{{instance}}")], table=True), "QpcTrafficGone")),
            (12, with_runbook(timeseries(
                "Failed logins by server",
                "Per minute. All servers at once: an attack on names that they share, or a bad release. One: look there.", "cpm",
                [("60 * " + by_instance(rate("qpc_auth_failures_total")), "{{instance}}")], table=True,
                thresholds=steps("transparent", (50, YELLOW), (500, RED))), "QpcLoginFailures")),
            (12, with_runbook(timeseries(
                "Median wait by server", "At each fetch that hands messages out: how long the oldest of them had waited.", "s",
                [(quantile(0.5, "qpc_delivery_wait_seconds", ["instance"]), "{{instance}}")], table=True), "QpcDeliverySlow")),
            (12, with_runbook(timeseries(
                "Drain lag by server",
                "How long writing the pending events to the log takes at the present rate. Usually far below a second.", "s",
                [(f"sum by (instance) ({selector('qpc_plugin_pending_events')}) / clamp_min("
                  f"{by_instance(rate('qpc_plugin_events_written_total'))}, 1)", "{{instance}}")], table=True),
                "QpcDrainLagging")),
        ]),
        ("Do the shippers keep up?", 8, [
            (8, with_runbook(timeseries(
                "Wait for ClickHouse",
                "How long the oldest event that has not arrived in ClickHouse has waited. A shipper is an instance of its own: choose "
                "all jobs and instances above.", "s",
                [(f"max by (instance) ({selector('qpc_ship_lag_seconds')})", "{{instance}}")], table=True,
                thresholds=steps("transparent", (300, YELLOW))), "QpcShipperLagging", "QpcShipperDown")),
            (8, timeseries(
                "Events that wait and arrive",
                "In the log and not yet in ClickHouse; and what arrives there each second.", "short",
                [(f"sum by (instance) ({selector('qpc_ship_lag_events')})", "{{instance}} waiting"),
                 (by_instance(rate("qpc_ship_events_total")), "{{instance}} arriving/s"),
                 (by_instance(rate("qpc_ship_batches_total")), "{{instance}} batches/s")], table=True)),
            (8, with_runbook(timeseries(
                "Attempts that failed, events that were skipped",
                "Attempts are repeated. What left the log before it was sent is skipped for good.", "short",
                [(f"sum by (instance, cause) ({increase('qpc_ship_errors_total')})", "{{instance}} failed: {{cause}}"),
                 (f"sum by (instance, cause) ({increase('qpc_ship_skipped_events_total')})", "{{instance}} skipped: {{cause}}")],
                table=True), "QpcShipperErrors", "QpcShipperSkippedEvents")),
        ]),
        ("Is it more than last week?", 8, [
            (4, against_last_week(
                "Calls against last week", "In the time shown, against the same time a week before.", "qpc_hook_calls_total")),
            (4, against_last_week(
                "Failed logins against last week", "In the time shown, against the same time a week before.",
                "qpc_auth_failures_total")),
            (8, beside_last_week(
                "Calls, this week and last", "All servers chosen above. Days of a week repeat; a new server or a lost one shows here.",
                "ops", "qpc_hook_calls_total")),
            (8, beside_last_week(
                "Failed logins, this week and last", "Per minute, all servers chosen above.", "cpm", "qpc_auth_failures_total",
                "60 * ")),
        ]),
    ])


def main():
    stale = []
    for name, made in (("overview.json", OVERVIEW), ("plugin-health.json", HEALTH), ("fleet.json", FLEET)):
        text = json.dumps(made, indent=2, ensure_ascii=False) + "\n"
        file = HERE / name
        if "--check" in sys.argv[1:]:
            if not file.exists() or file.read_text("utf-8") != text:
                stale.append(name)
        else:
            file.write_text(text, "utf-8")
    if stale:
        sys.exit(f"{', '.join(stale)}: not what generate.py writes; run python3 dashboards/grafana/generate.py")


if __name__ == "__main__":
    main()
