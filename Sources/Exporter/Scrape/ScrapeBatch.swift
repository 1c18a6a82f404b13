import NIOCore

/// Scrapes that are asked for while one reading is under way share the next: a reading serves every scrape that was
/// asked for before it began, and there is never more than one. On the event loop.
final class ScrapeBatch {
    /// Nil where too many wait already: whoever gave up waiting leaves its place only when the reading is done.
    typealias Answer = (PageRenderer.Outcome?) -> Void

    private let renderer: ThreadConfined<PageRenderer>
    private let loop: any EventLoop
    private let limit: Int
    private var waiting: [(form: ScrapeForm, answer: Answer)] = []
    private var isReading = false
    var durations = ScrapeDurations()

    init(renderer: ThreadConfined<PageRenderer>, loop: any EventLoop, limit: Int) {
        self.renderer = renderer
        self.loop = loop
        self.limit = limit
    }

    func request(_ form: ScrapeForm, _ answer: @escaping Answer) {
        guard waiting.count < limit else { return answer(nil) }
        waiting.append((form, answer))
        if !isReading { read() }
    }

    private func read() {
        isReading = true
        let batch = waiting
        waiting = []
        let forms = Set(batch.map(\.form))
        let durations = durations
        let answered = NIOLoopBound(
            { [self] (outcome: PageRenderer.Outcome) in
                isReading = false
                for scrape in batch { scrape.answer(outcome) }
                if !waiting.isEmpty, !isReading { read() }
            }, eventLoop: loop)
        let loop = loop
        renderer.run { renderer in
            let outcome = renderer.scrape(forms, durations: durations)
            loop.execute { answered.value(outcome) }
        }
    }
}
