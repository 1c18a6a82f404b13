import CMachine
import CMetricsLayout

/// A key, channel or text as a hook got it, made safe to copy.
///
/// The server does not lie about lengths, but it may have bugs: a field that is null with a length, or longer than any key or
/// text can be, is left out unread; a long one is truncated.
public struct RecordField {
    @usableFromInline let start: UnsafePointer<UInt8>?
    /// Bytes that the record keeps.
    public let count: Int
    /// Whether it was truncated or left out.
    public let repaired: Bool

    @inlinable @inline(__always)
    init(_ start: UnsafePointer<UInt8>?, _ length: Int, limit: Int, absurd: Int) {
        if length == 0 {
            // Never look at the pointer: it may dangle.
            self.start = nil
            count = 0
            repaired = false
        } else if start == nil || length < 0 || length > absurd {
            self.start = nil
            count = 0
            repaired = true
        } else {
            self.start = start
            count = length <= limit ? length : limit
            repaired = length > limit
        }
    }

    @inlinable @inline(__always)
    public static func key(_ start: UnsafePointer<UInt8>?, _ length: Int) -> RecordField {
        RecordField(start, length, limit: QPCM_RECORD_KEY_LIMIT, absurd: 4096)
    }

    @inlinable @inline(__always)
    public static func text(_ start: UnsafePointer<UInt8>?, _ length: Int) -> RecordField {
        RecordField(start, length, limit: QPCM_RECORD_TEXT_LIMIT, absurd: 1 << 20)
    }

    @inlinable @inline(__always)
    public static var absent: RecordField { RecordField(nil, 0, limit: 0, absurd: 0) }

    @inlinable @inline(__always)
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }

    /// Copies the field to `target`, and returns the address after it.
    @inlinable @inline(__always)
    func copy(to target: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        guard let start else { return target }
        let source = UnsafeRawPointer(start)
        // SAFETY: `count` bytes are readable at `start` by the plugin's contract, and the claim that `target`
        // points into was made for the sum of the fields' counts.
        if count == 32 {
            target.storeBytes(of: source.loadUnaligned(as: SIMD2<UInt64>.self), as: SIMD2<UInt64>.self)
            target.storeBytes(
                of: source.loadUnaligned(fromByteOffset: 16, as: SIMD2<UInt64>.self), toByteOffset: 16,
                as: SIMD2<UInt64>.self)
        } else if count == 16 {
            target.storeBytes(of: source.loadUnaligned(as: SIMD2<UInt64>.self), as: SIMD2<UInt64>.self)
        } else {
            memcpy(target, source, count)
        }
        return target.advanced(by: count)
    }
}
