import EventLog
import Glibc
import MetricsQuery

/// A shipment of a data directory's log, as its cursor file tells of it, whether a shipper runs or not.
public struct Shipment: Sendable {
    public enum Trouble: Error {
        case cursor(ShipCursorError)
        case log(DataSourceError)

        public var message: String {
            switch self {
            case .cursor(let error): error.message
            case .log(let error): error.message
            }
        }
    }

    public var path: String
    public var cursor: ShipCursor
    /// When the cursor was last written, in microseconds since 1970.
    public var writtenMicroseconds: Int64
    public var lag: ShipLag

    /// An event that has waited for so long should have been sent.
    public static let patienceMicroseconds: Int64 = 300_000_000

    public func waitedMicroseconds(now: Int64) -> Int64 { lag.oldestMicroseconds.map { max(0, now &- $0) } ?? 0 }

    public func isBehind(now: Int64) -> Bool { waitedMicroseconds(now: now) > Self.patienceMicroseconds }

    /// Whether nothing has been sent for as long, though there was something to send: it does not run, or does not get through.
    public func isStale(now: Int64) -> Bool { isBehind(now: now) && now &- writtenMicroseconds > Self.patienceMicroseconds }

    /// Where the unit qpc-metrics-ship@NAME.service keeps its cursor, in a directory for each name.
    public static let place = "/var/lib/qpc-metrics-ship"

    public static let fileName = "qpc-metrics-ship.cursor"

    /// The cursor files of the units on this machine, in order. A place that may not be read has none.
    public static func files(in place: String = place) -> [String] {
        guard let directory = opendir(place) else { return [] }
        defer { closedir(directory) }
        var files: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            let path = "\(place)/\(name)/\(fileName)"
            var status = stat()
            if !name.utf8.starts(with: [0x2E]), lstat(path, &status) == 0 || errno == EACCES { files.append(path) }
        }
        return files.sorted()
    }

    /// - Returns: nil if the file is the cursor of another data directory.
    public init?(_ path: String, of source: DataSource) throws(Trouble) {
        let found: (cursor: ShipCursor, written: Int64)
        do { found = try ShipCursorFile.look(path) } catch { throw .cursor(error) }
        if let log = found.cursor.log, log != Self.name(of: source) { return nil }
        do throws(DataSourceError) {
            guard let log = try source.log() else {
                lag = ShipLag()
                self.path = path
                cursor = found.cursor
                writtenMicroseconds = found.written
                return
            }
            do throws(LogError) {
                // From before cursors named their directory.
                if found.cursor.log == nil, !(try log.branches().contains { $0.name == found.cursor.branch }) { return nil }
                lag = try ShipLag.read(log, found.cursor)
            } catch {
                throw .log(error)
            }
        } catch {
            throw .log(error)
        }
        self.path = path
        cursor = found.cursor
        writtenMicroseconds = found.written
    }

    /// What a cursor calls the directory; nil if it has no name that fits into a line.
    static func name(of source: DataSource) -> String? {
        guard let resolved = realpath(source.directory, nil) else { return nil }
        defer { free(resolved) }
        let name = String(cString: resolved)
        return name.utf8.contains(0x0A) ? nil : name
    }
}
