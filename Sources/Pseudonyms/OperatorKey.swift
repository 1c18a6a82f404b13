import CMachine
import CSodium

/// An operator's public key (X25519): the keys of pseudonyms are sealed to it, so that only the operator's secret opens them.
///
/// As text: `qpc-operator-`, then 72 hexadecimal digits: the 32 bytes of the key and a check of 4 bytes (BLAKE2b of the key), so
/// that a slip of the pen is not found out when the log's names are lost.
public struct OperatorKey: Sendable {
    public static let byteCount = 32
    /// `crypto_box_seal`: an ephemeral public key, the tag, and what is sealed.
    static let sealBytes = 32 + 16

    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    public static let prefix = "qpc-operator-"

    public var text: String {
        let digits = (bytes + Self.check(bytes)).withUnsafeBytes { Hexadecimal.encode($0) }
        return Self.prefix + String(decoding: digits, as: UTF8.self)
    }

    public static func isSame(_ one: OperatorKey?, _ other: OperatorKey?) -> Bool {
        guard let one, let other else { return (one == nil) == (other == nil) }
        return one.bytes == other.bytes
    }

    /// - Parameter text: the key as text; or a file's content, of which the first word that begins like a key is it.
    /// - Returns: nil without a key in it, and for one with a wrong check.
    public static func find(in text: [UInt8]) -> OperatorKey? {
        for word in text.split(whereSeparator: { $0 <= 0x20 }) where word.starts(with: prefix.utf8) {
            guard let content = Hexadecimal.decode(Array(word.dropFirst(prefix.utf8.count))), content.count == byteCount + 4
            else { return nil }
            let key = Array(content[..<byteCount])
            return check(key) == Array(content[byteCount...]) ? OperatorKey(key) : nil
        }
        return nil
    }

    /// Reads a file of at most 4 KiB. Nil if there is no key in it.
    /// - Throws: `IdentityKeyError.system`.
    public static func read(path: String) throws(IdentityKeyError) -> OperatorKey? {
        let descriptor = qpcm_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0)
        guard descriptor >= 0 else { throw .system(operation: "open", path: path, code: qpcm_errno()) }
        defer { _ = close(descriptor) }
        var code: Int32 = 0
        let content = [UInt8](unsafeUninitializedCapacity: 4096) { target, count in
            let got = CMachine.read(descriptor, target.baseAddress, 4096)
            if got < 0 { code = qpcm_errno() }
            count = max(got, 0)
        }
        guard code == 0 else { throw .system(operation: "read", path: path, code: code) }
        return find(in: content)
    }

    static func check(_ bytes: [UInt8]) -> [UInt8] { bytes.withUnsafeBytes { digest($0, 16) }.dropLast(12) }

    /// BLAKE2b.
    static func digest(_ bytes: UnsafeRawBufferPointer, _ size: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: size) { target, count in
            _ = crypto_generichash(
                target.baseAddress!, size, bytes.bindMemory(to: UInt8.self).baseAddress, UInt64(bytes.count), nil, 0)
            count = size
        }
    }

    /// Seals a key of pseudonyms, into memory of `sealBytes` more than the key has.
    /// - Returns: false if the public key is not a point that can be sealed to.
    func seal(_ key: UnsafeRawPointer, into target: UnsafeMutableRawPointer) -> Bool {
        let source = key.assumingMemoryBound(to: UInt8.self)
        return crypto_box_seal(target.assumingMemoryBound(to: UInt8.self), source, UInt64(IdentityKey.byteCount), bytes) == 0
    }
}
