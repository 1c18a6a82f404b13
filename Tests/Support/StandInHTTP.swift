import Foundation
import Glibc

/// A tiny HTTP server on a free port of this machine, which answers as a test tells it: for programs that query others. Its
/// handler runs on a thread of its own, one request at a time.
public final class StandInHTTP: @unchecked Sendable {
    public struct Answer: Sendable {
        public var status: Int
        public var body: String

        public init(_ status: Int = 200, _ body: String = "") {
            self.status = status
            self.body = body
        }
    }

    public let port: UInt16
    public var url: String { "http://127.0.0.1:\(port)" }
    private let listener: Int32
    private let handler: @Sendable (_ path: String, _ body: String) -> Answer

    public convenience init(_ handler: @escaping @Sendable (_ path: String) -> Answer) throws {
        try self.init(all: { path, _ in handler(path) })
    }

    /// One that is told the bodies of its requests, too.
    public static func posted(
        _ handler: @escaping @Sendable (_ path: String, _ body: String) -> Answer
    ) throws -> StandInHTTP {
        try StandInHTTP(all: handler)
    }

    private init(all handler: @escaping @Sendable (_ path: String, _ body: String) -> Answer) throws {
        self.handler = handler
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let (descriptor, length) = (listener, size)
        let code = withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) + getsockname(descriptor, $0, &size) + listen(descriptor, 16)
            }
        }
        guard code == 0 else { throw TestFailure.system("listen", errno) }
        port = UInt16(bigEndian: name.sin_port)
        Thread.detachNewThread { [listener, handler] in Self.serve(listener, handler) }
    }

    private var isOpen = true

    deinit { close() }

    /// Stops listening: a shutdown wakes the thread, which then closes the socket. Called on the owner's thread.
    public func close() {
        if isOpen { shutdown(listener, Int32(SHUT_RDWR)) }
        isOpen = false
    }

    private static func serve(_ listener: Int32, _ handler: (String, String) -> Answer) {
        while true {
            let connection = accept(listener, nil, nil)
            if connection < 0 && errno == EINTR { continue }
            guard connection >= 0 else { break }
            answer(connection, handler)
            Glibc.close(connection)
        }
        Glibc.close(listener)
    }

    private static func answer(_ connection: Int32, _ handler: (String, String) -> Answer) {
        var request: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        var head = ""
        var rest = Int.max
        while rest > 0 {
            let count = recv(connection, &chunk, chunk.count, 0)
            guard count > 0 else { return }
            request += chunk[..<count]
            guard let end = request.firstRange(of: Array("\r\n\r\n".utf8)) else { continue }
            head = String(decoding: request[..<end.lowerBound], as: UTF8.self)
            let length = head.components(separatedBy: "\r\n").lazy.map { $0.lowercased() }
                .first { $0.hasPrefix("content-length: ") }.flatMap { Int($0.dropFirst(16)) }
            rest = end.upperBound + (length ?? 0) - request.count
            if rest <= 0 { request.removeFirst(end.upperBound) }
        }
        let words = head.split(separator: " ", maxSplits: 2)
        let answer = handler(words.count > 1 ? String(words[1]) : "", String(decoding: request, as: UTF8.self))
        let bytes = Array("HTTP/1.0 \(answer.status) Status\r\nContent-Type: text/plain\r\n\r\n\(answer.body)".utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(connection, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            sent += count
        }
    }
}
