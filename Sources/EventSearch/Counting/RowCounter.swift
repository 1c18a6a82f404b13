import EventLog
import MetricsModel
import Readings
import TimeWords

/// Adds the rows of one kind to groups.
struct RowCounter {
    /// Where a row's key comes from.
    private enum Source {
        case constant(Int64)
        /// A number of a name, 0 for none.
        case column(Int32)
        /// Two such, of which an event counts for each once.
        case columns(Int32, Int32)
        case time
        /// Of a reason's number.
        case failureClass(Int32)
    }

    /// Stands for no second, or no, key.
    private static let none = Int64.min

    private let question: CountQuestion
    private let kind: EventKind
    private let select: String
    private var sources: [Source] = []
    /// An event without an identity belongs to nobody's group.
    private var skipsNobody: [Bool] = []
    private var clocks: [PeriodClock] = []
    private var clockOfField: [Int] = [0, 0]
    private let classes: ReasonClasses?
    private var timeColumn: Int32?
    private var okColumn: Int32?
    private var sumColumn: Int32?
    private var maxColumn: Int32?
    private var distinctColumns: (Int32, Int32)?

    init(_ question: CountQuestion, _ kind: EventKind, zone: ClockZone, shift: Int64, _ classes: ReasonClasses?) {
        self.question = question
        self.kind = kind
        self.classes = classes
        var columns: [String] = []
        func column(_ name: String) -> Int32 {
            if let known = columns.firstIndex(of: name) { return Int32(known) }
            columns.append(name)
            return Int32(columns.count - 1)
        }
        for (index, field) in question.fields.enumerated() {
            let own = field.columns(of: kind).map { column($0.name) }
            skipsNobody.append(field == .identity)
            if field.isTime {
                timeColumn = column("time")
                clockOfField[index] = clocks.count
                clocks.append(PeriodClock(field, zone: zone, shiftMicroseconds: shift))
                sources.append(.time)
            } else if field == .failureClass, let reason = own.first {
                sources.append(.failureClass(reason))
            } else if own.count == 2 {
                sources.append(.columns(own[0], own[1]))
            } else if let only = own.first {
                sources.append(.column(only))
            } else {
                sources.append(.constant(Int64(kind.index)))
            }
        }
        if question.has(.first) || question.has(.last) { timeColumn = column("time") }
        if question.measures.contains(where: { $0.isAboutLogins }) { okColumn = column("ok") }
        if let sum = question.sum { sumColumn = column(sum.field.name) }
        if let max = question.max { maxColumn = column(max.field.name) }
        if let distinct = question.distinct {
            let own = distinct.field.columns(of: kind).map { column($0.name) }
            distinctColumns = (own[0], own.count == 2 ? own[1] : own[0])
        }
        if columns.isEmpty { columns.append("1") }
        select = "SELECT " + columns.joined(separator: ", ") + " FROM \(kind.table)"
    }

    /// Adds the rows of a condition, which begins with WHERE or is empty.
    mutating func add(
        _ condition: String, to groups: inout CountGroups, _ pairs: inout DistinctPairs, _ database: Database
    ) throws(LogError) {
        if sources.isEmpty && timeColumn == nil && okColumn == nil && sumColumn == nil && maxColumn == nil
            && distinctColumns == nil
        {
            let count = try database.integer("SELECT count(*) FROM \(kind.table)\(condition)") ?? 0
            if count > 0, let index = groups.index(0, 0) { groups.add(count, to: index) }
            return
        }
        let rows = try database.prepare(select + condition)
        while try rows.step() {
            let time = timeColumn.map { rows.integer($0) } ?? 0
            let (first, alsoFirst) = sources.count > 0 ? keys(0, rows, time) : (0, Self.none)
            if first == Self.none { continue }
            let (second, alsoSecond) = sources.count > 1 ? keys(1, rows, time) : (0, Self.none)
            if second == Self.none { continue }
            add(first, second, rows, time, &groups, &pairs)
            if alsoFirst != Self.none { add(alsoFirst, second, rows, time, &groups, &pairs) }
            if alsoSecond != Self.none { add(first, alsoSecond, rows, time, &groups, &pairs) }
            if groups.isFull || pairs.isFull { return }
        }
    }

    @inline(__always)
    private mutating func keys(_ field: Int, _ rows: Statement, _ time: Int64) -> (Int64, Int64) {
        switch sources[field] {
        case .constant(let key): return (key, Self.none)
        case .column(let column):
            let key = rows.integer(column)
            return (key == 0 && skipsNobody[field] ? Self.none : key, Self.none)
        case .columns(let one, let other):
            let (key, also) = (rows.integer(one), rows.integer(other))
            if key == 0 { return (also == 0 ? Self.none : also, Self.none) }
            return (key, also == 0 || also == key ? Self.none : also)
        case .time: return (clocks[clockOfField[field]].key(time), Self.none)
        case .failureClass(let column): return (Int64(classes?.of(rows.integer(column)).index ?? 0), Self.none)
        }
    }

    @inline(__always)
    private func add(
        _ first: Int64, _ second: Int64, _ rows: Statement, _ time: Int64, _ groups: inout CountGroups,
        _ pairs: inout DistinctPairs
    ) {
        guard let index = groups.index(first, second) else { return }
        groups.add(1, to: index)
        if let sumColumn { groups.add(sum: UInt64(bitPattern: rows.integer(sumColumn)), to: index) }
        if let maxColumn { groups.note(max: UInt64(bitPattern: rows.integer(maxColumn)), of: index) }
        if question.has(.first) || question.has(.last) { groups.note(time: time, of: index) }
        if let okColumn { groups.note(login: rows.integer(okColumn) != 0, of: index) }
        guard let (one, other) = distinctColumns, !groups.isEarlier else { return }
        let (name, also) = (rows.integer(one), rows.integer(other))
        if name != 0 { pairs.add(name, to: index) }
        if also != 0 && also != name { pairs.add(also, to: index) }
    }
}
