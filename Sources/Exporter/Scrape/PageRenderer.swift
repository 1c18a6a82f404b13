import Gzip
import MetricsModel
import MetricsQuery
import NIOCore
import PrometheusText
import Readings

/// Renders the pages from what it reads in the data directory. Confined to one thread.
final class PageRenderer: PageSource {
    private let source: SnapshotSource
    private let process = ProcessMetrics(.exporter)
    private var templates: [ScrapeForm.Format: PageTemplate] = [:]
    private lazy var gzip = GzipStream()
    private let status: StatusPage
    private let log: ExporterLog
    /// The last message logged about the data directory, so that it is not repeated.
    private var lastSaid = ""

    init(source: SnapshotSource, status: StatusPage, log: ExporterLog) {
        self.source = source
        self.status = status
        self.log = log
    }

    /// One reading, in each of the requested forms.
    func scrape(_ forms: Set<ScrapeForm>, durations: ScrapeDurations) -> ScrapeOutcome {
        let reading: SnapshotSource.Reading
        do { reading = try read() } catch { return .failed(error) }
        let own = process.families() + [durations.family]
        return .pages(gzip.pages(forms) { page(reading.snapshot, own, $0) })
    }

    private func page(
        _ snapshot: MetricsSnapshot, _ own: [ExpositionFamily], _ format: ScrapeForm.Format
    ) -> [UInt8] {
        if templates[format]?.fits(snapshot) != true { templates[format] = PageTemplate(snapshot, format: format) }
        let filled = templates[format]?.fill(snapshot)
        // The exporter's own families, and the end marker of OpenMetrics.
        let rest = Exposition(
            snapshot: snapshot, catalogue: filled == nil ? MetricCatalogue.families : [], additional: own)
        let end = format == .text ? PrometheusEncoder().encode(rest) : OpenMetricsEncoder().encode(rest)
        guard var page = filled else { return end }
        page += end
        return page
    }

    /// Whether the data directory can be read.
    ///
    /// - Parameter waits: also true if it does not exist yet.
    func isReady(waiting waits: Bool) -> Bool {
        guard let reading = try? read() else { return false }
        return reading.hasRun || waits || source.hasDirectory
    }

    func statusPage(_ log: TrafficQuestions.Answer, _ request: StatusPage.Request) -> FrontPageOutcome {
        do {
            return .page(ByteBuffer(string: status.render(try read(), log, request)))
        } catch {
            return .failed(error)
        }
    }

    private func read() throws(DataSourceError) -> SnapshotSource.Reading {
        do {
            let reading = try source.read()
            if !reading.hasRun {
                say(.info, "no plugin has run in \(status.directory) yet; every metric is at 0")
            } else if reading.snapshot.plugin.isUp {
                say(.info, "the plugin is up")
            } else {
                say(.warn, "the plugin is down; its last values are served")
            }
            return reading
        } catch {
            say(.error, error.message)
            throw error
        }
    }

    private func say(_ level: ExporterLog.Level, _ what: String) {
        guard what != lastSaid else { return }
        lastSaid = what
        log(level, what)
    }
}
