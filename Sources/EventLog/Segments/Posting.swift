import MetricsModel

/// Which rows name whom: for each indexed segment, list and term, the places of the rows in the segment.
///
/// A list is one kind's identities, channels or users; a term is the number of one of them in its name table. Rows of `posting`
/// are in the order of their keys, so that writing appends, and a lookup is one search per segment:
///
///     key       62      41    37           5         0
///              +---------+------+-----------+---------+
///              | segment | list | term   | part    |      term: the first of the block
///              |   21    |  4   |    32     |   6     |      part: counts up while a term fills block after block
///              +---------+------+-----------+---------+
///     entries  term and count, then the places, repeated:
///              +------------------+-------+--------------+
///              | term - before | count | place, ...   |   varint (LEB128), varint, 16 bits each, rising
///              +------------------+-------+--------------+
///              before: the previous entry's term, at first the key's
public enum Posting {
    public enum List: UInt8, CaseIterable, Sendable {
        case messageIdentity = 0, messageChannel
        case batchIdentity, batchChannel
        case authUser
        case channelIdentity, channelChannel
        case fetchIdentity, fetchChannel
        case registeredUser, registeredIdentity
        /// Failed logins. Their rows are in `authUser` too, so a search does not need this list; its counts say whose passwords
        /// are being guessed.
        case failedUser

        /// Whether another list has all of its rows.
        public var isPart: Bool { self == .failedUser }

        public var names: NameKind {
            switch self {
            case .messageIdentity, .batchIdentity, .channelIdentity, .fetchIdentity, .registeredIdentity: .identity
            case .messageChannel, .batchChannel, .channelChannel, .fetchChannel: .channel
            case .authUser, .registeredUser, .failedUser: .user
            }
        }

        public var kind: EventKind {
            switch self {
            case .messageIdentity, .messageChannel: .messageEnqueue
            case .batchIdentity, .batchChannel: .batchEnqueue
            case .authUser, .failedUser: .auth
            case .channelIdentity, .channelChannel: .channelCreated
            case .fetchIdentity, .fetchChannel: .fetch
            case .registeredUser, .registeredIdentity: .userRegistered
            }
        }
    }

    /// A segment with this number or a larger one, or with a term that reaches its limit, is not indexed: its rows are read.
    package static let segmentLimit: Int64 = 1 << 21
    package static let termLimit: Int64 = 1 << 32

    /// The most bytes in a block, so that a row fills one page of the log and does not spill into another.
    package static let blockBytes = 4040

    @inline(__always)
    public static func key(segment: Int64, list: UInt8, term: Int64, part: Int64) -> Int64 {
        segment << 42 | Int64(list) << 38 | term << 6 | part
    }

    public static func keys(ofSegments first: Int64, to end: Int64) -> (first: Int64, end: Int64) {
        (key(segment: first, list: 0, term: 0, part: 0), key(segment: end, list: 0, term: 0, part: 0))
    }

    @inline(__always)
    public static func segment(ofKey key: Int64) -> Int64 { key >> 42 }
    @inline(__always)
    public static func list(ofKey key: Int64) -> UInt8 { UInt8(truncatingIfNeeded: key >> 38) & 15 }
    @inline(__always)
    public static func term(ofKey key: Int64) -> Int64 { key >> 6 & (termLimit - 1) }

    // A posting packs a list, a term and a place into one number that sorts as the postings do. The gap of one bit makes the list
    // start a digit of its own when sorting by digits of eleven bits from the term on.

    @inline(__always)
    package static func posting(list: UInt8, term: Int64, id: Int64) -> UInt64 {
        UInt64(list) << 49 | UInt64(bitPattern: term) << 16 | UInt64(bitPattern: id & (Segment.ids - 1))
    }

    @inline(__always)
    public static func list(of posting: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: posting >> 49) }
    @inline(__always)
    public static func term(of posting: UInt64) -> Int64 { Int64(truncatingIfNeeded: posting >> 16 & 0xFFFF_FFFF) }
    @inline(__always)
    public static func place(of posting: UInt64) -> Int64 { Int64(truncatingIfNeeded: posting & 0xFFFF) }
}

/// Walks a block's entries.
package struct PostingCursor {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0
    package private(set) var term: Int64
    package private(set) var count = 0
    private var placesAt = 0

    package init(_ bytes: UnsafeRawBufferPointer, key: Int64) {
        self.bytes = bytes
        term = Posting.term(ofKey: key)
    }

    /// Advances to the next entry; false at the end, and at the first one that cannot be an entry.
    @inline(__always)
    package mutating func next() -> Bool {
        guard offset < bytes.count else { return false }
        term &+= varint()
        count = Int(truncatingIfNeeded: varint())
        guard count > 0, count <= Int(Segment.ids), offset &+ 2 &* count <= bytes.count else { return false }
        placesAt = offset
        offset &+= 2 &* count
        return true
    }

    @inline(__always)
    package func place(_ index: Int) -> Int64 {
        Int64(
            UInt16(
                littleEndian: bytes.loadUnaligned(fromByteOffset: placesAt &+ 2 &* index, as: UInt16.self)))
    }

    @inline(__always)
    private mutating func varint() -> Int64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while offset < bytes.count, shift < 63 {
            let byte = bytes[offset]
            offset &+= 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { break }
            shift &+= 7
        }
        return Int64(truncatingIfNeeded: value)
    }
}

/// Builds blocks from postings in order.
package struct PostingBlockWriter: ~Copyable {
    private let block: UnsafeMutablePointer<UInt8>
    package private(set) var count = 0
    package private(set) var key: Int64 = 0
    private var lastTerm: Int64 = 0
    private var lastPart: Int64 = 0

    /// The most bytes that an entry's two numbers take: a term of 32 bits, a count of 17.
    private static var entryHeader: Int { 8 }

    package init() { block = .allocate(capacity: Posting.blockBytes) }

    deinit { block.deallocate() }

    /// Valid until the next write to the block.
    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: block, count: count) }

    /// Adds postings of one list and term, as many as fit; returns how many. 0: the block is full; write it out and `begin`
    /// another.
    ///
    /// - Parameter whole: whether they are known to fit.
    package mutating func add(_ postings: UnsafePointer<UInt64>, count postingCount: Int, whole: Bool = false) -> Int {
        let room = whole ? postingCount : (Posting.blockBytes - count - Self.entryHeader) / 2
        // A term with few places is not split across blocks.
        guard room >= min(postingCount, 64) else { return 0 }
        let taken = min(room, postingCount)
        let term = Posting.term(of: postings[0])
        put(varint: UInt64(term - lastTerm))
        put(varint: UInt64(taken))
        for index in 0..<taken {
            let place = UInt16(truncatingIfNeeded: postings[index])
            block[count] = UInt8(truncatingIfNeeded: place)
            block[count &+ 1] = UInt8(truncatingIfNeeded: place >> 8)
            count &+= 2
        }
        lastTerm = term
        return taken
    }

    /// Starts an empty block whose first entry is of this posting's term.
    package mutating func begin(segment: Int64, posting: UInt64) {
        let term = Posting.term(of: posting)
        let list = Posting.list(of: posting)
        let base = Posting.key(segment: segment, list: list, term: term, part: 0)
        let isSameTerm = key >> 6 == base >> 6
        lastPart = isSameTerm ? lastPart + 1 : 0
        key = base | lastPart
        lastTerm = term
        count = 0
    }

    /// Starts an empty block that replaces the existing one with this key.
    package mutating func begin(key: Int64) {
        self.key = key
        lastTerm = Posting.term(ofKey: key)
        count = 0
    }

    private mutating func put(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            block[count] = UInt8(truncatingIfNeeded: rest) | 0x80
            count &+= 1
            rest >>= 7
        }
        block[count] = UInt8(truncatingIfNeeded: rest)
        count &+= 1
    }
}
