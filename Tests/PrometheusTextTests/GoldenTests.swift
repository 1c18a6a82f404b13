import Foundation
import PrometheusText
import Testing

/// The whole text of both formats, byte for byte. After an intended change, run with
/// `UPDATE_GOLDENS=1` set, and read what changed before committing it.
@Suite struct GoldenTests {
    static let prometheus = PrometheusEncoder().encode(FixedSnapshot.exposition)
    static let openMetrics = OpenMetricsEncoder().encode(FixedSnapshot.exposition)

    @Test(
        "Each format's text is the golden file's", arguments: ["prometheus.txt", "openmetrics.txt"])
    func textIsGolden(file: String) throws {
        let text = file == "prometheus.txt" ? GoldenTests.prometheus : GoldenTests.openMetrics
        let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Goldens").appendingPathComponent(file)
        if ProcessInfo.processInfo.environment["UPDATE_GOLDENS"] != nil {
            try Data(text).write(to: golden)
        }
        let expected = try [UInt8](Data(contentsOf: golden))
        guard text != expected else { return }
        let lines = text.split(separator: 0x0A, omittingEmptySubsequences: false)
        let wanted = expected.split(separator: 0x0A, omittingEmptySubsequences: false)
        let index = zip(lines, wanted).prefix { $0 == $1 }.map { _ in 1 }.count
        let line = index < lines.count ? String(decoding: lines[index], as: UTF8.self) : "(end)"
        let want = index < wanted.count ? String(decoding: wanted[index], as: UTF8.self) : "(end)"
        Issue.record("\(file), line \(index + 1): \(line)\nshould be: \(want)")
    }

    @Test func promtoolFindsNothingToBlame() throws {
        guard
            let (status, output) = try Subprocess.run(
                "promtool check metrics", input: GoldenTests.prometheus)
        else {
            print("promtool is not installed, so it was not asked")
            return
        }
        #expect(status == 0 && output.isEmpty, "\(output)")
    }

    @Test func strictParserReadsOpenMetrics() throws {
        let program = """
            import sys
            try:
                from prometheus_client.openmetrics.parser import text_string_to_metric_families as strict
                from prometheus_client.parser import text_string_to_metric_families as plain
            except ImportError:
                sys.exit(77)
            def samples(parse, text):
                return {(s.name, tuple(sorted((k, float(v) if k == "le" else v) for k, v in s.labels.items()))): s.value
                        for f in parse(text) for s in f.samples if not s.name.endswith("_created")
                        or s.name == "qpc_channels_created"}
            om, text = sys.stdin.read().split("\\0")
            a, b = samples(strict, om), samples(plain, text)
            if a != b:
                sys.exit(str(set(a.items()) ^ set(b.items())))
            print(len(a))
            """
        guard
            let (status, output) = try Subprocess.run(
                "python3 -c '\(program)'",
                input: GoldenTests.openMetrics + [0] + GoldenTests.prometheus),
            status != 77
        else {
            print("Python's prometheus_client is not installed, so it was not asked")
            return
        }
        #expect(status == 0, "\(output)")
        #expect(Int(output.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0 > 200, "\(output)")
    }
}
