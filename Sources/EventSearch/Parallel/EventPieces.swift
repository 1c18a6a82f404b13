import EventLog
import MetricsModel
import Readings

/// The ids that hold an answer, in pieces for several threads: ranges, in ascending order.
public struct EventPieces: Sendable {
    private let filter: EventFilter
    private let keys: [[UInt8]]?
    private let ranges: [Range<Int64>]

    /// How many events a piece of an answer has, as far as its beginning allows to tell.
    private static let events: Int64 = 8192
    /// A piece covers no more segments than this.
    private static let mostSegments = 16
    /// Answers from fewer segments than this are as quick from one thread.
    private static let fewSegments = 8
    /// Ids of a piece whose rows are counted.
    private static let countedIDs: Int64 = 16_384

    public var count: Int { ranges.count }
    /// Whether several threads pay.
    let areMany: Bool

    /// The rest of a stream.
    public init(_ rest: EventStream.Rest, _ log: EventLogReader) throws(LogError) {
        try log.database.execute("BEGIN", operation: "read")
        defer { try? log.database.execute("ROLLBACK", operation: "read") }
        let ids = min(rest.idsPerEvent, Segment.ids) * Self.events
        try self.init(rest.filter, keys: rest.keys, log.database, ids: ids)
    }

    /// Everything that matches a filter, as of the open transaction.
    init(forCounting filter: EventFilter, keys: [[UInt8]]?, _ database: Database) throws(LogError) {
        let isByPostings = try !FilterTerms(filter, keys: keys, database).areEmpty
        try self.init(filter, keys: keys, database, ids: isByPostings ? Segment.ids : Self.countedIDs)
    }

    /// - Parameter ids: the width of a piece.
    private init(_ filter: EventFilter, keys: [[UInt8]]?, _ database: Database, ids: Int64) throws(LogError) {
        self.filter = filter
        self.keys = keys
        let after = filter.afterID ?? .min
        let before = filter.beforeID ?? .max
        let segments = try SegmentMap(database).spans.filter {
            Segment.endID($0.segment) > after && Segment.firstID($0.segment) < before
                && SegmentMap.mayHold($0, since: filter.sinceMicroseconds, until: filter.untilMicroseconds)
        }.map(\.segment)
        areMany = segments.count >= Self.fewSegments
        ranges = ids < Segment.ids ? Self.parts(of: segments, ids) : Self.groups(of: segments, Int(ids / Segment.ids))
    }

    private static func parts(of segments: [Int64], _ ids: Int64) -> [Range<Int64>] {
        segments.flatMap { segment in
            stride(from: Segment.firstID(segment), to: Segment.endID(segment), by: Int(ids)).map { first in
                first..<min(first + ids, Segment.endID(segment))
            }
        }
    }

    private static func groups(of segments: [Int64], _ size: Int) -> [Range<Int64>] {
        let size = min(size, mostSegments)
        return stride(from: 0, to: segments.count, by: size).map { first in
            let last = segments[min(first + size, segments.count) - 1]
            return Segment.firstID(segments[first])..<Segment.endID(last)
        }
    }

    /// What a piece's events have to match.
    func filter(_ piece: Int) -> EventFilter {
        var filter = filter
        filter.afterID = max(filter.afterID ?? .min, ranges[piece].lowerBound - 1)
        filter.beforeID = min(filter.beforeID ?? .max, ranges[piece].upperBound)
        return filter
    }

    /// The events of one piece. The stream pauses after about as many as a piece is expected to have.
    public func events(_ piece: Int, of log: EventLogReader) -> EventStream {
        log.events(allOf: filter(piece), keys: keys, portion: Int(Self.events))
    }
}
