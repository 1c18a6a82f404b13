import NIOCore
import NIOHTTP1

/// One client's connection: handles its requests one at a time, and enforces deadlines.
///
/// The end of a response is written only once the socket has taken the rest, and only then is the next pipelined request handled:
/// a client that sends and never reads holds one response, not a thousand. Nothing is read from it meanwhile either, so it fills
/// only the kernel's buffers. Event loop only.
final class Connection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum Phase {
        /// Waiting for a request's head, or receiving it.
        case head
        case answering
        case sending
        /// Between two requests.
        case idle
        /// The last response has been sent; further input is discarded, so that a reset does not overtake that response.
        case lingering
        case closed
    }

    let address: AddressKey
    private(set) var deadline: NIODeadline
    /// When the current wait began.
    private(set) var since: NIODeadline
    private(set) var hasBeenServed = false

    private unowned let server: Server
    private let channel: any Channel
    private let watcher: ByteWatcher
    private var phase = Phase.head
    private var context: ChannelHandlerContext?
    /// The head of a request that is not complete yet.
    private var head: HTTPRequestHead?
    /// The request being answered.
    private var request: HTTPRequestHead?
    private var closesAfterAnswer = false
    /// Distinguishes the answer to this request from a late answer to an earlier one.
    private var requestNumber = 0

    init(server: Server, channel: any Channel, watcher: ByteWatcher) {
        self.server = server
        self.channel = channel
        self.watcher = watcher
        address = AddressKey(channel.remoteAddress)
        since = .now()
        deadline = since + server.limits.headerTime
        watcher.connection = self
    }

    /// Eviction order: the lowest rank first, and among equals the connection that has waited longest. Nil while an answer is
    /// being made, and once closed.
    func evictionRank(_ now: NIODeadline) -> Int? {
        // A new connection does not count as slow yet: it is evicted after clients that do not read their answer, but before a
        // client that was served and is idle, such as a scraper. So a flood of new connections evicts its own.
        let isFresh = now - since < server.limits.freshTime
        switch phase {
        case .lingering: return 0
        case .head where hasBeenServed: return isFresh ? 4 : 1
        case .head: return isFresh ? 3 : 0
        case .idle: return 4
        case .sending: return isFresh ? 2 : 1
        case .answering, .closed: return nil
        }
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    // MARK: Input

    /// Bytes have arrived that the decoder will eventually turn into a request.
    func bytesArrived() {
        guard phase == .idle else { return }
        phase = .head
        since = .now()
        deadline = since + server.limits.headerTime
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            guard phase == .head || phase == .idle else { return }
            if Self.hasBody(head) {
                begin(head)
                return refuse(Response(.payloadTooLarge, "Request bodies are not accepted.\n"))
            }
            self.head = head
        case .body: break
        case .end:
            guard let head, phase == .head || phase == .idle else { return }
            self.head = nil
            begin(head)
            answer(head)
        }
    }

    private static func hasBody(_ head: HTTPRequestHead) -> Bool {
        if head.headers.contains(name: "transfer-encoding") { return true }
        return head.headers["content-length"].contains { $0 != "0" }
    }

    private func begin(_ head: HTTPRequestHead) {
        phase = .answering
        read(false)
        request = head
        requestNumber += 1
        deadline = .now() + server.answerTime(head)
        // After CONNECT or Upgrade the decoder parses nothing more as HTTP, and no other protocol is supported here.
        let asksForMore = head.method == .CONNECT || head.headers.contains(name: "upgrade")
        closesAfterAnswer = !head.isKeepAlive || asksForMore || server.isStopping
    }

    private func answer(_ head: HTTPRequestHead) {
        guard head.version.major == 1 else {
            return refuse(Response(.httpVersionNotSupported, "Only HTTP/1.x is supported.\n"))
        }
        guard head.version.minor == 0 || head.headers["host"].count == 1 else {
            return refuse(Response(.badRequest, "A request must have exactly one Host header.\n"))
        }
        let number = requestNumber
        server.answer(head) { [weak self] response in
            guard let self, number == requestNumber, phase == .answering else { return }
            send(response)
        }
    }

    /// Sends the last response of the connection.
    private func refuse(_ response: Response) {
        closesAfterAnswer = true
        send(response)
    }

    // MARK: Output

    private func send(_ response: Response) {
        guard let context else { return }
        if response.closes || server.isStopping { closesAfterAnswer = true }
        var headers = HTTPHeaders()
        headers.reserveCapacity(12)
        headers.add(name: "Date", value: server.date())
        headers.add(name: "Content-Type", value: response.contentType)
        headers.add(name: "Content-Length", value: String(response.body.readableBytes))
        headers.add(name: "X-Content-Type-Options", value: "nosniff")
        for (name, value) in response.headers { headers.add(name: name, value: value) }
        for (name, value) in server.web.headers { headers.replaceOrAdd(name: name, value: value) }
        if closesAfterAnswer {
            headers.add(name: "Connection", value: "close")
        } else if request?.version.minor == 0 {
            headers.add(name: "Connection", value: "keep-alive")
        }
        phase = .sending
        since = .now()
        deadline = since + server.limits.sendTime
        let sent = channel.eventLoop.makePromise(of: Void.self)
        let head = HTTPResponseHead(version: .http1_1, status: response.status, headers: headers)
        let hasBody = request?.method != .HEAD && response.body.readableBytes > 0
        if hasBody {
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(response.body))), promise: sent)
        } else {
            context.writeAndFlush(wrapOutboundOut(.head(head)), promise: sent)
        }
        sent.futureResult.assumeIsolated().whenComplete { [self] result in
            guard phase == .sending else { return }
            guard case .success = result else { return close() }
            finishAnswer(context)
        }
    }

    private func finishAnswer(_ context: ChannelHandlerContext) {
        hasBeenServed = true
        request = nil
        since = .now()
        guard !closesAfterAnswer else {
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            return linger()
        }
        phase = .idle
        deadline = since + server.limits.idleTime
        read(true)
        // The next pipelined request arrives during this call.
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    private func linger() {
        phase = .lingering
        deadline = .now() + .seconds(1)
        read(true)
        channel.close(mode: .output, promise: nil)
    }

    /// Turns reading from the socket on or off.
    private func read(_ isReading: Bool) { try? channel.syncOptions?.setOption(.autoRead, value: isReading) }

    // MARK: Errors and closing

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard phase != .lingering, phase != .closed else { return }
        guard let problem = error as? HTTPParserError else {
            server.log(.debug, "a connection failed", [("err", "\(error)")])
            return close()
        }
        switch problem {
        case .invalidEOFState: close()
        case .headerOverflow: sayLast(.requestHeaderFieldsTooLarge)
        case .invalidVersion: sayLast(.httpVersionNotSupported)
        default: sayLast(.badRequest)
        }
    }

    private func sayLast(_ status: HTTPResponseStatus) {
        phase = .lingering
        watcher.write(Response.plain(status))
        linger()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event {
            switch phase {
            case .answering, .sending: closesAfterAnswer = true
            case .head, .idle, .lingering: close()
            case .closed: break
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        gone()
        context.fireChannelInactive()
    }

    private func gone() {
        phase = .closed
        requestNumber += 1
        server.connections.remove(self)
    }

    private func close() {
        gone()
        channel.close(promise: nil)
    }

    /// Another connection needs the slot.
    func evict() { close() }

    /// The deadline has passed.
    func timeIsOver() {
        switch phase {
        case .answering:
            requestNumber += 1
            send(Response(.serviceUnavailable, "The response was not ready in time.\n"))
        case .head, .idle, .sending, .lingering: close()
        case .closed: break
        }
    }

    /// The exporter is stopping.
    func stop() {
        switch phase {
        case .head, .idle: close()
        case .answering, .sending: closesAfterAnswer = true
        case .lingering, .closed: break
        }
    }
}

/// Sees bytes before the decoder does, and writes responses that bypass the encoder.
final class ByteWatcher: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    weak var connection: Connection?
    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connection?.bytesArrived()
        context.fireChannelRead(data)
    }

    func write(_ bytes: ByteBuffer) { context?.writeAndFlush(wrapOutboundOut(bytes), promise: nil) }
}
