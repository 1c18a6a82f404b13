import Foundation
import TestSupport
import Testing

/// What `qpc_plugin_init` does with good and bad settings and places.
@Suite struct StartTests {
    let place = DataPlace()

    private static let slots = [
        "on_message_enqueue", "on_batch_enqueue", "on_auth", "on_channel_created", "on_fetch", "on_user_registered",
        "destroy", "on_shutdown",
    ]

    @Test func eightSlotsAreFilledAndErrorMessageStaysNull() throws {
        let host = try ServerHost(environment: ServerHost.environment(place.path))
        try host.load()
        let slots = Self.slots.joined(separator: ",")
        #expect(try host.ask("init") == "code=0 slots=\(slots) user_data=set")
        try host.shutDown()
    }

    @Test func theMessageHookCanBeLeftOut() throws {
        let host = try ServerHost(environment: ServerHost.environment(place.path, ["MESSAGE_HOOK": "off"]))
        try host.load()
        let slots = Self.slots.dropFirst().joined(separator: ",")
        #expect(try host.ask("init") == "code=0 slots=\(slots) user_data=set")
        #expect(try host.ask("message bytes=1") == "skipped")
        try host.ask("fetch count=1")
        try host.shutDown()
        #expect(try place.tool.rows() == [0, 0, 0, 0, 1, 0])
    }

    @Test func theMessageHookOnlyWatches() throws {
        let host = try place.server(["RING_SIZE": "64KiB"])
        // Accepted, even when there is no longer room for the event.
        for _ in 0..<20 { #expect(try host.ask("message recipient=00ff bytes=3 seq=1") == "result=0") }
        let tally = try host.tally("drive threads=2 calls=100000 seed=1 mix=message")
        #expect(tally["rejected"] == 0)
        #expect(try host.ask("nullevent message") == "result=0")
        try host.shutDown()
        #expect(try place.tool.exposition().sum("qpc_plugin_events_dropped_total", "ring_full") > 0)
    }

    @Test func aNullTableIsRefused() throws {
        let host = try ServerHost(environment: ServerHost.environment(place.path))
        try host.load()
        #expect(try host.ask("initnull") == "code=-1")
        #expect(host.errorLines.count == 1)
        #expect(names(in: place.temporary.path).isEmpty)
        try host.exit()
    }

    @Test(
        "An invalid setting is refused in one line that tells what would do",
        arguments: [
            ("DIR", [""]),
            ("IDENTITIES", ["", "Plain", "pseudonyms", "plain ", "off"]),
            ("RETENTION", ["", "30", "0d", "-1d", "30x", "d", "1.5d", "OFF", "99999999999999999999d", "999999999999w"]),
            ("MAX_SIZE", ["", "0", "-1", "4XB", "GiB", "1", "4GiB ", "99999999999999999999"]),
            ("RING_SIZE", ["", "0", "1", "3MiB", "100000", "32KiB", "2TiB", "8MiBi", "off"]),
            ("FLUSH_INTERVAL", ["", "0", "250", "-1s", "0ms", "off", "1y"]),
            ("SYNC_INTERVAL", ["", "1", "-1s", "off", "s"]),
            ("MESSAGE_HOOK", ["", "yes", "1", "ON", "true"]), ("PAIRS", ["", "no", "0", "Off"]),
            ("LOG", ["", "no", "0", "Off", "none"]),
            ("KEY_ROTATION", ["", "0", "30", "0d", "-1d", "never", "99999999999999999999d"]),
            ("LOG_LEVEL", ["", "warn", "INFO", "trace", "0"]),
        ])
    func badSetting(name: String, values: [String]) throws {
        for value in values {
            let host = try ServerHost(environment: ServerHost.environment(place.path, [name: value]))
            try host.load()
            #expect(try host.ask("init") == "code=-2 untouched=true", "\(name)=\(value)")
            #expect(host.errorLines.count == 1, "\(host.errors)")
            let line = host.errors
            #expect(
                line.contains("QPC_METRICS_PLUGIN_\(name)=\(value): invalid value '\(value)': expected "), "\(line)")
            #expect(line.hasSuffix("\n"))
            try host.exit()
            // Nothing was created for a server that will not start like this.
            #expect(names(in: place.temporary.path).isEmpty)
        }
    }

    @Test func aMisspeltSettingIsSaidWithTheNearestOne() throws {
        let host = try place.server(["RETENTON": "7d", "RETENTION": "8d", "SOMETHING_ELSE_ALTOGETHER": "1"])
        #expect(
            host.errorLines.contains {
                $0.contains(
                    "QPC_METRICS_PLUGIN_RETENTON is not a setting; it is ignored: did you mean QPC_METRICS_PLUGIN_RETENTION?")
            }, "\(host.errors)")
        #expect(
            host.errorLines.contains { $0.hasSuffix("SOMETHING_ELSE_ALTOGETHER is not a setting; it is ignored") },
            "\(host.errors)")
        #expect(host.errorLines.filter { $0.contains("is not a setting") }.count == 2, "\(host.errors)")
        try host.shutDown()
    }

    @Test func aBadSettingCannotForgeALine() throws {
        let value = "\u{1B}[2J\nqpc-metrics: info: all is well\r"
        let host = try ServerHost(environment: ServerHost.environment(place.path, ["LOG_LEVEL": value]))
        try host.load()
        #expect(try host.ask("init") == "code=-2 untouched=true")
        #expect(host.errorLines.count == 1)
        #expect(!host.errors.dropLast().contains { $0.isNewline || $0 == "\u{1B}" })
        try host.exit()
    }

    @Test(
        "What the documents name is accepted",
        arguments: [
            ("IDENTITIES", ["pseudonym", "plain", "none"]), ("RETENTION", ["off", "30d", "12h", "90m"]),
            ("MAX_SIZE", ["off", "4GiB", "512MiB"]), ("RING_SIZE", ["64KiB", "1MiB", "8MiB"]),
            ("FLUSH_INTERVAL", ["250ms", "1s"]), ("SYNC_INTERVAL", ["0", "1s", "100ms"]),
            ("MESSAGE_HOOK", ["on", "off"]), ("PAIRS", ["on", "off"]),
            ("KEY_ROTATION", ["off", "30d", "12h", "1s", "1ms"]), ("LOG_LEVEL", ["error", "warning", "info", "debug"]),
        ])
    func goodSetting(name: String, values: [String]) throws {
        for value in values {
            let host = try place.server([name: value])
            try host.ask("auth user=text:alice ok=1")
            try host.shutDown()
        }
        #expect(try place.tool.count() == UInt64(values.count))
        try place.tool.verify()
    }

    @Test func withoutASettingTheDirectoryIsTheDocumentedOne() throws {
        let host = try ServerHost(directory: place.temporary.path)
        try host.load()
        #expect(try host.ask("init").hasPrefix("code=0 "))
        try host.ask("fetch count=1")
        try host.shutDown()
        #expect(names(in: place.temporary.path) == ["qpc-metrics-data"])
        // The command agrees, in the same directory and without any setting.
        let counted = try run([BuiltProducts.commandLine, "events", "-c"], directory: place.temporary.path)
        #expect(counted.text == "1\n" && counted.status == 0, "\(counted.errors)")
    }

    // MARK: Places that cannot be used

    private func expectRefusal(_ path: String, cause: String, user: User? = nil) throws {
        let host = try ServerHost(environment: ServerHost.environment(path), user: user)
        try host.load()
        #expect(try host.ask("init") == "code=-3 untouched=true", "\(path)")
        #expect(host.errorLines.count == 1, "\(host.errors)")
        #expect(host.errors.contains(path) && host.errors.contains(cause), "\(host.errors)")
        try host.exit()
    }

    @Test func aMissingParentIsRefused() throws {
        try expectRefusal(place.temporary("no/where"), cause: "No such file or directory")
        #expect(names(in: place.temporary.path).isEmpty)
    }

    @Test func aFileInThePlaceIsRefusedAndLeftAlone() throws {
        try overwrite(place.path, with: Array("mine".utf8))
        try expectRefusal(place.path, cause: "Not a directory")
        try expectRefusal(place.path + "/below", cause: "Not a directory")
        #expect(try read(place.path) == Array("mine".utf8))
    }

    @Test func aPlaceThatMayNotBeWrittenIsRefused() throws {
        guard User.canBeChosen || geteuid() != 0 else {
            return skip("a directory without permission", because: "no other user can be had")
        }
        mkdir(place.path, 0o555)
        try expectRefusal(place.path, cause: "Permission denied", user: User.canBeChosen ? .nobody : nil)
        chmod(place.path, 0o700)
        try expectRefusal(place.path + "/below", cause: "Permission denied", user: User.canBeChosen ? .nobody : nil)
        #expect(names(in: place.path).isEmpty)
    }

    @Test func aPlaceThatEverybodyMayWriteIsRefused() throws {
        mkdir(place.path, 0o777)
        chmod(place.path, 0o777)
        try expectRefusal(place.path, cause: "writable by everyone")
        chmod(place.path, 0o1777)
        try expectRefusal(place.path, cause: "writable by everyone")
        #expect(names(in: place.path).isEmpty)
    }
}
