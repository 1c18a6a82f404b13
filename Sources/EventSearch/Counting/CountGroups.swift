import MetricsModel
import Readings

/// Groups of events keyed by two numbers, and their totals. Memory is bounded: beyond `limit` groups it grows no further.
///
/// Totals are kept in arrays, of which only the requested ones are filled. A group keyed by a single small number, such as a
/// name's, is looked up in an array indexed by it; all others are in an open-addressing hash table.
struct CountGroups {
    /// The limit for the cheapest questions; no question gets more.
    static let limit = 1 << 19
    /// As many groups as take some 45 MiB, with all their totals.
    let limit: Int

    /// Two per group; 0 for a field that was not requested, and for no name.
    private(set) var keys: [Int64] = []
    private(set) var events: [Int64] = []
    private(set) var sums: [UInt64] = []
    private(set) var maxima: [UInt64] = []
    private(set) var firsts: [Int64] = []
    private(set) var lasts: [Int64] = []
    private(set) var failed: [Int64] = []
    private(set) var ok: [Int64] = []
    private(set) var failedBeforeOK: [Int64] = []
    private(set) var earlierEvents: [Int64] = []
    private(set) var earlierSums: [UInt64] = []
    /// -1 for an empty slot.
    private var places = [Int32](repeating: -1, count: 1024)
    /// The groups whose second number is 0, by their first; -1 for none.
    private var direct = [Int32](repeating: -1, count: 1024)
    /// Numbers from here on go into the hash table; the array takes 16 MiB.
    private static let directLimit = 1 << 22
    private var hashedCount = 0
    private let measures: Measures
    /// Whether a group was refused.
    private(set) var isFull = false
    /// Whether events added now belong to the earlier window.
    var isEarlier = false

    struct Measures {
        var sum: Bool
        var max: Bool
        var times: Bool
        var logins: Bool
        var earlier: Bool

        init(_ question: CountQuestion) {
            sum = question.sum != nil
            max = question.max != nil
            times = question.has(.first) || question.has(.last)
            logins = question.measures.contains { $0.isAboutLogins }
            earlier = question.besideMicroseconds != nil
        }
    }

    init(_ question: CountQuestion) {
        measures = Measures(question)
        let words =
            (measures.sum ? 1 : 0) + (measures.max ? 1 : 0) + (measures.times ? 2 : 0) + (measures.logins ? 3 : 0)
            + (measures.earlier ? 2 : 0) + (question.distinct == nil ? 0 : 3)
        limit = words <= 2 ? Self.limit : words <= 4 ? Self.limit / 4 * 3 : Self.limit / 2
    }

    var count: Int { events.count }

    // MARK: Groups

    @inline(__always)
    private static func hash(_ first: Int64, _ second: Int64) -> Int {
        var mixed = UInt64(bitPattern: first) &* 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 32) ^ UInt64(bitPattern: second)) &* 0xBF58_476D_1CE4_E5B9
        return Int(truncatingIfNeeded: mixed >> 24)
    }

    /// The index of a group, created if new; nil if there is no room for it.
    @inline(__always)
    mutating func index(_ first: Int64, _ second: Int64) -> Int? {
        if second == 0 && first >= 0 && first < direct.count {
            let index = Int(direct[Int(truncatingIfNeeded: first)])
            return index >= 0 ? index : add(first, second, at: -1)
        }
        return hashed(first, second)
    }

    @inline(never)
    private mutating func hashed(_ first: Int64, _ second: Int64) -> Int? {
        if second == 0 && first >= 0 && first < Self.directLimit {
            growDirect(to: Int(first))
            return add(first, second, at: -1)
        }
        let mask = places.count &- 1
        var place = Self.hash(first, second) & mask
        while true {
            let index = Int(places[place])
            if index < 0 { return add(first, second, at: place) }
            if keys[2 &* index] == first && keys[2 &* index &+ 1] == second { return index }
            place = (place &+ 1) & mask
        }
    }

    private mutating func growDirect(to number: Int) {
        var size = direct.count
        while size <= number { size *= 2 }
        direct += [Int32](repeating: -1, count: size - direct.count)
    }

    /// - Parameter place: in the hash table; -1 for a group found by its number.
    @inline(never)
    private mutating func add(_ first: Int64, _ second: Int64, at place: Int) -> Int? {
        guard count < limit else {
            isFull = true
            return nil
        }
        let index = count
        if place < 0 { direct[Int(first)] = Int32(index) } else { places[place] = Int32(index) }
        keys.append(first)
        keys.append(second)
        events.append(0)
        if measures.sum { sums.append(0) }
        if measures.max { maxima.append(0) }
        if measures.times {
            firsts.append(.max)
            lasts.append(.min)
        }
        if measures.logins {
            failed.append(0)
            ok.append(0)
            failedBeforeOK.append(0)
        }
        if measures.earlier {
            earlierEvents.append(0)
            if measures.sum { earlierSums.append(0) }
        }
        if place >= 0 {
            hashedCount += 1
            if hashedCount * 2 > places.count { grow() }
        }
        return index
    }

    /// Frees the lookup tables; no group can be added afterwards.
    mutating func removeIndex() {
        places = []
        direct = []
    }

    private func isDirect(_ index: Int) -> Bool {
        let first = keys[2 * index]
        return keys[2 * index + 1] == 0 && first >= 0 && first < Self.directLimit
    }

    private mutating func grow() {
        places = [Int32](repeating: -1, count: places.count * 2)
        let mask = places.count - 1
        for index in 0..<count where !isDirect(index) {
            var place = Self.hash(keys[2 * index], keys[2 * index + 1]) & mask
            while places[place] >= 0 { place = (place + 1) & mask }
            places[place] = Int32(index)
        }
    }

    // MARK: Adding

    /// Adds to the event count only.
    @inline(__always)
    mutating func add(_ count: Int64, to index: Int) {
        if isEarlier { earlierEvents[index] &+= count } else { events[index] &+= count }
    }

    /// Saturates instead of overflowing.
    @inline(__always)
    mutating func add(sum: UInt64, to index: Int) {
        if isEarlier { Self.add(sum, to: &earlierSums[index]) } else { Self.add(sum, to: &sums[index]) }
    }

    @inline(__always)
    private static func add(_ part: UInt64, to sum: inout UInt64) {
        let (value, overflow) = sum.addingReportingOverflow(part)
        sum = overflow ? .max : value
    }

    @inline(__always)
    mutating func note(max value: UInt64, of index: Int) {
        if !isEarlier && value > maxima[index] { maxima[index] = value }
    }

    @inline(__always)
    mutating func note(time: Int64, of index: Int) {
        guard !isEarlier else { return }
        if time < firsts[index] { firsts[index] = time }
        if time > lasts[index] { lasts[index] = time }
    }

    /// Must be called in the order in which the logins came.
    @inline(__always)
    mutating func note(login isOK: Bool, of index: Int) {
        guard !isEarlier else { return }
        if isOK {
            ok[index] &+= 1
            failedBeforeOK[index] = failed[index]
        } else {
            failed[index] &+= 1
        }
    }
}

/// The distinct names of each group. Memory is bounded.
struct DistinctPairs {
    /// 24 MiB while it grows.
    static let limit = 3 << 19

    /// 0 for an empty slot.
    private var places = [UInt64](repeating: 0, count: 1024)
    private var count = 0
    /// How many names each group has.
    private(set) var names: [Int64] = []
    private(set) var isFull = false

    /// - Parameter name: its number, starting at 1.
    @inline(__always)
    mutating func add(_ name: Int64, to group: Int) {
        let pair = UInt64(truncatingIfNeeded: group) << 44 | UInt64(bitPattern: name) & (1 << 44 - 1)
        let mask = places.count &- 1
        var place = Self.hash(pair) & mask
        while places[place] != 0 {
            if places[place] == pair { return }
            place = (place &+ 1) & mask
        }
        insert(pair, at: place, group)
    }

    @inline(__always)
    private static func hash(_ pair: UInt64) -> Int {
        Int(truncatingIfNeeded: ((pair ^ (pair >> 29)) &* 0xBF58_476D_1CE4_E5B9) >> 24)
    }

    private mutating func insert(_ pair: UInt64, at place: Int, _ group: Int) {
        guard count < Self.limit else {
            isFull = true
            return
        }
        places[place] = pair
        count += 1
        while names.count <= group { names.append(0) }
        names[group] += 1
        if count * 4 > places.count * 3 { grow() }
    }

    private mutating func grow() {
        let old = places
        places = [UInt64](repeating: 0, count: old.count * 2)
        let mask = places.count - 1
        for pair in old where pair != 0 {
            var place = Self.hash(pair) & mask
            while places[place] != 0 { place = (place + 1) & mask }
            places[place] = pair
        }
    }
}
