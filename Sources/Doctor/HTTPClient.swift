import NIOCore
import NIOPosix
import NIOSSL

/// An answer to a request.
public struct HTTPAnswer: Sendable {
    public var status: Int
    /// Names in lower case.
    public var headers: [String: String]
    public var body: [UInt8]

    public var text: String { String(decoding: body, as: UTF8.self) }
}

/// Asks a server for single pages. Blocks; for any thread but an event loop's.
public struct HTTPClient: Sendable {
    /// PEM file of the authorities whose certificates are taken in place of the system's; nil for those of the system.
    public var authorityFile: String?
    /// From the first look-up of a name to the last byte.
    public var patienceSeconds = 10

    /// A page of a fleet's Prometheus has some megabytes; more is not what was asked for.
    private static let largestAnswer = 64 << 20

    public init(authorityFile: String? = nil) { self.authorityFile = authorityFile }

    /// GET, by HTTP/1.0: the answer ends with its connection, and comes in one piece.
    ///
    /// - Parameter path: with its slash and, if any, its query; encoded.
    public func get(_ address: HTTPAddress, _ path: String) throws(HTTPError) -> HTTPAnswer {
        do {
            return try ask(address, path)
        } catch {
            guard error == .closed || error == .timeout, speaksTheOther(address, path) else { throw error }
            throw address.isEncrypted ? .speaksNoTLS : .speaksTLS
        }
    }

    /// Whether a server that does not answer by TLS does in plain text, or the other way round: many say nothing to what they
    /// do not understand.
    private func speaksTheOther(_ address: HTTPAddress, _ path: String) -> Bool {
        var other = address
        other.isEncrypted.toggle()
        // What was meant for one is not said in the other.
        other.credentials = nil
        do {
            _ = try ask(other, path)
            return true
        } catch {
            switch error {
            case .certificate, .tls: return other.isEncrypted
            default: return false
            }
        }
    }

    private func ask(_ address: HTTPAddress, _ path: String) throws(HTTPError) -> HTTPAnswer {
        do {
            return try HTTPAnswer(exchange(address, request(address, path)))
        } catch let error as HTTPError {
            throw error
        } catch {
            throw HTTPError(error)
        }
    }

    private func request(_ address: HTTPAddress, _ path: String) -> String {
        var request = "GET \(path) HTTP/1.0\r\nHost: \(address.authority)\r\nAccept: */*\r\nUser-Agent: qpc-metrics-doctor\r\n"
        if let credentials = address.credentials {
            request += "Authorization: Basic \(Base64.encoded(Array(credentials.utf8)))\r\n"
        }
        return request + "\r\n"
    }

    private func exchange(_ address: HTTPAddress, _ request: String) throws -> [UInt8] {
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
                        // An address is no name that a server could be chosen by (RFC 6066, 3).
                        let isName = (try? SocketAddress(ipAddress: address.host, port: 0)) == nil
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: isName ? address.host : nil))
                    }
                    try channel.pipeline.syncOperations.addHandler(
                        AnswerCollector(request, limit: Self.largestAnswer, promise))
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

/// Sends a request, and keeps what comes until the other side has finished. On its channel's event loop.
private final class AnswerCollector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let request: String
    private let limit: Int
    private let promise: EventLoopPromise<[UInt8]>
    private var bytes: [UInt8] = []

    init(_ request: String, limit: Int, _ promise: EventLoopPromise<[UInt8]>) {
        self.request = request
        self.limit = limit
        self.promise = promise
    }

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(string: request)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        bytes += unwrapInboundIn(data).readableBytesView
        if bytes.count > limit { promise.fail(HTTPError.tooLarge) }
        // A server may keep the connection open for all that.
        if HTTPAnswer.isComplete(bytes) { promise.succeed(bytes) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        bytes.isEmpty ? promise.fail(HTTPError.closed) : promise.succeed(bytes)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Many a server ends TLS without a goodbye; the answer's length tells whether it is whole.
        if bytes.isEmpty { promise.fail(error) }
        context.close(promise: nil)
    }
}
