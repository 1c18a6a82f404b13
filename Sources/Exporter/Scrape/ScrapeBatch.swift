import NIOCore

/// Scrapes that arrive during a reading share the next one: a reading serves every scrape that arrived before it began, and there
/// is never more than one at a time. Event loop only.
final class ScrapeBatch {
    /// Nil if too many are waiting already: a client that gave up keeps its place until the reading is done.
    typealias Answer = (ScrapeOutcome?) -> Void

    private let renderer: ThreadConfined<any PageSource>
    private let loop: any EventLoop
    private let limit: Int
    private var waiting: [(form: ScrapeForm, answer: Answer)] = []
    private var isReading = false
    var durations = ScrapeDurations()

    init(renderer: ThreadConfined<any PageSource>, loop: any EventLoop, limit: Int) {
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
            { [self] (outcome: ScrapeOutcome) in
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
