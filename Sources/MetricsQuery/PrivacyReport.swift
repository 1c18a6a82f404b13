import CMachine
import CMetricsLayout
import EventLog
import EventSearch
import MetricsMemory
import MetricsModel
import Pseudonyms

/// What an attacker with the data directory would learn, measured from its contents.
public struct PrivacyReport: Sendable {
    /// Names of one kind that the log holds.
    public struct Names: Sendable {
        public var pseudonyms: UInt64 = 0
        /// In plain text.
        public var plain: UInt64 = 0

        public var count: UInt64 { pseudonyms + plain }
    }

    public enum Keys: Sendable {
        case none
        /// Not readable by this user; the number of epochs is derived from the file's size.
        case unreadable(epochs: Int)
        case readable([Int64])
        /// At least one is sealed to an operator's key: those that are sealed, and those that are there or were opened.
        case sealed([Int64], open: [Int64])
    }

    /// The settings of the plugin's last run; nil without a live file.
    public var settings: Settings?
    public var oldestMicroseconds: Int64?
    public var newestMicroseconds: Int64?
    public var identities = Names()
    public var users = Names()
    public var channels = Names()
    public var reasons: UInt64 = 0
    public var links: LinkSurvey
    /// Events waiting in the rings, with names and keys in plain text.
    public var pending: UInt64 = 0
    public var isServerRunning = false
    public var keys: Keys
    public var epochs: [LoggedEpoch]
    public var listing: DirectoryListing

    /// - Parameter secret: the operator's, which opens keys that are sealed: the report is then what its thief would learn, too.
    /// - Parameter progress: called now and then with the number of rows read so far.
    public static func measure(
        _ source: DataSource, opening secret: OperatorSecret? = nil, progress: (Int64) -> Void
    ) throws(DataSourceError) -> PrivacyReport {
        let log = try source.requiredLog()
        let live = try source.live()
        let listing = DirectoryListing(source.directory)
        let keys = try keys(source.directory, listing, secret)
        do {
            var report = PrivacyReport(
                links: try LinkSurvey.run(log, progress: progress), keys: keys,
                epochs: try log.epochs(), listing: listing)
            report.oldestMicroseconds = try log.oldestEvent()
            report.newestMicroseconds = try log.newestEvent()
            report.identities = try names("identity_name", plain: "length(value) <> \(Pseudonym.byteCount)", log)
            report.users = try names("user_name", plain: "typeof(value) = 'text'", log)
            report.channels = try names("channel_name", plain: "length(value) <> \(Pseudonym.byteCount)", log)
            if let live, live.header.settings.identities == .plain {
                // A 16-byte channel looks like a pseudonym; only the setting tells them apart.
                report.channels = Names(pseudonyms: 0, plain: report.channels.count)
            }
            report.reasons = UInt64(clamping: try log.database.integer("SELECT count(*) FROM reason_name") ?? 0)
            if let live { report.take(live, source) }
            return report
        } catch {
            throw .log(error)
        }
    }

    private init(links: LinkSurvey, keys: Keys, epochs: [LoggedEpoch], listing: DirectoryListing) {
        self.links = links
        self.keys = keys
        self.epochs = epochs
        self.listing = listing
    }

    private mutating func take(_ live: LiveFileReader, _ source: DataSource) {
        settings = live.header.settings
        isServerRunning = source.isRunning(live)
        pending = SnapshotReader.snapshot(of: live, in: source).pending
    }

    private static func names(
        _ table: String, plain condition: String, _ log: EventLogReader
    ) throws(LogError) -> Names {
        let all = try log.database.integer("SELECT count(*) FROM \(table)") ?? 0
        let plain = try log.database.integer("SELECT count(*) FROM \(table) WHERE \(condition)") ?? 0
        return Names(pseudonyms: UInt64(clamping: all - plain), plain: UInt64(clamping: plain))
    }

    private static func keys(
        _ directory: String, _ listing: DirectoryListing, _ secret: OperatorSecret?
    ) throws(DataSourceError) -> Keys {
        guard let file = listing.files.first(where: { $0.content == .file(.keys) }) else { return .none }
        do throws(IdentityKeyError) {
            let keys = try IdentityKeys.load(directory: directory, opening: secret)
            let open = keys.epochs.filter { $0.key != nil }.map(\.number)
            let sealed = keys.epochs.filter { $0.key == nil }.map(\.number)
            return sealed.isEmpty ? .readable(open) : .sealed(sealed, open: open)
        } catch {
            if case .wrongOperator = error { throw .key(error) }
            return .unreadable(epochs: IdentityKeys.epochs(inBytes: file.bytes))
        }
    }

    /// Whether an epoch's key exists; nil if this reader cannot tell.
    public func hasKey(_ epoch: Int64) -> Bool? {
        switch keys {
        case .none: false
        case .unreadable: nil
        case .readable(let numbers): numbers.contains(epoch)
        case .sealed(_, let open): open.contains(epoch)
        }
    }

    /// Whether an epoch's key exists only sealed to an operator's key.
    public func isSealed(_ epoch: Int64) -> Bool {
        if case .sealed(let numbers, _) = keys { return numbers.contains(epoch) }
        return false
    }
}
