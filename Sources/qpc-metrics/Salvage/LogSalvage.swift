import EventDrain
import EventLog
import Glibc
import MetricsMemory
import MetricsModel
import Terminal

/// Saves what can be read of a damaged log into a new one: rows under their ids and times, names, key epochs. Indexes, statistics
/// and counters are made from the saved rows. Neither the damaged file nor its directory is written to.
struct LogSalvage {
    struct Outcome {
        /// By kind.
        var saved = [UInt64](repeating: 0, count: EventKind.count)
        /// Places in tables that could not be read.
        var holes = 0
        /// Rows that cannot be what they were written as.
        var impossible = 0
        /// Names in rows whose own entries were lost.
        var namesLost: UInt64 = 0
        /// Segments that have a checksum, and of these the ones whose rows are not all there as they were written.
        var segments = 0
        var incomplete = 0
        /// Whether the first page had to be replaced by a new log's.
        var isFirstPageReplaced = false

        var events: UInt64 { saved.reduce(0, +) }
    }

    /// The damaged log. Its WAL, if it has one, lies beside it.
    let damaged: String
    /// Where the new log is made.
    let directory: String

    private var copy: String { directory + "/salvage.db" }

    func run() throws -> Outcome {
        guard access(damaged, R_OK) == 0 else {
            throw Failure(
                errno == EACCES ? Failure.noPermission : Failure.noInput,
                "cannot read \(damaged): \(String(cString: strerror(errno)))")
        }
        let held: DataDirectory
        do {
            held = try DataDirectory(path: directory, create: true)
        } catch {
            throw Failure(RecoverCommand.code(error), error.message)
        }
        defer { held.release() }
        for file in [DataFile.log, .live] where held.contains(file.name) {
            throw Failure(
                Failure.usage, "\(directory) already holds \(file.name); expected a new or empty directory for --into")
        }
        var outcome = Outcome()
        do {
            try copyDamaged()
            defer { for end in ["", "-wal", "-shm"] { unlink(copy + end) } }
            var source = try Database(path: copy, mode: .writer)
            try expectKnownFormat(source)
            // Makes the tables.
            try EventLogWriter(directory: directory, mode: .plain, keys: nil, syncEachCommit: false).checkpoint(truncating: true)
            if !Self.hasTables(source) {
                try replaceFirstPage()
                outcome.isFirstPageReplaced = true
                source = try Database(path: copy, mode: .writer)
            }
            let totals = try transfer(from: source, &outcome)
            try count(totals, outcome)
            compare(with: source, &outcome)
        } catch let error as LogError {
            throw Failure(Failure.somethingWrong, error.message)
        }
        return outcome
    }

    // MARK: The copy

    /// A newer version's log is not damaged, and its rows may mean something else.
    private func expectKnownFormat(_ source: Database) throws {
        do { _ = try Schema.check(source) } catch  where error.isNewer {
            throw Failure(Failure.somethingWrong, "cannot salvage \(damaged): \(error.detail)")
        } catch {}
    }

    private func copyDamaged() throws {
        for end in ["", "-wal"] where access(damaged + end, F_OK) == 0 {
            guard let bytes = FileBytes.copy(damaged + end, to: copy + end) else { continue }
            throw Failure(Failure.noInput, "cannot copy \(damaged + end): \(bytes)")
        }
    }

    private static func hasTables(_ database: Database) -> Bool {
        let tables = EventKind.allCases.map { "'\($0.table)'" }.joined(separator: ",")
        let found = try? database.integer("SELECT count(*) FROM sqlite_schema WHERE name IN (\(tables))")
        return found == Int64(EventKind.count)
    }

    /// The tables of every log begin on the same pages, as they are made in the same order.
    private func replaceFirstPage() throws {
        // Another first page may lie in the WAL.
        for end in ["-wal", "-shm"] { unlink(copy + end) }
        guard var page = FileBytes.read(DataFile.log.path(in: directory), count: FileBytes.pageBytes) else {
            throw Failure(Failure.somethingWrong, "cannot read the new log: \(String(cString: strerror(errno)))")
        }
        var status = stat()
        guard stat(copy, &status) == 0 else {
            throw Failure(Failure.somethingWrong, "cannot read \(copy): \(String(cString: strerror(errno)))")
        }
        let pages = UInt32(clamping: Int(status.st_size) / FileBytes.pageBytes)
        // SQLite's header: the pages of the file, and no free ones.
        for byte in 0..<4 { page[28 + byte] = UInt8(truncatingIfNeeded: pages >> UInt32(24 - 8 * byte)) }
        for byte in 32..<40 { page[byte] = 0 }
        guard FileBytes.overwrite(copy, with: page) else {
            throw Failure(Failure.somethingWrong, "cannot write \(copy): \(String(cString: strerror(errno)))")
        }
    }

    // MARK: Rows

    private static let rowsAtOnce = 50_000

    /// - Returns: what the saved events add up to in the counters. The caller frees it.
    private func transfer(from source: Database, _ outcome: inout Outcome) throws -> CounterTotals {
        let target = try Database(path: DataFile.log.path(in: directory), mode: .writer)
        try target.execute("PRAGMA wal_autocheckpoint = 1000; PRAGMA synchronous = OFF; BEGIN", operation: "write")
        var names: [Set<Int64>] = []
        var classes: [Int64: FailureClass] = [:]
        for kind in NameKind.allCases { names.append(try transferNames(kind, source, target, &classes, &outcome)) }
        let totals = CounterTotals()
        var batches: Set<Int64> = []
        for kind in EventKind.allCases {
            var table = Self.table(kind, source)
            let fields = kind.fields
            let marks = Array(repeating: "?", count: kind.columnCount).joined(separator: ", ")
            let insert = try target.prepare("INSERT OR IGNORE INTO \(kind.table) VALUES (\(marks))", operation: "write")
            var rows = 0
            try table.read { row in
                var event = Event()
                event.kind = kind
                insert.bind(row.integer(0), at: 1)
                insert.bind(row.integer(1), at: 2)
                var isSealed = true
                var failure = FailureClass.other
                for (index, field) in fields.enumerated() {
                    let column = Int32(index + 2)
                    let value = row.integer(column)
                    guard !row.isNull(column) else {
                        insert.bindNull(at: index + 3)
                        continue
                    }
                    if let list = field.names, !names[list.rawValue].contains(value) {
                        outcome.namesLost += 1
                        insert.bindNull(at: index + 3)
                        continue
                    }
                    insert.bind(value, at: index + 3)
                    switch field {
                    case .sender: isSealed = false
                    case .bytes, .count: event.number = UInt64(bitPattern: value)
                    case .ok, .new: event.yes = value != 0
                    case .reason: failure = classes[value] ?? .other
                    case .batch: event.batch = value
                    case .batchSize: event.batchSize = UInt64(bitPattern: value)
                    default: break
                    }
                }
                try insert.run(operation: "write")
                Tally.recorded(kind, into: totals)
                Tally.contents(
                    kind, number: event.number, sealed: isSealed, yes: event.yes, failure: failure, into: totals)
                totals.add(1, to: CounterIndex.written(kind))
                if kind == .batchEnqueue, batches.insert(event.batch).inserted {
                    Tally.batchCall(messages: event.batchSize, into: totals)
                }
                outcome.saved[kind.index] += 1
                rows += 1
                if rows % Self.rowsAtOnce == 0 { try target.execute("COMMIT; BEGIN", operation: "write") }
            }
            outcome.holes += table.holes
            outcome.impossible += table.impossible
        }
        try transferAccount(source, target)
        try target.execute("COMMIT", operation: "write")
        return totals
    }

    private static func table(_ kind: EventKind, _ source: Database) -> DamagedTable {
        var integers: [Int32] = [1]
        var nullable: [Int32] = []
        for (index, field) in kind.fields.enumerated() {
            if field.names == nil { integers.append(Int32(index + 2)) } else { nullable.append(Int32(index + 2)) }
        }
        return DamagedTable(source, kind.table, ["time"] + kind.fields.map(\.name), integers: integers, nullable: nullable)
    }

    /// - Returns: the numbers of the names that were saved.
    private func transferNames(
        _ kind: NameKind, _ source: Database, _ target: Database, _ classes: inout [Int64: FailureClass], _ outcome: inout Outcome
    ) throws -> Set<Int64> {
        let isIdentity = kind == .identity
        var table = DamagedTable(
            source, kind.table, ["value"] + (isIdentity ? ["last_seen"] : []), integers: isIdentity ? [2] : [])
        let insert = try target.prepare(
            "INSERT OR IGNORE INTO \(kind.table) VALUES (?, ?\(isIdentity ? ", ?" : ""))", operation: "write")
        var saved: Set<Int64> = []
        try table.read { row in
            guard !row.isNull(1), !row.isInteger(1) else { return }
            let value = row.bytes(1)
            insert.bind(row.integer(0), at: 1)
            if row.isText(1) { insert.bind(text: value, at: 2) } else { insert.bind(blob: value, at: 2) }
            if isIdentity { insert.bind(row.integer(2), at: 3) }
            try insert.run(operation: "write")
            guard target.changes == 1 else { return }
            saved.insert(row.integer(0))
            if kind == .reason { classes[row.integer(0)] = FailureClass(loggedReason: value) }
        }
        outcome.holes += table.holes
        return saved
    }

    /// Key epochs, the fingerprints of their keys, and what the log knows of time.
    private func transferAccount(_ source: Database, _ target: Database) throws {
        if let epochs = try? source.prepare("SELECT epoch, first_id FROM epoch") {
            let insert = try target.prepare("INSERT OR IGNORE INTO epoch VALUES (?, ?)", operation: "write")
            while (try? epochs.step()) == true {
                for column in 0..<2 { insert.bind(epochs.integer(Int32(column)), at: column + 1) }
                try insert.run(operation: "write")
            }
        }
        let states = try? source.prepare(
            "SELECT key, value FROM state WHERE key LIKE 'key_check_%' OR key IN ('created_ns', 'trusted_us')")
        guard let states else { return }
        let insert = try target.prepare("INSERT OR IGNORE INTO state VALUES (?, ?)", operation: "write")
        while (try? states.step()) == true {
            insert.bind(text: states.bytes(0), at: 1)
            if states.isInteger(1) { insert.bind(states.integer(1), at: 2) } else { insert.bind(blob: states.bytes(1), at: 2) }
            try insert.run(operation: "write")
        }
    }

    // MARK: The rest of the log

    /// Indexes the rows and writes the log's account.
    private func count(_ totals: CounterTotals, _ outcome: Outcome) throws {
        defer { totals.deallocate() }
        let writer = try EventLogWriter(directory: directory, mode: .plain, keys: nil, syncEachCommit: false)
        try writer.beginTransaction()
        try writer.commitTransaction(session: (0, 0), rings: [], ringed: { totals[$0] }, direct: { _ in 0 })
        let job = try MaintenanceJob(.rebuild, writer: writer, isAsked: true)
        while !job.isDone {
            try job.step { (cause, body) throws(LogError) -> [UInt64] in try writer.removeAlone(cause, body) }
        }
        try writer.sync()
        try writer.checkpoint(truncating: true)
    }

    /// Each segment's checksum says whether all its rows are there as they were written.
    private func compare(with source: Database, _ outcome: inout Outcome) {
        guard let target = try? Database(path: DataFile.log.path(in: directory), mode: .reader),
            let sums = try? source.prepare("SELECT segment, sum FROM row_check ORDER BY segment"),
            let saved = try? target.prepare("SELECT sum FROM row_check WHERE segment = ?")
        else { return }
        let newest = (try? target.integer("SELECT value FROM state WHERE key = 'last_id'")).map { Segment.of(($0 ?? 0) + 1) }
        while (try? sums.step()) == true {
            outcome.segments += 1
            saved.bind(sums.integer(0), at: 1)
            let isThere = (try? saved.step()) == true
            // The newest segment gets its sum when it is full.
            if !isThere, sums.integer(0) == newest {
                outcome.segments -= 1
                continue
            }
            if !isThere || saved.integer(0) != sums.integer(1) { outcome.incomplete += 1 }
            saved.reset()
        }
    }
}

/// Whole files, and their first pages.
private enum FileBytes {
    static let pageBytes = 4096

    /// - Returns: what was wrong; nil if nothing was.
    static func copy(_ from: String, to: String) -> String? {
        let source = open(from, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { return String(cString: strerror(errno)) }
        defer { close(source) }
        let target = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard target >= 0 else { return String(cString: strerror(errno)) }
        defer { close(target) }
        while true {
            let count = sendfile(target, source, nil, 1 << 30)
            if count == 0 { return nil }
            if count < 0, errno != EINTR { return String(cString: strerror(errno)) }
        }
    }

    static func read(_ path: String, count: Int) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: count)
        return pread(file, &bytes, count, 0) == count ? bytes : nil
    }

    static func overwrite(_ path: String, with bytes: [UInt8]) -> Bool {
        let file = open(path, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        return pwrite(file, bytes, bytes.count, 0) == bytes.count
    }
}
