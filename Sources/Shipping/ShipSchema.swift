import MetricsModel

/// The tables of the fleet, as a ClickHouse server of a given version takes them.
public enum ShipSchema {
    public static let table = "event"

    /// The first version that has deduplication by a token, and for tables without replicas; that writes parts through to the
    /// disk if asked to; and that may collect rows in memory unless asked not to.
    static let modern = ClickHouse.Version(22, 8)

    /// Columns and their types, in the order in which they are sent; `time` is not sent.
    static var columns: [(name: String, type: String)] {
        (0..<RowEncoder.columns.count).map { index in
            let type =
                switch RowEncoder.columns[index] {
                case nil: index == 0 ? "String" : "FixedString(16)"
                case .id, .bytes, .seq, .batch, .batchSize, .count: "UInt64"
                case .time: "Int64"
                case .kind:
                    "Enum8(" + EventKind.allCases.map { "'\($0.name)' = \($0.index + 1)" }.joined(separator: ", ") + ")"
                case .ok, .new: "UInt8"
                case .reason: "String"
                default: "FixedString(16)"
                }
            return (RowEncoder.name(index), type)
        }
    }

    /// The statements that make the tables; without effect where they are there.
    public static func statements(_ version: ClickHouse.Version, database: String) -> [String] {
        var lines: [String] = []
        for column in columns {
            lines.append("    `\(column.name)` \(column.type)")
            if column.name == "time_us" {
                lines.append("    `time` DateTime DEFAULT toDateTime(intDiv(`time_us`, 1000000), 'UTC')")
            }
        }
        var text = "CREATE TABLE IF NOT EXISTS `\(database)`.`\(table)`\n(\n" + lines.joined(separator: ",\n") + "\n)\n"
        text += "ENGINE = ReplacingMergeTree\nPARTITION BY toYYYYMMDD(`time`, 'UTC')\n"
        text += "ORDER BY (`kind`, `server`, `time_us`, `log`, `id`)"
        if version >= modern {
            text +=
                "\nSETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1"
        }
        return ["CREATE DATABASE IF NOT EXISTS `\(database)`", text]
    }

    /// What the server lacks, in words; nil if the table is there with all of its columns.
    static func problem(_ server: ClickHouse) throws(ClickHouseError) -> String? {
        let database = ClickHouse.literal(server.target.database)
        let found = try server.words("SELECT name FROM system.columns WHERE database = \(database) AND table = '\(table)'")
        guard !found.isEmpty else { return "there is no table '\(table)' in the database '\(server.target.database)'" }
        let names = Set(found.compactMap(\.first))
        let missing = columns.map(\.name).filter { !names.contains($0) }
        return missing.isEmpty ? nil : "its table '\(table)' has no column \(missing.joined(separator: ", "))"
    }
}
