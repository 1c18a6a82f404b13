import NIOCore
import NIOPosix
import NIOSSL

/// The response to a request.
public struct HTTPAnswer: Sendable {
    public var status: Int
    /// Names in lower case.
    public var headers: [String: String]
    public var body: [UInt8]

    public var text: String { String(decoding: body, as: UTF8.self) }
}

/// Single requests to a server. Blocks, so not for an event loop's thread.
public struct HTTPClient: Sendable {
    /// A PEM file of the authorities to trust instead of the system's; nil for the system's.
    public var authorityFile: String?
    /// The timeout, from the DNS lookup to the last byte.
    public var patienceSeconds = 10

    /// A page from a fleet's Prometheus has a few megabytes; anything larger is not what was asked for.
    private static let largestAnswer = 64 << 20

    public init(authorityFile: String? = nil) { self.authorityFile = authorityFile }

    /// POST over HTTP/1.0.
    ///
    /// - Parameter path: with its leading slash and any query, percent-encoded.
    /// - Parameter headers: besides those that every request has; without line ends.
    public func post(
        _ address: HTTPAddress, _ path: String, headers: [(String, String)], body: [UInt8]
    ) throws(HTTPError) -> HTTPAnswer {
        let request = request(
            "POST", address, path, headers: headers + [("Content-Length", String(body.count))])
        do {
            return try ask(address, request, body)
        } catch {
            guard error == .closed || error == .notHTTP, speaksTheOther(address, "/") else { throw error }
            throw address.isEncrypted ? .speaksNoTLS : .speaksTLS
        }
    }

    /// GET over HTTP/1.0: the response ends with its connection, and comes in one piece.
    ///
    /// - Parameter path: with its leading slash and any query, percent-encoded.
    public func get(_ address: HTTPAddress, _ path: String) throws(HTTPError) -> HTTPAnswer {
        do {
            return try ask(address, request("GET", address, path))
        } catch {
            guard error == .closed || error == .timeout, speaksTheOther(address, path) else { throw error }
            throw address.isEncrypted ? .speaksNoTLS : .speaksTLS
        }
    }

    /// Whether a server that does not answer over TLS does so in plain text, or vice versa: many servers say nothing to what they
    /// do not understand.
    private func speaksTheOther(_ address: HTTPAddress, _ path: String) -> Bool {
        var other = address
        other.isEncrypted.toggle()
        // Credentials meant for one are not sent over the other.
        other.credentials = nil
        do {
            _ = try ask(other, request("GET", other, path))
            return true
        } catch {
            switch error {
            case .certificate, .tls: return other.isEncrypted
            default: return false
            }
        }
    }

    private func ask(_ address: HTTPAddress, _ request: String, _ body: [UInt8] = []) throws(HTTPError) -> HTTPAnswer {
        do {
            return try HTTPAnswer(exchange(address, request, body))
        } catch let error as HTTPError {
            throw error
        } catch {
            throw HTTPError(error)
        }
    }

    private func request(
        _ method: String, _ address: HTTPAddress, _ path: String, headers: [(String, String)] = []
    ) -> String {
        var request = "\(method) \(path) HTTP/1.0\r\nHost: \(address.authority)\r\nAccept: */*\r\nUser-Agent: qpc-metrics\r\n"
        for (name, value) in headers { request += "\(name): \(value)\r\n" }
        if let credentials = address.credentials {
            request += "Authorization: Basic \(Base64.encoded(Array(credentials.utf8)))\r\n"
        }
        return request + "\r\n"
    }

    private func exchange(_ address: HTTPAddress, _ request: String, _ body: [UInt8]) throws -> [UInt8] {
        let tls = try address.isEncrypted ? context() : nil
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let promise = loop.makePromise(of: [UInt8].self)
        let timeout = loop.scheduleTask(in: .seconds(Int64(patienceSeconds))) { promise.fail(HTTPError.timeout) }
        defer { timeout.cancel() }
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(.seconds(Int64(patienceSeconds)))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        // An IP address must not be sent as the server name (RFC 6066, 3).
                        let isName = (try? SocketAddress(ipAddress: address.host, port: 0)) == nil
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: isName ? address.host : nil))
                    }
                    try channel.pipeline.syncOperations.addHandler(
                        AnswerCollector(request, body, limit: Self.largestAnswer, promise))
                }
            }
        let connection = bootstrap.connect(host: address.host, port: address.port)
        connection.whenFailure { promise.fail($0) }
        defer { connection.whenSuccess { $0.close(promise: nil) } }
        return try promise.futureResult.wait()
    }

    private func context() throws -> NIOSSLContext {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        tls.applicationProtocols = ["http/1.1"]
        if let authorityFile {
            do {
                tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(authorityFile))
            } catch {
                throw HTTPError.noAuthorities(path: authorityFile)
            }
        }
        return try NIOSSLContext(configuration: tls)
    }
}

/// Sends a request, and collects what arrives until the server has finished. On its channel's event loop.
private final class AnswerCollector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let request: String
    private let body: [UInt8]
    private let limit: Int
    private let promise: EventLoopPromise<[UInt8]>
    private var bytes: [UInt8] = []

    init(_ request: String, _ body: [UInt8], limit: Int, _ promise: EventLoopPromise<[UInt8]>) {
        self.request = request
        self.body = body
        self.limit = limit
        self.promise = promise
    }

    func channelActive(context: ChannelHandlerContext) {
        var buffer = context.channel.allocator.buffer(capacity: request.utf8.count + body.count)
        buffer.writeString(request)
        buffer.writeBytes(body)
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        bytes += unwrapInboundIn(data).readableBytesView
        if bytes.count > limit { promise.fail(HTTPError.tooLarge) }
        // A server may keep the connection open all the same.
        if HTTPAnswer.isComplete(bytes) { promise.succeed(bytes) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        bytes.isEmpty ? promise.fail(HTTPError.closed) : promise.succeed(bytes)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Many servers end TLS without close_notify; the response's length shows whether it is complete.
        if bytes.isEmpty { promise.fail(error) }
        context.close(promise: nil)
    }
}
