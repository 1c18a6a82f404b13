import MetricsModel

/// One epoch's key as `identity.key` has it: as it is, or sealed to an operator's key.
///
/// The file, in little-endian. While every key is clear:
///
///      0 ┌──────────────────────┐
///        │ magic                │  8  "QPCMKEYS"
///      8 │ version              │  4  1
///     12 │ count                │  4  of entries, 1 to 256
///     16 ├──────────────────────┤
///        │ epoch                │  8  its number, 1 or more, larger than that of the entry before
///     24 │ started              │  8  UTC, microseconds since 1970
///     32 │ key                  │ 32  random
///     64 │ check                │  8  the first 8 bytes of HMAC-SHA-256 over epoch and started under the key
///     72 ├──────────────────────┤
///        │ the next entry ...   │ 56 each
///        └──────────────────────┘
///
/// Once one is sealed:
///
///      0 ┌──────────────────────┐
///        │ magic                │  8  "QPCMKEYS"
///      8 │ version              │  4  2
///     12 │ count                │  4  of entries, 1 to 4096
///     16 ├──────────────────────┤
///        │ epoch                │  8  its number, 1 or more, larger than that of the entry before
///     24 │ started              │  8  UTC, microseconds since 1970
///     32 │ operator             │ 32  the public key that it is sealed to; zeros: it is not sealed
///     64 │ fingerprint          │ 16  `IdentityKey.fingerprint`, as the log has it in `key_check_N`
///     80 │ check                │  8  the first 8 bytes of HMAC-SHA-256 over epoch and started under the key
///     88 │ key                  │ 80  crypto_box_seal of the key; not sealed: the key, then 48 zeros
///    168 ├──────────────────────┤
///        │ the next entry ...   │ 152 each
///        ├──────────────────────┤
///        │ sum                  │ 16  BLAKE2b over all bytes before it
///        └──────────────────────┘
///
/// A later format keeps magic and version where they are, and names the version of the product that reads it in the 16 bytes from
/// 16 on, in ASCII, filled up with zeros. Otherwise it is damaged: if all else holds, the number alone, which is then put back.
///
/// A file of exactly 32 bytes, as older versions made it, is the key of epoch 1, which began when the file was last modified;
/// unless it begins with the magic: then it is a newer file that was truncated, all of whose bytes can be guessed.
struct KeyRecord {
    enum Content {
        case clear(SecretBytes)
        case sealed([UInt8], to: OperatorKey)
    }

    let number: Int64
    let startedMicroseconds: Int64
    let fingerprint: [UInt8]
    let check: UInt64
    let content: Content

    static let headerBytes = 16
    /// The field in which a later format names the version that reads it.
    static let needsBytes = 16
    static let clearBytes = 56
    static let sealedBytes = 152
    static let sumBytes = 16
    private static let clearFormat: UInt64 = 1
    static let clearLimit = 256
    static let sealedLimit = 4096
    static let magic: UInt64 = 0x5359_454B_4D43_5051

    init(number: Int64, startedMicroseconds: Int64, key: SecretBytes) {
        let identity = IdentityKey(key.bytes)
        self.number = number
        self.startedMicroseconds = startedMicroseconds
        fingerprint = identity.fingerprint
        check = Self.check(number, startedMicroseconds, identity)
        content = .clear(key)
    }

    private init(of record: KeyRecord, content: Content) {
        number = record.number
        startedMicroseconds = record.startedMicroseconds
        fingerprint = record.fingerprint
        check = record.check
        self.content = content
    }

    private init(number: Int64, started: Int64, fingerprint: [UInt8], check: UInt64, content: Content) {
        self.number = number
        startedMicroseconds = started
        self.fingerprint = fingerprint
        self.check = check
        self.content = content
    }

    var sealedTo: OperatorKey? {
        if case .sealed(_, let key) = content { return key }
        return nil
    }

    /// The same, sealed; as it is if it already is sealed, to whomever.
    /// - Returns: nil if nothing can be sealed to that key.
    func sealed(to operatorKey: OperatorKey) -> KeyRecord? {
        guard case .clear(let key) = content else { return self }
        var isSealed = false
        let size = key.count + OperatorKey.sealBytes
        let sealed = [UInt8](unsafeUninitializedCapacity: size) { target, count in
            isSealed = operatorKey.seal(key.start, into: UnsafeMutableRawPointer(target.baseAddress!))
            count = size
        }
        return isSealed ? KeyRecord(of: self, content: .sealed(sealed, to: operatorKey)) : nil
    }

    /// Nil if it is not sealed to this operator, or what was sealed is not this epoch's key.
    func opened(by secret: OperatorSecret) -> IdentityKey? {
        guard case .sealed(let sealed, _) = content, let key = sealed.withUnsafeBytes({ secret.open($0) }) else {
            return nil
        }
        let identity = IdentityKey(key.bytes)
        return identity.fingerprint == fingerprint && Self.check(number, startedMicroseconds, identity) == check ? identity : nil
    }

    private static func check(_ number: Int64, _ started: Int64, _ key: IdentityKey) -> UInt64 {
        var words = (number.littleEndian, started.littleEndian)
        return withUnsafeBytes(of: &words) { key.pseudonym(of: $0) }
            .withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    }

    // MARK: The file's bytes

    /// The size of the largest file.
    static let byteLimit = headerBytes + sealedLimit * sealedBytes + sumBytes

    /// How many epochs' keys a file of that size holds.
    static func count(inBytes bytes: Int) -> Int {
        if bytes == IdentityKey.byteCount { return 1 }
        let sealed = bytes - headerBytes - sumBytes
        if sealed > 0, sealed % sealedBytes == 0 { return sealed / sealedBytes }
        return max(0, (bytes - headerBytes) / clearBytes)
    }

    /// - Parameter changed: when the file was last modified: UTC, microseconds.
    /// - Returns: its records, and whether its format number is not the one that everything else in it proves.
    static func parse(_ file: SecretBytes, changed: Int64) -> (records: [KeyRecord], hasDamagedNumber: Bool)? {
        if file.count == IdentityKey.byteCount {
            guard file.word(at: 0) != magic else { return nil }
            return ([KeyRecord(number: 1, startedMicroseconds: changed, key: file)], false)
        }
        guard file.count >= headerBytes, file.word(at: 0) == magic else { return nil }
        let count = Int(file.word(at: 8) >> 32)
        let number = file.word(at: 8) & 0xFFFF_FFFF
        if let records = parseClear(file, count) { return (records, number != clearFormat) }
        return parseSealed(file, count).map { ($0, number != Version.keys) }
    }

    private static func parseClear(_ file: SecretBytes, _ count: Int) -> [KeyRecord]? {
        guard count >= 1, count <= clearLimit, file.count == headerBytes + count * clearBytes else { return nil }
        var records: [KeyRecord] = []
        for index in 0..<count {
            let at = headerBytes + index * clearBytes
            let number = Int64(bitPattern: file.word(at: at))
            let record = KeyRecord(
                number: number, startedMicroseconds: Int64(bitPattern: file.word(at: at + 8)), key: file.copy(at: at + 16))
            guard number > (records.last?.number ?? 0), record.check == file.word(at: at + 48) else { return nil }
            records.append(record)
        }
        return records
    }

    private static func parseSealed(_ file: SecretBytes, _ count: Int) -> [KeyRecord]? {
        let end = headerBytes + count * sealedBytes
        guard count >= 1, count <= sealedLimit, file.count == end + sumBytes else { return nil }
        // As if its number were right: the sum then proves the rest.
        let head = file.word(at: 8)
        file.store(Version.keys | UInt64(count) << 32, at: 8)
        let sum = OperatorKey.digest(UnsafeRawBufferPointer(rebasing: file.bytes[..<end]), sumBytes)
        file.store(head, at: 8)
        guard sum.elementsEqual(file.bytes[end...]) else { return nil }
        var records: [KeyRecord] = []
        for index in 0..<count {
            let at = headerBytes + index * sealedBytes
            let number = Int64(bitPattern: file.word(at: at))
            let started = Int64(bitPattern: file.word(at: at + 8))
            guard number > (records.last?.number ?? 0) else { return nil }
            let owner = [UInt8](file.bytes[(at + 16)..<(at + 48)])
            if owner.allSatisfy({ $0 == 0 }) {
                let record = KeyRecord(number: number, startedMicroseconds: started, key: file.copy(at: at + 72))
                guard record.check == file.word(at: at + 64) else { return nil }
                records.append(record)
            } else {
                records.append(
                    KeyRecord(
                        number: number, started: started, fingerprint: [UInt8](file.bytes[(at + 48)..<(at + 64)]),
                        check: file.word(at: at + 64),
                        content: .sealed([UInt8](file.bytes[(at + 72)..<(at + 152)]), to: OperatorKey(owner))))
            }
        }
        return records
    }

    /// A file that earlier versions can read, unless a key is sealed.
    static func file(_ records: [KeyRecord]) -> SecretBytes {
        let hasSealed = records.contains { $0.sealedTo != nil }
        let entry = hasSealed ? sealedBytes : clearBytes
        let end = headerBytes + records.count * entry
        let file = SecretBytes(count: end + (hasSealed ? sumBytes : 0))
        file.store(magic, at: 0)
        file.store((hasSealed ? Version.keys : clearFormat) | UInt64(records.count) << 32, at: 8)
        for (index, record) in records.enumerated() {
            let at = headerBytes + index * entry
            file.store(UInt64(bitPattern: record.number), at: at)
            file.store(UInt64(bitPattern: record.startedMicroseconds), at: at + 8)
            file.store(record.check, at: at + (hasSealed ? 64 : 48))
            if hasSealed { file.copy(record.fingerprint, to: at + 48) }
            switch record.content {
            case .clear(let key):
                file.start.advanced(by: at + (hasSealed ? 72 : 16)).copyMemory(from: key.start, byteCount: key.count)
            case .sealed(let bytes, let owner):
                file.copy(owner.bytes, to: at + 16)
                file.copy(bytes, to: at + 72)
            }
        }
        if hasSealed { file.copy(OperatorKey.digest(UnsafeRawBufferPointer(rebasing: file.bytes[..<end]), sumBytes), to: end) }
        return file
    }
}

extension SecretBytes {
    /// A key's bytes.
    fileprivate func copy(at offset: Int) -> SecretBytes {
        let key = SecretBytes(count: IdentityKey.byteCount)
        key.start.copyMemory(from: start + offset, byteCount: key.count)
        return key
    }

    fileprivate func copy(_ bytes: [UInt8], to offset: Int) { (start + offset).copyMemory(from: bytes, byteCount: bytes.count) }
}
