import CZlib

/// Compresses what is appended, piece by piece, with gzip. Allocates zlib's memory once. One thread at a time.
public final class GzipStream {
    private let stream: UnsafeMutablePointer<z_stream>
    private let space = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 1 << 16)
    private var output: [UInt8] = []

    /// - Parameter level: 1 is the fastest, and takes an exposition to a tenth, rows to a quarter.
    public init(level: Int32 = 1) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let code = qpcm_gzip_init(stream, level)
        precondition(code == Z_OK, "zlib has no memory")
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
        space.deallocate()
    }

    public func append(_ bytes: UnsafeRawBufferPointer) { deflateAll(bytes, Z_NO_FLUSH) }

    /// The complete text. After this the stream is ready for another.
    public func finish() -> [UInt8] {
        deflateAll(UnsafeRawBufferPointer(start: nil, count: 0), Z_FINISH)
        deflateReset(stream)
        defer { output = [] }
        return output
    }

    /// One complete text.
    public func compress(_ bytes: [UInt8]) -> [UInt8] {
        bytes.withUnsafeBytes { append($0) }
        return finish()
    }

    private func deflateAll(_ bytes: UnsafeRawBufferPointer, _ flush: Int32) {
        stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.bindMemory(to: UInt8.self).baseAddress)
        stream.pointee.avail_in = UInt32(bytes.count)
        repeat {
            stream.pointee.next_out = space.baseAddress
            stream.pointee.avail_out = UInt32(space.count)
            let code = deflate(stream, flush)
            precondition(code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR, "zlib fails")
            output += UnsafeBufferPointer(rebasing: space[..<(space.count - Int(stream.pointee.avail_out))])
        } while stream.pointee.avail_out == 0
    }
}
