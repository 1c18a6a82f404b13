import MetricsModel
import Readings

/// The fields of every kind in one flat array: reading one costs no retain, as an array of arrays
/// would.
struct KindFields {
    /// No kind has more.
    private static let most = 8
    private let fields: [EventField]
    private let counts: [Int]

    init() {
        var fields: [EventField] = []
        var counts: [Int] = []
        for kind in EventKind.allCases {
            let own = EventField.fields(of: kind)
            precondition(own.count <= KindFields.most)
            fields += own + Array(repeating: .id, count: KindFields.most - own.count)
            counts.append(own.count)
        }
        self.fields = fields
        self.counts = counts
    }

    @inline(__always)
    func count(of kind: EventKind) -> Int { counts[kind.index] }

    /// The field of a kind's value; the index is below the kind's count.
    @inline(__always)
    subscript(_ kind: EventKind, _ index: Int) -> EventField {
        fields[kind.index &* KindFields.most &+ index]
    }
}
