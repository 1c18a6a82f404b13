import EventLog
import MetricsModel
import Readings

/// Sorts groups, and builds rows for those to be shown: only their names are read.
struct CountRanking {
    private let question: CountQuestion
    private var groups: CountGroups
    private let distinct: [Int64]
    private let database: Database
    /// For each field that groups are sorted by, the rank of each of its names.
    private var places: [NamePlaces?] = [nil, nil]
    /// For each field, the names that are shown.
    private var names: [CountNames?] = [nil, nil]

    init(_ question: CountQuestion, _ groups: CountGroups, _ pairs: DistinctPairs, _ database: Database) throws(LogError) {
        self.question = question
        self.groups = groups
        self.distinct = pairs.names
        self.database = database
        for (index, field) in question.fields.enumerated() {
            if case .field(field) = question.order, let names = field.names { places[index] = try NamePlaces(names, database) }
        }
    }

    consuming func answer() throws(LogError) -> CountAnswer {
        var answer = CountAnswer(question)
        let all = (0..<groups.count).filter { groups.events[$0] > 0 || isKnownEarlier($0) }
        answer.groups = all.count
        let matching = question.conditions.isEmpty ? all : all.filter(isAsAsked)
        answer.matchingGroups = matching.count
        let shown = first(question.top ?? matching.count, of: matching)
        answer.count = shown.count
        if shown.count < matching.count {
            answer.eventsOfOthers = matching.reduce(0) { $0 &+ UInt64(groups.events[$1]) }
            for index in shown { answer.eventsOfOthers &-= UInt64(groups.events[index]) }
        }
        for (place, field) in question.fields.enumerated() {
            guard let kind = field.names else { continue }
            names[place] = try CountNames(shown.map { key($0, place) }, of: kind, database)
        }
        places = [nil, nil]
        groups.removeIndex()
        let ranking = self
        answer.row = { ranking.row(shown[$0]) }
        return answer
    }

    private func isKnownEarlier(_ index: Int) -> Bool {
        question.besideMicroseconds != nil && groups.earlierEvents[index] > 0
    }

    private func isAsAsked(_ index: Int) -> Bool {
        question.conditions.allSatisfy { $0.comparison.holds(number($0.measure, index), $0.bound) }
    }

    // MARK: Order

    /// The first `limit`, in order.
    private func first(_ limit: Int, of indices: [Int]) -> [Int] {
        guard limit > 0 else { return [] }
        let keys = sortKeys(indices)
        func isBefore(_ one: Int, _ other: Int) -> Bool {
            if keys[one] != keys[other] { return keys[one] < keys[other] }
            return comesFirst(one, other)
        }
        guard limit < indices.count / 4 else { return Array(indices.sorted(by: isBefore).prefix(limit)) }
        // A group that is not among the first `limit` so far cannot be among them at the end.
        var kept: [Int] = []
        var last: Int?
        for index in indices {
            if let last, !isBefore(index, last) { continue }
            kept.append(index)
            guard kept.count >= 2 * limit else { continue }
            kept.sort(by: isBefore)
            kept.removeLast(kept.count - limit)
            last = kept.last
        }
        return Array(kept.sorted(by: isBefore).prefix(limit))
    }

    /// A sort key for each group, by its index; smaller ones come first.
    private func sortKeys(_ indices: [Int]) -> [UInt64] {
        var keys = [UInt64](repeating: 0, count: groups.count)
        for index in indices {
            switch question.order {
            case .measure(let measure):
                let value = sortable(measure, index)
                keys[index] = question.isReversed ? value : ~value
            case .field(let field):
                let place = question.fields.firstIndex(of: field) ?? 0
                let value = UInt64(bitPattern: sorted(key(index, place), place)) ^ 1 << 63
                keys[index] = question.isReversed ? ~value : value
            }
        }
        return keys
    }

    private func sorted(_ key: Int64, _ place: Int) -> Int64 { places[place]?.place(of: key) ?? key }

    private func sortable(_ measure: CountMeasure, _ index: Int) -> UInt64 {
        switch measure {
        case .first: UInt64(bitPattern: groups.firsts[index]) ^ 1 << 63
        case .last: UInt64(bitPattern: groups.lasts[index]) ^ 1 << 63
        default: number(measure, index)
        }
    }

    /// Breaks ties: the earlier time first, then more events, then whichever the log met first.
    private func comesFirst(_ one: Int, _ other: Int) -> Bool {
        for (place, field) in question.fields.enumerated() where field.isTime && key(one, place) != key(other, place) {
            return key(one, place) < key(other, place)
        }
        if groups.events[one] != groups.events[other] { return groups.events[one] > groups.events[other] }
        for place in question.fields.indices where key(one, place) != key(other, place) {
            return key(one, place) < key(other, place)
        }
        return one < other
    }

    // MARK: Lines

    private func key(_ index: Int, _ place: Int) -> Int64 { groups.keys[2 * index + place] }

    private func number(_ measure: CountMeasure, _ index: Int) -> UInt64 {
        switch measure {
        case .events: UInt64(groups.events[index])
        case .sum: groups.sums[index]
        case .max: groups.maxima[index]
        case .distinct: index < distinct.count ? UInt64(distinct[index]) : 0
        case .failed: UInt64(groups.failed[index])
        case .ok: UInt64(groups.ok[index])
        case .failedBeforeOK: UInt64(groups.failedBeforeOK[index])
        case .earlierEvents: UInt64(groups.earlierEvents[index])
        case .earlierSum: groups.earlierSums[index]
        case .first: UInt64(bitPattern: groups.firsts[index])
        case .last: UInt64(bitPattern: groups.lasts[index])
        }
    }

    private func value(_ measure: CountMeasure, _ index: Int) -> CountAnswer.Value {
        guard measure.isTime else { return .number(number(measure, index)) }
        // A group found only in the earlier window has no times.
        guard groups.events[index] > 0 else { return .absent }
        return .time(measure == .first ? groups.firsts[index] : groups.lasts[index])
    }

    private func row(_ index: Int) -> CountAnswer.Row {
        let keys = question.fields.indices.map { shown(key(index, $0), $0) }
        return CountAnswer.Row(keys: keys, values: question.measures.map { value($0, index) })
    }

    private func shown(_ key: Int64, _ place: Int) -> CountAnswer.Key {
        switch question.fields[place] {
        case .kind: EventKind(rawValue: UInt8(truncatingIfNeeded: key)).map { .kind($0) } ?? .absent
        case .failureClass: FailureClass(rawValue: UInt8(truncatingIfNeeded: key)).map { .failureClass($0) } ?? .absent
        case .cause: DropCause(rawValue: Int(key)).map { .cause($0) } ?? .absent
        case .minute, .hour, .day: .period(key &* 1_000_000)
        case .weekday: .weekday(Int(key))
        case .hourOfDay: .hourOfDay(Int(key))
        case .user, .sender, .recipient, .identity, .channel, .reason: names[place]?.name(key).map { .name($0) } ?? .absent
        }
    }
}

/// The rank of each name of a table, in the order of their texts: four bytes per name.
private struct NamePlaces {
    private let first: Int64
    private var places: [UInt32]

    init(_ names: NameKind, _ database: Database) throws(LogError) {
        first = try database.integer("SELECT min(id) FROM \(names.table)") ?? 0
        let last = try database.integer("SELECT max(id) FROM \(names.table)") ?? first
        places = [UInt32](repeating: 0, count: Int(last - first) + 1)
        let ids = try database.prepare("SELECT id FROM \(names.table) ORDER BY value")
        var next: UInt32 = 1
        while try ids.step() {
            places[Int(ids.integer(0) - first)] = next
            next += 1
        }
    }

    /// 0 for no name.
    func place(of name: Int64) -> Int64 {
        let index = name - first
        return index >= 0 && index < places.count ? Int64(places[Int(index)]) : 0
    }
}
