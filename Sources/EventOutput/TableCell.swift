import MetricsModel
import Readings

/// What stands in one column of one line.
struct TableCell {
    var bytes: [UInt8]
    /// How many columns of a terminal it takes.
    var columns: Int
    var style = TerminalStyle.plain

    /// Constant or already safe text, in ASCII.
    init(_ text: String, _ style: TerminalStyle = .plain) {
        bytes = Array(text.utf8)
        columns = bytes.count
        self.style = style
    }

    /// A user, key, channel or pseudonym.
    ///
    /// 12 hexadecimal digits tell apart as many identities as any log holds; an ellipsis says that
    /// more follow.
    init(identity: InternedText, isFull: Bool) {
        let utf8 = identity.utf8
        let isLongHex = utf8.count >= 24 && utf8.allSatisfy(TableCell.isHexDigit)
        if !isFull && isLongHex {
            bytes = Array(utf8.prefix(12)) + "…".utf8
            columns = 13
        } else {
            (bytes, columns) = VisibleText.escaped(utf8, limit: isFull ? .max : 32)
        }
    }

    mutating func append(_ text: String) {
        bytes += text.utf8
        columns += text.utf8.count
    }

    mutating func append(_ text: InternedText) {
        append(TableCell(escaping: text))
    }

    mutating func append(_ other: TableCell) {
        bytes += other.bytes
        columns += other.columns
    }

    private init(escaping text: InternedText) {
        (bytes, columns) = VisibleText.escaped(text.utf8)
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66)
    }
}
