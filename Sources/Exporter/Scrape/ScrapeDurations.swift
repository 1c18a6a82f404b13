import PrometheusText

/// How long it took to answer scrapes, from the end of the request to the start of the response.
struct ScrapeDurations: Sendable {
    private static let bounds: [UInt64] = [
        100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000,
        250_000_000, 500_000_000, 1_000_000_000, 2_500_000_000, 5_000_000_000, 10_000_000_000,
    ]
    private var counts = [UInt64](repeating: 0, count: ScrapeDurations.bounds.count + 1)
    private var sum: UInt64 = 0
    private let createdNanoseconds = Clock.realtimeNanoseconds()

    mutating func add(nanoseconds: UInt64) {
        var index = 0
        while index < Self.bounds.count && nanoseconds > Self.bounds[index] { index += 1 }
        counts[index] += 1
        sum += nanoseconds
    }

    var family: ExpositionFamily {
        ExpositionFamily(
            name: "qpc_exporter_scrape_duration_seconds", type: .histogram, unit: "seconds",
            help: "Time the exporter took to answer a scrape.", createdNanoseconds: createdNanoseconds,
            value: .histogram(ExpositionHistogram(bounds: Self.bounds, counts: counts, sum: sum, scale: 1e9)))
    }
}
