import Glibc

/// Why output could not be written.
public enum OutputError: Error, Equatable, CustomStringConvertible {
    /// The reader has closed its end of the pipe, as `head` does: not a failure, just the end. See `BrokenPipe`.
    case readerGone
    case failed(errno: Int32)

    public var description: String {
        switch self {
        case .readerGone: "the reader of the output has gone"
        case .failed(let number): "cannot write the output: \(String(cString: strerror(number)))"
        }
    }
}

/// The conventional end of a program whose reader has left.
public enum BrokenPipe {
    /// Ends the process silently, by SIGPIPE, so that a shell sees status 141 as from any other tool. If the parent process had
    /// the signal blocked, only the status is the same.
    public static func end() -> Never {
        signal(SIGPIPE, SIG_DFL)
        raise(SIGPIPE)
        _exit(128 + SIGPIPE)
    }
}

/// Bytes on their way to a file descriptor, sent in large blocks. Used by one thread only.
public final class OutputBuffer {
    /// Whether a person is watching: lines are then sent one by one, and control characters must not get through.
    public let isTerminal: Bool
    /// Nil for a buffer that keeps everything.
    private let fileDescriptor: Int32?
    /// What has not been sent yet. A writer appends a whole event in one access.
    public var pending: ByteBuffer
    @usableFromInline var hasSentFirst = false
    /// Whether everything waits for `flush`, so that a slow reader cannot block `endLine`.
    public var isHeld = false

    /// A block is sent once it has this many bytes.
    @usableFromInline static let blockBytes = 128 * 1024
    /// Headroom beyond a block, so that an ordinary event never causes reallocation.
    private static let slackBytes = 16 * 1024

    public init(fileDescriptor: Int32 = STDOUT_FILENO) {
        self.fileDescriptor = fileDescriptor
        isTerminal = isatty(fileDescriptor) == 1
        pending = ByteBuffer(capacity: Self.blockBytes + Self.slackBytes)
    }

    /// A buffer that keeps everything written instead of sending it, formatted as for a terminal or not.
    public init(keepingForTerminal isTerminal: Bool) {
        fileDescriptor = nil
        self.isTerminal = isTerminal
        pending = ByteBuffer(capacity: Self.slackBytes)
    }

    /// What has not been sent yet; everything, in a keeping buffer.
    public var bytes: [UInt8] { pending.bytes }

    /// What has been written to a keeping buffer, which is empty afterwards.
    public func takeBytes() -> [UInt8] {
        defer { pending.removeFirst(pending.count) }
        return pending.bytes
    }

    /// Adds whole lines of text that is already safe for a terminal.
    public func write(_ lines: [UInt8]) throws(OutputError) {
        pending.append(lines)
        try endLine()
    }

    /// Called after each whole line or event: sends the first at once, and then whenever a block is full.
    @inlinable @inline(__always)
    public func endLine() throws(OutputError) {
        if isHeld { return }
        if pending.count >= Self.blockBytes || !hasSentFirst || isTerminal { try flush() }
    }

    /// Sends everything. What a failure leaves unsent is kept for another attempt.
    public func flush() throws(OutputError) {
        hasSentFirst = true
        guard let fileDescriptor else { return }
        var sent = 0
        defer { pending.removeFirst(sent) }
        try pending.withBytes { bytes throws(OutputError) in
            while sent < bytes.count {
                sent += try Self.write(fileDescriptor, UnsafeRawBufferPointer(rebasing: bytes[sent...]))
            }
        }
    }

    /// How many bytes the descriptor accepted; 0 if the caller should try again.
    private static func write(_ fileDescriptor: Int32, _ bytes: UnsafeRawBufferPointer) throws(OutputError) -> Int {
        let result = Glibc.write(fileDescriptor, bytes.baseAddress, bytes.count)
        if result >= 0 { return result }
        switch errno {
        case EINTR: break
        case EAGAIN:
            // Another process that shares the pipe or terminal may have made it non-blocking. Ignore poll's result: the next
            // write shows whether it can proceed.
            var request = pollfd(fd: fileDescriptor, events: Int16(POLLOUT), revents: 0)
            _ = poll(&request, 1, -1)
        case EPIPE: throw .readerGone
        case let number: throw .failed(errno: number)
        }
        return 0
    }
}
