import CZlib
import NIOCore

/// Compresses whole texts with gzip. Allocates its memory once, not per connection. One thread at a time.
final class GzipEncoder {
    private let stream: UnsafeMutablePointer<z_stream>

    /// - Parameter level: 1 is the fastest, and already shrinks an exposition to a tenth.
    init(level: Int32 = 1) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let code = qpcm_gzip_init(stream, level)
        precondition(code == Z_OK, "zlib has no memory")
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    func encode(_ bytes: [UInt8]) -> ByteBuffer {
        deflateReset(stream)
        let bound = Int(deflateBound(stream, UInt(bytes.count)))
        var output = ByteBufferAllocator().buffer(capacity: bound)
        _ = bytes.withUnsafeBufferPointer { input in
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { space in
                stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                stream.pointee.avail_in = UInt32(input.count)
                stream.pointee.next_out = space.baseAddress!.assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_out = UInt32(space.count)
                let code = deflate(stream, Z_FINISH)
                precondition(code == Z_STREAM_END, "deflateBound is not a bound")
                return space.count - Int(stream.pointee.avail_out)
            }
        }
        return output
    }
}
