import CMachine
import EventLog
import MetricsModel
import Pseudonyms
import Readings

/// One table of names, as text, with a direct-mapped cache of recent ones: each number has one slot, which the next number for
/// that slot takes over. So memory is bounded and a lookup is one comparison.
struct NameCache: ~Copyable {
    /// The most names cached: some 40 MiB with four tables, if there are that many.
    private static let places = 1 << 17

    private struct Place {
        /// 0 for an empty slot; no name has that number.
        var id: Int64
        var text: InternedText
    }

    private let find: Statement
    private let memory: UnsafeMutablePointer<Place>
    /// The text evicted last. It is kept until the next eviction: an event names at most two texts of a table, and the second
    /// must not free the first.
    private let retired: UnsafeMutablePointer<UnsafeBufferPointer<UInt8>>
    private let used = UsedPlaces()

    /// The slots in use. Searching for them at the end would make all of the memory resident: 5 ms, when most queries take less.
    private final class UsedPlaces {
        var indices: [Int32] = []
    }

    init(_ names: NameKind, _ database: Database) throws(LogError) {
        find = try database.prepare("SELECT value FROM \(names.table) WHERE id = ?")
        // SAFETY: zeroed memory is slots with number 0, whose text is never read. Fresh from the system, it becomes resident only
        // where it is used.
        memory = calloc(Self.places, MemoryLayout<Place>.stride).assumingMemoryBound(to: Place.self)
        retired = .allocate(capacity: 1)
        retired.initialize(to: UnsafeBufferPointer(start: nil, count: 0))
    }

    deinit {
        for index in used.indices { memory[Int(index)].text.bytes.deallocate() }
        retired.pointee.deallocate()
        retired.deallocate()
        free(memory)
    }

    /// Keys, channels and pseudonyms in lowercase hexadecimal, text as it is. A number without a name in the log, which `verify`
    /// reports, is shown as `#` and the number. Valid until two more texts have been requested.
    @inline(__always)
    func text(_ id: Int64) throws(LogError) -> InternedText {
        let place = memory + (Int(truncatingIfNeeded: id) & (Self.places - 1))
        if place.pointee.id == id { return place.pointee.text }
        return try load(id, at: place)
    }

    @inline(never)
    private func load(_ id: Int64, at place: UnsafeMutablePointer<Place>) throws(LogError) -> InternedText {
        find.bind(id, at: 1)
        defer { find.reset() }
        let text: InternedText
        if try find.step() {
            let bytes = find.bytes(0)
            text = Self.kept(find.isText(0) ? bytes : bytes.withUnsafeBytes { Hexadecimal.encode($0) })
        } else {
            text = Self.kept(Array("#\(id)".utf8))
        }
        if place.pointee.id != 0 {
            retired.pointee.deallocate()
            retired.pointee = place.pointee.text.bytes
        } else {
            used.indices.append(Int32(truncatingIfNeeded: place - memory))
        }
        place.initialize(to: Place(id: id, text: text))
        return text
    }

    private static func kept(_ bytes: [UInt8]) -> InternedText {
        let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
        _ = copy.initialize(from: bytes)
        return InternedText(UnsafeBufferPointer(copy))
    }
}
