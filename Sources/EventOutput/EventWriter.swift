import MetricsModel
import Readings
import Terminal

/// Prints events one by one, as they come from the log.
///
/// The first event is sent before `write` returns; later ones are sent in large blocks, unless the output is a terminal; while
/// the buffer is held, all of them wait. A caller that waits for more events, as `events -f` does, calls `flush` first.
public protocol EventWriter: AnyObject {
    func write(_ event: borrowing LoggedEvent) throws(OutputError)
    /// Sends what is buffered.
    func flush() throws(OutputError)
    /// Writes the end of the format and sends everything. No event may follow.
    func finish() throws(OutputError)
    /// Shows these names from the next event on.
    func learn(_ names: PeopleNames)
}

/// How events are printed.
public enum OutputFormat: String, CaseIterable, Sendable {
    case table
    case json
    case ndjson
    case csv

    /// A writer of events in the midst of others, which need nothing before or between them; nil for a format that cannot be cut.
    public func partWriter(into output: OutputBuffer, names: PeopleNames?) -> (any EventWriter)? {
        switch self {
        case .table, .json: nil
        case .ndjson: NDJSONWriter(into: output, names: names)
        case .csv: CSVWriter(into: output, names: names, heading: .never)
        }
    }

    /// A writer of this format. The options are for tables; of these, the other formats use only the names.
    ///
    /// - Parameter heading: when CSV has its heading.
    public func writer(
        into output: OutputBuffer, table: TableOptions, heading: CSVHeading = .always
    ) -> any EventWriter {
        switch self {
        case .table:
            if let columns = table.columns {
                EventLinesWriter(into: output, options: table, columns: columns)
            } else {
                TableWriter(into: output, options: table)
            }
        case .json: JSONWriter(into: output, names: table.names)
        case .ndjson: NDJSONWriter(into: output, names: table.names)
        case .csv: CSVWriter(into: output, names: table.names, heading: heading)
        }
    }
}

/// The fields of every kind in one flat array: reading one costs no retain, unlike in an array of arrays.
struct KindFields {
    /// No kind has more.
    private static let most = 8
    private let fields: [EventField]
    private let counts: [Int]

    init() {
        var fields: [EventField] = []
        var counts: [Int] = []
        for kind in EventKind.allCases {
            let own = kind.fields
            precondition(own.count <= KindFields.most)
            fields += own + Array(repeating: .id, count: KindFields.most - own.count)
            counts.append(own.count)
        }
        self.fields = fields
        self.counts = counts
    }

    @inline(__always)
    func count(of kind: EventKind) -> Int { counts[kind.index] }

    /// The field of a kind's value; the index must be below the kind's count.
    @inline(__always)
    subscript(_ kind: EventKind, _ index: Int) -> EventField { fields[kind.index &* KindFields.most &+ index] }
}

extension ByteBuffer {
    /// The text lives as long as its event, which the writer holds during the call.
    @inline(__always)
    mutating func append(_ text: InternedText) { append(text.bytes) }
}

extension EventKind {
    /// The name, as constant text.
    var nameLiteral: StaticString {
        switch self {
        case .messageEnqueue: "message_enqueue"
        case .batchEnqueue: "batch_enqueue"
        case .auth: "auth"
        case .channelCreated: "channel_created"
        case .fetch: "fetch"
        case .userRegistered: "user_registered"
        }
    }
}
