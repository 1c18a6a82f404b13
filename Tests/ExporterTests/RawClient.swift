import Foundation
import TestSupport

/// A client that sends exactly what it is told to, and sees exactly what comes back. One thread at a time.
final class RawClient {
    struct Answer {
        var status: Int
        /// Names in lower case.
        var headers: [String: String]
        var body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
    }

    private let descriptor: Int32
    private var buffer: [UInt8] = []

    /// Longer than anything takes on a busy machine: it only ends a hopeless wait.
    private static let patienceMilliseconds: Int32 = 60_000

    /// - Parameter receiveBytes: a small buffer makes a client that takes little.
    init(_ address: String, receiveBytes: Int32? = nil) throws {
        let parts = address.split(separator: ":")
        guard parts.count == 2, let port = UInt16(parts[1]) else { throw TestFailure("no address: \(address)") }
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if var bytes = receiveBytes {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
        }
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        inet_pton(AF_INET, String(parts[0]), &name.sin_addr)
        let code = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        // `deinit` closes it then, too.
        guard code == 0 else { throw TestFailure.system("connect to \(address)", errno) }
    }

    deinit { close(descriptor) }

    /// False if the other side is gone.
    @discardableResult func send(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// Signals that no more will be sent.
    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// A request: its first line, a Host field, and the fields given.
    func request(_ line: String, _ fields: String...) {
        send("\(line) HTTP/1.1\r\nHost: test\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n")
    }

    func get(_ path: String, _ fields: String...) throws -> Answer {
        send("GET \(path) HTTP/1.1\r\nHost: test\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n")
        return try answer()
    }

    /// The next response; a response to HEAD has no body.
    func answer(toHead: Bool = false) throws -> Answer {
        let end = Array("\r\n\r\n".utf8)
        while buffer.firstRange(of: end) == nil {
            guard try readMore() else {
                throw TestFailure("no answer, but: \(String(decoding: buffer, as: UTF8.self))")
            }
        }
        let range = buffer.firstRange(of: end)!
        let lines = String(decoding: buffer[..<range.lowerBound], as: UTF8.self).split(separator: "\r\n")
        buffer.removeFirst(range.upperBound)
        guard let first = lines.first, let status = Int(first.split(separator: " ")[1]) else {
            throw TestFailure("no status: \(lines)")
        }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { throw TestFailure("no field: \(line)") }
            let name = parts[0].lowercased()
            guard headers.updateValue(parts[1].trimmingCharacters(in: .whitespaces), forKey: name) == nil else {
                throw TestFailure("a field twice: \(line)")
            }
        }
        guard let length = headers["content-length"].flatMap({ Int($0) }) else { throw TestFailure("no length: \(lines)") }
        guard !toHead else { return Answer(status: status, headers: headers, body: []) }
        while buffer.count < length {
            guard try readMore() else { throw TestFailure("the body ends after \(buffer.count) of \(length) bytes") }
        }
        defer { buffer.removeFirst(length) }
        return Answer(status: status, headers: headers, body: Array(buffer[..<length]))
    }

    /// Waits for the other side to close the connection; returns whether nothing came before that.
    func isEnded() throws -> Bool {
        while try readMore() {}
        return buffer.isEmpty
    }

    /// False at the end of the stream.
    private func readMore() throws -> Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while true {
            let ready = poll(&waiting, 1, Self.patienceMilliseconds)
            if ready > 0 { break }
            if ready < 0 && errno == EINTR { continue }
            throw TestFailure("the exporter neither answers nor ends the connection")
        }
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        let count = chunk.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
        if count < 0 && errno == EINTR { return true }
        // A reset counts as the end too.
        guard count > 0 else { return false }
        buffer += chunk[..<count]
        return true
    }
}
