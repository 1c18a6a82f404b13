import MetricsModel
import PrometheusText
import Readings

/// The catalogue's page with placeholders for the values. Only numbers change from one scrape to the next, but the encoder builds
/// every name, label and help text from scratch; the template copies them, ten times as fast.
///
/// The encoder decides every byte: the template is cut from its output, and it still writes the numbers that are not integers.
struct PageTemplate {
    private enum Value {
        case counter(Int)
        case sum([Int])
        case events(@Sendable (MetricsSnapshot, EventKind) -> UInt64, EventKind)
        /// A bucket: the running sum of the counters up to it.
        case cumulative(Int, isFirst: Bool)
        /// The number of observations: the running sum of all buckets.
        case observations
        case scaledSum(Int, scale: Double, cache: Int)
        case gauge(@Sendable (MetricsSnapshot) -> Double?, cache: Int)
        /// No value follows the constant bytes.
        case none
    }

    /// Constant bytes, and the value after them.
    private struct Piece {
        var constant: Range<Int>
        var value: Value
    }

    /// A number that is not an integer, and how the encoder wrote it.
    private struct Written {
        var bits: UInt64 = 0
        var text: [UInt8] = []
    }

    private let format: ScrapeForm.Format
    private let version: String
    private let identities: IdentityMode
    private let createdNanoseconds: UInt64?
    private var constants: [UInt8] = []
    private var pieces: [Piece] = []
    private var written: [Written] = []
    private var pendingStart = 0

    /// Nil if the encoder's page does not have the expected shape; then the encoder must write all of it.
    init?(
        _ snapshot: MetricsSnapshot, format: ScrapeForm.Format, catalogue: [MetricFamily] = MetricCatalogue.families
    ) {
        self.format = format
        version = snapshot.version
        identities = snapshot.identities
        createdNanoseconds = snapshot.createdNanoseconds
        for family in catalogue {
            let exposition = Exposition(snapshot: snapshot, catalogue: [family])
            var lines = Self.encode(exposition, format).split(separator: 0x0A).map { Array($0) }
            if format == .openMetrics { lines.removeLast() }
            guard append(family, lines) else { return nil }
        }
        pieces.append(Piece(constant: pendingStart..<constants.count, value: .none))
    }

    private static func encode(_ exposition: Exposition, _ format: ScrapeForm.Format) -> [UInt8] {
        format == .text ? PrometheusEncoder().encode(exposition) : OpenMetricsEncoder().encode(exposition)
    }

    private mutating func append(_ family: MetricFamily, _ lines: [[UInt8]]) -> Bool {
        // The value on each line after the metadata; nil where it is constant.
        var values: [Value?] = []
        let hasCreated = format == .openMetrics && family.type != .gauge && createdNanoseconds != nil
        for series in family.series {
            switch series.source {
            case .counter(let index): values.append(.counter(index))
            case .sum(let indices): values.append(.sum(indices))
            case .events(let read, let kind): values.append(.events(read, kind))
            case .gauge(let read): values.append(.gauge(read, cache: newCache()))
            case .histogram(let first, let bounds, let scale):
                for index in 0...bounds.count { values.append(.cumulative(first + index, isFirst: index == 0)) }
                let sum = first + bounds.count + 1
                values.append(scale == 1 ? .counter(sum) : .scaledSum(sum, scale: scale, cache: newCache()))
                values.append(.observations)
            }
            if hasCreated { values.append(nil) }
        }
        var next = values.startIndex
        for line in lines {
            // A line with labels that only the snapshot knows is constant as long as the labels are.
            if line.first == 0x23 || family.series.isEmpty {
                constants += line
            } else {
                guard next < values.endIndex, let space = line.lastIndex(of: 0x20) else { return false }
                if let value = values[next] {
                    constants += line[...space]
                    pieces.append(Piece(constant: pendingStart..<constants.count, value: value))
                    pendingStart = constants.count
                } else {
                    constants += line
                }
                next += 1
            }
            constants.append(0x0A)
        }
        return next == values.endIndex
    }

    private mutating func newCache() -> Int {
        written.append(Written())
        return written.count - 1
    }

    /// Whether the template fits this snapshot.
    func fits(_ snapshot: MetricsSnapshot) -> Bool {
        snapshot.identities == identities && snapshot.version == version
            && snapshot.createdNanoseconds == createdNanoseconds
    }

    /// The page without its end; nil if its shape has changed.
    mutating func fill(_ snapshot: MetricsSnapshot) -> [UInt8]? {
        var page: [UInt8] = []
        page.reserveCapacity(constants.count + 12 * pieces.count + 4096)
        var running: UInt64 = 0
        for index in pieces.indices {
            page += constants[pieces[index].constant]
            switch pieces[index].value {
            case .counter(let counter): Self.append(snapshot.counters[counter], to: &page)
            case .sum(let counters):
                Self.append(counters.reduce(0) { $0 &+ snapshot.counters[$1] }, to: &page)
            case .events(let read, let kind): Self.append(read(snapshot, kind), to: &page)
            case .cumulative(let counter, let isFirst):
                running = (isFirst ? 0 : running) &+ snapshot.counters[counter]
                Self.append(running, to: &page)
            case .observations: Self.append(running, to: &page)
            case .scaledSum(let counter, let scale, let cache):
                let sum = snapshot.counters[counter]
                page += text(sum, cache) {
                    .histogram(ExpositionHistogram(bounds: [], counts: [0], sum: sum, scale: scale))
                }
            case .gauge(let read, let cache):
                guard let value = read(snapshot) else { return nil }
                page += text(value.bitPattern, cache) { .number(value) }
            case .none: break
            }
        }
        return page
    }

    private mutating func text(_ bits: UInt64, _ cache: Int, _ value: () -> ExpositionValue) -> [UInt8] {
        if written[cache].bits == bits, !written[cache].text.isEmpty { return written[cache].text }
        let value = value()
        let type: MetricType
        if case .histogram = value { type = .histogram } else { type = .gauge }
        let family = ExpositionFamily(name: "x", type: type, help: "", value: value)
        var exposition = Exposition(snapshot: MetricsSnapshot(), catalogue: [])
        exposition.families = [family]
        let prefix = Array((type == .gauge ? "x " : "x_sum ").utf8)
        let line = Self.encode(exposition, format).split(separator: 0x0A).first { $0.starts(with: prefix) }
        written[cache] = Written(bits: bits, text: Array(line?.dropFirst(prefix.count) ?? []))
        return written[cache].text
    }

    private static func append(_ value: UInt64, to page: inout [UInt8]) {
        guard value > 9 else { return page.append(0x30 + UInt8(value)) }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var start = 20
            var rest = value
            while rest > 0 {
                start -= 1
                digits[start] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            }
            page += digits[start...]
        }
    }
}
