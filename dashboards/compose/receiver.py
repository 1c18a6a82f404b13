#!/usr/bin/env python3
"""Stands in for a mail server and a pager: prints each alert that Alertmanager sends to it, a line each.

    python3 receiver.py PORT
"""

import http.server
import json
import sys


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        # For the health check.
        self.answer(200)

    def do_POST(self):
        try:
            sent = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            for alert in sent["alerts"]:
                labels, notes = alert["labels"], alert["annotations"]
                print(
                    self.path[1:], alert["status"], labels.get("severity", "-"), labels["alertname"], notes.get("summary", ""),
                    notes.get("runbook_url", ""), sep="  ", flush=True)
        except (ValueError, KeyError, TypeError) as error:
            print(f"{self.path[1:]}  not an alert: {error!r}", flush=True)
            return self.answer(400)
        self.answer(200)

    def answer(self, code):
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, form, *arguments):
        pass


def main():
    server = http.server.ThreadingHTTPServer(("", int(sys.argv[1])), Receiver)
    print(f"listening on port {server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
