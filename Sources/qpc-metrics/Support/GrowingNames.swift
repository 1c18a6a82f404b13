import EventLog
import EventSearch
import Pseudonyms
import Readings

/// The names of an operator's list, for a log that grows: keys that listed users register get their names, and new key epochs and
/// other logs are looked up as they come. The list itself is read once.
final class GrowingNames {
    private let file: String
    private let directory: String
    private let secret: OperatorSecret?
    private var entries: [NameList.Entry] = []
    private var known: (names: PeopleNames, epochs: Int, position: LogPosition)?

    /// - Parameter file: `-` for standard input.
    /// - Parameter secret: the operator's, which opens keys that are sealed.
    /// - Throws: `Failure` if the list cannot be read.
    init(file: String, directory: String, opening secret: OperatorSecret?) throws {
        self.file = file
        self.directory = directory
        self.secret = secret
        try NameList.read(file) { entries.append($0) }
    }

    /// The names as of now, and whether they may differ from those of the last call.
    ///
    /// - Throws: `Failure` if the log cannot be read, or its pseudonyms cannot be computed.
    func names(_ log: EventLogReader) throws -> (names: PeopleNames, areNew: Bool) {
        // Asked first: what is registered meanwhile is found the next time.
        let (position, epochs, goesOn) = try queryingLog { () throws(LogError) in
            (
                try log.position(at: log.lastID()), try log.epochs().count,
                try known.map { known throws(LogError) in try log.goesOn(from: known.position) } ?? false
            )
        }
        if var known, goesOn, known.epochs == epochs {
            guard position.id > known.position.id else { return (known.names, false) }
            let areNew = try NamesOption.addKeys(of: &known.names, log, after: known.position.id)
            known.position = position
            self.known = known
            return (known.names, areNew)
        }
        let names = try NamesOption.names(log, directory: directory, opening: secret) { body in
            for entry in entries { try body(entry) }
        }
        known = (names, epochs, position)
        return (names, true)
    }
}
