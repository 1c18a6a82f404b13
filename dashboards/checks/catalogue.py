"""Which metrics there are, with which labels and values: from docs/METRICS.md, which a test keeps equal to the
catalogue, or else from the golden exposition, which another test makes from it."""

import dataclasses
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Labels that Prometheus adds to every series of a target.
TARGET_LABELS = {"job", "instance"}


@dataclasses.dataclass
class Metric:
    kind: str  # counter, gauge, histogram
    # Label to its closed set of values, or None if any value may occur.
    labels: dict


# Not from qpc-metrics: what Prometheus generates for each target, and what node_exporter may add.
OTHERS = {
    "up": Metric("gauge", {}),
    "ALERTS": Metric("gauge", {"alertname": None, "alertstate": {"firing", "pending"}, "severity": {"critical", "warning"}}),
    "scrape_duration_seconds": Metric("gauge", {}),
    "node_textfile_mtime_seconds": Metric("gauge", {"file": None}),
    "node_filesystem_avail_bytes": Metric("gauge", {"device": None, "fstype": None, "mountpoint": None}),
    "node_filesystem_size_bytes": Metric("gauge", {"device": None, "fstype": None, "mountpoint": None}),
    "node_systemd_unit_state": Metric("gauge", {"name": None, "state": None, "type": None}),
}


def families():
    """Name, as the type line of an exposition has it but with a counter's _total, to Metric."""
    page = ROOT / "docs/METRICS.md"
    if page.exists():
        return from_page(page.read_text("utf-8")), "docs/METRICS.md"
    golden = ROOT / "Tests/PrometheusTextTests/Goldens/prometheus.txt"
    return from_exposition(golden.read_text("utf-8")), str(golden.relative_to(ROOT))


def from_page(text):
    found = {}
    for name, kind, labels in re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \|", text, re.M):
        sets = {}
        for part in re.split(r"[;,]\s*", labels):
            words = re.findall(r"`([^`]+)`", part)
            if words:
                sets[words[0]] = set(words[1:]) or None
        found[name] = Metric(kind, sets)
    return found


def from_exposition(text):
    found, current = {}, None
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            current = found[name] = Metric(kind, {})
        elif not line.startswith("#"):
            for label, value in re.findall(r'(\w+)="([^"]*)"', line):
                if label != "le":
                    current.labels.setdefault(label, set()).add(value)
    for label in ("version", "identities"):
        found["qpc_build_info"].labels[label] = None
    return found


def samples(found):
    """Every name that a sample can have, to Metric; a histogram's three are told apart by their kind."""
    every = {}
    for name, metric in found.items():
        if metric.kind == "histogram":
            every[name + "_bucket"] = Metric("bucket", metric.labels | {"le": None})
            every[name + "_sum"] = Metric("counter", metric.labels)
            every[name + "_count"] = Metric("counter", metric.labels)
        else:
            every[name] = metric
    return every
