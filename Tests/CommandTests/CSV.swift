import TestSupport

/// A strict RFC 4180 reader.
enum CSV {
    static func rows(_ bytes: [UInt8]) throws -> [[String]] {
        var rows: [[String]] = []
        var row: [String] = []
        var field: [UInt8] = []
        var index = 0
        var isQuoted = false
        func text() -> String { String(decoding: field, as: UTF8.self) }
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if isQuoted {
                if byte != 0x22 {
                    field.append(byte)
                } else if index < bytes.count, bytes[index] == 0x22 {
                    field.append(0x22)
                    index += 1
                } else {
                    isQuoted = false
                }
            } else if byte == 0x22 {
                guard field.isEmpty else { throw TestFailure("a quote in the middle of a field") }
                isQuoted = true
            } else if byte == 0x2C {
                row.append(text())
                field = []
            } else if byte == 0x0D {
                guard index < bytes.count, bytes[index] == 0x0A else { throw TestFailure("a lone CR") }
                index += 1
                rows.append(row + [text()])
                row = []
                field = []
            } else {
                guard byte != 0x0A else { throw TestFailure("a lone LF") }
                field.append(byte)
            }
        }
        guard row.isEmpty, field.isEmpty, !isQuoted else { throw TestFailure("the last line has no end") }
        return rows
    }
}
