import EventLog
import EventSearch
import MetricsMemory
import MetricsModel
import MetricsQuery
import PastEvents
import TestSupport
import Testing

@testable import EventDrain

/// What docs/DELIVERY.md says, in a few slow lines: every waiting message, in a list.
private struct SlowDelivery: Equatable {
    struct Message: Equatable {
        var recipient: Int
        /// Nil for none, or for one that is not told apart from others.
        var channel: Int?
        var time: Int64
    }

    var messages: [Message] = []

    mutating func enqueue(_ recipient: Int, _ channel: Int?, at time: Int64) {
        let told = Set(messages.filter { $0.recipient == recipient }.compactMap(\.channel))
        let isTold = channel.map { told.contains($0) || told.count < 3 } ?? false
        messages.append(Message(recipient: recipient, channel: isTold ? channel : nil, time: time))
    }

    mutating func fetch(_ recipient: Int, _ channel: Int?, count: Int, at time: Int64) -> UInt64? {
        let mine = messages.filter { $0.recipient == recipient }
        var taken: [Message]
        if let channel {
            taken = mine.filter { $0.channel == channel }
            if taken.isEmpty, count > 0 { taken = mine.filter { $0.channel == nil } }
        } else {
            taken = count > 0 ? mine : mine.filter { $0.channel == nil }
        }
        messages.removeAll { taken.contains($0) }
        guard count > 0, let oldest = taken.map(\.time).min() else { return nil }
        return UInt64(max(0, time - oldest))
    }

    /// A restart forgets which channel a message was in.
    mutating func restart() { for index in messages.indices { messages[index].channel = nil } }

    var recipients: Int { Set(messages.map(\.recipient)).count }
    var oldest: Int64 { messages.map(\.time).min() ?? 0 }

    func waiting(_ name: (Int) -> Int64) -> [Int64: Waiting] {
        var all: [Int64: Waiting] = [:]
        for recipient in Set(messages.map(\.recipient)) {
            let mine = messages.filter { $0.recipient == recipient }
            all[name(recipient)] = Waiting(
                name: name(recipient), sinceMicroseconds: mine.map(\.time).min() ?? 0, messages: UInt64(mine.count))
        }
        return all
    }
}

@Suite struct DeliveryTests {
    private static func bytes(_ number: Int?) -> [UInt8] {
        guard let number else { return [] }
        return (0..<32).map { UInt8(truncatingIfNeeded: number >> (8 * ($0 % 2)) &* 31 &+ $0) }
    }

    private static func enqueue(_ tracker: DeliveryTracker, _ recipient: Int, _ channel: Int?, name: Int64, at time: Int64)
        -> Bool
    {
        bytes(recipient).withUnsafeBytes { recipient in
            bytes(channel).withUnsafeBytes { tracker.enqueued(recipient, $0, name: name, at: time) }
        }
    }

    private static func fetch(
        _ tracker: DeliveryTracker, _ recipient: Int, _ channel: Int?, count: Int, name: Int64, at time: Int64
    ) -> UInt64? {
        bytes(recipient).withUnsafeBytes { recipient in
            bytes(channel).withUnsafeBytes {
                tracker.fetched(recipient, $0, messages: UInt64(count), name: name, at: time)
            }
        }
    }

    /// Transactions that commit or roll back, keys that change, restarts: the result always matches the slow list.
    @Test(arguments: 1...20)
    func equalsTheSlowList(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var slow = SlowDelivery()
        var tracker = DeliveryTracker()
        var table: [Int64: Waiting] = [:]
        var time: Int64 = 1_795_000_000_000_000
        var epoch: Int64 = 0
        let people = 2 + Int(seed) * 4
        func name(_ person: Int) -> Int64 { Int64(person + 1) + epoch * 1000 }
        for turn in 0..<300 {
            let before = slow
            for _ in 0..<Int.random(in: 0..<30, using: &random) {
                time += Int64.random(in: -5000..<3_000_000, using: &random)
                let person = Int.random(in: 0..<people, using: &random)
                let channel = Int.random(in: 0..<7, using: &random)
                let told = channel == 6 ? nil : person * 10 + channel
                if Bool.random(using: &random) {
                    #expect(Self.enqueue(tracker, person, told, name: name(person), at: time))
                    slow.enqueue(person, told, at: time)
                } else {
                    let count = Int.random(in: 0..<3, using: &random)
                    let found = Self.fetch(tracker, person, told, count: count, name: name(person), at: time)
                    #expect(found == slow.fetch(person, told, count: count, at: time), "seed \(seed), turn \(turn)")
                }
            }
            let isLast = Int.random(in: 0..<40, using: &random) == 0
            let changes = tracker.changes(isLast: isLast)
            if Int.random(in: 0..<4, using: &random) == 0 {
                tracker.rollBack()
                slow = before
            } else {
                for gone in changes?.removed ?? [] { table[gone] = nil }
                for waiting in changes?.changed ?? [] { table[waiting.name] = waiting }
                tracker.didCommit()
            }
            #expect(tracker.count == slow.recipients, "seed \(seed), turn \(turn)")
            #expect(tracker.oldest() == slow.oldest, "seed \(seed), turn \(turn)")
            if turn % 97 == 96 {
                // Anyone not seen since the restart would go by a number that never comes again.
                for person in 0..<people {
                    time += 1
                    #expect(Self.enqueue(tracker, person, nil, name: name(person), at: time))
                    slow.enqueue(person, nil, at: time)
                }
                tracker.didCommit()
                epoch += 1
            }
            if turn % 41 == 40 {
                let changes = try #require(tracker.changes(isLast: true))
                for gone in changes.removed { table[gone] = nil }
                for waiting in changes.changed { table[waiting.name] = waiting }
                tracker.didCommit()
                let held = table.mapValues { Waiting(name: 0, sinceMicroseconds: $0.sinceMicroseconds, messages: $0.messages) }
                // Anyone not seen since the keys changed goes by the old number.
                let wanted = slow.waiting { Int64($0) }.values.map {
                    Waiting(name: 0, sinceMicroseconds: $0.sinceMicroseconds, messages: $0.messages)
                }
                #expect(
                    held.values.sorted { $0.sinceMicroseconds < $1.sinceMicroseconds }
                        == wanted.sorted { $0.sinceMicroseconds < $1.sinceMicroseconds }, "seed \(seed), turn \(turn)")
                if epoch == 0 {
                    #expect(table == slow.waiting(name), "seed \(seed), turn \(turn)")
                    tracker = DeliveryTracker(inherited: table)
                    slow.restart()
                }
            }
        }
        #expect(slow.recipients > 0)
    }

    @Test func beyondTheLimitMessagesAreCountedAsUntracked() {
        let tracker = DeliveryTracker()
        func enqueue(_ number: Int) -> Bool {
            var id = UInt64(number)
            return withUnsafeBytes(of: &id) { tracker.enqueued($0, .init(start: nil, count: 0), name: 0, at: 1) }
        }
        for number in 0..<DeliveryTracker.recipientLimit { #expect(enqueue(number)) }
        #expect(!enqueue(DeliveryTracker.recipientLimit))
        #expect(enqueue(7))
        tracker.didCommit()
        #expect(tracker.count == DeliveryTracker.recipientLimit)
    }

    @Test func whatIsOlderThanTheLogIsWaitedForNoMore() {
        let tracker = DeliveryTracker(inherited: [9: Waiting(name: 9, sinceMicroseconds: 5, messages: 1)])
        #expect(Self.enqueue(tracker, 1, 1, name: 1, at: 10))
        #expect(Self.enqueue(tracker, 1, 2, name: 1, at: 30))
        #expect(Self.enqueue(tracker, 2, 1, name: 2, at: 10))
        tracker.didCommit()
        tracker.forget(before: 20)
        #expect(tracker.count == 1)
        #expect(tracker.oldest() == 30)
        #expect(tracker.changes(isLast: true)?.removed.sorted() == [2, 9])
        tracker.forget(before: 0, names: [1])
        #expect(tracker.count == 0)
        #expect(tracker.oldest() == 0)
    }

    /// Through ring, drain and log, with servers that shut down cleanly and others that die with records in their rings.
    @Test func waitsGoOnAcrossRestartsAndKills() throws {
        let place = TemporaryDirectory()
        let directory = place("data")
        var slow = SlowDelivery()
        var waits: [UInt64] = []
        var random = SeededGenerator(seed: 4)
        var second: Int64 = 1_795_000_000
        for life in 0..<8 {
            var sink: LogSink? = try LogSink(directory: directory, seed: 1)
            for _ in 0..<700 {
                second += Int64.random(in: 0..<90, using: &random)
                let person = Int.random(in: 0..<25, using: &random)
                let fetched = Bool.random(using: &random) ? Int.random(in: 1..<4, using: &random) : nil
                try Self.bytes(person).withUnsafeBufferPointer { key in
                    let recipient = RecordField.key(key.baseAddress, key.count)
                    let ticks = UInt64(second) * 1_000_000_000
                    if let fetched {
                        try sink?.put(Record(.fetch, ticks: ticks, recipient, .absent, number: UInt64(fetched)))
                    } else {
                        try sink?.put(Record(.messageEnqueue, ticks: ticks, .absent, recipient, number: 64))
                    }
                }
                let time = second * 1_000_000
                if let fetched {
                    if let wait = slow.fetch(person, nil, count: fetched, at: time) { waits.append(wait) }
                } else {
                    slow.enqueue(person, nil, at: time)
                }
            }
            if life % 3 != 1 { try sink?.close() }
            sink = nil
        }
        // The last server closed or died; either way the next start knows everything.
        let last = try LogSink(directory: directory, seed: 1)
        try last.close()
        let snapshot = try SnapshotReader.read(DataSource(directory: directory))
        let buckets = (0..<Histogram.deliveryWaitBuckets).map { snapshot.counters[CounterIndex.deliveryWait + $0] }
        var wanted = [UInt64](repeating: 0, count: Histogram.deliveryWaitBuckets)
        for wait in waits { wanted[Histogram.bucket(of: wait, bounds: Histogram.deliveryWaitBounds)] += 1 }
        #expect(buckets == wanted)
        #expect(snapshot.counters[CounterIndex.deliveryWaitSum] == waits.reduce(0, +))
        let log = try EventLogReader(directory: directory)
        let waiting = try log.waiting()
        #expect(waiting.count == slow.recipients)
        #expect(waiting.map(\.sinceMicroseconds).min() == slow.oldest)
        #expect(waiting.reduce(0) { $0 + $1.messages } == UInt64(slow.messages.count))
        let fine = try log.deliveryWaits(since: 0, until: Int64.max)
        #expect(fine.reduce(0, +) == UInt64(waits.count))
        for (bucket, fetches) in fine.enumerated() {
            #expect(fetches == UInt64(waits.filter { FineBuckets.bucket(of: $0) == bucket }.count))
        }
    }
}

@Suite struct FailingUsersTests {
    private static func add(_ failing: inout FailingUsers, _ user: Int, at second: Int64) {
        Array("user \(user)".utf8).withUnsafeBytes {
            failing.add($0, number: user % 2 == 0 ? Int64(user) : 0, at: second * 1_000_000)
        }
    }

    @Test func eachCountsOnceInItsWindow() {
        var failing = FailingUsers()
        let now: Int64 = 1_795_000_000
        for user in 1...40 {
            for turn in 0..<3 { Self.add(&failing, user, at: now - Int64(user) * 100 - Int64(turn) * 7) }
        }
        let counts = failing.counts(nowMicroseconds: now * 1_000_000)
        #expect(counts == (2, 35))
        #expect(failing.counts(nowMicroseconds: (now + 3600) * 1_000_000) == (0, 0))
    }

    /// A million names tried within an hour: within 2 %, in bounded memory, and exact again once it is over.
    @Test(arguments: [70_000, 300_000, 1_000_000])
    func sprayingIsCountedWithinTwoPercent(users: Int) {
        var failing = FailingUsers()
        let now: Int64 = 1_795_000_000
        for user in 1...users { Self.add(&failing, user, at: now - 3000 + Int64(user) * 3000 / Int64(users)) }
        let hour = Double(failing.counts(nowMicroseconds: now * 1_000_000).1)
        #expect(abs(hour / Double(users) - 1) < 0.02, "\(hour) of \(users)")
        for minute in 1...180 {
            for user in 1...5 { Self.add(&failing, user, at: now + Int64(minute) * 60) }
            _ = failing.counts(nowMicroseconds: (now + Int64(minute) * 60) * 1_000_000)
        }
        #expect(failing.counts(nowMicroseconds: (now + 180 * 60) * 1_000_000) == (5, 5))
    }
}

@Suite struct FineBucketTests {
    @Test func boundsArePowersOfTwoToTheEighth() {
        #expect(FineBuckets.bucket(of: 0) == 0)
        #expect(FineBuckets.bucket(of: 1) == 0)
        for power in 1..<64 {
            #expect(FineBuckets.bucket(of: 1 << UInt64(power)) == 8 * power)
            #expect(
                FineBuckets.bucket(of: (1 << UInt64(power)) + 1) == 8 * power
                    + (power == 1 ? 5 : power < 4 ? (power == 2 ? 3 : 2) : 1))
        }
        #expect(FineBuckets.bucket(of: .max) == 512)
        #expect(FineBuckets.bucket(of: 1000) == 80)
        #expect(FineBuckets.bucket(of: 1024) == 80)
    }
}
