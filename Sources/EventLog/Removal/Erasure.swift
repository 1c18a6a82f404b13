import MetricsModel

/// Erases a person: the rows that name them, what the index says about those rows, and their names. A few segments per step, each
/// step in the caller's transaction. Names left without a row, such as those of the person's channels, are removed by
/// `NameCollection`.
public final class Erasure {
    private let writer: EventLogWriter
    private let database: Database
    private let indexer: SegmentIndexer
    private let tables: [NameDictionary]
    /// The numbers of the person's names: identities, channels (none), users.
    private let names: [[Int64]]
    /// The names as given: they are replaced in reasons.
    private let texts: [[UInt8]]
    private let occupied: OccupiedSegments
    /// The first segment not yet looked at.
    private var next: Int64
    private let newest: Int64
    public private(set) var isDone = false

    /// How many of a person's names were found.
    public struct Found: Sendable {
        public var users = 0
        public var identities = 0
    }
    public let found: Found

    /// - Parameter users: the forms in which the log may hold the name; empty if it was not given.
    /// - Parameter text: the name as given, for reasons that contain it.
    convenience init(
        users: [StoredName], identities: [StoredName], text: [UInt8]?, tables: [NameDictionary],
        writer: EventLogWriter, indexer: SegmentIndexer
    ) throws(LogError) {
        let database = writer.database
        var userIDs = try Self.ids(of: users, in: NameKind.user.table, database)
        var identityIDs = try Self.ids(of: identities, in: NameKind.identity.table, database)
        try Self.follow(&userIDs, &identityIDs, database)
        self.init(
            names: [identityIDs.sorted(), [], userIDs.sorted()], text: text, tables: tables,
            oldestID: try writer.oldestID() ?? writer.nextID, occupied: try OccupiedSegments(database), writer: writer,
            indexer: indexer)
    }

    private init(
        names: [[Int64]], text: [UInt8]?, tables: [NameDictionary], oldestID: Int64, occupied: OccupiedSegments,
        writer: EventLogWriter, indexer: SegmentIndexer
    ) {
        self.occupied = occupied
        self.writer = writer
        database = writer.database
        self.indexer = indexer
        self.tables = tables
        self.names = names
        texts = text.map { [$0] } ?? []
        found = Found(
            users: names[NameKind.user.rawValue].count, identities: names[NameKind.identity.rawValue].count)
        newest = Segment.of(writer.nextID)
        next = Segment.of(oldestID)
    }

    /// A registration ties a user to a key; whoever is forgotten is forgotten under both.
    private static func follow(
        _ users: inout [Int64], _ identities: inout [Int64], _ database: Database
    ) throws(LogError) {
        var isGrowing = !(users.isEmpty && identities.isEmpty)
        while isGrowing {
            isGrowing = false
            let query = try database.prepare(
                """
                SELECT DISTINCT user, identity FROM user_registered WHERE user IN (\(list(users)))
                OR identity IN (\(list(identities)))
                """)
            while try query.step() {
                let user = query.integer(0)
                let identity = query.integer(1)
                if user != 0, !users.contains(user) {
                    users.append(user)
                    isGrowing = true
                }
                if identity != 0, !identities.contains(identity) {
                    identities.append(identity)
                    isGrowing = true
                }
            }
        }
    }

    private static func list(_ ids: [Int64]) -> String {
        var text = ""
        for (index, id) in ids.enumerated() { text += (index == 0 ? "" : ",") + "\(id)" }
        return text
    }

    private static func ids(
        of names: [StoredName], in table: String, _ database: Database
    ) throws(LogError) -> [Int64] {
        let find = try database.prepare("SELECT id FROM \(table) WHERE value = ?")
        var ids: [Int64] = []
        for name in names {
            if name.isText { find.bind(text: name.bytes, at: 1) } else { find.bind(blob: name.bytes, at: 1) }
            if try find.step(), !ids.contains(find.integer(0)) { ids.append(find.integer(0)) }
            find.reset()
        }
        return ids
    }

    /// Segments per step.
    private static let segmentsPerStep = 4

    /// Does part of the work, in the open transaction.
    /// - Returns: how many events of each kind were removed.
    public func step() throws(LogError) -> [UInt64] {
        guard next < newest, !(names[0].isEmpty && names[2].isEmpty) else {
            // Rows that arrived meanwhile are removed in the same transaction as the names.
            var sum = [UInt64](repeating: 0, count: EventKind.count)
            var segment = newest
            while segment <= Segment.of(writer.nextID) {
                for (index, removed) in try remove(from: segment).enumerated() { sum[index] += removed }
                segment += 1
            }
            try tables[NameKind.identity.rawValue].delete(names[0])
            try tables[NameKind.user.rawValue].delete(names[2])
            for text in texts { try scrubReasons(of: text) }
            isDone = true
            return sum
        }
        var sum = [UInt64](repeating: 0, count: EventKind.count)
        for _ in 0..<Self.segmentsPerStep {
            guard let segment = try occupied.next(from: next, to: newest) else {
                next = newest
                break
            }
            next = segment + 1
            for (index, removed) in try remove(from: segment).enumerated() { sum[index] += removed }
        }
        return sum
    }

    private func remove(from segment: Int64) throws(LogError) -> [UInt64] {
        let isIndexed = try database.integer("SELECT 1 FROM segment WHERE segment = \(segment)") != nil
        let summary = SegmentSummary(keepsPostings: true)
        let search = isIndexed ? try PostingSearch(database) : nil
        let row = UnsafeMutablePointer<Int64>.allocate(capacity: EventKind.columnLimit)
        defer { row.deallocate() }
        var removed: [UInt64] = []
        for kind in EventKind.allCases {
            var condition = "id >= \(Segment.firstID(segment)) AND id < \(Segment.endID(segment))"
            if let search {
                var ids: [Int64] = []
                for list in Posting.List.allCases where list.kind == kind && !list.isPart {
                    for term in names[list.names.rawValue] {
                        try search.find(segment: segment, list: list, term: term) { ids.append($0) }
                    }
                }
                guard !ids.isEmpty else {
                    removed.append(0)
                    continue
                }
                condition = "id IN (\(Self.list(ids)))"
            }
            condition += " AND (" + namesPerson(kind) + ")"
            let query = try database.prepare("SELECT * FROM \(kind.table) WHERE \(condition)")
            let columns = kind.columnCount
            while try query.step() {
                SegmentScan.fill(row, columns: columns, query)
                summary.add(kind, row)
            }
            query.reset()
            try database.execute("DELETE FROM \(kind.table) WHERE \(condition)", operation: "remove from")
            removed.append(UInt64(database.changes))
        }
        guard summary.rows > 0 else { return removed }
        if isIndexed { try indexer.subtract(summary, from: segment) } else { try writer.forgetSummary(andCheckOf: segment) }
        return removed
    }

    /// The SQL condition under which a row of a kind names the person.
    private func namesPerson(_ kind: EventKind) -> String {
        var text = ""
        for field in kind.fields {
            guard let names = field.names, names == .identity || names == .user else { continue }
            text += (text.isEmpty ? "" : " OR ") + "\(field.name) IN (\(Self.list(self.names[names.rawValue])))"
        }
        return text
    }

    /// A reason's text may contain a name, no matter whose login it was given for.
    private func scrubReasons(of name: [UInt8]) throws(LogError) {
        guard !name.isEmpty else { return }
        let query = try database.prepare("SELECT id, value FROM reason_name")
        var changed: [(id: Int64, text: [UInt8])] = []
        while try query.step() {
            let text = query.bytes(1)
            let cleaned = text.withUnsafeBytes { text in
                name.withUnsafeBytes { ReasonRedaction.removing($0, from: text, isCut: text.count >= EventLogWriter.reasonBytes) }
            }
            if let cleaned { changed.append((id: query.integer(0), text: cleaned)) }
        }
        query.reset()
        let update = try database.prepare("UPDATE OR IGNORE reason_name SET value = ? WHERE id = ?", operation: "write")
        for reason in changed {
            update.bind(text: reason.text, at: 1)
            update.bind(reason.id, at: 2)
            try update.run(operation: "write")
            if database.changes == 0 {
                // The same text, without the name, already exists: a number keeps the two apart.
                update.bind(text: reason.text + Array(" #\(reason.id)".utf8), at: 1)
                update.bind(reason.id, at: 2)
                try update.run(operation: "write")
            }
        }
        if !changed.isEmpty { try tables[NameKind.reason.rawValue].forgetCache() }
    }
}

/// A name as a name table may hold it.
public struct StoredName: Sendable {
    public var bytes: [UInt8]
    public var isText: Bool

    public init(bytes: [UInt8], isText: Bool) {
        self.bytes = bytes
        self.isText = isText
    }
}
