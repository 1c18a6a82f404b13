import CMachine
import CSodium

/// Memory for keys on their way between the file and their use: wiped before it is freed.
final class SecretBytes {
    let start: UnsafeMutableRawPointer
    let count: Int

    init(count: Int) {
        start = .allocate(byteCount: max(count, 1), alignment: 8)
        memset(start, 0, max(count, 1))
        self.count = count
    }

    deinit {
        sodium_memzero(start, count)
        start.deallocate()
    }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }

    func word(at offset: Int) -> UInt64 { UInt64(littleEndian: start.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }

    func store(_ word: UInt64, at offset: Int) {
        start.storeBytes(of: word.littleEndian, toByteOffset: offset, as: UInt64.self)
    }
}
