import Glibc

/// Bytes on their way to a file descriptor, sent in large blocks. Used by one thread.
public final class OutputBuffer {
    /// Whether a person watches: lines are then sent one by one, and control characters must not
    /// pass.
    public let isTerminal: Bool
    /// Nil for a buffer that keeps everything.
    private let fileDescriptor: Int32?
    /// What is not sent yet. A writer adds a whole event under one access to it.
    var pending: ByteBuffer
    private var hasSentFirst = false
    /// Whether all waits for `flush`: for one who must not be kept waiting by whoever reads the output.
    public var isHeld = false

    /// A block is sent when it has this many bytes.
    private static let blockBytes = 128 * 1024
    /// Room past a block's end, so that an ordinary event never makes the memory grow.
    private static let slackBytes = 16 * 1024

    public init(fileDescriptor: Int32 = STDOUT_FILENO) {
        self.fileDescriptor = fileDescriptor
        isTerminal = isatty(fileDescriptor) == 1
        pending = ByteBuffer(capacity: OutputBuffer.blockBytes + OutputBuffer.slackBytes)
    }

    /// A buffer that sends nothing and keeps all that is written; `isTerminal` is only what it is
    /// taken for.
    public init(keepingForTerminal isTerminal: Bool) {
        fileDescriptor = nil
        self.isTerminal = isTerminal
        pending = ByteBuffer(capacity: OutputBuffer.slackBytes)
    }

    /// What is not sent yet; everything, in a buffer that keeps.
    public var bytes: [UInt8] { pending.bytes }

    /// Adds whole lines of text that is already safe for a terminal, for commands that print no
    /// events.
    public func write(_ lines: [UInt8]) throws(OutputError) {
        pending.append(lines)
        try endLine()
    }

    /// Called after each whole line or event: sends the first at once, and then whenever a block is
    /// full.
    @inline(__always)
    func endLine() throws(OutputError) {
        if isHeld { return }
        if pending.count >= OutputBuffer.blockBytes || !hasSentFirst || isTerminal { try flush() }
    }

    /// Sends everything. What a failure leaves unsent is kept for a later try.
    public func flush() throws(OutputError) {
        hasSentFirst = true
        guard let fileDescriptor else { return }
        var sent = 0
        defer { pending.removeFirst(sent) }
        try unsafe pending.withBytes { bytes throws(OutputError) in
            while sent < bytes.count {
                // SAFETY: the slice checks its range, and the bytes stay for the call.
                sent += try unsafe OutputBuffer.write(
                    fileDescriptor, UnsafeRawBufferPointer(rebasing: bytes[sent...]))
            }
        }
    }

    /// How many of the bytes the descriptor took; 0 if it should be tried again.
    private static func write(
        _ fileDescriptor: Int32, _ bytes: UnsafeRawBufferPointer
    ) throws(OutputError) -> Int {
        // SAFETY: the caller holds the bytes for the call.
        let result = unsafe Glibc.write(fileDescriptor, bytes.baseAddress, bytes.count)
        if result >= 0 { return result }
        switch errno {
        case EINTR: break
        case EAGAIN:
            // Someone who shares the pipe or terminal may have made it non-blocking. Whatever poll
            // says, the next write tells.
            var request = pollfd(fd: fileDescriptor, events: Int16(POLLOUT), revents: 0)
            // SAFETY: one request, on this stack.
            _ = unsafe poll(&request, 1, -1)
        case EPIPE: throw .readerGone
        case let number: throw .failed(errno: number)
        }
        return 0
    }
}
