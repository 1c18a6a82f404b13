import Foundation
import MetricsModel
import PrometheusText
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
        return text
    }

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
