import ArgumentParser
import EventLog
import EventSearch
import MetricsModel
import MetricsQuery
import Pseudonyms
import Readings

/// The names to show beside pseudonyms.
struct NamesOption: ParsableArguments {
    @Option(
        name: .customLong("names"),
        help: ArgumentHelp(
            "Show names next to pseudonyms, from this file with a user's name, a key, or a key and a name on "
                + "each line; - for standard input.", valueName: "file"),
        completion: .file())
    var file: String?

    /// First of all: both cannot read standard input.
    func expectOwnInput(_ operatorKey: OperatorKeyOption) throws { _ = try operatorKey.secret(beside: ("--names", file)) }

    /// Nil without the option.
    ///
    /// - Throws: `Failure` if the file cannot be read, or the log's pseudonyms cannot be computed.
    func load(_ log: EventLogReader, directory: String, _ operatorKey: OperatorKeyOption) throws -> PeopleNames? {
        let secret = try operatorKey.secret(beside: ("--names", file))
        return try file.map { try Self.load($0, log, directory: directory, opening: secret) }
    }

    /// The same for a log that grows meanwhile.
    func growing(directory: String, _ operatorKey: OperatorKeyOption) throws -> GrowingNames? {
        let secret = try operatorKey.secret(beside: ("--names", file))
        return try file.map { try GrowingNames(file: $0, directory: directory, opening: secret) }
    }

    static func load(
        _ file: String, _ log: EventLogReader, directory: String, opening secret: OperatorSecret? = nil
    ) throws -> PeopleNames {
        try names(log, directory: directory, opening: secret) { try NameList.read(file, $0) }
    }

    /// - Parameter list: calls its argument with each entry of the list.
    static func names(
        _ log: EventLogReader, directory: String, opening secret: OperatorSecret? = nil,
        _ list: ((NameList.Entry) throws -> Void) throws -> Void
    ) throws -> PeopleNames {
        let hasPseudonyms = try !queryingLog { () throws(LogError) in try log.epochs() }.isEmpty
        let search = hasPseudonyms ? try search(log, directory: directory, opening: secret) : nil
        var names = PeopleNames()
        try list { entry in
            for match in search?.matches(of: entry.subject) ?? [] {
                // What the log's readers show for a key does not stand for a user, and vice versa.
                names.add(entry.name, match.isKey ? .identity : .user, shown: Array(match.pseudonym.utf8))
            }
            if let key = Hexadecimal.decode(entry.subject), entry.subject != entry.name {
                names.add(entry.name, .identity, shown: key.withUnsafeBytes { Hexadecimal.encode($0) })
            } else if search == nil {
                // Such a log shows users as they are; it may still hold their keys.
                names.add(entry.name, .user, shown: entry.subject)
            }
        }
        _ = try addKeys(of: &names, log)
        return names
    }

    /// Gives the keys that users on the list registered the names of those users.
    ///
    /// - Parameter id: only those registered after the event with this id.
    /// - Returns: whether there were any.
    static func addKeys(of names: inout PeopleNames, _ log: EventLogReader, after id: Int64? = nil) throws -> Bool {
        guard !names.isEmpty else { return false }
        var filter = EventFilter()
        filter.kinds = [.userRegistered]
        filter.afterID = id
        var isAny = false
        var events = try queryingLog { () throws(LogError) in try log.events(filter) }
        while let event = try queryingLog({ () throws(LogError) in try events.next() }) {
            var (user, key): ([UInt8]?, [UInt8]?)
            for (index, field) in event.kind.fields.enumerated() {
                guard case .text(let text) = event.values[index] else { continue }
                if field == .user { user = text.utf8 }
                if field == .identity { key = text.utf8 }
            }
            if let user, let key, let name = names.name(of: user, .user) {
                names.add(name, .identity, shown: key)
                isAny = true
            }
        }
        return isAny
    }

    /// - Throws: `Failure` if this log's keys cannot be read, or are those of another log.
    static func search(
        _ log: EventLogReader, directory: String, opening secret: OperatorSecret? = nil
    ) throws -> PseudonymSearch {
        let search: PseudonymSearch
        do {
            search = try PseudonymSearch(directory: directory, opening: secret)
        } catch {
            if case .wrongOperator = error { throw Failure(Failure.noPermission, "cannot look up names: \(error.message)") }
            throw Failure(Failure.noPermission, "cannot look up names: \(error.message); ask as the server's user or root")
        }
        guard try queryingLog({ () throws(LogError) in try search.fits(log) }) else {
            throw Failure(
                Failure.noPermission, "cannot look up names: \(DataFile.keys.path(in: directory)) holds keys of another log")
        }
        if search.isSealed { throw Failure(Failure.noPermission, "cannot look up names: \(TermResolver.sealed)") }
        search.saySealed()
        return search
    }
}
