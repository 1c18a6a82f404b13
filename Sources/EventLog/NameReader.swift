// The plugin never reads events.
#if !hasFeature(Embedded)
import MetricsModel
import Pseudonyms

/// Turns the log's numbers back into the names that they stand for, remembering those met lately.
final class NameReader {
    let identities: Table
    let users: Table
    let channels: Table
    let reasons: Table

    init(_ connection: Connection) throws(LogError) {
        identities = try Table("identity_name", connection)
        users = try Table("user_name", connection)
        channels = try Table("channel_name", connection)
        reasons = try Table("reason_name", connection)
    }

    final class Table {
        /// The most names that are remembered; then it begins again.
        private static let limit = 100_000

        private let find: Statement
        private var known: [Int64: InternedText] = [:]

        init(_ table: String, _ connection: Connection) throws(LogError) {
            find = try connection.prepare("SELECT value FROM \(table) WHERE id = ?")
        }

        /// Keys, channels and pseudonyms as small hexadecimal digits, text as it is. A number that the log does not
        /// explain, which `verify` reports, is shown as such.
        func text(_ id: Int64) throws(LogError) -> InternedText {
            if let text = known[id] { return text }
            find.bind(id, at: 1)
            let text: InternedText
            if try find.step() {
                let bytes = find.bytes(0)
                text = InternedText(
                    utf8: find.isText(0) ? bytes : bytes.withUnsafeBytes { Hexadecimal.encode($0) })
            } else {
                text = InternedText(utf8: Array("#\(id)".utf8))
            }
            find.reset()
            if known.count >= Self.limit { known.removeAll() }
            known[id] = text
            return text
        }
    }
}
#endif
