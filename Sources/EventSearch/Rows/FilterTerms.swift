import EventLog
import MetricsModel
import Readings

/// The people, channels and reasons that a filter names, as the numbers that the log has for them.
struct FilterTerms {
    /// Nil if the filter does not ask for any; empty if the log knows none.
    private let users: [Int64]?
    /// The keys that these users registered, for kinds without a user; nil if they were not asked for.
    private let keys: [Int64]?
    private let identities: [Int64]?
    private let channels: [Int64]?
    private let senders: [Int64]?
    private let recipients: [Int64]?
    private let reasons: [Int64]?
    /// Whether a login without a reason matches as well.
    private let takesNoReason: Bool

    /// - Parameter keys: the user's keys, if they are known already.
    init(_ filter: EventFilter, keys known: [[UInt8]]? = nil, _ database: Database) throws(LogError) {
        users = try Self.ids(of: filter.user, in: .user, plainIsText: true, database)
        var keys = known
        if keys == nil { keys = try Self.keys(of: filter, database) }
        self.keys = try Self.ids(
            of: keys.map { EventFilter.Term(plain: nil, pseudonyms: $0) }, in: .identity, plainIsText: false, database)
        identities = try Self.ids(of: filter.identity, in: .identity, plainIsText: false, database)
        channels = try Self.ids(of: filter.channel, in: .channel, plainIsText: false, database)
        senders = try Self.ids(of: filter.sender, in: .identity, plainIsText: false, database)
        recipients = try Self.ids(of: filter.recipient, in: .identity, plainIsText: false, database)
        reasons = try Self.reasonIDs(filter.reason, filter.failureClass, database)
        takesNoReason = filter.reason == nil && filter.failureClass == FailureClass(loggedReason: [])
    }

    /// The kinds of names that are asked for and of which the log knows none.
    var unknown: [NameKind] {
        let ofPeople: [(NameKind, [Int64]?)] = [
            (.user, users), (.identity, identities), (.identity, senders), (.identity, recipients),
        ]
        let asked = ofPeople + [(.channel, channels), (.reason, takesNoReason ? nil : reasons)]
        return asked.filter { $0.1?.isEmpty == true }.map(\.0)
    }

    /// Whether the filter names no person and no channel.
    var areEmpty: Bool {
        users == nil && identities == nil && channels == nil && senders == nil && recipients == nil
    }

    /// The conditions that a kind's rows must meet, for a WHERE; nil if no row can.
    func conditions(of kind: EventKind) -> [String]? {
        var conditions: [String] = []
        guard
            appendUsers(of: kind, to: &conditions),
            Self.append(identities, kind.columns(naming: .identity), to: &conditions),
            Self.append(channels, kind.columns(naming: .channel), to: &conditions),
            Self.append(senders, kind.fields.contains(.sender) ? ["sender"] : [], to: &conditions),
            Self.append(recipients, kind.fields.contains(.recipient) ? ["recipient"] : [], to: &conditions),
            appendReasons(of: kind, to: &conditions)
        else { return nil }
        return conditions
    }

    /// What to look up for a kind: people before channels, as a person has fewer events than a channel.
    func lookUp(in kind: EventKind) -> (lists: [Posting.List], ids: [Int64])? {
        let asked: [(NameKind, [Int64]?)] = [
            (.user, Self.isOfUsers(kind) || keys == nil ? users : nil), (.identity, senders), (.identity, recipients),
            (.identity, identities), (.identity, Self.isOfUsers(kind) ? nil : keys), (.channel, channels),
        ]
        for (names, ids) in asked {
            guard let ids else { continue }
            return (Posting.List.allCases.filter { $0.kind == kind && $0.names == names && !$0.isPart }, ids)
        }
        return nil
    }

    private static func isOfUsers(_ kind: EventKind) -> Bool { !kind.columns(naming: .user).isEmpty }

    private func appendUsers(of kind: EventKind, to conditions: inout [String]) -> Bool {
        guard let keys, !Self.isOfUsers(kind) else { return Self.append(users, kind.columns(naming: .user), to: &conditions) }
        return Self.append(keys, kind.columns(naming: .identity), to: &conditions)
    }

    /// The keys in a user's registrations, at whatever time they were, as the log has them; nil if the filter does not ask for
    /// them. Their numbers may be others in the next transaction.
    static func keys(of filter: EventFilter, _ database: Database) throws(LogError) -> [[UInt8]]? {
        guard filter.includesKeys, let user = filter.user else { return nil }
        var registrations = EventFilter()
        registrations.kinds = [.userRegistered]
        registrations.user = user
        var keys: Set<Int64> = []
        for plan in try KindQuery.plans(registrations, descending: false, database) {
            while let condition = try plan.nextCondition() {
                let found = try database.prepare("SELECT identity FROM \(plan.kind.table)\(condition)")
                while try found.step() {
                    if !found.isNull(0) { keys.insert(found.integer(0)) }
                }
            }
        }
        let value = try database.prepare("SELECT value FROM \(NameKind.identity.table) WHERE id = ?")
        var values: [[UInt8]] = []
        for key in keys.sorted() {
            value.bind(key, at: 1)
            if try value.step() { values.append(value.bytes(0)) }
            value.reset()
        }
        return values
    }

    private func appendReasons(of kind: EventKind, to conditions: inout [String]) -> Bool {
        guard takesNoReason, kind == .auth else {
            return Self.append(reasons, kind.columns(naming: .reason), to: &conditions)
        }
        var withReason: [String] = []
        _ = Self.append(reasons, ["reason"], to: &withReason)
        conditions.append("(" + (withReason + ["reason IS NULL"]).joined(separator: " OR ") + ")")
        return true
    }

    /// False if this kind cannot match.
    private static func append(_ ids: [Int64]?, _ columns: [String], to conditions: inout [String]) -> Bool {
        guard let ids else { return true }
        guard !ids.isEmpty, !columns.isEmpty else { return false }
        var list = ""
        for (index, id) in ids.enumerated() { list += (index == 0 ? "" : ",") + "\(id)" }
        var condition = ""
        for (index, column) in columns.enumerated() {
            condition += (index == 0 ? "(" : " OR ") + "\(column) IN (\(list))"
        }
        conditions.append(condition + ")")
        return true
    }

    static func ids(
        of term: EventFilter.Term?, in names: NameKind, plainIsText: Bool, _ database: Database
    ) throws(LogError) -> [Int64]? {
        guard let term else { return nil }
        let find = try database.prepare("SELECT id FROM \(names.table) WHERE value = ?")
        var ids: [Int64] = []
        if let plain = term.plain {
            if plainIsText { find.bind(text: plain, at: 1) } else { find.bind(blob: plain, at: 1) }
            if try find.step() { ids.append(find.integer(0)) }
            find.reset()
        }
        for pseudonym in term.pseudonyms {
            find.bind(blob: pseudonym, at: 1)
            if try find.step() { ids.append(find.integer(0)) }
            find.reset()
        }
        // A word that is somebody's name is no beginning of a pseudonym.
        if let prefix = term.prefix, !plainIsText || ids.isEmpty {
            let search = try database.prepare(
                "SELECT id FROM \(names.table) WHERE value >= ?" + (prefix.end == nil ? "" : " AND value < ?"))
            search.bind(blob: prefix.first, at: 1)
            if let end = prefix.end { search.bind(blob: end, at: 2) }
            while try search.step() { ids.append(search.integer(0)) }
        }
        return ids
    }

    /// A log has few reasons, so all of them are checked.
    private static func reasonIDs(
        _ text: String?, _ failureClass: FailureClass?, _ database: Database
    ) throws(LogError) -> [Int64]? {
        guard text != nil || failureClass != nil else { return nil }
        let words = text.map { ReasonWords($0) }
        let find = try database.prepare("SELECT id, value FROM \(NameKind.reason.table)")
        var ids: [Int64] = []
        while try find.step() {
            let reason = find.bytes(1)
            if let failureClass, FailureClass(loggedReason: reason) != failureClass { continue }
            if let words, !words.match(String(decoding: reason, as: UTF8.self)) { continue }
            ids.append(find.integer(0))
        }
        return ids
    }
}
