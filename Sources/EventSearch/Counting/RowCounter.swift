import EventLog
import MetricsModel
import Readings
import TimeWords

/// Adds the rows of one kind to groups.
struct RowCounter {
    /// Where a row's key comes from.
    private enum Source {
        case constant(Int64)
        /// A name's number, 0 for none.
        case column(Int32)
        /// An identity's number; an event without one is in no group.
        case identity(Int32)
        /// Two identities; an event counts once for each.
        case identities(Int32, Int32)
        case time
        /// The class of a reason, by the reason's number.
        case failureClass(Int32)
    }

    /// The columns read from a row in addition to its keys; -1 for one that is not requested.
    private struct Columns {
        var time: Int32 = -1
        var ok: Int32 = -1
        var sum: Int32 = -1
        var max: Int32 = -1
        var distinct: Int32 = -1
        var alsoDistinct: Int32 = -1
        var notesTimes = false
    }

    /// Stands for no key, or for no second one.
    private static let none = Int64.min

    private let kind: EventKind
    private let select: String
    private var first = Source.constant(0)
    private var second = Source.constant(0)
    private let firstClock: PeriodClock
    private let secondClock: PeriodClock
    private let classes: ReasonClasses?
    private let columns: Columns
    /// Whether rows only need to be counted.
    private let isPlain: Bool

    init(_ question: CountQuestion, _ kind: EventKind, zone: ClockZone, shift: Int64, _ classes: ReasonClasses?) {
        self.kind = kind
        self.classes = classes
        var names: [String] = []
        func column(_ name: String) -> Int32 {
            if let known = names.firstIndex(of: name) { return Int32(known) }
            names.append(name)
            return Int32(names.count - 1)
        }
        func source(_ field: CountField) -> Source {
            let own = field.columns(of: kind).map { column($0.name) }
            switch field {
            case .minute, .hour, .day, .weekday, .hourOfDay: return .time
            case .kind, .cause: return .constant(Int64(kind.index))
            case .failureClass: return .failureClass(own[0])
            case .identity: return own.count == 2 ? .identities(own[0], own[1]) : .identity(own[0])
            case .user, .sender, .recipient, .channel, .reason: return .column(own[0])
            }
        }
        var columns = Columns()
        let fields = question.fields
        if fields.count > 0 { first = source(fields[0]) }
        if fields.count > 1 { second = source(fields[1]) }
        firstClock = PeriodClock(fields.count > 0 ? fields[0] : .minute, zone: zone, shiftMicroseconds: shift)
        secondClock = PeriodClock(fields.count > 1 ? fields[1] : .minute, zone: zone, shiftMicroseconds: shift)
        columns.notesTimes = question.has(.first) || question.has(.last)
        if columns.notesTimes || fields.contains(where: { $0.isTime }) { columns.time = column("time") }
        if question.measures.contains(where: { $0.isAboutLogins }) { columns.ok = column("ok") }
        if let sum = question.sum { columns.sum = column(sum.field.name) }
        if let max = question.max { columns.max = column(max.field.name) }
        if let distinct = question.distinct {
            let own = distinct.field.columns(of: kind).map { column($0.name) }
            columns.distinct = own[0]
            columns.alsoDistinct = own.count == 2 ? own[1] : -1
        }
        self.columns = columns
        isPlain = names.isEmpty
        select = "SELECT " + (names.isEmpty ? "count(*)" : names.joined(separator: ", ")) + " FROM \(kind.table)"
    }

    /// Rows, as far as the question is about them: what one thread reads and another adds up.
    enum Rows: Sendable {
        case number(Int64)
        /// By one name, and nothing but counts and perhaps a sum are requested: the most common question, so it has few branches.
        case names([Int64], sums: [UInt64])
        case items([Item])
    }

    /// An event as part of one group.
    struct Item {
        var first: Int64
        var second: Int64
        var time: Int64 = 0
        var isOK = false
        var sum: UInt64 = 0
        var max: UInt64 = 0
        /// 0 for none.
        var name: Int64 = 0
        var alsoName: Int64 = 0
        var group = 0
    }

    /// Rows are read in batches, and then looked up: a loop that does nothing else lets the processor overlap the cache misses of
    /// many lookups.
    private static let batch = 256

    /// Adds the rows that match a condition, which begins with WHERE or is empty.
    func add(
        _ condition: String, to groups: inout CountGroups, _ pairs: inout DistinctPairs, _ database: Database
    ) throws(LogError) {
        try read(condition, database, batch: Self.batch) { rows in
            add(rows, to: &groups, &pairs)
            return !groups.isFull && !pairs.isFull
        }
    }

    /// Reads the rows that match a condition, a batch at a time, until `deliver` returns false.
    func read(
        _ condition: String, _ database: Database, batch: Int, _ deliver: (Rows) -> Bool
    ) throws(LogError) {
        let rows = try database.prepare(select + condition)
        if isPlain {
            guard try rows.step(), rows.integer(0) > 0 else { return }
            _ = deliver(.number(rows.integer(0)))
        } else if case .column(let key) = first, case .constant(0) = second, isSimple {
            try readNames(rows, key, batch, deliver)
        } else {
            try readItems(rows, batch, deliver)
        }
    }

    func add(_ rows: Rows, to groups: inout CountGroups, _ pairs: inout DistinctPairs) {
        switch rows {
        case .number(let count):
            guard case .constant(let one) = first, case .constant(let other) = second,
                let index = groups.index(one, other)
            else { return }
            groups.add(count, to: index)
        case .names(let names, let sums):
            for (place, name) in names.enumerated() {
                guard let index = groups.index(name, 0) else { return }
                groups.add(1, to: index)
                if columns.sum >= 0 { groups.add(sum: sums[place], to: index) }
            }
        case .items(var items): add(&items, &groups, &pairs)
        }
    }

    /// Whether only event counts, and perhaps a sum, are requested.
    private var isSimple: Bool { columns.time < 0 && columns.ok < 0 && columns.max < 0 && columns.distinct < 0 }

    private func readNames(_ rows: Statement, _ key: Int32, _ batch: Int, _ deliver: (Rows) -> Bool) throws(LogError) {
        let column = columns.sum
        var names: [Int64] = []
        var sums: [UInt64] = []
        names.reserveCapacity(batch)
        while try rows.step() {
            names.append(rows.integer(key))
            if column >= 0 { sums.append(UInt64(bitPattern: rows.integer(column))) }
            guard names.count == batch else { continue }
            guard deliver(.names(names, sums: sums)) else { return }
            names.removeAll(keepingCapacity: true)
            sums.removeAll(keepingCapacity: true)
        }
        if !names.isEmpty { _ = deliver(.names(names, sums: sums)) }
    }

    private func readItems(_ rows: Statement, _ batch: Int, _ deliver: (Rows) -> Bool) throws(LogError) {
        // Local copies, so that nothing of this value is retained for each row.
        let (first, second, columns, classes) = (first, second, columns, classes)
        let (firstClock, secondClock) = (firstClock, secondClock)
        var items: [Item] = []
        items.reserveCapacity(batch + 2)
        while try rows.step() {
            let time = columns.time < 0 ? 0 : rows.integer(columns.time)
            let (one, alsoOne) = Self.keys(first, firstClock, classes, rows, time)
            let (other, alsoOther) = Self.keys(second, secondClock, classes, rows, time)
            if one == Self.none || other == Self.none { continue }
            var item = Item(first: one, second: other, time: time)
            if columns.ok >= 0 { item.isOK = rows.integer(columns.ok) != 0 }
            if columns.sum >= 0 { item.sum = UInt64(bitPattern: rows.integer(columns.sum)) }
            if columns.max >= 0 { item.max = UInt64(bitPattern: rows.integer(columns.max)) }
            if columns.distinct >= 0 { item.name = rows.integer(columns.distinct) }
            if columns.alsoDistinct >= 0 { item.alsoName = rows.integer(columns.alsoDistinct) }
            items.append(item)
            if alsoOne != Self.none {
                item.first = alsoOne
                items.append(item)
            }
            if alsoOther != Self.none {
                (item.first, item.second) = (one, alsoOther)
                items.append(item)
            }
            guard items.count >= batch else { continue }
            guard deliver(.items(items)) else { return }
            items.removeAll(keepingCapacity: true)
        }
        if !items.isEmpty { _ = deliver(.items(items)) }
    }

    private func add(_ items: inout [Item], _ groups: inout CountGroups, _ pairs: inout DistinctPairs) {
        for index in items.indices {
            guard let group = groups.index(items[index].first, items[index].second) else { return }
            items[index].group = group
        }
        for item in items {
            groups.add(1, to: item.group)
            if columns.sum >= 0 { groups.add(sum: item.sum, to: item.group) }
            if columns.max >= 0 { groups.note(max: item.max, of: item.group) }
            if columns.notesTimes { groups.note(time: item.time, of: item.group) }
            if columns.ok >= 0 { groups.note(login: item.isOK, of: item.group) }
        }
        guard columns.distinct >= 0, !groups.isEarlier else { return }
        for item in items {
            if item.name != 0 { pairs.add(item.name, to: item.group) }
            if item.alsoName != 0 { pairs.add(item.alsoName, to: item.group) }
        }
    }

    @inline(__always)
    private static func keys(
        _ source: Source, _ clock: PeriodClock, _ classes: ReasonClasses?, _ rows: Statement, _ time: Int64
    ) -> (Int64, Int64) {
        switch source {
        case .constant(let key): return (key, none)
        case .column(let column): return (rows.integer(column), none)
        case .identity(let column):
            let key = rows.integer(column)
            return (key == 0 ? none : key, none)
        case .identities(let column, let otherColumn):
            let (key, also) = (rows.integer(column), rows.integer(otherColumn))
            if key == 0 { return (also == 0 ? none : also, none) }
            return (key, also == 0 || also == key ? none : also)
        case .time: return (clock.key(time), none)
        case .failureClass(let column): return (Int64(classes?.of(rows.integer(column)).index ?? 0), none)
        }
    }
}
