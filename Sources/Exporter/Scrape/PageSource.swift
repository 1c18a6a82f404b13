import Gzip
import MetricsQuery
import NIOCore

/// What the pages of a server are made from. Confined to one thread.
protocol PageSource: AnyObject {
    /// One reading, in each of the requested forms.
    func scrape(_ forms: Set<ScrapeForm>, durations: ScrapeDurations) -> ScrapeOutcome

    /// Whether there is something to read.
    ///
    /// - Parameter waits: also true if it does not exist yet.
    func isReady(waiting waits: Bool) -> Bool

    func statusPage(_ log: TrafficQuestions.Answer, _ request: StatusPage.Request) -> FrontPageOutcome
}

enum ScrapeOutcome: Sendable {
    case pages([ScrapeForm: ByteBuffer])
    case failed(DataSourceError)
}

enum FrontPageOutcome: Sendable {
    case page(ByteBuffer)
    case failed(DataSourceError)
}

extension GzipStream {
    /// Encodes a page once for each format that is wanted.
    func pages(_ forms: Set<ScrapeForm>, _ encode: (ScrapeForm.Format) -> [UInt8]) -> [ScrapeForm: ByteBuffer] {
        var pages: [ScrapeForm: ByteBuffer] = [:]
        for format in ScrapeForm.Format.allCases {
            let wanted = forms.filter { $0.format == format }
            guard !wanted.isEmpty else { continue }
            let bytes = encode(format)
            for form in wanted { pages[form] = ByteBuffer(bytes: form.isGzip ? compress(bytes) : bytes) }
        }
        return pages
    }
}
