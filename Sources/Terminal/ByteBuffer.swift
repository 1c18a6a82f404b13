import Glibc

/// A growable byte array for writers that append some 30 pieces per event, none of which may cost more than its copy. All raw
/// memory of this module is here.
public struct ByteBuffer: ~Copyable {
    @usableFromInline var base: UnsafeMutablePointer<UInt8>
    @usableFromInline var capacity: Int
    @usableFromInline var length = 0

    public init(capacity: Int) {
        self.capacity = capacity
        base = .allocate(capacity: capacity)
    }

    @inlinable public var count: Int { length }

    deinit { base.deallocate() }

    /// A copy of the contents.
    public var bytes: [UInt8] { withBytes { Array($0) } }

    func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: base, count: length))
    }

    @inlinable @inline(__always)
    public mutating func append(_ byte: UInt8) {
        if length == capacity { grow(by: 1) }
        base[length] = byte
        length &+= 1
    }

    @inlinable @inline(__always)
    public mutating func append(_ bytes: [UInt8]) { bytes.withUnsafeBufferPointer { append($0) } }

    /// Part of an array; the range must lie within it.
    @inlinable @inline(__always)
    public mutating func append(_ bytes: [UInt8], _ range: Range<Int>) {
        bytes.withUnsafeBufferPointer { append(UnsafeBufferPointer(rebasing: $0[range])) }
    }

    @inlinable @inline(__always)
    public mutating func append(literal text: StaticString) {
        append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inlinable @inline(__always)
    public mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let start = bytes.baseAddress, bytes.count > 0 else { return }
        if capacity &- length < bytes.count { grow(by: bytes.count) }
        memcpy(base + length, start, bytes.count)
        length &+= bytes.count
    }

    public mutating func append(spaces: Int) {
        for _ in 0..<max(0, spaces) { append(0x20) }
    }

    /// An event's id. No log holds a negative one, but the type allows it.
    @inlinable @inline(__always)
    public mutating func append(id: Int64) {
        if id < 0 { append(0x2D) }
        append(decimal: id.magnitude)
    }

    /// A number in decimal digits.
    @inlinable @inline(__always)
    public mutating func append(decimal value: UInt64) {
        var digits = 1
        var rest = value
        while rest >= 1000 {
            digits &+= 3
            rest /= 1000
        }
        digits &+= rest >= 100 ? 2 : rest >= 10 ? 1 : 0
        append(decimal: value, digits: digits)
    }

    /// A number in exactly this many decimal digits, with leading zeros.
    @inlinable @inline(__always)
    public mutating func append(decimal value: UInt64, digits: Int) {
        if capacity &- length < digits { grow(by: digits) }
        var rest = value
        var index = length &+ digits
        while index > length {
            index &-= 1
            let next = rest / 10
            base[index] = 0x30 &+ UInt8(truncatingIfNeeded: rest &- next &* 10)
            rest = next
        }
        length &+= digits
    }

    /// Removes bytes from the front; there must be at least that many.
    mutating func removeFirst(_ bytes: Int) {
        memmove(base, base + bytes, length - bytes)
        length -= bytes
    }

    @usableFromInline @inline(never)
    mutating func grow(by bytes: Int) {
        capacity = max(capacity * 2, length + bytes)
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        memory.update(from: base, count: length)
        base.deallocate()
        base = memory
    }
}
