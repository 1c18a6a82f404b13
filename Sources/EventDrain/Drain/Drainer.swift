import CMachine
import CMetricsLayout
import EventLog
import MetricsMemory
import MetricsModel

/// Takes records from the rings into the log: one bounded step at a time, with no thread of its own.
///
/// A step is one transaction: the rows, how far each ring was drained, and the counters at that point. Only after the commit
/// are the records wiped and their room given back, so whatever dies when, each record is in the log or in its ring.
public final class Drainer {
    /// The most events in one transaction: bounds its duration, and what a rollback has to repeat.
    public static let eventsPerStep = 50_000

    public let map: LiveMap
    public let session: (UInt64, UInt64)
    public let writer: EventLogWriter

    /// The `ringed` totals of all sessions, as the log has them after the last commit...
    private let committed = CounterTotals()
    /// ...and with what the open transaction adds.
    private let working = CounterTotals()
    private var rings: [Ring] = []
    private var clock: RecordClock
    /// Whether the log still describes an earlier session's rings, or none.
    private var isFirstCommit: Bool
    /// The part of the session's initial totals that the live file does not show yet.
    private var unshown: [UInt64]
    private let batchSizes: [UInt64]
    let drops: DropMinutes
    /// What the open transaction itself counts as dropped.
    private var countedMinute: DropMinute?
    /// Nil until the first transaction.
    private var deliveries: DeliveryTracker?
    /// When the newest event that was taken happened: UTC, microseconds; 0 for none.
    private var newestTime: Int64 = 0
    private var epoch: Int64 = 0
    private var waits = DeliveryWaits()
    private var failing = FailingUsers()
    private var knowsFailing = false
    /// For a log without rows.
    private var active: ActivePeople?
    /// Whether something in a ring could not be read, so that its events are in no log.
    public private(set) var hasMetDamage: Bool
    private var hadMetDamage: Bool

    /// One ring, and where the transaction found it.
    private struct Ring {
        var consumer: RingConsumer
        var committedPosition: UInt64
        var batch: Int64 = 0
        var batchSize: UInt64 = 0
        var committedBatch: Int64 = 0
        var committedBatchSize: UInt64 = 0
        /// The record at the position, if it is known.
        var next: RecordView?
        var nextTicks: UInt64 = 0
    }

    public struct Progress {
        public var events = 0
        /// Whether something was left for the next step.
        public var isMoreWaiting = false
    }

    /// - Parameter ringed: the totals that the session begins with: the log's own or, after damage, those that
    ///   `Reconciliation` computed.
    /// - Parameter stored: the log's account; if it is this session's, draining continues from its positions.
    /// - Parameter isBehind: whether that account is this session's but lost its last commits: some ring was wiped beyond
    ///   what it says.
    /// - Parameter unshown: the part of `ringed` that the live file does not show yet; empty for nothing.
    /// - Parameter batchSizes: sizes of the batches that another drainer of this session left half drained, by slot.
    /// - Parameter drops: that other drainer's.
    /// - Parameter deliveries: that other drainer's; nil to continue with those in the log.
    /// - Parameter people: those whom that other drainer knew without a log.
    public init(
        map: LiveMap, session: (UInt64, UInt64), clock: UInt64, writer: EventLogWriter, ringed: [UInt64],
        stored: StoredState, isBehind: Bool = false, unshown: [UInt64] = [], batchSizes: [UInt64] = [],
        hasMetDamage: Bool = false,
        drops: DropMinutes? = nil, deliveries: DeliveryTracker? = nil, people: People? = nil
    ) {
        if let people {
            active = people.active
            failing = people.failing
            knowsFailing = true
        }
        self.deliveries = deliveries
        deliveries?.forgetNames()
        self.hasMetDamage = hasMetDamage
        hadMetDamage = hasMetDamage
        self.unshown = unshown
        self.batchSizes = batchSizes
        self.map = map
        self.session = session
        self.writer = writer
        self.clock = RecordClock(clock: clock, anchor: map.anchor)
        let isKnown = stored.session.map { $0 == session } ?? false
        isFirstCommit = !isKnown || isBehind
        // What the log knows or what the session began with, whichever is larger: a log newer than the session knows less.
        self.drops = drops ?? DropMinutes(noted: DropTotals(stored.direct).larger(map.dropsAtStart))
        for index in 0..<CounterIndex.words {
            committed[index] = ringed[index]
            working[index] = ringed[index]
        }
        if isKnown {
            for position in stored.rings where position.slot < map.slotsReady { adopt(position) }
        }
    }

    /// The records to come are from this machine, and from now on: their clock can be read.
    public func startLiveClock() { clock.startLive() }

    deinit {
        committed.deallocate()
        working.deallocate()
    }

    /// Continues where the log says that a ring was left.
    private func adopt(_ position: RingPosition) {
        findRings()
        guard position.slot >= 0, position.slot < rings.count else { return }
        let slot = map.slot(position.slot)
        // Everything below head was wiped after a commit; the log can still be behind, if it was replaced or the power
        // failed. Another ring's head can be behind the log for the same reason.
        let head = RingConsumer.head(of: slot)
        let start = max(position.position, head)
        rings[position.slot].consumer = RingConsumer(
            slot: slot, ringBytes: UInt64(map.ringBytes), position: start)
        rings[position.slot].committedPosition = start
        guard position.position >= head else { return }
        rings[position.slot].batch = position.batch
        rings[position.slot].batchSize = position.batchSize
        rings[position.slot].committedBatch = position.batch
        rings[position.slot].committedBatchSize = position.batchSize
    }

    /// Picks up the slots that were made for new threads.
    private func findRings() {
        while rings.count < map.slotsReady {
            let slot = map.slot(rings.count)
            let head = RingConsumer.head(of: slot)
            let batchSize = rings.count < batchSizes.count ? batchSizes[rings.count] : 0
            rings.append(
                Ring(
                    consumer: RingConsumer(slot: slot, ringBytes: UInt64(map.ringBytes), position: head),
                    committedPosition: head, batchSize: batchSize, committedBatchSize: batchSize))
        }
    }

    /// Looks at all rings. Returns the bytes waiting in the fullest one.
    public func look() -> UInt64 {
        findRings()
        var fullest: UInt64 = 0
        for index in rings.indices {
            let waiting = rings[index].consumer.look()
            if waiting > fullest { fullest = waiting }
        }
        if fullest == 0, clock.look(isIdle: true) { map.set(anchor: clock.anchor) }
        return fullest
    }

    /// Takes what the last `look` saw, oldest first, up to `eventsPerStep` events, and commits it.
    ///
    /// - Throws: `LogError`. Nothing is lost: the records stay in their rings, and the next step tries again.
    public func step() throws(LogError) -> Progress {
        var progress = Progress()
        guard rings.contains(where: { !$0.consumer.isEmpty }) || isFirstCommit else { return progress }
        clock.look()
        progress.events = try transaction { () throws(LogError) in
            try takeRecords(try tracker())
        }
        progress.isMoreWaiting = rings.contains { !$0.consumer.isEmpty }
        return progress
    }

    /// Takes everything that was recorded before the call into the log, and wipes it from the rings.
    public func takeAll() throws(LogError) {
        _ = look()
        while try step().isMoreWaiting {}
    }

    /// Commits the counters and who is waiting, even when no record is, so that the log has the live file's drops and errors.
    public func saveCounters() throws(LogError) { try transaction(isLast: true) { () throws(LogError) in } }

    /// Removes rows in a transaction of its own.
    /// - Parameter body: returns how many rows of each kind it removed, which `remove` returns in turn.
    public func remove(
        _ cause: RemovalCause, _ body: () throws(LogError) -> [UInt64]
    ) throws(LogError) -> [UInt64] {
        try transaction { () throws(LogError) in
            let removed = try body()
            for (index, kind) in EventKind.allCases.enumerated() where index < removed.count {
                working.add(removed[index], to: CounterIndex.removed(kind, cause))
            }
            working.add(writer.takeRemovedForSize(), to: CounterIndex.removedForSize)
            return removed
        }
    }

    /// Adds to the log's own account. Takes effect with the next commit.
    public func count(_ value: UInt64, to index: Int) { working.add(value, to: index) }

    /// The log's own account as of the last commit.
    public func total(_ index: Int) -> UInt64 { committed[index] }

    /// What another drainer needs to continue with another log.
    public struct Remains {
        var ringed: [UInt64]
        var batchSizes: [UInt64]
        var nextID: Int64
        var hasMetDamage: Bool
        var drops: DropMinutes
        var deliveries: DeliveryTracker?
        var people: People?
        /// When the newest event that it took happened: UTC, microseconds; 0 for none.
        var newestTime: Int64
    }

    /// Who was seen and who failed to log in, if no rows say it.
    public struct People {
        var active: ActivePeople?
        var failing: FailingUsers
    }

    public var remains: Remains {
        Remains(
            ringed: (0..<CounterIndex.words).map { committed[$0] }, batchSizes: rings.map { $0.committedBatchSize },
            nextID: writer.nextID, hasMetDamage: hasMetDamage, drops: drops, deliveries: deliveries,
            people: writer.keepsRows ? nil : People(active: active, failing: failing), newestTime: newestTime)
    }

    /// Counts as torn what hooks had counted but is neither in the log nor in a ring: the power failed, or the file was
    /// damaged. Takes effect with the next commit.
    ///
    /// - Parameter counted: the live file's `ringed` totals, read before the rings were last looked at; everything that the
    ///   rings held must have been taken. Then the count is never too high, even though hooks go on.
    /// - Returns: the number of torn events.
    public func countTorn(_ counted: [UInt64]) -> UInt64 {
        // A damaged file's counters may hold anything, so sums of them wrap.
        var sum: UInt64 = 0
        for kind in EventKind.allCases {
            let index = CounterIndex.events(kind)
            guard counted[index] > working[index] else { continue }
            let torn = counted[index] - working[index]
            count(torn, to: CounterIndex.dropped(kind, .torn))
            sum &+= torn
        }
        // Everything else that hooks count about an event, such as its size, stays counted too; so does a batch of no
        // messages, which is a call but not an event.
        for index in 0..<CounterIndex.written(.messageEnqueue) where counted[index] > working[index] {
            count(counted[index] - working[index], to: index)
        }
        return sum
    }

    // MARK: The transaction

    /// Commits what `body` writes together with the counters and how far each ring was drained. Only then are the records wiped
    /// and their room given back: no other function of this type commits, or releases.
    ///
    /// - Parameter isLast: whether there may be no later commit.
    private func transaction<Result>(isLast: Bool = false, _ body: () throws(LogError) -> Result) throws(LogError) -> Result {
        let result: Result
        do {
            try writer.beginTransaction()
            if isFirstCommit { try writer.forgetRings() }
            result = try body()
            try commit(isLast: isLast)
        } catch {
            rollBack()
            throw error
        }
        finish()
        return result
    }

    /// Created on first use: a usual start has nothing to take.
    private func tracker() throws(LogError) -> DeliveryTracker {
        if let deliveries { return deliveries }
        let made = DeliveryTracker(inherited: try writer.takeWaiting())
        epoch = writer.newestEpoch
        deliveries = made
        return made
    }

    private func takeRecords(_ deliveries: DeliveryTracker) throws(LogError) -> Int {
        var event = Event()
        var taken = 0
        for index in rings.indices { advance(index) }
        while taken < Self.eventsPerStep {
            // The ring with the oldest record, and how long it stays the oldest.
            var oldest = -1
            var until = UInt64.max
            for index in rings.indices where rings[index].next != nil {
                if oldest < 0 {
                    oldest = index
                } else if rings[index].nextTicks < rings[oldest].nextTicks {
                    until = rings[oldest].nextTicks
                    oldest = index
                } else if rings[index].nextTicks < until {
                    until = rings[index].nextTicks
                }
            }
            guard oldest >= 0 else { break }
            while taken < Self.eventsPerStep, let record = rings[oldest].next, rings[oldest].nextTicks <= until {
                taken += try take(record, from: oldest, into: &event, deliveries)
                rings[oldest].consumer.take(record)
                advance(oldest)
            }
        }
        return taken
    }

    @inline(__always)
    private func advance(_ index: Int) {
        switch rings[index].consumer.next() {
        case nil: rings[index].next = nil
        case .record(let record):
            rings[index].next = record
            rings[index].nextTicks = record.ticks
        case .damaged:
            // The records behind it cannot be told apart. They are counted as torn, from the counters.
            hasMetDamage = true
            rings[index].consumer.skipToEnd()
            rings[index].next = nil
        }
    }

    /// Returns how many events the record was: one, or none if it begins or continues a batch.
    @inline(__always)
    private func take(_ record: RecordView, from index: Int, into event: inout Event, _ deliveries: DeliveryTracker)
        throws(LogError) -> Int
    {
        guard let kind = record.eventKind else {
            if record.beginsBatch {
                Tally.batchCall(messages: record.a, into: working)
                rings[index].batch = 0
                rings[index].batchSize = record.a
            }
            return 0
        }
        record.fill(&event, kind: kind)
        event.timeMicroseconds = clock.microseconds(at: record.ticks)
        if event.timeMicroseconds > newestTime { newestTime = event.timeMicroseconds }
        if kind == .batchEnqueue {
            if rings[index].batch == 0 { rings[index].batch = writer.nextID }
            event.batch = rings[index].batch
            event.batchSize = rings[index].batchSize
        }
        try writer.append(event)
        Tally.event(event, into: working)
        working.add(1, to: CounterIndex.written(kind))
        if !writer.keepsRows { keepNothing(of: event) }
        follow(event, deliveries)
        return 1
    }

    /// With the log off, an event has left it as soon as it is in it, as if by a retention of no time.
    private func keepNothing(of event: borrowing Event) {
        working.add(1, to: CounterIndex.removed(event.kind, .retention))
        let people: ActivePeople
        if let active {
            people = active
        } else {
            people = ActivePeople()
            active = people
        }
        switch event.kind {
        case .messageEnqueue, .batchEnqueue:
            people.saw(event.field0, at: event.timeMicroseconds)
            people.saw(event.field1, at: event.timeMicroseconds)
        case .channelCreated:
            people.saw(event.field1, at: event.timeMicroseconds)
            people.saw(event.field2, at: event.timeMicroseconds)
        case .fetch: people.saw(event.field0, at: event.timeMicroseconds)
        case .userRegistered: people.saw(event.field1, at: event.timeMicroseconds)
        case .auth: break
        }
    }

    /// Distinct identities seen in the last 1, 7 and 30 days. With the log off, those seen since the start, or those whom its
    /// older rows still name, whichever are more.
    func activeUsers(nowMicroseconds now: Int64) throws(LogError) -> (UInt64, UInt64, UInt64) {
        let logged = try writer.activeUsers(nowMicroseconds: now)
        guard let active else { return logged }
        return (
            max(logged.0, active.count(days: 1, nowMicroseconds: now)),
            max(logged.1, active.count(days: 7, nowMicroseconds: now)),
            max(logged.2, active.count(days: 30, nowMicroseconds: now))
        )
    }

    /// Forgets everyone who has been waiting since before a time: UTC, microseconds. Between transactions.
    public func forgetWaiting(before time: Int64) {
        guard let deliveries, deliveries.count > 0, deliveries.oldest() < time else { return }
        deliveries.forget(before: time)
    }

    /// Updates who waits for messages and who fails to log in.
    @inline(__always)
    private func follow(_ event: borrowing Event, _ deliveries: DeliveryTracker) {
        switch event.kind {
        case .messageEnqueue, .batchEnqueue:
            if !deliveries.enqueued(event.field1, event.field2, name: writer.lastRecipient, at: event.timeMicroseconds) {
                working.add(1, to: CounterIndex.untrackedMessages)
            }
        case .fetch:
            let wait = deliveries.fetched(
                event.field0, event.field1, messages: event.number, name: writer.lastRecipient, at: event.timeMicroseconds)
            guard let wait else { return }
            let bucket = Histogram.bucket(of: wait, bounds: Histogram.deliveryWaitBounds)
            working.add(1, to: CounterIndex.deliveryWait + bucket)
            working.add(Histogram.clamped(wait), to: CounterIndex.deliveryWaitSum)
            waits.add(wait, at: event.timeMicroseconds)
        case .auth: if !event.yes { failing.add(event.field0, number: writer.lastUser, at: event.timeMicroseconds) }
        case .channelCreated, .userRegistered: break
        }
    }

    /// Shows how many recipients wait and how many users fail to log in, as of now: UTC, microseconds. Between transactions.
    public func showPeople(nowMicroseconds now: Int64) {
        if let deliveries = try? tracker() {
            if writer.newestEpoch != epoch {
                epoch = writer.newestEpoch
                deliveries.forgetInherited()
            }
            map.set(QPCM_HEADER_RECIPIENTS_WAITING, UInt64(deliveries.count))
            map.set(QPCM_HEADER_OLDEST_WAITING, UInt64(deliveries.oldest()))
        }
        if !knowsFailing {
            knowsFailing = true
            // Without rows, users have no numbers under which they would be recognized.
            let before = writer.keepsRows ? (try? writer.failedLogins(since: now - 3_600_000_000)) ?? [] : []
            let nobody = UnsafeRawBufferPointer(start: nil, count: 0)
            for login in before { failing.add(nobody, number: login.user, at: login.time) }
        }
        let counts = failing.counts(nowMicroseconds: now)
        map.set(QPCM_HEADER_FAILING_USERS, counts.0)
        map.set(QPCM_HEADER_FAILING_USERS + 8, counts.1)
    }

    private func commit(isLast: Bool) throws(LogError) {
        var positions: [RingPosition] = []
        // Also for rings that were emptied into another log: a power cut may bring back what was wiped in memory.
        if isFirstCommit { findRings() }
        for index in rings.indices {
            let ring = rings[index]
            if isFirstCommit || ring.consumer.position != ring.committedPosition || ring.batch != ring.committedBatch {
                positions.append(
                    RingPosition(
                        slot: index, position: ring.consumer.position, batch: ring.batch,
                        batchSize: ring.batchSize))
            }
        }
        let direct = map.totals(.direct)
        let now = Int64(clamping: TickClock.realtimeNanoseconds() / 1000)
        drops.note(DropTotals(direct), at: now)
        let counted = dropsCounted
        countedMinute = counted.sum > 0 ? DropMinute(minute: now / 60_000_000, drops: counted) : nil
        let minutes = drops.pending + (countedMinute.map { [$0] } ?? [])
        // A log that is off keeps counters only: a wait or a drop in a minute can be one person's event.
        let keepsMinutes = writer.keepsRows
        try writer.commitTransaction(
            session: session, rings: positions, ringed: { working[$0] }, direct: { direct[$0] },
            drops: keepsMinutes ? minutes : [], carriedDrops: keepsMinutes ? drops.carried : [],
            dropSpans: keepsMinutes ? drops.spans : [], lastDrop: counted.sum > 0 ? now : drops.lastDrop,
            waiting: deliveries?.changes(isLast: isLast), waits: keepsMinutes ? waits : DeliveryWaits(),
            // Of a live file in memory, a power cut leaves nothing else.
            counted: map.word(QPCM_HEADER_HOME_ID) == 0 ? [] : map.totals(.ringed))
    }

    /// Drops that the open transaction itself counts: torn events.
    private var dropsCounted: DropTotals {
        var counted = DropTotals()
        for index in 0..<DropTotals.count {
            counted.values[index] = working[DropTotals.first + index] &- committed[DropTotals.first + index]
        }
        return counted
    }

    private func rollBack() {
        writer.rollBack()
        deliveries?.rollBack()
        waits.removeAll()
        for index in 0..<CounterIndex.words { working[index] = committed[index] }
        for index in rings.indices {
            rings[index].consumer.position = rings[index].committedPosition
            rings[index].batch = rings[index].committedBatch
            rings[index].batchSize = rings[index].committedBatchSize
            rings[index].next = nil
        }
        // The next attempt will meet it again.
        hasMetDamage = hadMetDamage
    }

    /// After the commit: shows the new totals in the live file, then gives the rings' room back.
    private func finish() {
        isFirstCommit = false
        drops.didCommit(counted: countedMinute)
        map.set(QPCM_HEADER_FIRST_DROP, 0)
        deliveries?.didCommit()
        waits.removeAll()
        let deleted = writer.takeDeletedIdentities()
        if !deleted.isEmpty { deliveries?.forget(before: 0, names: deleted) }
        hadMetDamage = hasMetDamage
        let shown = map.drainRinged
        for kind in EventKind.allCases { show(CounterIndex.written(kind), in: shown) }
        for kind in EventKind.allCases {
            for cause in RemovalCause.allCases { show(CounterIndex.removed(kind, cause), in: shown) }
            for cause in DropCause.allCases { show(CounterIndex.dropped(kind, cause), in: shown) }
            show(CounterIndex.lost(kind), in: shown)
        }
        for index in CounterIndex.deliveries { show(index, in: shown) }
        show(CounterIndex.removedForSize, in: shown)
        if !unshown.isEmpty {
            for index in 0..<CounterIndex.words where unshown[index] != 0 { shown.add(unshown[index], to: index) }
            unshown = []
        }
        for index in 0..<CounterIndex.words { committed[index] = working[index] }
        for index in rings.indices {
            rings[index].committedBatch = rings[index].batch
            rings[index].committedBatchSize = rings[index].batchSize
            guard rings[index].consumer.position != rings[index].committedPosition else { continue }
            rings[index].committedPosition = rings[index].consumer.position
            rings[index].consumer.release()
        }
        map.set(anchor: clock.anchor)
    }

    private func show(_ index: Int, in block: CounterBlock) {
        let added = working[index] &- committed[index]
        if added != 0 { block.add(added, to: index) }
    }
}
