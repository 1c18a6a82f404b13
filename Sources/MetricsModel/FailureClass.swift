/// Why a login failed, as a closed set: the reason is free text and may hold a name, so it can never be a label.
public enum FailureClass: UInt8, CaseIterable, Sendable {
    case credentials = 0
    case unknownUser
    case rateLimited
    case locked
    case expired
    case protocolError
    case other

    public static let count = 7

    @inlinable @inline(__always)
    public var index: Int { Int(truncatingIfNeeded: rawValue) }

    /// The value of the label `reason`.
    public var name: String {
        switch self {
        case .credentials: "credentials"
        case .unknownUser: "unknown_user"
        case .rateLimited: "rate_limited"
        case .locked: "locked"
        case .expired: "expired"
        case .protocolError: "protocol"
        case .other: "other"
        }
    }

    /// The class of a reason, from its words. Called in the hook: one pass over the bytes, no allocation.
    ///
    /// A word is a run of ASCII letters and digits; an uppercase letter after a lowercase one begins a new word, so that
    /// `rate_limited`, `RateLimited` and "rate limited" read alike. Only a word's first eight bytes count. The most telling word
    /// wins: "expired credentials" is `expired`, "invalid message" is `protocol`.
    @inlinable
    public init(reason: UnsafeRawBufferPointer) {
        var found: UInt32 = 0
        var start = -1
        var previousIsSmall = false
        var index = 0
        // SAFETY: index stays below count, and the buffer is valid for the call.
        while index < reason.count {
            let byte = reason.load(fromByteOffset: index, as: UInt8.self)
            let isLetter = (byte | 0x20) &- 0x61 < 26
            let isCapital = isLetter && byte < 0x61
            let isInWord = isLetter || byte &- 0x30 < 10
            if start >= 0 && (!isInWord || (isCapital && previousIsSmall)) {
                found |= FailureWords.meaning(FailureWords.pack(reason, start, index))
                start = -1
            }
            if isInWord && start < 0 { start = index }
            previousIsSmall = isLetter && !isCapital
            index &+= 1
        }
        if start >= 0 { found |= FailureWords.meaning(FailureWords.pack(reason, start, index)) }
        self = FailureWords.failureClass(found)
    }
}

/// The words that tell a failed login's class.
@usableFromInline
enum FailureWords {
    @inlinable static var rate: UInt32 { 1 }
    @inlinable static var lock: UInt32 { 2 }
    @inlinable static var expired: UInt32 { 4 }
    @inlinable static var unknown: UInt32 { 8 }
    @inlinable static var absent: UInt32 { 16 }
    @inlinable static var user: UInt32 { 32 }
    @inlinable static var credentials: UInt32 { 64 }
    @inlinable static var protocolWords: UInt32 { 128 }
    @inlinable static var weak: UInt32 { 256 }

    @inlinable @inline(__always)
    static func failureClass(_ found: UInt32) -> FailureClass {
        if found & rate != 0 { return .rateLimited }
        if found & lock != 0 { return .locked }
        if found & expired != 0 { return .expired }
        if found & absent != 0 || (found & unknown != 0 && found & user != 0) { return .unknownUser }
        if found & credentials != 0 { return .credentials }
        if found & protocolWords != 0 { return .protocolError }
        if found & weak != 0 { return .credentials }
        return .other
    }

    /// A word's first eight bytes in lowercase, the first byte lowest. Setting bit 5 makes a capital lowercase; digits have it
    /// set.
    @inlinable @inline(__always)
    static func pack(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> UInt64 {
        let length = end &- start < 8 ? end &- start : 8
        let mask = UInt64.max &>> UInt64(truncatingIfNeeded: (8 &- length) &* 8)
        var word: UInt64 = 0
        if start &+ 8 <= bytes.count {
            // SAFETY: eight bytes from start are inside the buffer.
            word = bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self)
        } else {
            var index = length
            while index > 0 {
                index &-= 1
                word = word << 8 | UInt64(truncatingIfNeeded: bytes.load(fromByteOffset: start &+ index, as: UInt8.self))
            }
        }
        return (word | 0x2020_2020_2020_2020) & mask
    }

    /// What a word of up to eight bytes, in lowercase, first byte lowest, says about the failure.
    @inlinable
    static func meaning(_ word: UInt64) -> UInt32 {
        // By the first letter: one jump, then a few comparisons.
        switch UInt8(truncatingIfNeeded: word) {
        case 0x72:  // r
            switch word {
            case 0x0000000065746172: return rate  // rate
            case 0x64657463656A6572: return weak  // rejected
            default: return 0
            }
        case 0x74:  // t
            switch word {
            case 0x656C74746F726874: return rate  // throttle
            case 0x00796E616D6F6F74: return rate  // toomany
            case 0x0074756F656D6974: return expired  // timeout
            case 0x657461636E757274: return protocolWords  // truncate…
            default: return 0
            }
        case 0x6C:  // l
            switch word {
            case 0x00000074696D696C: return rate  // limit
            case 0x00646574696D696C: return rate  // limited
            case 0x00007374696D696C: return rate  // limits
            case 0x000064656B636F6C: return lock  // locked
            case 0x000000006B636F6C: return lock  // lock
            case 0x0074756F6B636F6C: return lock  // lockout
            case 0x0000006E69676F6C: return user  // login
            default: return 0
            }
        case 0x6D:  // m
            switch word {
            case 0x00000000796E616D: return rate  // many
            case 0x00676E697373696D: return unknown  // missing
            case 0x686374616D73696D: return credentials  // mismatch
            case 0x000000000063616D: return credentials  // mac
            case 0x656D726F666C616D: return protocolWords  // malforme…
            case 0x006567617373656D: return protocolWords  // message
            default: return 0
            }
        case 0x64:  // d
            switch word {
            case 0x64656C6261736964: return lock  // disabled
            case 0x000065646F636564: return protocolWords  // decode
            case 0x676E69646F636564: return protocolWords  // decoding
            case 0x00006465696E6564: return weak  // denied
            default: return 0
            }
        case 0x73:  // s
            switch word {
            case 0x65646E6570737573: return lock  // suspende…
            case 0x000000656C617473: return expired  // stale
            case 0x0000000068637573: return absent  // such
            case 0x727574616E676973: return credentials  // signatur…
            case 0x0000006574617473: return protocolWords  // state
            default: return 0
            }
        case 0x62:  // b
            switch word {
            case 0x000064656E6E6162: return lock  // banned
            case 0x0064656B636F6C62: return lock  // blocked
            case 0x0000000000646162: return weak  // bad
            default: return 0
            }
        case 0x65:  // e
            switch word {
            case 0x0064657269707865: return expired  // expired
            case 0x0000657269707865: return expired  // expire
            case 0x0073657269707865: return expired  // expires
            case 0x0000007473697865: return absent  // exist
            case 0x0000737473697865: return absent  // exists
            default: return 0
            }
        case 0x6F:  // o
            switch word {
            case 0x646574616474756F: return expired  // outdated
            case 0x000065757161706F: return protocolWords  // opaque
            default: return 0
            }
        case 0x75:  // u
            switch word {
            case 0x006E776F6E6B6E75: return unknown  // unknown
            case 0x7473696765726E75: return absent  // unregist…
            case 0x0000000072657375: return user  // user
            case 0x0000007372657375: return user  // users
            case 0x656D616E72657375: return user  // username
            case 0x726F707075736E75: return protocolWords  // unsuppor…
            case 0x7463657078656E75: return protocolWords  // unexpect…
            case 0x726F687475616E75: return weak  // unauthor…
            default: return 0
            }
        case 0x66:  // f
            switch word {
            case 0x000000646E756F66: return absent  // found
            case 0x000074616D726F66: return protocolWords  // format
            case 0x000064656C696166: return weak  // failed
            case 0x006572756C696166: return weak  // failure
            default: return 0
            }
        case 0x6E:  // n
            switch word {
            case 0x74736978656E6F6E: return absent  // nonexist…
            default: return 0
            }
        case 0x61:  // a
            switch word {
            case 0x00746E756F636361: return user  // account
            default: return 0
            }
        case 0x69:  // i
            switch word {
            case 0x797469746E656469: return user  // identity
            case 0x636572726F636E69: return credentials  // incorrec…
            case 0x0064696C61766E69: return weak  // invalid
            default: return 0
            }
        case 0x63:  // c
            switch word {
            case 0x69746E6564657263: return credentials  // credenti…
            default: return 0
            }
        case 0x70:  // p
            switch word {
            case 0x64726F7773736170: return credentials  // password
            case 0x6172687073736170: return credentials  // passphra…
            case 0x6C6F636F746F7270: return protocolWords  // protocol
            case 0x0000006573726170: return protocolWords  // parse
            default: return 0
            }
        case 0x77:  // w
            switch word {
            case 0x000000676E6F7277: return credentials  // wrong
            default: return 0
            }
        case 0x76:  // v
            switch word {
            case 0x006E6F6973726576: return protocolWords  // version
            default: return 0
            }
        case 0x68:  // h
            switch word {
            case 0x6B616873646E6168: return protocolWords  // handshak…
            default: return 0
            }
        case 0x6B:  // k
            switch word {
            case 0x000000000031656B: return protocolWords  // ke1
            case 0x000000000033656B: return protocolWords  // ke3
            default: return 0
            }
        default: return 0
        }
    }
}
