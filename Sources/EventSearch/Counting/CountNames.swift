import EventLog
import MetricsModel
import Pseudonyms

/// The names of the groups shown, each read once and stored as the log has it: a count with half a million groups has no room for
/// more.
struct CountNames {
    /// Ascending.
    private var ids: [Int64]
    /// Where each name ends in `bytes`.
    private var ends: [UInt32] = []
    private var isText: [Bool] = []
    private var bytes: [UInt8] = []

    /// - Parameter ids: in any order, with duplicates; 0 stands for no name.
    init(_ ids: [Int64], of names: NameKind, _ database: Database) throws(LogError) {
        var sorted = ids
        sorted.sort()
        var unique: [Int64] = []
        for id in sorted where id != 0 && id != unique.last { unique.append(id) }
        self.ids = unique
        ends.reserveCapacity(unique.count)
        isText.reserveCapacity(unique.count)
        let find = try database.prepare("SELECT value FROM \(names.table) WHERE id = ?")
        for id in unique {
            find.bind(id, at: 1)
            if try find.step() {
                isText.append(find.isText(0))
                find.withBytes(0) { bytes.append(contentsOf: $0) }
            } else {
                // A number that has no name in the log, which `verify` reports.
                isText.append(true)
                bytes.append(contentsOf: "#\(id)".utf8)
            }
            find.reset()
            ends.append(UInt32(truncatingIfNeeded: bytes.count))
        }
    }

    /// The name as displayed: keys, channels and pseudonyms in lowercase hexadecimal. Nil for no name.
    func name(_ id: Int64) -> [UInt8]? {
        guard id != 0 else { return nil }
        var low = 0
        var high = ids.count
        while low < high {
            let middle = (low + high) / 2
            if ids[middle] < id { low = middle + 1 } else { high = middle }
        }
        guard low < ids.count, ids[low] == id else { return nil }
        let value = bytes[(low == 0 ? 0 : Int(ends[low - 1]))..<Int(ends[low])]
        return isText[low] ? Array(value) : Array(value).withUnsafeBytes { Hexadecimal.encode($0) }
    }
}
