import NIOCore
import NIOHTTP1

/// Answers requests. Runs entirely on the event loop; blocking work is done on other threads.
final class Server {
    let limits: ExporterLimits
    let log: ExporterLog
    let connections: ConnectionTable
    var web: WebSettings
    /// Nil until the data directory has been checked for the first time. Requests that come earlier wait for that check: the
    /// first request to a socket-activated service does come that early.
    var isReady: Bool? {
        didSet {
            let waiting = readinessWaiting
            readinessWaiting = []
            for respond in waiting { respond(readiness) }
        }
    }
    private var readinessWaiting: [(Response) -> Void] = []
    private(set) var isStopping = false

    private let telemetryPath: String
    private let renderer: ThreadConfined<any PageSource>
    /// Nil if the pages show nothing of a log.
    private let traffic: TrafficQuestions?
    private let scrapes: ScrapeBatch
    private let passwords: PasswordCheck
    private let loop: any EventLoop
    private var statusPagesWaiting = 0
    private var dateSeconds = 0
    private var dateText = ""

    init(
        options: ExporterOptions, web: WebSettings, renderer: ThreadConfined<any PageSource>,
        traffic: TrafficQuestions?, passwords: PasswordCheck, loop: any EventLoop, log: ExporterLog
    ) {
        limits = options.limits
        telemetryPath = options.telemetryPath
        self.web = web
        self.renderer = renderer
        self.traffic = traffic
        self.passwords = passwords
        self.loop = loop
        self.log = log
        scrapes = ScrapeBatch(renderer: renderer, loop: loop, limit: options.limits.answersWaiting)
        connections = ConnectionTable(limits: options.limits, loop: loop)
    }

    /// The HTTP date, formatted once per second.
    func date() -> String {
        let seconds = Int(Clock.realtimeNanoseconds() / 1_000_000_000)
        if seconds != dateSeconds {
            dateSeconds = seconds
            dateText = Clock.httpDate(seconds: seconds)
        }
        return dateText
    }

    /// How long an answer may take: a little less than the scraper waits.
    func answerTime(_ head: HTTPRequestHead) -> TimeAmount {
        guard let text = head.headers.first(name: "x-prometheus-scrape-timeout-seconds"), let seconds = Double(text),
            seconds > 0, seconds <= 3600
        else { return limits.answerTime }
        return .nanoseconds(Int64((seconds - min(0.5, seconds / 4)) * 1e9))
    }

    func answer(_ head: HTTPRequestHead, _ respond: @escaping (Response) -> Void) {
        guard !web.users.isEmpty else { return route(head, respond) }
        guard let authorization = head.headers.first(name: "authorization") else {
            return respond(Self.unauthorized)
        }
        passwords.check(authorization, users: web.users) { [self] verdict in
            switch verdict {
            case .right: route(head, respond)
            case .wrong: respond(Self.unauthorized)
            case .busy: respond(Self.busy)
            }
        }
    }

    private static var unauthorized: Response {
        var response = Response(.unauthorized, "Unauthorized\n")
        response.headers = [("WWW-Authenticate", "Basic")]
        return response
    }

    private func route(_ head: HTTPRequestHead, _ respond: @escaping (Response) -> Void) {
        guard let (path, query) = RequestTarget.parse(head.uri) else {
            return respond(
                Self.isRead(head) ? Response(.badRequest, "Invalid path.\n") : Self.methodNotAllowed)
        }
        let isPage = path == "/" || path == "/-/healthy" || path == "/-/ready"
        guard isPage || path == telemetryPath else {
            return respond(Response(.notFound, "Not found; the metrics are at \(telemetryPath).\n"))
        }
        guard Self.isRead(head) else { return respond(Self.methodNotAllowed) }
        switch path {
        case telemetryPath: scrape(head, respond)
        case "/-/healthy": respond(Response(.ok, "The exporter is healthy.\n"))
        case "/-/ready":
            if isReady == nil, readinessWaiting.count < limits.answersWaiting {
                readinessWaiting.append(respond)
            } else {
                respond(readiness)
            }
        default: statusPage(StatusPage.Request(query: query), respond)
        }
    }

    private var readiness: Response {
        isReady == true
            ? Response(.ok, "The exporter is ready.\n")
            : Response(.serviceUnavailable, "The data directory cannot be read; the exporter's log says why.\n")
    }

    private static func isRead(_ head: HTTPRequestHead) -> Bool { head.method == .GET || head.method == .HEAD }

    private static var methodNotAllowed: Response {
        var response = Response(.methodNotAllowed, "Only GET and HEAD are allowed.\n")
        response.headers = [("Allow", "GET, HEAD")]
        return response
    }

    private static var unreadable: Response {
        // The cause names paths, and is meant for the operator.
        Response(.serviceUnavailable, "The data directory cannot be read; the exporter's log says why.\n")
    }

    private static var busy: Response {
        var response = Response(.serviceUnavailable, "Too many requests are waiting.\n")
        response.headers = [("Retry-After", "5")]
        return response
    }

    private func scrape(_ head: HTTPRequestHead, _ respond: @escaping (Response) -> Void) {
        let begin = Clock.monotonicNanoseconds()
        let form = ScrapeForm(
            accept: Self.joined(head.headers["accept"]), acceptEncoding: Self.joined(head.headers["accept-encoding"]))
        scrapes.request(form) { [self] outcome in
            guard let outcome else { return respond(Self.busy) }
            guard case .pages(let pages) = outcome, let page = pages[form] else { return respond(Self.unreadable) }
            scrapes.durations.add(nanoseconds: Clock.monotonicNanoseconds() - begin)
            var response = Response(.ok, contentType: form.contentType, body: page)
            response.headers.append(("Vary", "Accept, Accept-Encoding"))
            if form.isGzip { response.headers.append(("Content-Encoding", "gzip")) }
            respond(response)
        }
    }

    /// Repeated fields form one list (RFC 9110, 5.2).
    private static func joined(_ values: [String]) -> String? {
        values.count > 1 ? values.joined(separator: ",") : values.first
    }

    private func statusPage(_ request: StatusPage.Request, _ respond: @escaping (Response) -> Void) {
        guard statusPagesWaiting < limits.answersWaiting else { return respond(Self.busy) }
        statusPagesWaiting += 1
        let done = NIOLoopBound(
            { [self] (response: Response) in
                statusPagesWaiting -= 1
                respond(response)
            }, eventLoop: loop)
        let (loop, renderer) = (loop, renderer)
        let asked = traffic?.answer(request.span) ?? loop.makeSucceededFuture(TrafficQuestions.Answer())
        asked.whenComplete { result in
            let log = (try? result.get()) ?? TrafficQuestions.Answer()
            renderer.run { renderer in
                let outcome = renderer.statusPage(log, request)
                loop.execute {
                    guard case .page(let page) = outcome else { return done.value(Self.unreadable) }
                    var response = Response(.ok, contentType: "text/html; charset=utf-8", body: page)
                    response.headers = StatusPage.headers
                    done.value(response)
                }
            }
        }
    }

    /// Admits no more connections, closes those that are waiting, and lets answers in progress finish.
    func stop() {
        isStopping = true
        for connection in connections.all { connection.stop() }
    }
}

extension ScrapeForm {
    var contentType: String {
        switch format {
        case .text: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }
}
