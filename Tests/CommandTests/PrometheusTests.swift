import Foundation
import TestSupport
import Testing

/// `prometheus`, judged by Prometheus's own tools.
@Suite struct PrometheusTests {
    let place = DataPlace()

    private func begin() throws -> ServerHost {
        let host = try place.server()
        _ = try host.tally("send-known seed=8 count=2000 out=\(place.temporary("sent"))")
        try host.ask("shutdown")
        return host
    }

    @Test func promtoolFindsNothingToBlame() throws {
        guard try shell("command -v promtool").status == 0 else {
            return skip("promtool's judgement", because: "promtool is not installed")
        }
        let host = try begin()
        for _ in 0..<2 {
            let checked = try shell("\(BuiltProducts.commandLine) prometheus --dir \(place.path) | promtool check metrics")
            #expect(checked.status == 0 && checked.text.isEmpty && checked.errors.isEmpty, "\(checked.text)\(checked.errors)")
            // Once more, now that the server is dead.
            host.kill()
        }
    }

    @Test func theStrictParserReadsOpenMetricsAndFindsTheSameInBoth() throws {
        let python = BuiltProducts.python
        guard (try? run([python, "-c", "import prometheus_client"]).status) == 0 else {
            return skip("the strict OpenMetrics parser", because: "\(python) has no prometheus_client")
        }
        let host = try begin()
        let text = place.temporary("text")
        let openMetrics = place.temporary("openmetrics")
        host.kill()
        try overwrite(text, with: place.tool.succeed("prometheus").output)
        try overwrite(openMetrics, with: place.tool.succeed("prometheus", "--format", "openmetrics").output)
        let program = """
            import sys
            from prometheus_client.openmetrics.parser import text_string_to_metric_families as strict
            from prometheus_client.parser import text_string_to_metric_families as plain
            age = "qpc_delivery_oldest_waiting_seconds"  # grows from one reading to the next
            def samples(parse, path):
                return {(s.name, tuple(sorted((k, float(v) if k == "le" else v) for k, v in s.labels.items()))): s.value
                        for f in parse(open(path).read()) for s in f.samples if not s.name.endswith("_created") and s.name != age}
            a, b = samples(strict, sys.argv[2]), samples(plain, sys.argv[1])
            if a != b: sys.exit(str(sorted(set(a.items()) ^ set(b.items()))[:10]))
            print(len(a))
            """
        let parsed = try run([python, "-c", program, text, openMetrics])
        #expect(parsed.status == 0, "\(parsed.errors)")
        #expect(UInt64(parsed.lines.last ?? "") ?? 0 > 200)
    }

    @Test func everyMetricOfTheContractIsThereFromTheStart() throws {
        let host = try place.server()
        let metrics = try place.tool.exposition()
        for (name, type) in Self.contract { #expect(metrics.types[name] == type, "\(name)") }
        for kind in eventKinds {
            #expect(metrics.samples["qpc_hook_calls_total{hook=\"\(kind)\"}"] == "0")
            #expect(metrics.samples["qpc_plugin_events_recorded_total{kind=\"\(kind)\"}"] == "0")
            #expect(metrics.samples["qpc_plugin_events_written_total{kind=\"\(kind)\"}"] == "0")
            for cause in ["ring_full", "no_slot", "log_error", "torn"] {
                #expect(metrics.samples["qpc_plugin_events_dropped_total{kind=\"\(kind)\",cause=\"\(cause)\"}"] == "0")
            }
            for cause in ["retention", "forget"] {
                #expect(metrics.samples["qpc_plugin_events_removed_total{kind=\"\(kind)\",cause=\"\(cause)\"}"] == "0")
            }
            #expect(metrics.samples["qpc_plugin_hook_duration_seconds_count{hook=\"\(kind)\"}"] == "0")
        }
        for reason in ["credentials", "unknown_user", "rate_limited", "locked", "expired", "protocol", "other"] {
            #expect(metrics.samples["qpc_auth_failures_total{reason=\"\(reason)\"}"] == "0")
        }
        for cause in ["full", "busy", "io", "corrupt", "other"] {
            #expect(metrics.samples["qpc_plugin_flush_errors_total{cause=\"\(cause)\"}"] == "0")
        }
        for window in ["1d", "7d", "30d"] { #expect(metrics.samples["qpc_active_users{window=\"\(window)\"}"] == "0") }
        #expect(metrics.samples["qpc_up"] == "1")
        let start = try #require(metrics.samples["qpc_plugin_start_time_seconds"].flatMap { Double($0) })
        #expect(abs(start - Double(microsecondsNow()) / 1e6) < 600)
        let info = metrics.samples.keys.filter { $0.hasPrefix("qpc_build_info{") }
        #expect(info.count == 1 && info.first!.contains("identities=\"pseudonym\"") && info.first!.contains("version=\""))
        try host.shutDown()
    }

    private static let contract = [
        "qpc_up": "gauge", "qpc_build_info": "gauge", "qpc_hook_calls_total": "counter",
        "qpc_messages_total": "counter", "qpc_sealed_messages_total": "counter",
        "qpc_message_payload_bytes": "histogram", "qpc_batch_messages": "histogram",
        "qpc_auth_attempts_total": "counter", "qpc_auth_failures_total": "counter",
        "qpc_channel_requests_total": "counter", "qpc_channels_created_total": "counter",
        "qpc_fetches_total": "counter", "qpc_empty_fetches_total": "counter", "qpc_fetch_messages": "histogram",
        "qpc_users_registered_total": "counter", "qpc_active_users": "gauge",
        "qpc_plugin_start_time_seconds": "gauge", "qpc_plugin_events_recorded_total": "counter",
        "qpc_plugin_events_written_total": "counter", "qpc_plugin_events_dropped_total": "counter",
        "qpc_plugin_events_removed_total": "counter", "qpc_plugin_pending_events": "gauge",
        "qpc_plugin_last_drop_timestamp_seconds": "gauge",
        "qpc_plugin_flush_duration_seconds": "histogram", "qpc_plugin_flush_errors_total": "counter",
        "qpc_plugin_hook_duration_seconds": "histogram", "qpc_plugin_log_size_bytes": "gauge",
        "qpc_plugin_wal_size_bytes": "gauge", "qpc_plugin_oldest_event_timestamp_seconds": "gauge",
        "qpc_plugin_files_set_aside_total": "counter",
    ]

    /// The whole exposition of a reproducible run. After an intended change, run with `UPDATE_GOLDENS=1`.
    @Test("The exposition of a known run is the golden file's", arguments: ["text", "openmetrics"])
    func golden(format: String) throws {
        let host = try place.server()
        _ = try host.tally("send-known seed=2026 count=1500 out=\(place.temporary("sent"))")
        try host.shutDown()
        let text = try place.tool.succeed("prometheus", "--format", format).text
        let normalised = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let name = line.prefix { $0 != "{" && $0 != " " }
            guard !line.hasPrefix("#"),
                name.hasSuffix("_created") || Self.varying.contains(where: { name.hasPrefix($0) }),
                let space = line.lastIndex(of: " ")
            else { return String(line) }
            return line[..<space] + " *"
        }.joined(separator: "\n")
        let golden = BuiltProducts.packageRoot + "/Tests/CommandTests/Goldens/\(format).txt"
        if BuiltProducts.setting("UPDATE_GOLDENS") != nil { try overwrite(golden, with: Array(normalised.utf8)) }
        let expected = String(decoding: try read(golden), as: UTF8.self).split(separator: "\n")
        let found = normalised.split(separator: "\n")
        for (line, (found, expected)) in zip(found, expected).enumerated() where found != expected {
            Issue.record("line \(line + 1): \(found)\nshould be: \(expected)")
        }
        #expect(found.count == expected.count)
    }

    /// Metrics that depend on the time and the machine.
    private static let varying = [
        "qpc_plugin_start_time_seconds", "qpc_plugin_flush_duration_seconds", "qpc_plugin_hook_duration_seconds",
        "qpc_plugin_log_size_bytes", "qpc_plugin_wal_size_bytes", "qpc_plugin_oldest_event_timestamp_seconds",
        "qpc_delivery_wait_seconds", "qpc_delivery_oldest_waiting_seconds",
    ]

    @Test func outputReplacesTheFileInOneStep() throws {
        let host = try begin()
        let file = place.temporary("metrics.prom")
        try overwrite(file, with: Array("old\n".utf8))
        let whole = try place.tool.succeed("prometheus").lines.count
        let writer = try ChildProcess(
            [BuiltProducts.commandLine, "prometheus", "--dir", place.path, "--output", file, "--every", "5ms"],
            errorFile: place.temporary("writer-errors"))
        var inodes: Set<UInt64> = []
        try eventually("the file was replaced twenty times") {
            var status = stat()
            stat(file, &status)
            inodes.insert(UInt64(status.st_ino) << 32 ^ UInt64(status.st_mtim.tv_nsec))
            let content = String(decoding: try read(file), as: UTF8.self)
            if content != "old\n" { #expect(content.split(separator: "\n").count == whole && content.hasSuffix("\n")) }
            return inodes.count > 20
        }
        writer.kill()
        writer.wait()
        try host.exit()

        let once = try place.tool.succeed("prometheus", "--output", file)
        #expect(once.output.isEmpty)
        // How long somebody has waited grows from one reading to the next.
        func lines(_ text: [UInt8]) -> [Substring] {
            String(decoding: text, as: UTF8.self).split(separator: "\n").filter {
                !$0.hasPrefix("qpc_delivery_oldest_waiting_seconds ")
            }
        }
        #expect(try lines(read(file)) == lines(place.tool.succeed("prometheus").output))
        // A pipe or a device is written to, and stays what it is.
        let pipe = place.temporary("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        let command = "'\(BuiltProducts.commandLine)' prometheus --dir '\(place.path)' --output '\(pipe)' & cat '\(pipe)'; wait"
        #expect(try lines(run(["bash", "-c", command]).output) == lines(place.tool.succeed("prometheus").output))
        var status = stat()
        #expect(lstat(pipe, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
        // A collector that runs as another user must be able to read it, and no temporary file is left behind.
        #expect(permissions(file) == 0o644)
        #expect(names(in: place.temporary.path).filter { $0.hasPrefix("metrics.prom") && $0 != "metrics.prom" }.isEmpty)
        let refused = try place.tool.run("prometheus", "--output", place.temporary("no/such/file"))
        #expect(refused.status == 1 && refused.errorLines.count == 1, "\(refused.errors)")
    }

    @Test func itReadsTheLogWhenThereIsNoLiveFile() throws {
        let host = try begin()
        try host.ask("destroy")
        try host.exit()
        let before = try place.tool.exposition()
        unlink(place("live.qpcm"))
        let after = try place.tool.exposition()
        #expect(after.lower(than: before).isEmpty, "\(after.lower(than: before))")
        #expect(try after.value("qpc_up") == 0)
    }

    /// A unit that starts at boot may come before the server.
    @Test func everyWaitsForTheServer() throws {
        let place = DataPlace()
        let file = place.temporary("qpc.prom")
        let errors = place.temporary("said")
        let command = try ChildProcess(
            [BuiltProducts.commandLine, "prometheus", "--dir", place.path, "--output", file, "--every", "20ms"], errorFile: errors
        )
        try eventually("it waits") { String(decoding: try read(errors), as: UTF8.self).contains("; waiting") }
        #expect(fileSize(file) == nil)
        let host = try place.server()
        try eventually("it writes") {
            guard fileSize(file) != nil else { return false }
            return String(decoding: try read(file), as: UTF8.self).contains("qpc_up 1")
        }
        command.kill(SIGTERM)
        command.wait()
        let said = String(decoding: try read(errors), as: UTF8.self)
        #expect(said.components(separatedBy: "there is no event log").count == 2, "\(said)")
        try host.shutDown()
    }
}
