import Glibc
import Pseudonyms
import Synchronization

/// An operator's private key in another process, over a Unix stream socket, which `ssh -R` brings to a server: the key itself
/// never goes there, only the keys of the epochs that a command asks for.
///
///     agent → client, at once   the public key as text, and a newline
///     client → agent            80 bytes: a sealed key
///     agent → client, for each  33 bytes: 1 and the key; or 33 zeros, if it is sealed to somebody else
enum OperatorAgent {
    static func isSocket(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
    }

    // MARK: The client

    /// - Throws: `Failure` if nobody answers there, or no agent does.
    static func connect(_ path: String) throws -> OperatorSecret {
        guard var address = address(path) else { throw tooLong(path) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0, withSocket(&address, { Glibc.connect(descriptor, $0, $1) }) == 0 else {
            let code = errno
            if descriptor >= 0 { close(descriptor) }
            throw Failure(
                code == EACCES ? Failure.noPermission : Failure.noInput,
                "no agent answers at \(path): \(String(cString: strerror(code)))")
        }
        let connection = Connection(descriptor)
        guard let line = connection.line(), let publicKey = OperatorKey.find(in: line) else {
            throw Failure(Failure.noPermission, "\(path) is not a socket of qpc-metrics key-agent, or it refuses this user")
        }
        return OperatorSecret(of: publicKey) { connection.open($0) }
    }

    private final class Connection: Sendable {
        private let socket: Mutex<Int32>

        init(_ descriptor: Int32) {
            var patience = timeval(tv_sec: 30, tv_usec: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
            socket = Mutex(descriptor)
        }

        deinit { _ = socket.withLock { close($0) } }

        func line() -> [UInt8]? {
            socket.withLock { socket in
                var line: [UInt8] = []
                var byte: UInt8 = 0
                while line.count < 256, recv(socket, &byte, 1, 0) == 1 {
                    if byte == 0x0A { return line }
                    line.append(byte)
                }
                return nil
            }
        }

        func open(_ sealed: UnsafeRawBufferPointer) -> SecretBytes? {
            socket.withLock { socket in
                guard OperatorAgent.send(socket, sealed) else { return nil }
                let answer = SecretBytes(count: OperatorAgent.answerBytes)
                guard OperatorAgent.receive(socket, answer), answer.bytes[0] == 1 else { return nil }
                let key = SecretBytes(count: answer.count - 1)
                key.start.copyMemory(from: answer.start + 1, byteCount: key.count)
                return key
            }
        }
    }

    // MARK: The agent

    /// A socket that only this user can connect to.
    /// - Throws: `Failure` if another agent listens there, or the socket cannot be made.
    static func listen(_ path: String) throws -> Int32 {
        guard var address = address(path) else { throw tooLong(path) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        // What an agent that was killed has left must not keep the next one out.
        if isSocket(path), withSocket(&address, { Glibc.connect(descriptor, $0, $1) }) != 0, errno == ECONNREFUSED {
            unlink(path)
        }
        let before = umask(0o177)
        defer { umask(before) }
        guard descriptor >= 0, withSocket(&address, { bind(descriptor, $0, $1) }) == 0, Glibc.listen(descriptor, 8) == 0 else {
            let why = errno == EADDRINUSE || errno == EINVAL ? "something is there already" : String(cString: strerror(errno))
            if descriptor >= 0 { close(descriptor) }
            throw Failure(Failure.somethingWrong, "cannot listen at \(path): \(why)")
        }
        return descriptor
    }

    /// Answers one client until it hangs up.
    /// - Returns: how many keys were opened for it.
    static func serve(_ client: Int32, _ secret: OperatorSecret) -> Int {
        var patience = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var opened = 0
        let hello = Array((secret.publicKey.text + "\n").utf8)
        guard hello.withUnsafeBytes({ send(client, $0) }) else { return 0 }
        let sealed = SecretBytes(count: OperatorSecret.sealedBytes)
        while receive(client, sealed) {
            let answer = SecretBytes(count: answerBytes)
            if let key = secret.open(sealed.bytes) {
                answer.start.storeBytes(of: 1, as: UInt8.self)
                (answer.start + 1).copyMemory(from: key.start, byteCount: key.count)
                opened += 1
            }
            guard send(client, answer.bytes) else { break }
        }
        return opened
    }

    private static let answerBytes = 1 + IdentityKey.byteCount

    private static func send(_ socket: Int32, _ bytes: UnsafeRawBufferPointer) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = Glibc.send(socket, bytes.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    private static func receive(_ socket: Int32, _ target: SecretBytes) -> Bool {
        var received = 0
        while received < target.count {
            let count = recv(socket, target.start + received, target.count - received, 0)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            received += count
        }
        return true
    }

    // MARK: Addresses

    private static func tooLong(_ path: String) -> Failure {
        Failure(Failure.usage, "\(path) is too long for a socket: expected at most \(pathLimit) bytes")
    }

    private static let pathLimit = 107

    private static func address(_ path: String) -> sockaddr_un? {
        guard path.utf8.count <= pathLimit else { return nil }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return address
    }

    private static func withSocket(
        _ address: inout sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
