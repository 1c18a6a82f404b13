import Foundation
import MetricsModel
import PrometheusText
import Readings
import Testing

/// docs/METRICS.md is generated from the catalogue; `UPDATE_GOLDENS=1` rewrites it.
@Suite struct MetricsPageTests {
    @Test func theMetricsPageIsTheCatalogue() throws {
        let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../docs/METRICS.md").standardizedFileURL
        let expected = Self.text
        if ProcessInfo.processInfo.environment["UPDATE_GOLDENS"] != nil {
            try Data(expected.utf8).write(to: page)
        }
        #expect(try String(contentsOf: page, encoding: .utf8) == expected)
    }

    private static var text: String {
        var text = """
            # Metrics

            Made from the catalogue in `Sources/PrometheusText/MetricCatalogue.swift`; a test keeps the two the same.

            | metric | type | labels | meaning |
            |---|---|---|---|

            """
        for family in MetricCatalogue.families {
            let name = family.type == .counter ? family.name + "_total" : family.name
            text += "| `\(name)` | \(family.type.rawValue) | \(labels(family)) | \(family.help) |\n"
        }
        text += notes
        text += """

            ## Of a shipper

            `qpc-metrics ship --listen` serves these on a port of its own ([FLEET.md](FLEET.md#watching-it)), since the shipper was started.

            | metric | type | labels | meaning |
            |---|---|---|---|

            """
        for family in ShipMetrics.families(ShipCounts(), nowMicroseconds: 0, startNanoseconds: nil) {
            let name = family.type == .counter ? family.name + "_total" : family.name
            let label = family.samples[0].labels.first.map { label in
                "`\(label.name)`: " + family.samples.map { "`\($0.labels[0].value)`" }.joined(separator: " ")
            }
            text += "| `\(name)` | \(family.type.rawValue) | \(label ?? "") | \(family.help) |\n"
        }
        return text
    }

    private static let notes = """

        With an [operator's key](OPERATING.md#keys-sealed-to-an-operator), every restart gives everyone another pseudonym. Until the window has passed,
        `qpc_active_users` then counts twice whoever was seen before and after a restart, and so does `qpc_auth_failing_users`;
        `qpc_recipients_waiting` and `qpc_delivery_oldest_waiting_seconds` forget who waited before it.

        """

    private static func labels(_ family: MetricFamily) -> String {
        if family.name == "qpc_build_info" { return "`version`, `identities`" }
        guard let first = family.series.first else { return "" }
        return first.labels.map { label in
            var values: [String] = []
            for series in family.series {
                for other in series.labels where other.name == label.name && !values.contains(other.value) {
                    values.append(other.value)
                }
            }
            return "`\(label.name)`: " + values.map { "`\($0)`" }.joined(separator: " ")
        }.joined(separator: "; ")
    }
}
