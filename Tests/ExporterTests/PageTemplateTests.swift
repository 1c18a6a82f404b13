import MetricsModel
import PrometheusText
import Readings
import Testing

@testable import Exporter

/// The template produces the same bytes as the encoder.
@Suite struct PageTemplateTests {
    @Test(arguments: ScrapeForm.Format.allCases, [UInt64(1), 2, 3])
    func everyByte(format: ScrapeForm.Format, seed: UInt64) throws {
        var random = Generator(state: seed)
        var snapshot = MetricsSnapshot()
        snapshot.version = "0.1.0"
        snapshot.createdNanoseconds = seed == 1 ? nil : random.next()
        var template = try #require(PageTemplate(snapshot, format: format))
        for round in 0..<200 {
            for index in 0..<CounterIndex.used where round > 0 {
                // Any value from 0 to almost the largest that a counter can have.
                snapshot.counters[index] &+= random.next() >> (8 + random.next() % 56)
            }
            snapshot.plugin = round % 3 == 0 ? .up(pid: 1) : .died
            snapshot.logBytes = random.next() >> (random.next() % 64)
            snapshot.startNanoseconds = random.next() >> 1
            snapshot.oldestEventMicroseconds = round % 2 == 0 ? nil : Int64(random.next() >> 12)
            snapshot.activeUsers = (0..<3).map { _ in random.next() >> (random.next() % 64) }
            let exposition = PrometheusText.Exposition(snapshot: snapshot)
            let filled = template.fill(snapshot)
            var page = try #require(filled)
            if format == .openMetrics { page += Array("# EOF\n".utf8) }
            let expected =
                format == .text ? PrometheusEncoder().encode(exposition) : OpenMetricsEncoder().encode(exposition)
            guard page == expected else {
                let lines = String(decoding: page, as: UTF8.self).split(separator: "\n")
                let wanted = String(decoding: expected, as: UTF8.self).split(separator: "\n")
                let index = zip(lines, wanted).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? 0
                Issue.record("seed \(seed), round \(round): \(lines[index]) is not \(wanted[index])")
                return
            }
        }
    }

    @Test func anotherVersionNeedsAnotherTemplate() throws {
        var snapshot = MetricsSnapshot()
        let template = try #require(PageTemplate(snapshot, format: .text))
        #expect(template.fits(snapshot))
        snapshot.version = "9.9.9"
        #expect(!template.fits(snapshot))
        snapshot = MetricsSnapshot()
        snapshot.createdNanoseconds = 1
        #expect(!template.fits(snapshot))
    }

    /// SplitMix64.
    struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
            return value ^ value >> 31
        }
    }
}
