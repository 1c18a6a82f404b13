import MetricsModel
import PrometheusText
import Readings
import Testing

@Suite struct EncoderTests {
    private func text(_ families: [ExpositionFamily]) -> (prometheus: String, openMetrics: String) {
        let exposition = Exposition(
            snapshot: MetricsSnapshot(), catalogue: [], additional: families)
        return (
            String(decoding: PrometheusEncoder().encode(exposition), as: UTF8.self),
            String(decoding: OpenMetricsEncoder().encode(exposition), as: UTF8.self)
        )
    }

    private func value(_ value: ExpositionValue) -> String {
        let text = text([ExpositionFamily(name: "x", type: .gauge, help: "X.", value: value)])
        #expect(
            text.openMetrics.hasSuffix(text.prometheus.split(separator: "\n").last! + "\n# EOF\n"))
        return String(text.prometheus.split(separator: "\n").last!.dropFirst(2))
    }

    @Test func countersCarryTotalWhereTheFormatWantsIt() {
        let text = text([
            ExpositionFamily(
                name: "a_seconds", type: .counter, unit: "seconds", help: "A.",
                createdNanoseconds: 1_500_000_000, value: .integer(7))
        ])
        #expect(
            text.prometheus
                == "# HELP a_seconds_total A.\n# TYPE a_seconds_total counter\na_seconds_total 7\n")
        #expect(
            text.openMetrics == """
                # TYPE a_seconds counter
                # UNIT a_seconds seconds
                # HELP a_seconds A.
                a_seconds_total 7
                a_seconds_created 1.5
                # EOF

                """)
    }

    @Test func helpAndLabelValuesAreEscaped() {
        let text = text([
            ExpositionFamily(
                name: "a", type: .gauge, help: "back\\slash \"quote\"\nline",
                samples: [
                    ExpositionSample(labels: [("l", "b\\q\"n\né"), ("m", "")], value: .integer(1))
                ])
        ])
        let sample = "a{l=\"b\\\\q\\\"n\\né\",m=\"\"} 1\n"
        #expect(
            text.prometheus == "# HELP a back\\\\slash \"quote\"\\nline\n# TYPE a gauge\n" + sample)
        #expect(
            text.openMetrics == "# TYPE a gauge\n# HELP a back\\\\slash \\\"quote\\\"\\nline\n"
                + sample
                + "# EOF\n")
    }

    @Test func valuesAreExact() {
        #expect(value(.integer(.max)) == "18446744073709551615")
        #expect(value(.integer(0)) == "0")
        #expect(value(.number(0)) == "0")
        #expect(value(.number(0.1)) == "0.1")
        #expect(value(.number(-2.5)) == "-2.5")
        #expect(value(.number(1_795_385_340.469411)) == "1795385340.469411")
        #expect(value(.number(4_294_967_296)) == "4294967296")
        #expect(value(.number(1e300)) == "1e+300")
        #expect(value(.number(.leastNonzeroMagnitude)) == "5e-324")
        #expect(value(.number(.nan)) == "NaN")
        #expect(value(.number(.infinity)) == "+Inf")
        #expect(value(.number(-.infinity)) == "-Inf")
    }

    @Test(
        "Bounds are written as client_golang and as OpenMetrics want them",
        arguments: [
            (0, 1, "0", "0.0"), (1, 1, "1", "1.0"), (1000, 1, "1000", "1000.0"),
            (262_144, 1, "262144", "262144.0"), (1_048_576, 1, "1.048576e+06", "1.048576e+06"),
            (16_777_216, 1, "1.6777216e+07", "1.6777216e+07"), (1_000_000, 1, "1e+06", "1e+06"),
            (100_000, 1, "100000", "100000.0"),
            (25, 1e9, "2.5e-08", "2.5e-08"), (10, 1e9, "1e-08", "1e-08"),
            (1, 1e9, "1e-09", "1e-09"),
            (100_000, 1e9, "0.0001", "0.0001"), (50_000, 1e9, "5e-05", "5e-05"),
            (2500, 1e6, "0.0025", "0.0025"), (10_000_000, 1e6, "10", "10.0"),
            (2_500_000, 1e6, "2.5", "2.5"), (3, 2, "1.5", "1.5"),
        ] as [(UInt64, Double, String, String)])
    func bounds(bound: UInt64, scale: Double, go: String, canonical: String) {
        let histogram = ExpositionHistogram(bounds: [bound], counts: [3, 4], sum: 5, scale: scale)
        let text = text([
            ExpositionFamily(name: "h", type: .histogram, help: "H.", value: .histogram(histogram))
        ])
        #expect(text.prometheus.contains("\nh_bucket{le=\"\(go)\"} 3\n"))
        #expect(text.openMetrics.contains("\nh_bucket{le=\"\(canonical)\"} 3\n"))
    }

    @Test func histogramsAreCumulativeAndTheirSumsExact() {
        let histogram = ExpositionHistogram(
            bounds: [10, 25], counts: [1, 2, 4], sum: 12_345_678_901_234_567_891, scale: 1e9)
        let text = text([
            ExpositionFamily(
                name: "h", type: .histogram, help: "H.",
                samples: [ExpositionSample(labels: [("a", "b")], value: .histogram(histogram))])
        ])
        #expect(
            text.prometheus == """
                # HELP h H.
                # TYPE h histogram
                h_bucket{a="b",le="1e-08"} 1
                h_bucket{a="b",le="2.5e-08"} 3
                h_bucket{a="b",le="+Inf"} 7
                h_sum{a="b"} 12345678901.234567891
                h_count{a="b"} 7

                """)
    }

    @Test func familiesWithoutSeriesAreLeftOut() {
        let text = text([ExpositionFamily(name: "a", type: .gauge, help: "A.", samples: [])])
        #expect(text.prometheus == "")
        #expect(text.openMetrics == "# EOF\n")
    }

    @Test func everythingExistsAtZeroFromTheStart() {
        let exposition = Exposition(snapshot: MetricsSnapshot())
        let text = String(decoding: PrometheusEncoder().encode(exposition), as: UTF8.self)
        #expect(text.contains("\nqpc_up 0\n"))
        #expect(text.contains("\nqpc_build_info{version=\"\",identities=\"pseudonym\"} 1\n"))
        #expect(text.contains("\nqpc_auth_failures_total{reason=\"protocol\"} 0\n"))
        for family in MetricCatalogue.families {
            #expect(text.contains("# TYPE \(family.name)"), "\(family.name)")
            #expect(
                family.unit.isEmpty || family.name.hasSuffix("_" + family.unit), "\(family.name)")
        }
        let openMetrics = OpenMetricsEncoder().encode(exposition)
        #expect(!String(decoding: openMetrics, as: UTF8.self).contains("messages_created"))
    }
}
