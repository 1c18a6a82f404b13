import EventLog
import MetricsModel

/// Reads the log once and counts what links two people in it. Memory is bounded whatever the log's size; in a very large log,
/// only the newest rows of each table are read.
public struct LinkSurvey: Sendable {
    /// The most rows read from one table: some seconds.
    public static let rowLimit: Int64 = 10_000_000
    /// The most channels whose members are tracked: 32 MiB.
    static let channelLimit = 8 << 20

    /// Two people in one row: sender and recipient, or initiator and peer.
    public private(set) var pairs = DistinctCount()
    /// Channels in which two or more people were seen.
    public private(set) var sharedChannels: UInt64 = 0
    /// Batch calls that name two or more people.
    public private(set) var sharedBatches: UInt64 = 0
    public private(set) var rows: Int64 = 0
    /// Whether the log holds more than was read.
    public private(set) var isPartial = false

    /// By a channel's number in the log: the first person seen in it, 0 for none, -1 for a shared channel.
    private var members: [Int32]
    private var batch: Int64 = 0
    /// As in `members`.
    private var batchMember: Int64 = 0

    /// - Parameter progress: called now and then with the number of rows read so far.
    public static func run(
        _ log: EventLogReader, rowLimit: Int64 = LinkSurvey.rowLimit, progress: (Int64) -> Void
    ) throws(LogError) -> LinkSurvey {
        let channels = try log.database.integer("SELECT max(id) FROM channel_name") ?? 0
        var survey = LinkSurvey(members: Int(clamping: channels))
        for kind in EventKind.allCases where kind.fields.contains(.channel) {
            try survey.read(kind, log, rowLimit, progress)
        }
        return survey
    }

    private init(members channels: Int) {
        isPartial = channels >= Self.channelLimit
        members = [Int32](repeating: 0, count: min(channels, Self.channelLimit) + 1)
    }

    private mutating func read(
        _ kind: EventKind, _ log: EventLogReader, _ limit: Int64, _ progress: (Int64) -> Void
    ) throws(LogError) {
        let people = kind.columns(naming: .identity)
        let columns = "\(people[0]), \(people.count > 1 ? people[1] : "NULL"), channel"
        let batch = kind.fields.contains(.batch) ? EventField.batch.name : "0"
        let query = try log.database.prepare("SELECT \(columns), \(batch) FROM \(kind.table) ORDER BY id DESC LIMIT \(limit + 1)")
        var count: Int64 = 0
        while try query.step() {
            count += 1
            if count > limit {
                isPartial = true
                break
            }
            // An absent value is NULL, which reads as 0; no name has that number.
            look(query.integer(0), query.integer(1), channel: query.integer(2), batch: query.integer(3))
            rows += 1
            if rows & 0xFFFF == 0 { progress(rows) }
        }
    }

    private mutating func look(_ first: Int64, _ second: Int64, channel: Int64, batch: Int64) {
        if first != 0, second != 0, first != second {
            pairs.add(UInt64(bitPattern: min(first, second) << 32 ^ max(first, second)))
        }
        if channel > 0, channel < Int64(members.count) {
            for person in [first, second] where person != 0 {
                var member = Int64(members[Int(channel)])
                if Self.join(person, &member) { sharedChannels += 1 }
                members[Int(channel)] = Int32(truncatingIfNeeded: member)
            }
        }
        guard batch != 0 else { return }
        if batch != self.batch {
            self.batch = batch
            batchMember = 0
        }
        for person in [first, second] where person != 0 {
            if Self.join(person, &batchMember) { sharedBatches += 1 }
        }
    }

    /// True if the person is the second one here.
    private static func join(_ person: Int64, _ member: inout Int64) -> Bool {
        if member == -1 || member == person { return false }
        let isSecond = member != 0
        member = isSecond ? -1 : person
        return isSecond
    }
}
