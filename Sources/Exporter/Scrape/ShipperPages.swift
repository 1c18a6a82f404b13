import Gzip
import MetricsQuery
import NIOCore
import PrometheusText

/// The pages of `qpc-metrics ship --listen`. Confined to one thread.
public final class ShipperPages: PageSource {
    /// Makes the shipper's families; it is told when the process was started, in nanoseconds since 1970.
    public typealias Reading = @Sendable (UInt64) -> [ExpositionFamily]

    private let read: Reading
    private let process = ProcessMetrics(.shipper)
    private lazy var gzip = GzipStream()

    init(_ read: @escaping Reading) { self.read = read }

    func scrape(_ forms: Set<ScrapeForm>, durations: ScrapeDurations) -> ScrapeOutcome {
        let exposition = Exposition(read(process.startNanoseconds) + process.families())
        return .pages(
            gzip.pages(forms) { $0 == .text ? PrometheusEncoder().encode(exposition) : OpenMetricsEncoder().encode(exposition) })
    }

    func isReady(waiting waits: Bool) -> Bool { true }

    func statusPage(_ log: TrafficQuestions.Answer, _ request: StatusPage.Request) -> FrontPageOutcome {
        .page(
            ByteBuffer(
                string: """
                    <!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>qpc-metrics ship</title>
                    <p>The shipper's <a href="/metrics">metrics</a>. <code>qpc-metrics status</code> says how far it is.</p></html>

                    """))
    }
}
