"""A stand-in for the server: loads the plugin and calls every hook with believable, made-up traffic.

    python3 traffic.py libMetricsPlugin.so [calls a second, 20 unless told otherwise]

The data directory is QPC_METRICS_PLUGIN_DIR's, as for the server. Ends on SIGTERM or SIGINT as the server does (shutdown,
then destroy), and prints how often it called each hook, as one line of JSON.
"""

import ctypes
import json
import os
import random
import signal
import sys
import time

bytes_pointer, size = ctypes.c_char_p, ctypes.c_size_t


class Message(ctypes.Structure):
    _fields_ = [
        ("sender", bytes_pointer), ("sender_length", size), ("recipient", bytes_pointer), ("recipient_length", size),
        ("channel", bytes_pointer), ("channel_length", size), ("payload_length", size), ("seq", ctypes.c_uint64)]


class Auth(ctypes.Structure):
    _fields_ = [
        ("user", bytes_pointer), ("user_length", size), ("success", ctypes.c_int32), ("reason", bytes_pointer),
        ("reason_length", size)]


class Channel(ctypes.Structure):
    _fields_ = [
        ("channel", bytes_pointer), ("channel_length", size), ("initiator", bytes_pointer), ("initiator_length", size),
        ("peer", bytes_pointer), ("peer_length", size), ("is_new", ctypes.c_int32)]


class Fetch(ctypes.Structure):
    _fields_ = [
        ("recipient", bytes_pointer), ("recipient_length", size), ("channel", bytes_pointer), ("channel_length", size),
        ("count", size)]


context = ctypes.c_void_p
HOOKS = {
    "message_enqueue": ctypes.CFUNCTYPE(ctypes.c_int32, context, ctypes.POINTER(Message)),
    "batch_enqueue": ctypes.CFUNCTYPE(None, context, ctypes.POINTER(Message), size),
    "auth": ctypes.CFUNCTYPE(None, context, ctypes.POINTER(Auth)),
    "channel_created": ctypes.CFUNCTYPE(None, context, ctypes.POINTER(Channel)),
    "fetch": ctypes.CFUNCTYPE(None, context, ctypes.POINTER(Fetch)),
    "user_registered": ctypes.CFUNCTYPE(None, context, bytes_pointer, size, bytes_pointer, size),
}


class Table(ctypes.Structure):
    _fields_ = [
        ("user_data", context), *HOOKS.items(), ("error_message", context),
        ("destroy", ctypes.CFUNCTYPE(None, context)), ("shutdown", ctypes.CFUNCTYPE(None, context))]


# How often each kind of call occurs, and why logins fail: mistyped passwords, mostly.
WEIGHTS = {"message_enqueue": 30, "batch_enqueue": 6, "auth": 8, "channel_created": 4, "fetch": 50, "user_registered": 2}
REASONS = ["invalid credentials"] * 6 + [
    "unknown user", "rate limited", "account locked", "session expired", "protocol error", "no reason at all"]


class Server:
    def __init__(self, plugin, seed=1):
        self.random = random.Random(seed)
        self.table = Table()
        code = ctypes.CDLL(plugin).qpc_plugin_init(ctypes.byref(self.table))
        if code != 0:
            sys.exit(f"traffic.py: qpc_plugin_init returned {code}")
        self.users = [f"user{number}".encode() for number in range(500)]
        self.keys = [self.random.randbytes(32) for _ in self.users]
        self.channels = [self.random.randbytes(16) for _ in range(800)]
        self.calls = dict.fromkeys(HOOKS, 0)
        self.seq = 0

    def somebody(self):
        # A few people do most of it.
        return min(int(self.random.paretovariate(0.6)) - 1, len(self.keys) - 1)

    def message(self):
        self.seq += 1
        sealed = self.random.random() < 0.4
        payload = int(min(self.random.lognormvariate(6.5, 1.6), 16e6))
        return Message(
            None if sealed else self.keys[self.somebody()], 0 if sealed else 32, self.keys[self.somebody()], 32,
            self.random.choice(self.channels), 16, payload, self.seq)

    def call(self, hook):
        self.calls[hook] += 1
        of, table, user_data = self.random, self.table, self.table.user_data
        if hook == "message_enqueue":
            table.message_enqueue(user_data, self.message())
        elif hook == "batch_enqueue":
            count = min(int(of.paretovariate(0.9)), 300)
            table.batch_enqueue(user_data, (Message * count)(*(self.message() for _ in range(count))), count)
        elif hook == "auth":
            user, failed = self.users[self.somebody()], of.random() < 0.12
            reason = of.choice(REASONS).encode() if failed else b""
            table.auth(user_data, Auth(user, len(user), not failed, reason, len(reason)))
        elif hook == "channel_created":
            table.channel_created(user_data, Channel(
                of.choice(self.channels), 16, self.keys[self.somebody()], 32, self.keys[self.somebody()], 32,
                of.random() < 0.3))
        elif hook == "fetch":
            count = 0 if of.random() < 0.6 else min(int(of.paretovariate(0.8)), 2000)
            table.fetch(user_data, Fetch(self.keys[self.somebody()], 32, None, 0, count))
        else:
            number = of.randrange(len(self.users))
            table.user_registered(user_data, self.users[number], len(self.users[number]), self.keys[number], 32)

    def end(self):
        self.table.shutdown(self.table.user_data)
        self.table.destroy(self.table.user_data)


def main():
    plugin, rate = os.path.abspath(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 20
    ended = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.append(True))
    server = Server(plugin)
    names, weights = list(WEIGHTS), list(WEIGHTS.values())
    due = time.monotonic()
    while not ended:
        # A twentieth of a second at a time.
        for hook in server.random.choices(names, weights, k=max(1, round(rate / 20))):
            server.call(hook)
        due += max(1, round(rate / 20)) / rate
        time.sleep(max(0, due - time.monotonic()))
    server.end()
    print(json.dumps(server.calls), flush=True)


if __name__ == "__main__":
    main()
