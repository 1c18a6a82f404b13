import Glibc
import MetricsModel
import Readings

/// Bytes that grow at the end: an array for those who add some 30 pieces an event, where each must
/// cost no more than its copy. All raw memory of this module is here.
@safe struct ByteBuffer: ~Copyable {
    private var base: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private(set) var count = 0

    init(capacity: Int) {
        self.capacity = capacity
        unsafe base = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    }

    deinit { unsafe base.deallocate() }

    /// A copy of all of them.
    var bytes: [UInt8] {
        // SAFETY: the bytes are copied within the call.
        unsafe withBytes { unsafe Array($0) }
    }

    func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // SAFETY: the first count bytes are initialized, and the buffer outlives the call.
        try unsafe body(UnsafeRawBufferPointer(start: base, count: count))
    }

    @inline(__always)
    mutating func append(_ byte: UInt8) {
        if count == capacity { grow(by: 1) }
        // SAFETY: count is below capacity.
        unsafe base[count] = byte
        count &+= 1
    }

    @inline(__always)
    mutating func append(_ bytes: [UInt8]) {
        // SAFETY: the array lives for the call, which copies its bytes.
        unsafe bytes.withUnsafeBufferPointer { unsafe append($0) }
    }

    /// A part of an array; the range lies within it.
    @inline(__always)
    mutating func append(_ bytes: [UInt8], _ range: Range<Int>) {
        // SAFETY: as above; the slice checks its range.
        unsafe bytes.withUnsafeBufferPointer {
            unsafe append(UnsafeBufferPointer(rebasing: $0[range]))
        }
    }

    @inline(__always)
    mutating func append(_ text: InternedText) {
        // SAFETY: the text lives as long as its event, which its writer was handed for the call.
        unsafe append(text.bytes)
    }

    @inline(__always)
    mutating func append(literal text: StaticString) {
        // SAFETY: the literal is constant memory; utf8Start checks that it is not a lone scalar.
        unsafe append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inline(__always)
    private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let start = bytes.baseAddress, bytes.count > 0 else { return }
        if capacity &- count < bytes.count { grow(by: bytes.count) }
        // SAFETY: there is room for them, and they are not in this buffer's memory.
        unsafe memcpy(base + count, start, bytes.count)
        count &+= bytes.count
    }

    mutating func append(spaces: Int) {
        for _ in 0..<max(0, spaces) { append(0x20) }
    }

    /// An event's id; no log holds a negative one, but the type could.
    @inline(__always)
    mutating func append(id: Int64) {
        if id < 0 { append(0x2D) }
        append(decimal: id.magnitude)
    }

    /// A number in decimal digits.
    @inline(__always)
    mutating func append(decimal value: UInt64) {
        var digits = 1
        var rest = value
        while rest >= 1000 {
            digits &+= 3
            rest /= 1000
        }
        digits &+= rest >= 100 ? 2 : rest >= 10 ? 1 : 0
        append(decimal: value, digits: digits)
    }

    /// A number in exactly so many decimal digits, with leading zeros.
    @inline(__always)
    mutating func append(decimal value: UInt64, digits: Int) {
        if capacity &- count < digits { grow(by: digits) }
        var rest = value
        var index = count &+ digits
        // SAFETY: there is room for the digits, and index stays at or above count.
        while index > count {
            index &-= 1
            let next = rest / 10
            unsafe base[index] = 0x30 &+ UInt8(truncatingIfNeeded: rest &- next &* 10)
            rest = next
        }
        count &+= digits
    }

    /// Forgets the first bytes; there are as many.
    mutating func removeFirst(_ bytes: Int) {
        // SAFETY: the bytes are the buffer's own, and memmove allows them to overlap.
        unsafe memmove(base, base + bytes, count - bytes)
        count -= bytes
    }

    @inline(never)
    private mutating func grow(by bytes: Int) {
        let grown = max(capacity * 2, count + bytes)
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: grown)
        // SAFETY: both hold at least count bytes, and are apart.
        unsafe memory.update(from: base, count: count)
        unsafe base.deallocate()
        unsafe base = memory
        capacity = grown
    }
}
