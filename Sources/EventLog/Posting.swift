import MetricsModel

/// Which rows name whom: for each sealed segment, list and subject, the places of the rows in the segment.
///
/// A list is one kind's identities, channels or users; a subject is their number in the table of names. Rows of
/// `posting` come in the order of their keys, so that writing appends, and a look-up is one search a segment:
///
///     key       62      41    37           5         0
///              +---------+------+-----------+---------+
///              | segment | list | subject   | part    |      subject: the first of the block
///              |   21    |  4   |    32     |   6     |      part: rises while a subject fills block after block
///              +---------+------+-----------+---------+
///     entries  subject and count, then the places, again and again:
///              +------------------+-------+--------------+
///              | subject - before | count | place, ...   |   varint (LEB128), varint, 16 bits each, rising
///              +------------------+-------+--------------+
///              before: the entry before, at first the key's subject
public enum Posting {
    public enum List: UInt8, CaseIterable, Sendable {
        case messageIdentity = 0, messageChannel
        case batchIdentity, batchChannel
        case authUser
        case channelIdentity, channelChannel
        case fetchIdentity, fetchChannel
        case registeredUser, registeredIdentity
        /// Logins that failed. Their rows are in `authUser` too, so a search has no need of it; its counts say whose
        /// passwords are guessed.
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

    /// A segment with a larger number, or a subject with one, is not sealed: its rows are read.
    static let segmentLimit: Int64 = 1 << 21
    static let subjectLimit: Int64 = 1 << 32

    /// A block's bytes at most, so that a row fills a page of the log and spills into no other.
    static let blockBytes = 4040

    @inline(__always)
    public static func key(segment: Int64, list: UInt8, subject: Int64, part: Int64) -> Int64 {
        segment << 42 | Int64(list) << 38 | subject << 6 | part
    }

    public static func keys(ofSegments first: Int64, to end: Int64) -> (first: Int64, end: Int64) {
        (key(segment: first, list: 0, subject: 0, part: 0), key(segment: end, list: 0, subject: 0, part: 0))
    }

    @inline(__always)
    public static func segment(ofKey key: Int64) -> Int64 { key >> 42 }
    @inline(__always)
    public static func list(ofKey key: Int64) -> UInt8 { UInt8(truncatingIfNeeded: key >> 38) & 15 }
    @inline(__always)
    public static func subject(ofKey key: Int64) -> Int64 { key >> 6 & (subjectLimit - 1) }

    // A pair is a list, a subject and a place, in one number whose order is that of the postings. The gap of one bit
    // lets digits of eleven bits from the subject on end with the list.

    @inline(__always)
    static func pair(list: UInt8, subject: Int64, id: Int64) -> UInt64 {
        UInt64(list) << 49 | UInt64(bitPattern: subject) << 16 | UInt64(bitPattern: id & (Segment.ids - 1))
    }

    @inline(__always)
    public static func list(ofPair pair: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: pair >> 49) }
    @inline(__always)
    public static func subject(ofPair pair: UInt64) -> Int64 { Int64(truncatingIfNeeded: pair >> 16 & 0xFFFF_FFFF) }
    @inline(__always)
    public static func place(ofPair pair: UInt64) -> Int64 { Int64(truncatingIfNeeded: pair & 0xFFFF) }
}

/// The three kinds of names that people and conversations have.
public enum NameKind: Int, CaseIterable, Sendable {
    case identity = 0, channel, user

    public static let count = 3

    public var table: String {
        switch self {
        case .identity: "identity_name"
        case .channel: "channel_name"
        case .user: "user_name"
        }
    }
}

/// Walks through a block's entries.
struct PostingCursor {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0
    private(set) var subject: Int64
    private(set) var count = 0
    private var placesAt = 0

    init(_ bytes: UnsafeRawBufferPointer, key: Int64) {
        self.bytes = bytes
        subject = Posting.subject(ofKey: key)
    }

    /// Goes to the next entry; false at the end, and at the first that cannot be one.
    @inline(__always)
    mutating func next() -> Bool {
        guard offset < bytes.count else { return false }
        subject &+= varint()
        count = Int(truncatingIfNeeded: varint())
        guard count > 0, count <= Int(Segment.ids), offset &+ 2 &* count <= bytes.count else { return false }
        placesAt = offset
        offset &+= 2 &* count
        return true
    }

    @inline(__always)
    func place(_ index: Int) -> Int64 {
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

/// Makes blocks out of pairs in their order.
struct PostingBlockWriter: ~Copyable {
    private let block: UnsafeMutablePointer<UInt8>
    private(set) var count = 0
    private(set) var key: Int64 = 0
    private var lastSubject: Int64 = 0
    private var lastPart: Int64 = 0

    /// An entry's numbers take at most so many bytes: a subject of 32 bits, a count of 17.
    private static var entryHeader: Int { 8 }

    init() { block = .allocate(capacity: Posting.blockBytes) }

    deinit { block.deallocate() }

    /// Valid until it is written to again.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: block, count: count) }

    /// Adds pairs of one list and subject, as many as fit; returns how many. 0: the block is full, hand it over
    /// and `begin` another.
    ///
    /// - Parameter whole: they are known to fit.
    mutating func add(_ pairs: UnsafePointer<UInt64>, count pairCount: Int, whole: Bool = false) -> Int {
        let room = whole ? pairCount : (Posting.blockBytes - count - Self.entryHeader) / 2
        // A subject's few places are not torn apart.
        guard room >= min(pairCount, 64) else { return 0 }
        let taken = min(room, pairCount)
        let subject = Posting.subject(ofPair: pairs[0])
        put(varint: UInt64(subject - lastSubject))
        put(varint: UInt64(taken))
        for index in 0..<taken {
            let place = UInt16(truncatingIfNeeded: pairs[index])
            block[count] = UInt8(truncatingIfNeeded: place)
            block[count &+ 1] = UInt8(truncatingIfNeeded: place >> 8)
            count &+= 2
        }
        lastSubject = subject
        return taken
    }

    /// An empty block, whose first entry is of this pair's subject.
    mutating func begin(segment: Int64, pair: UInt64) {
        let subject = Posting.subject(ofPair: pair)
        let list = Posting.list(ofPair: pair)
        let base = Posting.key(segment: segment, list: list, subject: subject, part: 0)
        let isSameSubject = key >> 6 == base >> 6
        lastPart = isSameSubject ? lastPart + 1 : 0
        key = base | lastPart
        lastSubject = subject
        count = 0
    }

    /// Goes on with a block that is there already.
    mutating func begin(key: Int64) {
        self.key = key
        lastSubject = Posting.subject(ofKey: key)
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
