import CMachine
import EventLog
import MetricsModel
import Pseudonyms
import Readings

/// One table of names, as text. Remembers those met lately: each number has one place, which the next number of that
/// place takes over, so memory is bounded and a look-up is one comparison.
struct NameCache: ~Copyable {
    /// Names that are remembered at most: with four tables some 40 MiB, if there are so many.
    private static let places = 1 << 17

    private struct Place {
        /// 0 while it is empty; no name has that number.
        var id: Int64
        var text: InternedText
    }

    private let find: Statement
    private let memory: UnsafeMutablePointer<Place>
    /// The text that last lost its place. It is kept until the next one does: an event names at most two texts of a
    /// table, and the second must not free the first.
    private let retired: UnsafeMutablePointer<UnsafeBufferPointer<UInt8>>
    private let used = UsedPlaces()

    /// The places that are not empty. To look for them in the end would make all of the memory resident: 5 ms, where
    /// most questions take less.
    private final class UsedPlaces {
        var indices: [Int32] = []
    }

    init(_ names: NameKind, _ database: Database) throws(LogError) {
        find = try database.prepare("SELECT value FROM \(names.table) WHERE id = ?")
        // SAFETY: zeroed memory is places whose number is 0, and whose text is never looked at. Fresh from the system it
        // is resident only where it is used.
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

    /// Keys, channels and pseudonyms as small hexadecimal digits, text as it is. A number that the log does not explain,
    /// which `verify` reports, is shown as such. Valid until two more texts have been asked for.
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
